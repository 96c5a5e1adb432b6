//! What serde's types refuse, in the words of the encodings.

use super::value::Kind;
use super::{DecodeError, EncodeError, Rule};
use core::fmt;
use serde::{
    de::{self, Unexpected},
    ser,
};

impl DecodeError {
    /// What a type has refused: the place is filled in by the first caller that knows it.
    #[cold]
    const fn unplaced(rule: Rule) -> Self {
        Self::at(UNPLACED, rule)
    }

    /// The same error, at `offset` unless its place is known already.
    #[cold]
    pub(super) const fn or_at(self, offset: usize) -> Self {
        if self.offset == UNPLACED {
            Self::at(offset, self.rule)
        } else {
            self
        }
    }
}

impl de::Error for DecodeError {
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

impl ser::Error for EncodeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Unencodable
    }
}

/// The kind of value that serde's description stands for.
fn kind_of(unexpected: Unexpected<'_>) -> Option<Kind> {
    match unexpected {
        Unexpected::Unit | Unexpected::Option => Some(Kind::Null),
        Unexpected::Bool(_) => Some(Kind::Bool),
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => {
            Some(Kind::Number)
        }
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::UnitVariant => Some(Kind::Text),
        Unexpected::Bytes(_) => Some(Kind::Bytes),
        Unexpected::Seq => Some(Kind::Array),
        Unexpected::Map
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant => Some(Kind::Map),
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
        let error = DecodeError::at(7, Rule::TooDeep { limit: 128 });
        assert_eq!(
            error.to_string(),
            "nested deeper than 128 levels (offset 7)"
        );
    }

    #[test]
    fn keeps_a_place_that_is_known() {
        assert_eq!(DecodeError::at(3, Rule::Custom).or_at(9).offset, 3);
        assert_eq!(DecodeError::unplaced(Rule::Custom).or_at(9).offset, 9);
    }
}
