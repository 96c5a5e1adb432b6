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

mod fault;
#[cfg(feature = "serial")]
pub mod serial;

use crate::Instant;

pub use fault::Fault;

/// What lies between the stream of frames and the transport: nothing, a cipher, packets on a serial line.
///
/// The session holds one and starts it over on every transport. No wire takes more memory than it was lent.
pub trait Wire {
    /// Starts over on a new transport.
    ///
    /// `random` must come from a source that nobody can guess, and be new each time.
    fn handle_connected(&mut self, random: [u8; 32]);

    /// Where the next bytes from the transport go; empty while plain bytes have to be taken first.
    fn input_room(&mut self) -> &mut [u8];

    /// The first `len` bytes of the [room](Self::input_room) have been received.
    fn handle_input(&mut self, len: usize);

    /// The peer's next plain bytes, empty when there are none yet; an error when nothing more can ever be read.
    fn poll_stream(&mut self) -> Result<&[u8], Fault>;

    /// The first `len` of the [plain bytes](Self::poll_stream) have been taken.
    fn take_stream(&mut self, len: usize);

    /// Takes bytes of ours, as many as there is room for, and says how many; none before the wire
    /// [is open](Self::is_open).
    fn send_stream(&mut self, bytes: &[u8]) -> usize;

    /// The next bytes to write to the transport, empty when nothing waits.
    fn poll_output(&mut self) -> &[u8];

    /// The transport has taken the first `len` of [them](Self::poll_output).
    fn handle_written(&mut self, len: usize);

    /// Whether bytes can be sent.
    fn is_open(&self) -> bool;

    /// Notes the time.
    fn handle_time(&mut self, now: Instant);

    /// When to note it again at the latest.
    fn next_timeout(&self) -> Option<Instant>;
}
