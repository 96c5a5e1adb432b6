//! What a frame's content means: its key and body in each protocol.
//!
//! A dialect joins a framing to an envelope and an encoding. What it can carry is a matter of types: a dialect
//! [`Carries`] a message out and [`Delivers`] it in when the message has what the dialect needs, and the
//! compiler refuses the others.

pub mod cable_car;

use crate::Malformed;
use crate::encoding::EncodeError;
use crate::framing::Framing;
use core::fmt;
use core::ops::RangeInclusive;

/// One protocol: framing, envelope and encoding.
pub trait Dialect {
    /// How frames are told apart.
    type Framing: Framing;

    /// What names the type of a message on the wire.
    type Key<'a>: Copy + fmt::Debug + fmt::Display;

    /// The codes that programs must not use for messages of their own.
    const RESERVED: &'static [RangeInclusive<u8>];

    /// Reads the envelope of a frame's content; the body is looked at when someone asks for it.
    fn open<'a>(&self, content: &'a mut [u8]) -> Result<Envelope<'a, Self>, Malformed>;

    /// Checks the rest of an envelope whose message nobody reads, and trims its body to the message's own.
    fn settle<'a>(&self, envelope: Envelope<'a, Self>) -> Result<Envelope<'a, Self>, Malformed>;
}

/// A dialect that can send the message `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry `{M}`",
    note = "dialects of bytes carry messages with `Encode`, JSON dialects messages with `serde::Serialize`; a row `{M}({M}) = 0x10` in `messages!` gives a serde type both"
)]
pub trait Carries<M: ?Sized>: Dialect {
    /// Writes one whole frame to the front of `slot` and returns its length.
    fn emit(&self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError>;
}

/// A dialect that can receive the message `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot deliver `{M}`",
    note = "dialects of bytes deliver messages with `Decode`, JSON dialects messages with `serde::Deserialize`; a row `{M}({M}) = 0x10` in `messages!` gives a serde type both"
)]
pub trait Delivers<'a, M>: Dialect {
    /// Whether `key` is that of `M`.
    fn names(key: &Self::Key<'_>) -> bool;

    /// Reads the message from an envelope that names it.
    fn read(&self, envelope: Envelope<'a, Self>) -> Result<M, Malformed>;
}

/// What a frame says about itself, and the body, still encoded.
pub struct Envelope<'a, D: Dialect + ?Sized> {
    /// What names the message.
    pub key: D::Key<'a>,
    /// The body, in the receive buffer: reading it may rewrite it.
    pub body: &'a mut [u8],
}

impl<D: Dialect + ?Sized> fmt::Debug for Envelope<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("key", &self.key)
            .field("body", &self.body)
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl<'a, D: Dialect<Key<'a>: defmt::Format> + ?Sized> defmt::Format for Envelope<'a, D> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Envelope {{ key: {}, body: {=[u8]:02x} }}",
            self.key,
            self.body
        );
    }
}
