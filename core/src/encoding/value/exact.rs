//! Decimals as floats in little flash: no tables, the whole number as one big integer.
//!
//! `str::parse` does the same several times faster, and takes 17 KB where this takes one. A decimal is
//! `digits * 5^e * 2^e`; the power of five is multiplied in or divided out, a few at a time, and that the quotient has a
//! remainder is all that rounding needs to know of it. Source: IEEE 754-2019, 5.12.2.

use core::num::NonZeroU32;

/// A binary floating-point format.
pub(super) struct Format {
    /// Bits of the significand, the leading one included.
    precision: i32,
    /// The smallest and the largest exponent of a leading bit.
    exponents: (i32, i32),
}

/// `f64`.
pub(super) const DOUBLE: Format = Format {
    precision: 53,
    exponents: (-1022, 1023),
};

/// `f32`.
pub(super) const SINGLE: Format = Format {
    precision: 24,
    exponents: (-126, 127),
};

/// The bits of the float that is nearest to `text`, of two the even one; `None` if `str::parse` would refuse it.
pub(super) fn parse(text: &[u8], format: &Format) -> Option<u64> {
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let infinity = format.infinity();
    let bits = if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
        infinity
    } else if text.eq_ignore_ascii_case(b"nan") {
        infinity | infinity >> 1
    } else {
        Scaled::parse(text)?.round(format)
    };
    Some(bits | u64::from(is_negative) << format.sign())
}

impl Format {
    /// The significand of a normal number takes its leading bit for the last of the exponent.
    const fn assemble(&self, exponent: i32, significand: u64) -> u64 {
        let above_least = exponent - self.exponents.0;
        ((above_least.unsigned_abs() as u64) << (self.precision - 1)) + significand
    }

    const fn infinity(&self) -> u64 {
        self.assemble(self.exponents.1 + 2, 0)
    }

    /// Where the bit of the sign is.
    const fn sign(&self) -> u32 {
        u64::BITS - self.infinity().leading_zeros()
    }
}

/// A number `big * 10^exponent`, and a little more if it `is_more`.
struct Scaled {
    big: Big,
    exponent: i32,
    /// Significant digits in `big`.
    digits: i32,
    is_more: bool,
}

impl Scaled {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut number = Self {
            big: Big::ZERO,
            exponent: 0,
            digits: 0,
            is_more: false,
        };
        let (mut has_digits, mut in_fraction) = (false, false);
        let mut rest = text;
        while let [byte, behind @ ..] = rest {
            match byte {
                b'0'..=b'9' => {
                    has_digits = true;
                    number.push(byte - b'0', in_fraction);
                }
                b'.' if !in_fraction => in_fraction = true,
                b'e' | b'E' => {
                    number.exponent = number.exponent.saturating_add(exponent(behind)?);
                    break;
                }
                _ => return None,
            }
            rest = behind;
        }
        has_digits.then_some(number)
    }

    fn push(&mut self, digit: u8, in_fraction: bool) {
        if self.digits == DIGITS {
            self.is_more |= digit > 0;
            self.exponent = self.exponent.saturating_add((!in_fraction).into());
            return;
        }
        self.digits += i32::from(digit > 0 || self.digits > 0);
        self.big.multiply(10, digit.into());
        self.exponent = self.exponent.saturating_sub(in_fraction.into());
    }

    fn round(mut self, format: &Format) -> u64 {
        let magnitude = self.exponent.saturating_add(self.digits);
        if self.digits == 0 || magnitude < LEAST_MAGNITUDE {
            return 0;
        }
        if magnitude > MOST_MAGNITUDE {
            return format.infinity();
        }
        let mut power = self.exponent;
        for _ in 0..self.exponent {
            self.big.multiply(5, 0);
        }
        if let Ok(fives @ 1..) = u32::try_from(-self.exponent) {
            // As many bits as the division takes away, and those that are wanted.
            let shift = (fives * 2323 / 1000 + 66).saturating_sub(self.big.bits());
            self.big.shift(shift);
            power -= shift.cast_signed();
            for _ in 0..fives / 6 {
                self.is_more |= self.big.divide(FIVE_TO_THE_SIXTH);
            }
            for _ in 0..fives % 6 {
                self.is_more |= self.big.divide(FIVE);
            }
        }
        let exponent = power + self.big.bits().cast_signed() - 1;
        let (top, is_more) = self.big.top();
        format.round(exponent, top, is_more | self.is_more)
    }
}

impl Format {
    /// `top` starts with the leading bit, which is worth 2 to the `exponent`.
    fn round(&self, exponent: i32, top: u64, is_more: bool) -> u64 {
        let (least, most) = self.exponents;
        if exponent > most {
            return self.infinity();
        }
        let bits = self.precision + (exponent - least).min(0);
        let Ok(drop @ ..=64) = u32::try_from(64 - bits) else {
            return 0;
        };
        let significand = top.checked_shr(drop).unwrap_or(0);
        let half = 1 << (drop - 1);
        let rest = top & (half | (half - 1));
        let is_up = rest > half || rest == half && (is_more || significand & 1 == 1);
        self.assemble(exponent.max(least), significand + u64::from(is_up))
    }
}

/// The number behind an `e`, or a larger one than any that counts.
fn exponent(text: &[u8]) -> Option<i32> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut value = 0_i32;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| i32::from(digit - b'0'))?;
        value = value.saturating_mul(10).saturating_add(digit);
    }
    let value = if is_negative { -value } else { value };
    (!digits.is_empty()).then_some(value)
}

/// A natural number, the least word first. It has room for all that [`Scaled`] makes.
struct Big {
    words: [u16; WORDS],
    /// The words in use, the last of which is not 0.
    len: usize,
}

impl Big {
    const ZERO: Self = Self {
        words: [0; WORDS],
        len: 0,
    };

    #[allow(clippy::cast_possible_truncation, reason = "at most WORDS")]
    fn bits(&self) -> u32 {
        let last = self.used().last();
        last.map_or(0, |last| {
            self.used().len() as u32 * u16::BITS - last.leading_zeros()
        })
    }

    fn used(&self) -> &[u16] {
        self.words.get(..self.len).unwrap_or_default()
    }

    fn multiply(&mut self, factor: u16, summand: u16) {
        let mut carry = u32::from(summand);
        for word in self.words.iter_mut().take(self.len) {
            carry += u32::from(*word) * u32::from(factor);
            *word = low(carry);
            carry >>= u16::BITS;
        }
        if carry > 0
            && let Some(word) = self.words.get_mut(self.len)
        {
            *word = low(carry);
            self.len += 1;
        }
    }

    /// Divides, and says whether something remains.
    fn divide(&mut self, divisor: NonZeroU32) -> bool {
        let mut rest = 0;
        for word in self.words.iter_mut().take(self.len).rev() {
            let value = rest << u16::BITS | u32::from(*word);
            *word = low(value / divisor);
            rest = value % divisor;
        }
        while let Some(0) = self.used().last() {
            self.len -= 1;
        }
        rest > 0
    }

    /// Shifts to the left.
    fn shift(&mut self, bits: u32) {
        for _ in 0..bits / 15 {
            self.multiply(1 << 15, 0);
        }
        self.multiply(1 << (bits % 15), 0);
    }

    /// The first 64 bits from the leading one on, and whether there are others than 0 behind them.
    fn top(&mut self) -> (u64, bool) {
        self.multiply(1 << (self.bits().wrapping_neg() % u16::BITS), 0);
        let mut words = self.used().iter().rev();
        let mut top = 0;
        for _ in 0..4 {
            top = top << u16::BITS | words.next().map_or(0, |word| u64::from(*word));
        }
        (top, words.any(|word| *word > 0))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
const fn low(value: u32) -> u16 {
    value as u16
}

/// How many digits can matter; whether there are others behind them is enough to know (one more than the longest
/// decimal that lies halfway between two floats has).
const DIGITS: i32 = 768;

/// Below `10^LEAST_MAGNITUDE` all is nearest to 0, from `10^MOST_MAGNITUDE` on to infinity.
const LEAST_MAGNITUDE: i32 = -324;
const MOST_MAGNITUDE: i32 = 309;

/// The longest number is one of [`DIGITS`] digits times `10^(LEAST_MAGNITUDE - DIGITS)`, before it is divided.
const WORDS: usize = 168;

const FIVE: NonZeroU32 = NonZeroU32::new(5).expect("not 0");
const FIVE_TO_THE_SIXTH: NonZeroU32 = NonZeroU32::new(15_625).expect("not 0");

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    fn assert_nearest(text: &str) {
        let double = parse(text.as_bytes(), &DOUBLE).map(f64::from_bits);
        let expected = text.parse::<f64>().ok();
        assert_eq!(double.map(key), expected.map(key), "{text}");
        let single =
            parse(text.as_bytes(), &SINGLE).map(|bits| f32::from_bits(bits.try_into().unwrap()));
        let expected = text.parse::<f32>().ok();
        assert_eq!(
            single.map(f32::to_bits),
            expected.map(f32::to_bits),
            "{text}"
        );
    }

    fn key(value: f64) -> u64 {
        value.to_bits()
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes: numbers of many digits")]
    fn the_edges_of_the_formats_are_where_they_are_for_the_standard_library() {
        for text in [
            "0",
            "-0",
            "0.0",
            "1",
            "-1.5",
            "+1",
            "1.",
            ".5",
            "0.1",
            "1e5",
            "1E-5",
            "1e+16",
            "9007199254740993",
            "9007199254740991.4999999999999999999",
            "9007199254740992.5",
            "9007199254740993.00000000000000000000000000000000000000000000000000000000001",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "4.9e-324",
            "5e-324",
            "2.5e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2e-324",
            "1e-324",
            "1e-400",
            "1e400",
            "1e99999999999",
            "1e-99999999999",
            "0e99999999999",
            "3.4028235e38",
            "3.4028236e38",
            "1.17549435e-38",
            "1e-45",
            "7e-46",
            "7.1e-46",
            "1.4e-45",
            "inf",
            "-Infinity",
            "NaN",
            "-nan",
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1.2.3",
            "0x10",
            "1_0",
            " 1",
            "1 ",
            "infinit",
            "--1",
        ] {
            assert_nearest(text);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes: numbers of many digits")]
    fn digits_beyond_those_that_matter_are_not_forgotten() {
        for text in [
            "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447573027006985557136695962284291481986083493647529271907416844436551070434271155969950809304288017790417449779",
            "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447573027006985557136695962284291481986083493647529271907416844436551070434271155969950809304288017790417449780",
        ] {
            assert_nearest(text);
        }
        for zeros in [0, 1, 300, 340, 800, 1200] {
            for digits in [1, 17, 20, 767, 768, 769, 900] {
                let zeros = "0".repeat(zeros);
                let digits = String::from(&"1234567890".repeat(90)[..digits]);
                for text in [
                    format!("0.{zeros}{digits}"),
                    format!("{digits}{zeros}"),
                    format!("{digits}.{zeros}1e-5"),
                    format!("0.{digits}{zeros}1e300"),
                ] {
                    assert_nearest(&text);
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes: numbers of many digits")]
    fn what_lies_halfway_goes_to_the_even_one() {
        // The sum of two neighbours of single precision is one of double precision, which is written out to the last.
        let step = 0x0010_0003;
        for bits in (0..0x7f80_0000_u32).step_by(step) {
            let low = f64::from(f32::from_bits(bits));
            let high = f64::from(f32::from_bits(bits + 1));
            if high.is_finite() {
                let halfway = format!("{:.1$}", low / 2.0 + high / 2.0, 160);
                assert_nearest(&halfway);
                assert_nearest(&format!("{halfway}000001"));
            }
        }
        let least = format!("{:.1074}", f64::from_bits(1));
        let half = |text: &str| -> String {
            let mut rest = 0;
            text.bytes()
                .map(|byte| match byte {
                    b'.' => '.',
                    _ => {
                        let value = rest * 10 + (byte - b'0');
                        rest = value % 2;
                        char::from(b'0' + value / 2)
                    }
                })
                .chain(['5'])
                .collect()
        };
        let halfway = half(&least);
        assert_nearest(&halfway);
        assert_nearest(&format!("{halfway}1"));
        assert_eq!(parse(halfway.as_bytes(), &DOUBLE), Some(0));
        assert_eq!(parse(format!("{halfway}1").as_bytes(), &DOUBLE), Some(1));
    }

    #[test]
    fn random_floats_are_read_as_the_standard_library_reads_them() {
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..if cfg!(miri) { 1 } else { 4_000 } {
            let value = f64::from_bits(next());
            let (mantissa, exponent) = (next() >> (next() % 64), next() % 700);
            for text in [
                format!("{value}"),
                format!("{value:e}"),
                format!("{:e}", f32::from_bits((next() >> 32).try_into().unwrap())),
                format!("{mantissa}e-{exponent}"),
                format!("{mantissa}e{exponent}"),
                format!("0.{mantissa}"),
            ] {
                assert_nearest(&text);
            }
        }
    }
}
