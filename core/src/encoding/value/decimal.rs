//! Numbers in decimal, as JSON and Python write them.

use super::{DIGIT_LIMIT, nearest};
use crate::encoding::{DecodeError, Rule};
use core::fmt;

/// A number in decimal: checked, but not converted.
///
/// So integers of any size can be passed on, and `1.10` keeps its zero. `NaN`, `Infinity` and `-Infinity` are
/// numbers here, as they are for Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal<'a> {
    text: &'a str,
    is_integer: bool,
}

impl<'a> Decimal<'a> {
    /// Reads a text that is one number and nothing else.
    ///
    /// Fails with the rule that is broken and the offset of the byte that does.
    pub fn parse(text: &'a str) -> Result<Self, DecodeError> {
        let token =
            token(text.as_bytes()).map_err(|(rule, offset)| DecodeError::at(offset, rule))?;
        if token.len < text.len() {
            return Err(DecodeError::at(token.len, Rule::TrailingBytes));
        }
        Ok(Self::new(text, token.is_integer))
    }

    /// A text that [`token`] has found.
    #[inline]
    pub(in crate::encoding) const fn new(text: &'a str, is_integer: bool) -> Self {
        Self { text, is_integer }
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
    pub(in crate::encoding) fn to_i128(self) -> Result<i128, Rule> {
        let (negative, magnitude) = self.magnitude()?;
        let value = if negative {
            0i128.checked_sub_unsigned(magnitude)
        } else {
            i128::try_from(magnitude).ok()
        };
        value.ok_or(Rule::OutOfRange)
    }

    /// The integer, if it is one and fits; `-0` is 0.
    pub(in crate::encoding) fn to_u128(self) -> Result<u128, Rule> {
        match self.magnitude()? {
            (false, magnitude) | (true, magnitude @ 0) => Ok(magnitude),
            _ => Err(Rule::OutOfRange),
        }
    }

    /// The nearest `f64`; what is too large becomes an infinity.
    pub(in crate::encoding) fn to_f64(self) -> f64 {
        match self.text {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            "-0" => 0.0,
            // Every JSON number is a Rust float literal, so parsing cannot fail.
            text => nearest::f64(text).unwrap_or(f64::NAN),
        }
    }

    /// The nearest `f32`; what is too large becomes an infinity.
    pub(in crate::encoding) fn to_f32(self) -> f32 {
        match self.text {
            "NaN" => f32::NAN,
            "Infinity" => f32::INFINITY,
            "-Infinity" => f32::NEG_INFINITY,
            "-0" => 0.0,
            text => nearest::f32(text).unwrap_or(f32::NAN),
        }
    }

    /// Sign and amount of an integer.
    fn magnitude(self) -> Result<(bool, u128), Rule> {
        if !self.is_integer {
            return Err(Rule::NotAnInteger);
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
                .ok_or(Rule::OutOfRange)?;
        }
        Ok((negative, value))
    }
}

impl fmt::Display for Decimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Decimal<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.text);
    }
}

/// A number at the start of some bytes.
pub(in crate::encoding) struct Token {
    /// Bytes of the number.
    pub(in crate::encoding) len: usize,
    /// Whether it has neither fraction nor exponent, and is finite.
    pub(in crate::encoding) is_integer: bool,
}

/// What is wrong with a token, and where.
pub(in crate::encoding) type Flaw = (Rule, usize);

/// Finds the end of the number at the start of `bytes`.
pub(in crate::encoding) fn token(bytes: &[u8]) -> Result<Token, Flaw> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    match bytes.get(sign) {
        Some(b'I') => return word(bytes, sign, b"Infinity"),
        Some(b'N') if sign == 0 => return word(bytes, 0, b"NaN"),
        _ => {}
    }
    let whole = digits(bytes, sign)?;
    if whole > 1 && bytes.get(sign) == Some(&b'0') {
        return Err((Rule::InvalidNumber, sign));
    }
    let mut len = sign + whole;
    let mut is_integer = true;
    if bytes.get(len) == Some(&b'.') {
        is_integer = false;
        len += 1;
        len += digits(bytes, len)?;
    }
    if let Some(b'e' | b'E') = bytes.get(len) {
        is_integer = false;
        len += 1;
        len += usize::from(matches!(bytes.get(len), Some(b'+' | b'-')));
        len += digits(bytes, len)?;
    }
    if is_integer && whole > usize::from(DIGIT_LIMIT) {
        return Err((Rule::TooManyDigits { limit: DIGIT_LIMIT }, 0));
    }
    Ok(Token { len, is_integer })
}

/// How many digits stand at `at`; at least one must.
fn digits(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    let ahead = from(bytes, at);
    let count = ahead
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(ahead.len());
    if count > 0 {
        Ok(count)
    } else if ahead.is_empty() {
        Err((Rule::UnexpectedEnd, at))
    } else {
        Err((Rule::InvalidNumber, at))
    }
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Result<Token, Flaw> {
    literal(from(bytes, at), word).map_err(|(rule, offset)| (rule, at + offset))?;
    Ok(Token {
        len: at + word.len(),
        is_integer: false,
    })
}

/// Checks that `bytes` starts with `word`.
#[inline]
pub(in crate::encoding) fn literal(bytes: &[u8], word: &[u8]) -> Result<(), Flaw> {
    if bytes.starts_with(word) {
        return Ok(());
    }
    let same = bytes.iter().zip(word).take_while(|(a, b)| a == b).count();
    if same == bytes.len() {
        Err((Rule::UnexpectedEnd, same))
    } else {
        Err((Rule::UnexpectedByte, same))
    }
}

/// The bytes from `at` on; none when there are not that many.
#[inline]
fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Number;
    use super::*;

    #[test]
    fn converts_up_to_the_edges_of_each_type() {
        let number = |text| Number::Decimal(Decimal::parse(text).unwrap());
        assert_eq!(
            number("9223372036854775807").to_integer::<i64>(),
            Ok(i64::MAX)
        );
        assert_eq!(
            number("-9223372036854775808").to_integer::<i64>(),
            Ok(i64::MIN)
        );
        assert_eq!(
            number("9223372036854775808")
                .to_integer::<i64>()
                .unwrap_err(),
            Rule::OutOfRange
        );
        assert_eq!(
            number("18446744073709551615").to_integer::<u64>(),
            Ok(u64::MAX)
        );
        assert_eq!(number("-0").to_integer::<u64>(), Ok(0));
        assert_eq!(number("-0").to_u128(), Ok(0));
        assert!(number("-1").to_u128().is_err());
        assert_eq!(
            number("340282366920938463463374607431768211455").to_u128(),
            Ok(u128::MAX)
        );
        assert_eq!(
            number("-170141183460469231731687303715884105728").to_integer::<i128>(),
            Ok(i128::MIN)
        );
        assert!(
            number("340282366920938463463374607431768211456")
                .to_u128()
                .is_err()
        );
        assert_eq!(
            number("1.0").to_integer::<i64>().unwrap_err(),
            Rule::NotAnInteger
        );
        assert_eq!(
            number("NaN").to_integer::<i64>().unwrap_err(),
            Rule::NotAnInteger
        );
    }

    #[test]
    fn converts_to_floats() {
        let number = |text| Number::Decimal(Decimal::parse(text).unwrap());
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
        let rule = |text| Decimal::parse(text).map_err(|error| (error.rule, error.offset));
        assert_eq!(rule("01"), Err((Rule::InvalidNumber, 0)));
        assert_eq!(rule("-01"), Err((Rule::InvalidNumber, 1)));
        assert_eq!(rule("+1"), Err((Rule::InvalidNumber, 0)));
        assert_eq!(rule("1."), Err((Rule::UnexpectedEnd, 2)));
        assert_eq!(rule(".5"), Err((Rule::InvalidNumber, 0)));
        assert_eq!(rule("1.e5"), Err((Rule::InvalidNumber, 2)));
        assert_eq!(rule("1ex"), Err((Rule::InvalidNumber, 2)));
        assert_eq!(rule("1 "), Err((Rule::TrailingBytes, 1)));
        assert_eq!(rule("-NaN"), Err((Rule::InvalidNumber, 1)));
        assert_eq!(rule("Nan"), Err((Rule::UnexpectedByte, 2)));
        assert_eq!(rule("-Inf"), Err((Rule::UnexpectedEnd, 4)));
        assert_eq!(rule(""), Err((Rule::UnexpectedEnd, 0)));
    }
}
