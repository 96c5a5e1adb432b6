use ropeway_core::encoding::json::{Style, Writer};
use ropeway_core::encoding::value::{DIGIT_LIMIT, Decimal, Number, Write};
use ropeway_core::encoding::{DecodeError, EncodeError, Rule};
use std::fmt;
use std::str::FromStr;

/// An integer of any size.
///
/// ```
/// use ropeway_std::value::Integer;
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
    /// Two's complement, the least byte first, as few bytes as will do.
    Little(Box<[u8]>),
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
            Size::Little(_) => None,
        }
    }

    /// The integer, if it fits.
    pub fn as_i128(&self) -> Option<i128> {
        self.number().to_integer().ok()
    }

    /// The integer, if it fits.
    pub fn as_u128(&self) -> Option<u128> {
        self.number().to_u128().ok()
    }

    /// The nearest float; an infinity for what is too large.
    pub fn to_f64(&self) -> f64 {
        self.number().to_f64()
    }

    /// The integer of these bytes: two's complement, the least byte first; none means 0.
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        let number = Number::Little(bytes);
        if let Ok(value) = number.to_integer() {
            return Self(Size::Signed(value));
        }
        if let Ok(value) = number.to_integer() {
            return Self(Size::Unsigned(value));
        }
        let mut least = bytes;
        while let [shorter @ .., next, sign @ (0 | 0xff)] = least {
            if next & 0x80 != sign & 0x80 {
                break;
            }
            least = &least[..shorter.len() + 1];
        }
        Self(Size::Little(least.into()))
    }

    /// Writes it as the next value of a body.
    pub(super) fn write(&self, writer: &mut impl Write) -> Result<(), EncodeError> {
        match &self.0 {
            Size::Signed(value) => writer.i64(*value),
            Size::Unsigned(value) => writer.u64(*value),
            Size::Little(bytes) => writer.integer_le(bytes),
        }
    }

    /// It, as encodings have it.
    fn number(&self) -> Number<'_> {
        match &self.0 {
            Size::Signed(value) => Number::Signed(*value),
            Size::Unsigned(value) => Number::Unsigned(*value),
            Size::Little(bytes) => Number::Little(bytes),
        }
    }

    /// The integer that a number stands for, if it is one.
    pub(super) fn of(number: Number<'_>) -> Option<Self> {
        if !number.is_integer() {
            return None;
        }
        Some(match (number.to_integer(), number.to_integer(), number) {
            (Ok(value), ..) => Self(Size::Signed(value)),
            (_, Ok(value), _) => Self(Size::Unsigned(value)),
            (.., Number::Little(bytes)) => Self::from_le_bytes(bytes),
            _ => Self::from_le_bytes(&little(&number.to_string())),
        })
    }
}

/// Decimal, as JSON writes integers; fails as [`Decimal::parse`], and with [`Rule::NotAnInteger`].
impl FromStr for Integer {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::of(Number::Decimal(Decimal::parse(text)?))
            .ok_or(DecodeError::at(0, Rule::NotAnInteger))
    }
}

/// Decimal; hexadecimal beyond the digits that Python reads and writes, since that takes time that grows faster.
impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match &self.0 {
            Size::Signed(value) => return value.fmt(f),
            Size::Unsigned(value) => return value.fmt(f),
            Size::Little(bytes) => bytes,
        };
        let mut memory = [0; DIGIT_LIMIT as usize + 1];
        let mut writer = Writer::new(&mut memory, Style::Ascii);
        match writer.integer_le(bytes) {
            Ok(()) => f.pad(std::str::from_utf8(writer.as_bytes()).map_err(|_| fmt::Error)?),
            Err(_) => hexadecimal(bytes, f),
        }
    }
}

fn hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut magnitude = bytes.to_vec();
    if magnitude.last().is_some_and(|last| last & 0x80 != 0) {
        negate(&mut magnitude);
        f.write_str("-")?;
    }
    let mut digits = magnitude.iter().rev().skip_while(|byte| **byte == 0);
    write!(f, "0x{:x}", digits.next().unwrap_or(&0))?;
    digits.try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// An integer from decimal, in two's complement, the least byte first.
fn little(decimal: &str) -> Vec<u8> {
    let (is_negative, digits) = match decimal.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, decimal),
    };
    let mut words: Vec<u32> = Vec::new();
    for chunk in digits.as_bytes().chunks(9) {
        let mut factor = 1;
        let mut carry = 0;
        for digit in chunk {
            factor *= 10;
            carry = carry * 10 + u64::from(digit.wrapping_sub(b'0'));
        }
        for word in &mut words {
            let product = u64::from(*word) * factor + carry;
            *word = (product & 0xffff_ffff) as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            words.push((carry & 0xffff_ffff) as u32);
        }
    }
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.push(0);
    if is_negative {
        negate(&mut bytes);
    }
    bytes
}

/// Turns the sign of an integer in two's complement, whose last byte has room for it.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        let (sum, overflows) = (!*byte).overflowing_add(carry.into());
        (*byte, carry) = (sum, overflows);
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
                    _ => return Self::from_le_bytes(&little(&value.to_string())),
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

    impl Integer {
        pub(in super::super) fn power_of_two(bits: usize) -> Self {
            let mut bytes = vec![0; bits / 8 + 2];
            bytes[bits / 8] = 1 << (bits % 8);
            Self::from_le_bytes(&bytes)
        }
    }

    #[test]
    fn large_integers_are_the_same_in_text_and_bytes() {
        for (text, bytes) in [
            ("18446744073709551616", 9),
            ("-9223372036854775809", 9),
            ("10000000000000000000000000000000000000000", 17),
            ("-10000000000000000000000000000000000000000", 17),
            ("-1461501637330902918203684832716283019655932542976", 21),
        ] {
            let value: Integer = text.parse().unwrap();
            assert_eq!(value.to_string(), text);
            let Size::Little(little) = &value.0 else {
                panic!("{text} is small")
            };
            assert_eq!(little.len(), bytes, "{text}");
            assert_eq!(Integer::from_le_bytes(little), value);
            let sign = if text.starts_with('-') { 0xff } else { 0 };
            let long = [&little[..], &[sign; 5]].concat();
            assert_eq!(Integer::from_le_bytes(&long), value);
        }
        let nines = "9".repeat(4300);
        assert_eq!(nines.parse::<Integer>().unwrap().to_string(), nines);
        let large = Integer::power_of_two(16_004).to_string();
        assert_eq!(large, format!("0x10{}", "0".repeat(4000)));
        let mut bytes = vec![0; 2001];
        bytes[2000] = 0xff;
        let large = Integer::from_le_bytes(&bytes).to_string();
        assert_eq!(large, format!("-0x1{}", "0".repeat(4000)));
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
