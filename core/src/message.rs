//! What a message is: a name, perhaps a code, and a body that it writes and reads itself.
//!
//! By hand, without a table:
//!
//! ```
//! use ropeway_core::Message;
//! use ropeway_core::encoding::EncodeError;
//! use ropeway_core::message::Encode;
//!
//! /// A tone, in hertz.
//! struct Beep(u16);
//!
//! impl Message for Beep {
//!     const NAME: &'static str = "Beep";
//!     const CODE: Option<u16> = Some(0x20);
//! }
//!
//! impl Encode for Beep {
//!     const MAX_SIZE: usize = 2;
//!
//!     fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
//!         let room = out.first_chunk_mut().ok_or(EncodeError::Full)?;
//!         *room = self.0.to_be_bytes();
//!         Ok(room.len())
//!     }
//! }
//!
//! let mut body = [0; 8];
//! assert_eq!(Beep(440).encode(&mut body), Ok(2));
//! assert_eq!(body[..2], [0x01, 0xB8]);
//! ```

use crate::encoding::{DecodeError, EncodeError};

/// A type that travels: its name, and its key in dialects that name types by a number.
///
/// The [`messages!`](crate::messages) table writes this for serde types; by hand it is two lines. What a
/// dialect needs beyond this is a bound of its own: [`Encode`] and [`Decode`] where bodies are bytes, serde
/// where they are JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message: it has no name",
    note = "a row `{Self}({Self}) = 0x10` or `{Self}({Self}) as \"Name\"` in `messages!` makes a serde type a message; a table is not one: send what is in it"
)]
pub trait Message {
    /// The name in dialects that name types by text: unique within a table.
    const NAME: &'static str;

    /// The key in dialects that name types by a number, if it has one; bytes have room for codes up to 255.
    const CODE: Option<u16> = None;

    /// What tells versions of the body apart in protocols that compare registries; 0 for unchecked.
    ///
    /// In a table that is [`checked`](crate::messages) it comes from the type's own `postcard_schema::Schema`.
    const SCHEMA: u64 = 0;
}

/// A message that wants an answer: a call.
///
/// In `messages!` a row says it: `Sum(Sum) = 0x12 -> i64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no answer",
    note = "a row `{Self}({Self}) = 0x10 -> Answer` in `messages!` gives it one"
)]
pub trait Request: Message {
    /// What answers it; it may borrow from the receive buffer.
    type Answer<'a>;

    /// Whether it may be sent again when nobody knows whether it was answered: it changes nothing, or the same each time.
    ///
    /// In `messages!`: `Position(Position) = 0x13 -> i64 where repeatable`.
    const IS_REPEATABLE: bool = false;
}

/// A request under way: what is sent to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Call<'a, C, M: ?Sized> {
    /// What its answer will come back with.
    pub id: C,
    /// The request.
    pub request: &'a M,
}

/// The answer to a request `M`: what is sent to answer. It may borrow longer than it is itself borrowed.
#[derive(Debug)]
pub struct Answer<'a, 'v, C, M: Request> {
    /// The id that the request came with.
    pub id: C,
    /// The answer.
    pub value: &'a M::Answer<'v>,
}

/// What is sent in the place of an answer when there can be none. Where a protocol has no word for that, nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal<'a, C> {
    /// The id that the request came with.
    pub id: C,
    /// What sort of failure it is: in Python's protocols the name of a built-in exception, such as `ValueError`.
    pub class: &'a str,
    /// What went wrong, for people.
    pub text: &'a str,
    /// Whose fault it is, where the protocol tells that.
    pub kind: FailureKind,
    /// More of it for programs, in the protocol's encoding, where that carries it.
    pub detail: &'a [u8],
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FailureKind {
    /// Nobody handles requests of this name or code.
    Unhandled,
    /// As many requests are being answered as there may be.
    Busy,
    /// The handler refused it, or failed.
    #[default]
    Refused,
    /// The request could not be read.
    Malformed,
    /// It was cancelled before it was answered.
    Cancelled,
    /// A kind that this version does not know, by its number.
    Other(u8),
}

impl<'a, C> Refusal<'a, C> {
    /// A refusal by a handler.
    pub const fn new(id: C, class: &'a str, text: &'a str) -> Self {
        Self {
            id,
            class,
            text,
            kind: FailureKind::Refused,
            detail: &[],
        }
    }
}

/// What a message is called: one row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// The name of the message.
    pub name: &'static str,
    /// Its code, where it has one.
    pub code: Option<u16>,
    /// What tells versions of its body apart; 0 for unchecked.
    pub schema: u64,
}

impl Entry {
    /// What the message `M` is called.
    pub const fn of<M: Message>() -> Self {
        Self {
            name: M::NAME,
            code: M::CODE,
            schema: M::SCHEMA,
        }
    }
}

/// A message that writes its body as bytes.
///
/// ```
/// use ropeway_core::encoding::{DecodeError, EncodeError, Rule};
/// use ropeway_core::message::{Decode, Encode, Message};
///
/// struct Position { x: i16, y: i16 }
///
/// impl Message for Position {
///     const NAME: &'static str = "Position";
///     const CODE: Option<u16> = Some(0x10);
/// }
///
/// impl Encode for Position {
///     const MAX_SIZE: usize = 4;
///
///     fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
///         let ([a, b], [c, d]) = (self.x.to_be_bytes(), self.y.to_be_bytes());
///         *out.first_chunk_mut().ok_or(EncodeError::Full)? = [a, b, c, d];
///         Ok(4)
///     }
/// }
///
/// impl Decode<'_> for Position {
///     fn decode(body: &[u8]) -> Result<Self, DecodeError> {
///         let &[a, b, c, d] = body else { return Err(DecodeError::at(body.len(), Rule::UnexpectedEnd)) };
///         Ok(Self { x: i16::from_be_bytes([a, b]), y: i16::from_be_bytes([c, d]) })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no body of bytes, which dialects such as `CableCarByte` need",
    note = "a row `{Self}({Self}) = 0x10` in `messages!` gives a serde type one"
)]
pub trait Encode: Message {
    /// The largest body in bytes; [`encode`](Self::encode) never needs more.
    const MAX_SIZE: usize;

    /// Writes the body to the front of `out` and returns its length.
    ///
    /// Fails with [`EncodeError::Full`] when `out` is too small, whatever it has written by then.
    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError>;
}

/// A message that reads its body from bytes, from which it may borrow.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no body of bytes, which dialects such as `CableCarByte` need",
    note = "a row `{Self}({Self}) = 0x10` in `messages!` gives a serde type one"
)]
pub trait Decode<'a>: Message + Sized {
    /// Reads the whole of `body`.
    fn decode(body: &'a [u8]) -> Result<Self, DecodeError>;
}
