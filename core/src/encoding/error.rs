use crate::framing::Full;
use core::fmt;

/// Why a value did not become a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EncodeError {
    /// The slot is too small: a larger one may do.
    Full,
    /// The message is larger than a frame of this dialect can be.
    TooLong {
        /// The largest body in bytes.
        limit: usize,
    },
    /// The value cannot be said in this encoding: text that is not ASCII where it must be, a delimiter inside
    /// a name, a serde type that the encoding has no form for.
    Unencodable,
}

/// Why a body is not a value of the expected type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DecodeError {
    /// The rule that is broken.
    pub rule: Rule,
    /// The byte that breaks it, counted from the start of the body.
    pub offset: usize,
}

/// The rules of binary bodies that a peer can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// A body holds the whole value.
    UnexpectedEnd,
    /// A body holds nothing but the value.
    TrailingBytes,
    /// Text is UTF-8.
    InvalidUtf8,
    /// Every value is one of its type's: booleans, characters, variants, lengths.
    InvalidValue,
    /// Fields are parted by exactly the delimiters that their message asks for.
    Delimiter,
}

impl DecodeError {
    /// `rule` is broken by the byte at `offset` of the body.
    pub const fn at(offset: usize, rule: Rule) -> Self {
        Self { rule, offset }
    }
}

impl From<Full> for EncodeError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room for the message"),
            Self::TooLong { limit } => write!(f, "message with a body of more than {limit} bytes"),
            Self::Unencodable => f.write_str("value that this encoding cannot say"),
        }
    }
}

impl core::error::Error for EncodeError {}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnexpectedEnd => "body ends inside the value",
            Self::TrailingBytes => "body goes on behind the value",
            Self::InvalidUtf8 => "text that is not UTF-8",
            Self::InvalidValue => "value outside its type",
            Self::Delimiter => "delimiter missing or too many",
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (offset {})", self.rule, self.offset)
    }
}

impl core::error::Error for DecodeError {}
