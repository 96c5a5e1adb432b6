//! The table of the messages that a program knows: declared once by [`messages!`](crate::messages).

mod check;
mod table;

use crate::Malformed;
use crate::dialect::{Dialect, Envelope};
use crate::message::Message;

/// A table of messages that arrive in the dialect `D`, as the enum to match on.
///
/// Written by [`messages!`](crate::messages), for every dialect that carries all of its messages.
pub trait Registry<'a, D: Dialect>: Sized {
    /// Reads the message that `envelope` names.
    fn decode(dialect: &D, envelope: Envelope<'a, D>) -> Result<Self, Rejected<'a, D>>;
}

/// Why an envelope did not become a message of the table.
#[derive(Debug)]
pub enum Rejected<'a, D: Dialect> {
    /// The table has no message by this key.
    Unknown(Envelope<'a, D>),
    /// The message's body breaks a rule.
    Malformed(Malformed),
}

/// One row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// The name of the message.
    pub name: &'static str,
    /// Its code, where it has one.
    pub code: Option<u8>,
}

/// The row of the message `M`.
pub const fn entry<M: Message>() -> Entry {
    Entry {
        name: M::NAME,
        code: M::CODE,
    }
}

pub use check::{RESERVED, check};
