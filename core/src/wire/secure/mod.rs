//! A wire that only who has the key can read, change or open: the section "Secure" of the native protocol.
//!
//! Both sides have a key of 32 random bytes, and a name for it. An opening of one message each way makes new keys for
//! the records of this transport, so that a key which gets known later does not open what was recorded before.
//!
//! ```
//! use ropeway_core::wire::Wire;
//! use ropeway_core::wire::secure::{Key, KeyId, Secure};
//!
//! fn carry(from: &mut impl Wire, to: &mut impl Wire) {
//!     while !from.poll_output().is_empty() {
//!         let output = from.poll_output();
//!         let room = to.input_room();
//!         let len = output.len().min(room.len());
//!         room[..len].copy_from_slice(&output[..len]);
//!         to.handle_input(len);
//!         from.handle_written(len);
//!     }
//! }
//!
//! let rover = KeyId::new(b"rover").expect("an id of 1 to 32 bytes");
//! let keys = [(rover, Key::new([7; 32]))]; // of a random source, in earnest
//!
//! let mut dialler = Secure::dial(rover, Key::new([7; 32]), [0; 256], [0; 256]);
//! let mut listener = Secure::listen(&keys, [0; 256], [0; 256]);
//! dialler.handle_connected([1; 32]); // of a random source too, new each time
//! listener.handle_connected([2; 32]);
//! carry(&mut dialler, &mut listener);
//! carry(&mut listener, &mut dialler);
//! assert_eq!(listener.key_id(), Some(rover));
//!
//! assert_eq!(dialler.send_stream(b"hello"), 5);
//! carry(&mut dialler, &mut listener);
//! assert_eq!(listener.poll_stream()?, b"hello");
//! listener.take_stream(5);
//! # Ok::<(), ropeway_core::wire::Fault>(())
//! ```
//!
//! Each call of [`send_stream`](Wire::send_stream) makes records of its own: collect what there is to say, for small
//! records cost several times as much a byte as large ones.
//!
//! SHA-256, which only the opening needs, is unrolled for speed. Where flash is short, build with
//! `--cfg sha2_backend_soft="compact"` in `RUSTFLAGS`: it saves 6.6 KiB on a Cortex-M3.

mod cipher;
mod handshake;
mod key;
mod opening;
mod records;
mod refusal;
mod start;

use super::{Fault, Wire};
use crate::Instant;
use crate::buf::{Input, Outbox, Storage};
use core::fmt;
use handshake::Handshake;
use key::Secret;
use records::Records;
use zeroize::Zeroizing;

pub use key::{Key, KeyId, Keys};
pub use records::MAX_RECORD;
pub use start::LEAST_MEMORY;

/// A [`Wire`] of sealed records, after an opening that shows that the peer has the key.
///
/// Received records are opened in place in `input`; ours are sealed straight into `outbox`, where many may wait for one
/// write. Each side says in its opening how long records may be: as long as `input` has room for, but at most
/// [`MAX_RECORD`]. Each takes 18 bytes beside its plain ones. Memory of less than [`LEAST_MEMORY`] bytes is a
/// [`Fault::Memory`].
///
/// Until it has seen the key at work, a listener says nothing but why it refuses, keeps nothing beyond the memory that
/// it was lent, and does no work on public keys. A refusal is written out before the fault is told. A fault in a record
/// leaves the other direction as it is, so that a last word can still be sent.
pub struct Secure<K, I, O = I> {
    side: Side,
    keys: K,
    /// The dialler's own, or what the listener's peer said.
    id: Option<KeyId>,
    state: State,
    fault: Option<Fault>,
    input: Input<I>,
    /// How many bytes at the front of the input are plain. Behind them is the tag of their record.
    plain: usize,
    outbox: Outbox<O>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Dialler,
    Listener,
}

/// How far the opening has come.
enum State {
    /// There is no transport, or nothing to be had from it.
    Closed,
    /// A listener waits for the opening, with random bytes for its part.
    Listening(Secret),
    /// A dialler waits for the answer.
    Dialling(Handshake),
    /// The listener's last word is on its way.
    Refusing,
    Open(Records),
}

impl<K: Keys, I: Storage, O: Storage> Secure<K, I, O> {
    /// The side that speaks first, with the key of this id: one of `keys`, or a [`Key`] alone.
    pub const fn dial(id: KeyId, keys: K, input: I, outbox: O) -> Self {
        Self::new(Side::Dialler, Some(id), keys, input, outbox)
    }

    /// The side that is spoken to, by whoever has one of the keys.
    pub const fn listen(keys: K, input: I, outbox: O) -> Self {
        Self::new(Side::Listener, None, keys, input, outbox)
    }

    const fn new(side: Side, id: Option<KeyId>, keys: K, input: I, outbox: O) -> Self {
        Self {
            side,
            keys,
            id,
            state: State::Closed,
            fault: None,
            input: Input::new(input),
            plain: 0,
            outbox: Outbox::new(outbox),
        }
    }

    /// Whose key it is, once the wire is open. A session is resumed under the same id only.
    ///
    /// Anybody can repeat an opening that was recorded: what shows a listener that its peer is there now is the first
    /// plain byte.
    pub const fn key_id(&self) -> Option<KeyId> {
        match self.state {
            State::Open(_) => self.id,
            _ => None,
        }
    }

    /// Opens the next record, unless the last one has not been taken yet.
    fn open_next(&mut self) {
        let State::Open(records) = &mut self.state else {
            return;
        };
        if self.plain > 0 || self.fault.is_some() {
            return;
        }
        match records.receive(&mut self.input) {
            Ok(plain) => self.plain = plain,
            Err(fault) => self.fault = Some(fault),
        }
    }
}

impl<K: Keys, I: Storage, O: Storage> Wire for Secure<K, I, O> {
    fn handle_connected(&mut self, random: [u8; 32]) {
        let random = Zeroizing::new(random);
        self.state = State::Closed;
        self.fault = None;
        self.input.consume(usize::MAX);
        self.plain = 0;
        // Twice, for the outbox is a ring.
        self.outbox.pop(usize::MAX);
        self.outbox.pop(usize::MAX);
        self.start(random);
    }

    fn input_room(&mut self) -> &mut [u8] {
        if self.fault.is_some() || matches!(self.state, State::Closed) {
            return &mut [];
        }
        let is_record_waiting = self.plain > 0 || records::is_whole(self.input.as_slice());
        if self.input.is_full() && !is_record_waiting {
            self.input.enlarge();
        }
        self.input.room()
    }

    fn handle_input(&mut self, len: usize) {
        self.input.fill(len);
        self.go_on();
    }

    fn poll_stream(&mut self) -> Result<&[u8], Fault> {
        self.open_next();
        match self.fault {
            Some(_) if matches!(self.state, State::Refusing) && !self.outbox.is_empty() => Ok(&[]),
            Some(fault) => Err(fault),
            None => Ok(self.input.as_slice().get(..self.plain).unwrap_or_default()),
        }
    }

    fn take_stream(&mut self, len: usize) {
        let len = len.min(self.plain);
        if len > 0 {
            self.input.consume(len);
            self.plain -= len;
            if self.plain == 0 {
                self.input.consume(cipher::TAG);
            }
        }
    }

    fn send_stream(&mut self, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Open(records) => records.send(&mut self.outbox, bytes),
            _ => 0,
        }
    }

    fn poll_output(&mut self) -> &[u8] {
        self.outbox.peek()
    }

    fn both_ways(&mut self) -> (&mut [u8], &[u8]) {
        let _ = self.input_room();
        let room = match self.fault.is_some() || matches!(self.state, State::Closed) {
            true => &mut [],
            false => self.input.room(),
        };
        (room, self.outbox.peek())
    }

    fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    fn handle_written(&mut self, len: usize) {
        self.outbox.pop(len);
    }

    fn is_open(&self) -> bool {
        matches!(&self.state, State::Open(records) if !records.is_exhausted())
    }

    /// Nothing here waits for the time: how long an opening may take is for the session to say.
    fn handle_time(&mut self, _now: Instant) {}

    fn next_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Shows neither keys nor what was received.
impl<K, I, O> fmt::Debug for Secure<K, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure")
            .field("id", &self.id)
            .field("is_open", &matches!(self.state, State::Open(_)))
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<K, I, O> defmt::Format for Secure<K, I, O> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let is_open = matches!(self.state, State::Open(_));
        defmt::write!(
            f,
            "Secure({}, is_open: {}, {})",
            self.id,
            is_open,
            self.fault
        );
    }
}

#[cfg(test)]
mod tests;
