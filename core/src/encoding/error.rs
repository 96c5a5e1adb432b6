use super::value::Kind;
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
    /// a name, a serde type that the encoding has no form for, a value that its own `Serialize` refuses.
    Unencodable,
    /// The opening is not done yet, or one side has taken its leave: the dialect takes no messages now.
    NotOpen,
    /// The dialect can take one thing at a time, and that is not done yet: a large content, a call.
    Busy,
    /// The table of this link has no message of this name.
    Unregistered,
    /// The encoding has no form for values of this kind: JSON none for sets.
    Unsupported {
        /// The kind of the value.
        kind: Kind,
    },
    /// The value is to be a map or a struct, and is none.
    NotAMap,
    /// A key is neither text nor what becomes text, in an encoding whose keys are text.
    KeyNotText,
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

/// The rules of bodies that a peer can break.
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
    /// A byte stands where it has a meaning.
    UnexpectedByte,
    /// No byte below 0x20 stands raw inside a string of JSON.
    ControlCharacter,
    /// A backslash in a string of JSON is followed by an escape; in a line of pickle there is none.
    InvalidEscape,
    /// A number has no leading zero and all the digits it promises.
    InvalidNumber,
    /// Values are nested no deeper than the limit.
    TooDeep {
        /// How many levels are allowed.
        limit: u8,
    },
    /// An integer has no more digits than the limit, which is Python's.
    TooManyDigits {
        /// How many digits are allowed.
        limit: u16,
    },
    /// A body holds no more values than the limit, those that it repeats by reference counted each time.
    TooManyValues {
        /// How many values are allowed.
        limit: u32,
    },
    /// A value has the type that the program asks for.
    WrongType {
        /// What was asked for.
        expected: Kind,
    },
    /// A value has a type that the receiving Rust type takes.
    UnexpectedType {
        /// What the body holds.
        found: Kind,
    },
    /// A number without fraction, exponent and sign of infinity stands where an integer is needed.
    NotAnInteger,
    /// A number fits the receiving type.
    OutOfRange,
    /// Text holds no half of a surrogate pair where it is to be a `str`.
    LoneSurrogate,
    /// A sequence, map or extension has as many entries or bytes as the receiving type takes.
    InvalidLength,
    /// Every field of the receiving struct is there.
    MissingField,
    /// The receiving struct, which denies others, knows every field.
    UnknownField,
    /// No field and no key of a map occurs twice.
    DuplicateField,
    /// The receiving enum has a variant of this name.
    UnknownVariant,
    /// The receiving type takes the value: a rule of its own.
    Custom,
    /// A body, and all that it says the length of, fits the limit.
    TooLong {
        /// How many bytes are allowed.
        limit: u32,
    },
    /// A pickle has a protocol number that is understood.
    Version {
        /// The number in the pickle.
        version: u8,
    },
    /// A pickle is made of opcodes that exist.
    UnknownOpcode {
        /// The byte in the place of one.
        opcode: u8,
    },
    /// A pickle is plain data in the form of Python 3: nothing is looked up, called, built or kept elsewhere.
    Forbidden {
        /// The opcode that would.
        opcode: u8,
    },
    /// An opcode of a pickle finds the operands that it needs.
    Operands {
        /// The opcode.
        opcode: u8,
    },
    /// A pickle refers to values that it has stored before, in places that it numbers one after the other.
    Memo {
        /// The place that holds none, or comes much too early.
        index: u32,
    },
    /// No value of a pickle contains itself, so none changes once it has been referred to.
    Recursive,
}

impl DecodeError {
    /// `rule` is broken by the byte at `offset` of the body.
    #[cold]
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
            Self::NotOpen => f.write_str("the link is not open for messages"),
            Self::Busy => f.write_str("the one before it is not done yet"),
            Self::Unregistered => f.write_str("message that is not registered on this link"),
            Self::Unsupported { kind } => write!(f, "{kind}, which this encoding does not have"),
            Self::NotAMap => f.write_str("not a map where one is needed"),
            Self::KeyNotText => f.write_str("key that cannot be text"),
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
            Self::UnexpectedByte => "unexpected byte",
            Self::ControlCharacter => "raw control character in a string",
            Self::InvalidEscape => "invalid escape in a string",
            Self::InvalidNumber => "invalid number",
            Self::TooDeep { limit } => return write!(f, "nested deeper than {limit} levels"),
            Self::TooManyDigits { limit } => {
                return write!(f, "integer of more than {limit} digits");
            }
            Self::TooManyValues { limit } => return write!(f, "more than {limit} values"),
            Self::WrongType { expected } => return write!(f, "not {expected}"),
            Self::UnexpectedType { found } => {
                return write!(f, "{found} where something else is needed");
            }
            Self::NotAnInteger => "not an integer",
            Self::OutOfRange => "number out of range",
            Self::LoneSurrogate => "half of a surrogate pair",
            Self::InvalidLength => "too few or too many entries",
            Self::MissingField => "missing field",
            Self::UnknownField => "unknown field",
            Self::DuplicateField => "field or key that occurs twice",
            Self::UnknownVariant => "unknown variant",
            Self::Custom => "value refused by its type",
            Self::TooLong { limit } => return write!(f, "more than {limit} bytes"),
            Self::Version { version } => return write!(f, "pickle of protocol {version}"),
            Self::UnknownOpcode { opcode } => {
                return write!(f, "unknown pickle opcode 0x{opcode:02x}");
            }
            Self::Forbidden { opcode } => {
                return write!(f, "pickle opcode 0x{opcode:02x}, which is no plain data");
            }
            Self::Operands { opcode } => {
                return write!(f, "pickle opcode 0x{opcode:02x} without its operands");
            }
            Self::Memo { index } => {
                return write!(f, "the memo has no place {index}");
            }
            Self::Recursive => "value that may contain itself",
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (offset {})", self.rule, self.offset)
    }
}

impl core::error::Error for DecodeError {}
