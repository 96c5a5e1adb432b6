//! A number that stays text until a type asks for it.

use core::fmt;

use super::{
    error::{Error, Rule},
    scan,
};

/// A number as it stands in the text: checked, but not converted.
///
/// So integers of any size can be passed on, and `1.10` keeps its zero. `NaN`, `Infinity` and
/// `-Infinity` are numbers here, as they are for Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a> {
    text: &'a str,
    is_integer: bool,
    offset: usize,
}

impl<'a> Number<'a> {
    /// Reads a text that is one number and nothing else.
    ///
    /// Fails as [`Reader::number`](super::Reader::number) does, and with
    /// [`Rule::TrailingText`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let token =
            scan::number(text.as_bytes()).map_err(|(rule, offset)| Error::new(rule, offset))?;
        if token.len < text.len() {
            return Err(Error::new(Rule::TrailingText, token.len));
        }
        Ok(Self::new(text, token.is_integer, 0))
    }

    #[inline]
    pub(super) const fn new(text: &'a str, is_integer: bool, offset: usize) -> Self {
        Self {
            text,
            is_integer,
            offset,
        }
    }

    /// The number's text, without white space.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// Whether the number has neither a fraction nor an exponent, and is finite.
    ///
    /// `1.0` and `1e5` are floats, whatever their value, as they are for Python.
    pub const fn is_integer(&self) -> bool {
        self.is_integer
    }

    /// The integer, if it is one and fits; `-0` is 0.
    ///
    /// Fails with [`Rule::NotAnInteger`] or [`Rule::OutOfRange`].
    pub fn to_i64(&self) -> Result<i64, Error> {
        self.to_integer()
    }

    /// The integer, if it is one and fits; `-0` is 0. Fails as [`Number::to_i64`].
    pub fn to_u64(&self) -> Result<u64, Error> {
        self.to_integer()
    }

    /// The integer, if it is one and fits; `-0` is 0. Fails as [`Number::to_i64`].
    pub fn to_i128(&self) -> Result<i128, Error> {
        let (negative, magnitude) = self.magnitude()?;
        let value = if negative {
            0i128.checked_sub_unsigned(magnitude)
        } else {
            i128::try_from(magnitude).ok()
        };
        value.ok_or(self.error(Rule::OutOfRange))
    }

    /// The integer, if it is one and fits; `-0` is 0. Fails as [`Number::to_i64`].
    pub fn to_u128(&self) -> Result<u128, Error> {
        match self.magnitude()? {
            (false, magnitude) | (true, magnitude @ 0) => Ok(magnitude),
            _ => Err(self.error(Rule::OutOfRange)),
        }
    }

    /// The nearest `f64`; what is too large becomes an infinity.
    pub fn to_f64(&self) -> f64 {
        match self.text {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            "-0" => 0.0,
            // Every JSON number is a Rust float literal, so parsing cannot fail.
            text => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// The nearest `f32`; what is too large becomes an infinity.
    pub fn to_f32(&self) -> f32 {
        match self.text {
            "NaN" => f32::NAN,
            "Infinity" => f32::INFINITY,
            "-Infinity" => f32::NEG_INFINITY,
            "-0" => 0.0,
            text => text.parse().unwrap_or(f32::NAN),
        }
    }

    /// The integer as any of Rust's signed integers and the unsigned ones up to `u64`.
    pub(super) fn to_integer<T: TryFrom<i128>>(self) -> Result<T, Error> {
        T::try_from(self.to_i128()?).map_err(|_| self.error(Rule::OutOfRange))
    }

    /// Sign and amount of an integer.
    fn magnitude(&self) -> Result<(bool, u128), Error> {
        if !self.is_integer {
            return Err(self.error(Rule::NotAnInteger));
        }
        let (negative, digits) = match self.text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, self.text),
        };
        let mut value = 0u128;
        for digit in digits.bytes() {
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(u128::from(digit.wrapping_sub(b'0'))))
                .ok_or(self.error(Rule::OutOfRange))?;
        }
        Ok((negative, value))
    }

    const fn error(&self, rule: Rule) -> Error {
        Error::new(rule, self.offset)
    }
}

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Number<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_up_to_the_edges_of_each_type() {
        let number = |text| Number::parse(text).unwrap();
        assert_eq!(number("9223372036854775807").to_i64(), Ok(i64::MAX));
        assert_eq!(number("-9223372036854775808").to_i64(), Ok(i64::MIN));
        assert_eq!(
            number("9223372036854775808").to_i64().unwrap_err().rule,
            Rule::OutOfRange
        );
        assert_eq!(number("18446744073709551615").to_u64(), Ok(u64::MAX));
        assert_eq!(number("-0").to_u64(), Ok(0));
        assert_eq!(number("-0").to_u128(), Ok(0));
        assert!(number("-1").to_u128().is_err());
        assert_eq!(
            number("340282366920938463463374607431768211455").to_u128(),
            Ok(u128::MAX)
        );
        assert_eq!(
            number("-170141183460469231731687303715884105728").to_i128(),
            Ok(i128::MIN)
        );
        assert!(
            number("340282366920938463463374607431768211456")
                .to_u128()
                .is_err()
        );
        assert_eq!(number("1.0").to_i64().unwrap_err().rule, Rule::NotAnInteger);
        assert_eq!(number("NaN").to_i64().unwrap_err().rule, Rule::NotAnInteger);
    }

    #[test]
    fn converts_to_floats() {
        let number = |text| Number::parse(text).unwrap();
        assert!(number("NaN").to_f64().is_nan());
        assert_eq!(number("-Infinity").to_f64(), f64::NEG_INFINITY);
        assert_eq!(number("1e400").to_f64(), f64::INFINITY);
        assert_eq!(number("-1e400").to_f64(), f64::NEG_INFINITY);
        assert!(number("-0").to_f64().is_sign_positive());
        assert!(number("-0.0").to_f64().is_sign_negative());
        assert_eq!(number("1E5").to_f64(), 100_000.0);
        assert_eq!(number("0.1e1").to_f32(), 1.0);
    }

    #[test]
    fn refuses_what_is_no_number() {
        let rule = |text| Number::parse(text).map_err(|error| (error.rule, error.offset));
        assert_eq!(rule("01"), Err((Rule::InvalidNumber, 0)));
        assert_eq!(rule("-01"), Err((Rule::InvalidNumber, 1)));
        assert_eq!(rule("+1"), Err((Rule::InvalidNumber, 0)));
        assert_eq!(rule("1."), Err((Rule::UnexpectedEnd, 2)));
        assert_eq!(rule(".5"), Err((Rule::InvalidNumber, 0)));
        assert_eq!(rule("1.e5"), Err((Rule::InvalidNumber, 2)));
        assert_eq!(rule("1ex"), Err((Rule::InvalidNumber, 2)));
        assert_eq!(rule("1 "), Err((Rule::TrailingText, 1)));
        assert_eq!(rule("-NaN"), Err((Rule::InvalidNumber, 1)));
        assert_eq!(rule("Nan"), Err((Rule::UnexpectedByte, 2)));
        assert_eq!(rule("-Inf"), Err((Rule::UnexpectedEnd, 4)));
        assert_eq!(rule(""), Err((Rule::UnexpectedEnd, 0)));
    }
}
