use super::Rule;
use core::fmt;

/// What sort of fault a broken [`Rule`] is, for dialects that report only this much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fault {
    /// The body is not of its encoding, or of the part of it that is read.
    Syntax,
    /// The text is no UTF-8.
    Utf8,
    /// The body may be of its encoding, but it exceeds a limit that is in force.
    Limit,
    /// The body is of its encoding, but not of the shape that the program wants.
    Shape,
}

impl Rule {
    /// The sort of fault that breaking this rule is.
    pub const fn fault(self) -> Fault {
        match self {
            Self::UnexpectedEnd
            | Self::TrailingBytes
            | Self::Delimiter
            | Self::UnexpectedByte
            | Self::ControlCharacter
            | Self::InvalidEscape
            | Self::InvalidNumber
            | Self::Version { .. }
            | Self::UnknownOpcode { .. }
            | Self::Forbidden { .. }
            | Self::Operands { .. }
            | Self::Memo { .. }
            | Self::Recursive => Fault::Syntax,
            Self::InvalidUtf8 => Fault::Utf8,
            Self::TooDeep { .. }
            | Self::TooManyDigits { .. }
            | Self::TooManyValues { .. }
            | Self::TooLong { .. } => Fault::Limit,
            Self::InvalidValue
            | Self::WrongType { .. }
            | Self::UnexpectedType { .. }
            | Self::NotAnInteger
            | Self::OutOfRange
            | Self::LoneSurrogate
            | Self::InvalidLength
            | Self::MissingField
            | Self::UnknownField
            | Self::DuplicateField
            | Self::UnknownVariant
            | Self::Custom => Fault::Shape,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "bad syntax",
            Self::Utf8 => "bad UTF-8",
            Self::Limit => "limit exceeded",
            Self::Shape => "wrong shape",
        })
    }
}
