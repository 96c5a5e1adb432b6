use ropeway_core::encoding::value::{Decimal, Number};
use ropeway_core::encoding::{DecodeError, Rule};
use std::fmt;
use std::str::FromStr;

/// An integer of any size.
///
/// ```
/// use ropeway_std::json::Integer;
///
/// let big: Integer = "-100000000000000000000".parse()?;
/// assert_eq!((big.as_i64(), big.as_i128()), (None, Some(-100_000_000_000_000_000_000)));
/// assert_eq!(Integer::from(7).as_u64(), Some(7));
/// # Ok::<(), ropeway_std::encoding::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Integer(Size);

/// The first form that holds the value, so that equal integers are equal here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Size {
    Signed(i64),
    Unsigned(u64),
    Decimal(Box<str>),
}

impl Integer {
    /// The integer, if it fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Size::Signed(value) => Some(value),
            _ => None,
        }
    }

    /// The integer, if it fits.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Size::Signed(value) => value.try_into().ok(),
            Size::Unsigned(value) => Some(value),
            Size::Decimal(_) => None,
        }
    }

    /// The integer, if it fits.
    pub fn as_i128(&self) -> Option<i128> {
        match &self.0 {
            Size::Signed(value) => Some((*value).into()),
            Size::Unsigned(value) => Some((*value).into()),
            Size::Decimal(text) => text.parse().ok(),
        }
    }

    /// The nearest float; an infinity for what is too large.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Size::Signed(value) => *value as f64,
            Size::Unsigned(value) => *value as f64,
            Size::Decimal(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// The integer that a number stands for, if it is one.
    pub(super) fn of(number: &Number<'_>) -> Option<Self> {
        if !number.is_integer() {
            return None;
        }
        let size = match (number.to_integer(), number.to_integer()) {
            (Ok(value), _) => Size::Signed(value),
            (_, Ok(value)) => Size::Unsigned(value),
            _ => Size::Decimal(number.to_string().into()),
        };
        Some(Self(size))
    }
}

/// Decimal, as JSON writes integers; fails as [`Decimal::parse`], and with [`Rule::NotAnInteger`].
impl FromStr for Integer {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::of(&Number::Decimal(Decimal::parse(text)?))
            .ok_or(DecodeError::at(0, Rule::NotAnInteger))
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Size::Signed(value) => value.fmt(f),
            Size::Unsigned(value) => value.fmt(f),
            Size::Decimal(text) => f.pad(text),
        }
    }
}

/// Integers of Rust, the small ones first.
macro_rules! from {
    (signed: $($small:ty)*; any: $($large:ty)*) => {
        $(impl From<$small> for Integer {
            fn from(value: $small) -> Self {
                Self(Size::Signed(value.into()))
            }
        })*
        $(impl From<$large> for Integer {
            fn from(value: $large) -> Self {
                Self(match (value.try_into(), value.try_into()) {
                    (Ok(value), _) => Size::Signed(value),
                    (_, Ok(value)) => Size::Unsigned(value),
                    _ => Size::Decimal(value.to_string().into()),
                })
            }
        })*
    };
}

from!(signed: i8 i16 i32 i64 u8 u16 u32; any: u64 usize isize i128 u128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_integers_are_equal_however_they_came() {
        for (text, value) in [
            ("0", Integer::from(0)),
            ("-0", Integer::from(0_u64)),
            ("9223372036854775807", Integer::from(i64::MAX)),
            ("9223372036854775808", Integer::from(i64::MAX as u64 + 1)),
            ("18446744073709551615", Integer::from(u128::from(u64::MAX))),
            ("18446744073709551616", Integer::from(1_u128 << 64)),
            (
                "-9223372036854775809",
                Integer::from(i128::from(i64::MIN) - 1),
            ),
        ] {
            assert_eq!(text.parse::<Integer>().as_ref(), Ok(&value));
            assert_eq!(value.to_string().parse(), Ok(value));
        }
    }

    #[test]
    fn converts_only_what_fits() {
        let edge = Integer::from(u64::MAX);
        assert_eq!((edge.as_i64(), edge.as_u64()), (None, Some(u64::MAX)));
        assert_eq!(Integer::from(-1).as_u64(), None);
        let huge: Integer = "1".repeat(400).parse().unwrap();
        assert_eq!((huge.as_i128(), huge.to_f64()), (None, f64::INFINITY));
        assert_eq!(
            "1.0".parse::<Integer>().unwrap_err().rule,
            Rule::NotAnInteger
        );
        assert!("01".parse::<Integer>().is_err());
    }
}
