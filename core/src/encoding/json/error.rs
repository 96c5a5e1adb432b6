//! Which rule a JSON text broke, and where.

use core::fmt;

use serde::de::{self, Unexpected};

/// A JSON text that could not be read: the rule it broke and the place.
///
/// The place is a byte offset from the start of the text that was given to
/// [`Reader::new`](super::Reader::new). For a value that serde refused it is the start of the
/// innermost value or key that was being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// The rule that was broken.
    pub rule: Rule,
    /// Bytes from the start of the text.
    pub offset: usize,
}

/// The rules of JSON text and of the types that are read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// This byte has no place here; a byte order mark and single quotes end up here too.
    UnexpectedByte,
    /// The text ends inside a value.
    UnexpectedEnd,
    /// Something other than white space follows the value.
    TrailingText,
    /// A byte below 0x20 stands raw inside a string.
    ControlCharacter,
    /// A backslash is followed by something that is no escape.
    InvalidEscape,
    /// A number with a leading zero or without the digits it promises.
    InvalidNumber,
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// Arrays and objects are nested deeper than the limit.
    TooDeep {
        /// How many levels are allowed.
        limit: u8,
    },
    /// An integer has more digits than the limit, which is Python's.
    TooManyDigits {
        /// How many digits are allowed.
        limit: u16,
    },
    /// The value has another type than the reader was asked for.
    WrongType {
        /// What was asked for.
        expected: Kind,
    },
    /// The value has a type that the receiving Rust type does not take.
    UnexpectedType {
        /// What the text holds.
        found: Kind,
    },
    /// The number has a fraction, an exponent or no finite value where an integer is needed.
    NotAnInteger,
    /// The number does not fit the receiving type.
    OutOfRange,
    /// The string holds half of a surrogate pair, which a `str` cannot.
    LoneSurrogate,
    /// The receiving type refused the value, whose type is right.
    InvalidValue,
    /// An array or object has too few or too many entries for the receiving type.
    InvalidLength,
    /// A field of the receiving struct is absent.
    MissingField,
    /// The receiving struct denies fields that it does not know.
    UnknownField,
    /// A field of the receiving struct occurs twice.
    DuplicateField,
    /// The receiving enum has no variant of this name.
    UnknownVariant,
    /// The receiving type refused the value for a reason of its own.
    Custom,
}

/// What kind of value stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, `NaN`, `Infinity` or `-Infinity`.
    Number,
    /// A string.
    Text,
    /// `[...]`
    Array,
    /// `{...}`
    Object,
}

/// What sort of fault a broken [`Rule`] is, for dialects that report only this much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fault {
    /// The text is no JSON.
    Syntax,
    /// The text is no UTF-8.
    Utf8,
    /// The text may be JSON, but it exceeds a limit that is in force.
    Limit,
    /// The text is JSON, but not of the shape that the program wants.
    Shape,
}

impl Rule {
    /// The sort of fault that breaking this rule is.
    pub const fn fault(self) -> Fault {
        match self {
            Self::UnexpectedByte
            | Self::UnexpectedEnd
            | Self::TrailingText
            | Self::ControlCharacter
            | Self::InvalidEscape
            | Self::InvalidNumber => Fault::Syntax,
            Self::InvalidUtf8 => Fault::Utf8,
            Self::TooDeep { .. } | Self::TooManyDigits { .. } => Fault::Limit,
            Self::WrongType { .. }
            | Self::UnexpectedType { .. }
            | Self::NotAnInteger
            | Self::OutOfRange
            | Self::LoneSurrogate
            | Self::InvalidValue
            | Self::InvalidLength
            | Self::MissingField
            | Self::UnknownField
            | Self::DuplicateField
            | Self::UnknownVariant
            | Self::Custom => Fault::Shape,
        }
    }
}

impl Error {
    #[cold]
    pub(super) const fn new(rule: Rule, offset: usize) -> Self {
        Self { rule, offset }
    }

    /// What serde raises: the place is filled in by the first caller that knows it.
    #[cold]
    const fn unplaced(rule: Rule) -> Self {
        Self::new(rule, UNPLACED)
    }

    /// The same error, at `offset` unless its place is known already.
    #[cold]
    pub(super) const fn or_at(self, offset: usize) -> Self {
        if self.offset == UNPLACED {
            Self::new(self.rule, offset)
        } else {
            self
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.rule, self.offset)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedByte => f.write_str("unexpected byte"),
            Self::UnexpectedEnd => f.write_str("unexpected end of text"),
            Self::TrailingText => f.write_str("text after the value"),
            Self::ControlCharacter => f.write_str("raw control character in a string"),
            Self::InvalidEscape => f.write_str("invalid escape"),
            Self::InvalidNumber => f.write_str("invalid number"),
            Self::InvalidUtf8 => f.write_str("invalid UTF-8"),
            Self::TooDeep { limit } => write!(f, "nested deeper than {limit} levels"),
            Self::TooManyDigits { limit } => write!(f, "integer of more than {limit} digits"),
            Self::WrongType { expected } => write!(f, "not {expected}"),
            Self::UnexpectedType { found } => write!(f, "unexpected {found}"),
            Self::NotAnInteger => f.write_str("not an integer"),
            Self::OutOfRange => f.write_str("number out of range"),
            Self::LoneSurrogate => f.write_str("lone surrogate in a string"),
            Self::InvalidValue => f.write_str("invalid value"),
            Self::InvalidLength => f.write_str("too few or too many entries"),
            Self::MissingField => f.write_str("missing field"),
            Self::UnknownField => f.write_str("unknown field"),
            Self::DuplicateField => f.write_str("duplicate field"),
            Self::UnknownVariant => f.write_str("unknown variant"),
            Self::Custom => f.write_str("value refused by its type"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "bad JSON",
            Self::Utf8 => "bad UTF-8",
            Self::Limit => "limit exceeded",
            Self::Shape => "wrong shape",
        })
    }
}

impl core::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::unplaced(Rule::Custom)
    }

    fn invalid_type(unexpected: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::unplaced(match kind_of(unexpected) {
            Some(found) => Rule::UnexpectedType { found },
            None => Rule::InvalidValue,
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::unplaced(match kind_of(unexpected) {
            Some(Kind::Number) => Rule::OutOfRange,
            _ => Rule::InvalidValue,
        })
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Self::unplaced(Rule::InvalidLength)
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::unplaced(Rule::UnknownVariant)
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::unplaced(Rule::UnknownField)
    }

    fn missing_field(_: &'static str) -> Self {
        Self::unplaced(Rule::MissingField)
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::unplaced(Rule::DuplicateField)
    }
}

/// The kind of JSON value that serde's description stands for.
fn kind_of(unexpected: Unexpected<'_>) -> Option<Kind> {
    match unexpected {
        Unexpected::Unit | Unexpected::Option => Some(Kind::Null),
        Unexpected::Bool(_) => Some(Kind::Bool),
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => {
            Some(Kind::Number)
        }
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::UnitVariant => Some(Kind::Text),
        Unexpected::Bytes(_) | Unexpected::Seq => Some(Kind::Array),
        Unexpected::Map
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant => Some(Kind::Object),
        _ => None,
    }
}

/// The offset of an error whose place is not known yet. No slice reaches it.
const UNPLACED: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_rule_and_place() {
        let error = Error::new(Rule::TooDeep { limit: 128 }, 7);
        assert_eq!(
            error.to_string(),
            "nested deeper than 128 levels at offset 7"
        );
    }

    #[test]
    fn keeps_a_place_that_is_known() {
        assert_eq!(Error::new(Rule::Custom, 3).or_at(9).offset, 3);
        assert_eq!(Error::unplaced(Rule::Custom).or_at(9).offset, 9);
    }
}
