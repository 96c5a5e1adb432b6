use super::{CallId, Label};
use crate::encoding::pickle::Value;
use crate::encoding::value::Number;
use crate::message::Message;
use core::fmt;

/// What names a call.
///
/// An integer names the message of that [`CODE`](Message::CODE), a text that of that [`NAME`](Message::NAME).
/// Python programs may take any other value that a dict takes as a key; such calls are unknown here.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Opcode<'a> {
    /// An integer, usually 0 to 255.
    Number(i64),
    /// A text.
    Text(&'a str),
    /// Anything else.
    Other(Value<'a, 'a>),
    /// None: replies of the current variant name the call by its retcode alone.
    None,
}

impl<'a> Opcode<'a> {
    /// What calls of the message `M` are named by: its code, or its name where it has none.
    pub const fn of<M: Message>() -> Opcode<'static> {
        match M::CODE {
            Some(code) => Opcode::Number(code as i64),
            None => Opcode::Text(M::NAME),
        }
    }

    /// Whether calls of the message `M` are named so.
    pub fn names<M: Message>(&self) -> bool {
        match *self {
            Self::Number(number) => M::CODE.is_some_and(|code| i64::from(code) == number),
            Self::Text(text) => text == M::NAME,
            Self::Other(_) | Self::None => false,
        }
    }

    /// What replies come under, if it can be kept.
    pub(super) fn call_id(&self) -> Option<CallId> {
        match *self {
            Self::Number(number) => Some(CallId::Number(number)),
            Self::Text(text) => Label::try_from(text).ok().map(CallId::Text),
            Self::Other(_) | Self::None => None,
        }
    }

    pub(super) fn read(value: Value<'a, 'a>) -> Self {
        if let Some(Ok(number)) = value.number().map(Number::to_integer::<i64>) {
            return Self::Number(number);
        }
        match value.text().map(|text| text.into_str()) {
            Some(Ok(text)) => Self::Text(text),
            _ => Self::Other(value),
        }
    }
}

impl From<u8> for Opcode<'_> {
    fn from(code: u8) -> Self {
        Self::Number(i64::from(code))
    }
}

impl<'a> From<&'a str> for Opcode<'a> {
    fn from(name: &'a str) -> Self {
        Self::Text(name)
    }
}

impl<'a> From<&'a CallId> for Opcode<'a> {
    fn from(id: &'a CallId) -> Self {
        match id {
            CallId::Number(number) => Self::Number(*number),
            CallId::Text(label) => Self::Text(label.as_str()),
            CallId::Own(_) => Self::None,
        }
    }
}

/// As tables write the commonest: `0x10`, `move`.
impl fmt::Display for Opcode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number @ 0..) => write!(f, "0x{number:02X}"),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Other(value) => value.kind().fmt(f),
            Self::None => f.write_str("no opcode"),
        }
    }
}
