//! What lies between the stream of frames and the transport, without the transport.
//!
//! A wire turns the bytes of the transport into plain bytes, the stream of frames, and back. Whoever holds the
//! transport feeds it and writes what it has to write; the session above reads and sends plain bytes.
//!
//! ```text
//!  session     poll_stream, take_stream                     send_stream
//!                        ↑                                       ↓
//!  wire        input_room, handle_input            poll_output, handle_written
//!                        ↑                                       ↓
//!  transport
//! ```
//!
//! A listener that has no keys tells a dialler that wants to use one by its first byte:
//!
//! ```
//! use ropeway_core::wire::is_secure_opening;
//!
//! assert!(is_secure_opening(&[1, 1, 5])); // to be answered by BYE 9
//! assert!(!is_secure_opening(&[46, 0xe0])); // a short frame: HELLO
//! ```

mod fault;
mod plain;
#[cfg(feature = "secure")]
pub mod secure;
#[cfg(feature = "serial")]
pub mod serial;

use crate::Instant;

pub use fault::Fault;
pub use plain::Plain;

/// What lies between the stream of frames and the transport: nothing, a cipher, packets on a serial line.
///
/// The session holds one and starts it over on every transport. No wire takes more memory than it was lent.
pub trait Wire {
    /// Whether there is none: bytes go past it.
    #[inline]
    fn is_plain(&self) -> bool {
        false
    }

    /// Starts over on a new transport.
    ///
    /// `random` must come from a source that nobody can guess, and be new each time: keys may be made of it.
    fn handle_connected(&mut self, random: [u8; 32]);

    /// Where the next bytes from the transport go; empty while plain bytes have to be taken first.
    fn input_room(&mut self) -> &mut [u8];

    /// The first `len` bytes of the [room](Self::input_room) have been received.
    fn handle_input(&mut self, len: usize);

    /// The peer's next plain bytes, empty when there are none yet; an error when nothing more can ever be read.
    ///
    /// The wire does not join them to those behind them: take them all, also where they end within a frame.
    fn poll_stream(&mut self) -> Result<&[u8], Fault>;

    /// The first `len` of the [plain bytes](Self::poll_stream) have been taken.
    fn take_stream(&mut self, len: usize);

    /// Takes bytes of ours, as many as there is room for, and says how many; none before the wire
    /// [is open](Self::is_open).
    fn send_stream(&mut self, bytes: &[u8]) -> usize;

    /// The next bytes to write to the transport, empty when nothing waits.
    fn poll_output(&mut self) -> &[u8];

    /// The [room](Self::input_room) and the [output](Self::poll_output) at once.
    fn both_ways(&mut self) -> (&mut [u8], &[u8]);

    /// Whether there is [something to write](Self::poll_output).
    fn has_output(&self) -> bool;

    /// The transport has taken the first `len` of [them](Self::poll_output).
    fn handle_written(&mut self, len: usize);

    /// Goes on with a peer that has [started the line anew](Fault::Restarted), as on a new transport.
    fn handle_restarted(&mut self) {}

    /// Whether bytes can be sent.
    fn is_open(&self) -> bool;

    /// Notes the time.
    fn handle_time(&mut self, now: Instant);

    /// When to note it again at the latest.
    fn next_timeout(&self) -> Option<Instant>;
}

/// Whether a peer whose stream starts with `input` opens a secure wire.
///
/// A listener without keys asks this before it looks for a frame, and answers with BYE 9, *no secure peers here*: see
/// the section "Secure" of the native protocol's specification.
pub const fn is_secure_opening(input: &[u8]) -> bool {
    matches!(input, [SECURE, ..])
}

/// The first byte of a secure opening, and of the answer to it: no length of a frame.
const SECURE: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_secure_opening_by_its_first_byte() {
        assert!(is_secure_opening(&[1]));
        assert!(is_secure_opening(&[1, 1, 5]));
        assert!(!is_secure_opening(&[]));
        for first in (0..=255).filter(|first| *first != 1) {
            assert!(!is_secure_opening(&[first, 1]));
        }
    }
}
