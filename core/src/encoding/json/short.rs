//! Numbers of few digits, read in one pass.
//!
//! Where these functions answer `None`, the way by [`Number`](crate::encoding::value::Number) must be taken, which
//! also finds out what is wrong.

use crate::encoding::value::nearest;

/// The integer at the start of `bytes`, and its length, if it has at most 19 digits.
///
/// One pass for the common case; `None` says nothing but that the long way must be taken.
#[inline]
pub(super) fn integer(bytes: &[u8]) -> Option<(Short, usize)> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let mut magnitude = 0u64;
    let mut count = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            if matches!(byte, b'.' | b'e' | b'E') {
                return None;
            }
            break;
        }
        magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    let zero_first = digits.first() == Some(&b'0');
    if count == 0 || count > 19 || (zero_first && count > 1) {
        return None;
    }
    let short = Short {
        negative,
        magnitude,
    };
    Some((short, count + usize::from(negative)))
}

/// An integer below 10^19, either side of zero.
#[derive(Clone, Copy)]
pub(super) struct Short {
    negative: bool,
    magnitude: u64,
}

impl Short {
    /// The value as another integer type, if it fits.
    #[inline]
    pub(super) fn to<T: TryFrom<u64> + TryFrom<i64>>(self) -> Option<T> {
        if self.negative {
            T::try_from(0i64.checked_sub_unsigned(self.magnitude)?).ok()
        } else {
            T::try_from(self.magnitude).ok()
        }
    }
}

/// The decimal at the start of `bytes` as a whole number and how many digits follow the point.
///
/// One pass for the common case, at most 19 digits without an exponent; `None` says nothing but
/// that the long way must be taken.
#[inline]
pub(super) fn decimal(bytes: &[u8]) -> Option<Decimal<'_>> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let mut mantissa = 0u64;
    let mut whole = None;
    let mut count = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
        } else if *byte == b'.' && whole.is_none() {
            whole = Some(count);
        } else if matches!(byte, b'.' | b'e' | b'E') {
            return None;
        } else {
            break;
        }
    }
    let leading = whole.unwrap_or(count);
    let fraction = count - leading;
    let zero_first = digits.first() == Some(&b'0');
    if leading == 0
        || count > 19
        || (whole.is_some() && fraction == 0)
        || (zero_first && leading > 1)
    {
        return None;
    }
    let len = count + usize::from(negative) + usize::from(whole.is_some());
    Some(Decimal {
        text: bytes.get(..len)?,
        // The integer -0 is 0, the float -0.0 is not.
        negative: negative && (mantissa > 0 || whole.is_some()),
        mantissa,
        fraction,
        len,
    })
}

/// A decimal of few digits: `mantissa / 10^fraction`.
pub(super) struct Decimal<'t> {
    text: &'t [u8],
    negative: bool,
    mantissa: u64,
    fraction: usize,
    /// Bytes in the text.
    pub(super) len: usize,
}

impl Decimal<'_> {
    /// The nearest `f64`, by one exact division where that gives it (Clinger 1990, "fast path").
    #[inline]
    pub(super) fn to_f64(&self) -> f64 {
        match POWERS.get(self.fraction) {
            Some(power) if HAS_DIVISION && self.mantissa <= 1 << f64::MANTISSA_DIGITS => {
                let value = self.mantissa as f64 / power;
                if self.negative { -value } else { value }
            }
            _ => nearest::f64(self.as_str()).unwrap_or(f64::NAN),
        }
    }

    /// The nearest `f32`, by one exact division where that gives it.
    #[inline]
    pub(super) fn to_f32(&self) -> f32 {
        match SHORT_POWERS.get(self.fraction) {
            Some(power) if HAS_DIVISION && self.mantissa <= 1 << f32::MANTISSA_DIGITS => {
                let value = self.mantissa as f32 / power;
                if self.negative { -value } else { value }
            }
            _ => nearest::f32(self.as_str()).unwrap_or(f32::NAN),
        }
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.text).unwrap_or_default()
    }
}

/// Whether dividing floats is fast; where it is not, it is code that nothing else may need.
const HAS_DIVISION: bool = cfg!(not(target_os = "none"));

/// The powers of ten that an `f64` holds exactly and 19 digits can ask for.
const POWERS: [f64; 20] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19,
];

/// The powers of ten that an `f32` holds exactly.
const SHORT_POWERS: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::value::{Decimal as Text, Number};

    #[test]
    fn takes_the_short_way_only_where_it_is_exact() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "1.0",
            "0.1",
            "-2.5",
            "123456789.123",
            "0.10000000000000001",
            "-9007199254740993",
            "0.000000000000000001",
        ] {
            let short = decimal(text.as_bytes()).unwrap();
            let long = Number::Decimal(Text::parse(text).unwrap());
            assert_eq!(short.len, text.len());
            assert_eq!(short.to_f64().to_bits(), long.to_f64().to_bits());
            assert_eq!(short.to_f32().to_bits(), long.to_f32().to_bits());
        }
        for text in [
            "12345678901234567890.5",
            "1e5",
            "1.5e5",
            "01.5",
            "1.",
            ".5",
            "1.5.",
            "-",
        ] {
            assert!(decimal(text.as_bytes()).is_none(), "{text}");
        }
        assert!(integer(b"01").is_none());
        assert!(integer(b"1.5").is_none());
        assert!(integer(b"-").is_none());
        assert!(integer(b"10000000000000000000").is_none());
        let (short, len) = integer(b"9999999999999999999]").unwrap();
        assert_eq!(
            (short.to::<u64>(), len),
            (Some(9_999_999_999_999_999_999), 19)
        );
        assert_eq!(integer(b"-128").unwrap().0.to::<i8>(), Some(-128));
        assert_eq!(integer(b"-129").unwrap().0.to::<i8>(), None);
    }
}
