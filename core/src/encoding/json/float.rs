//! Floats as Python's `repr` lays them out.

use super::Writer;
use crate::framing::Full;

/// Writes the shortest digits that read back as `value`, which must be finite.
///
/// Fixed form from 1e-4 up to 1e16, always with a fraction; else one digit before the point and an
/// exponent with its sign and at least two digits (`float_repr_style` "short", Python's
/// `Python/pystrtod.c`).
#[inline]
pub(super) fn write_f64(writer: &mut Writer<'_>, value: f64) -> Result<(), Full> {
    write(
        writer,
        value,
        value == 0.0 || (1e-4..1e16).contains(&value.abs()),
    )
}

/// [`write_f64`] for fewer digits, which come in the fixed form up to 1e12 only.
#[inline]
pub(super) fn write_f32(writer: &mut Writer<'_>, value: f32) -> Result<(), Full> {
    write(
        writer,
        value,
        value == 0.0 || (1e-4..1e12).contains(&value.abs()),
    )
}

/// Writes a float; `is_fixed` says that it is in the range of the fixed form.
#[inline]
fn write(writer: &mut Writer<'_>, value: impl zmij::Float, is_fixed: bool) -> Result<(), Full> {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    if is_fixed {
        // In this range the digits come laid out as Python does it.
        writer.push(text)
    } else {
        Decimal::parse(text).write(writer)
    }
}

/// `0.d1 d2 d3... * 10^point`, where d1 is not 0 unless it is the only digit.
struct Decimal {
    negative: bool,
    digits: [u8; 24],
    count: usize,
    point: isize,
}

impl Decimal {
    /// Takes a decimal apart, whichever form it is in.
    fn parse(text: &[u8]) -> Self {
        let mut decimal = Self {
            negative: false,
            digits: [b'0'; 24],
            count: 0,
            point: 0,
        };
        let mut seen_point = false;
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'-' => decimal.negative = true,
                b'.' => seen_point = true,
                b'e' => {
                    decimal.point += exponent(bytes.as_slice());
                    break;
                }
                b'0' if decimal.count == 0 => decimal.point -= isize::from(seen_point),
                digit => {
                    if let Some(slot) = decimal.digits.get_mut(decimal.count) {
                        *slot = *digit;
                        decimal.count += 1;
                    }
                    decimal.point += isize::from(!seen_point);
                }
            }
        }
        while decimal.count > 1 && decimal.digits().last() == Some(&b'0') {
            decimal.count -= 1;
        }
        decimal
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        if self.negative {
            writer.push(b"-")?;
        }
        let digits = self.digits();
        match usize::try_from(self.point) {
            Ok(whole @ 1..=FIXED_END) => match digits.split_at_checked(whole) {
                Some((digits, [])) => {
                    writer.push(digits)?;
                    writer.push(b".0")
                }
                Some((whole, fraction)) => {
                    writer.push(whole)?;
                    writer.push(b".")?;
                    writer.push(fraction)
                }
                None => {
                    writer.push(digits)?;
                    for _ in digits.len()..whole {
                        writer.push(b"0")?;
                    }
                    writer.push(b".0")
                }
            },
            _ if matches!(self.point, -3..=0) => {
                writer.push(b"0.")?;
                for _ in self.point..0 {
                    writer.push(b"0")?;
                }
                writer.push(digits)
            }
            _ => self.write_exponent(writer),
        }
    }

    fn write_exponent(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        if let Some((first, rest)) = self.digits().split_first() {
            writer.push(&[*first])?;
            if !rest.is_empty() {
                writer.push(b".")?;
                writer.push(rest)?;
            }
        }
        let exponent = self.point - 1;
        writer.push(if exponent < 0 { b"e-" } else { b"e+" })?;
        let exponent = exponent.unsigned_abs();
        if exponent < 10 {
            writer.push(b"0")?;
        }
        writer.digits(exponent as u64)
    }
}

/// The value of an exponent such as `16`, `+16` or `-5`.
fn exponent(text: &[u8]) -> isize {
    let mut value = 0;
    for digit in text.iter().filter(|byte| byte.is_ascii_digit()) {
        value = value * 10 + isize::from(digit - b'0');
    }
    if text.first() == Some(&b'-') {
        -value
    } else {
        value
    }
}

/// So many digits before the point are still written out; more take the exponent form.
const FIXED_END: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::{Style, Writer, from_slice};
    use crate::encoding::value::{Decimal, Number};
    use std::{println, string::String};

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
        let mut out = [0; 64];
        let mut writer = Writer::new(&mut out, Style::Ascii);
        write(&mut writer);
        String::from_utf8(writer.as_bytes().into()).unwrap()
    }

    #[test]
    fn lays_floats_out_as_python_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (100.0, "100.0"),
            (1e15, "1000000000000000.0"),
            (9007199254740993.0, "9007199254740992.0"),
            (9999999999999998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (12345678901234567.0, "1.2345678901234568e+16"),
            (1e22, "1e+22"),
            (1.5e300, "1.5e+300"),
            (1e300, "1e+300"),
            (1e-300, "1e-300"),
            (1e-4, "0.0001"),
            (0.00012345, "0.00012345"),
            (1e-5, "1e-05"),
            (-1.25e-5, "-1.25e-05"),
            (1e-10, "1e-10"),
            (123456789.123, "123456789.123"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(|writer| writer.f64(value).unwrap()), text);
        }
    }

    #[test]
    fn writes_the_shortest_digits_of_f32() {
        for (value, text) in [
            (0.1f32, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (16777216.0, "16777216.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (f32::MAX, "3.4028235e+38"),
            (1e-45, "1e-45"),
            (f32::NAN, "NaN"),
        ] {
            assert_eq!(written(|writer| writer.f32(value).unwrap()), text);
        }
    }

    /// An interpreter takes its time.
    const ROUNDS: u32 = if cfg!(miri) { 30 } else { 20_000 };

    #[test]
    fn random_f32_survive_the_round_trip() {
        let seed = 0x2545_f491u32;
        println!("seed {seed:#x}");
        let mut state = seed;
        for _ in 0..ROUNDS {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let value = f32::from_bits(state);
            if value.is_finite() {
                let text = written(|writer| writer.f32(value).unwrap());
                let typed: f32 = from_slice(&mut text.clone().into_bytes()).unwrap();
                assert_eq!(typed.to_bits(), value.to_bits(), "{text}");
                assert_eq!(
                    Number::Decimal(Decimal::parse(&text).unwrap()).to_f32(),
                    value,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn random_floats_survive_the_round_trip() {
        let seed = 0x9e37_79b9_7f4a_7c15u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        for round in 0..ROUNDS {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let value = match round % 3 {
                0 => f64::from_bits(state),
                1 => (state >> 40) as f64 / 1000.0,
                _ => (state >> 11) as f64 / (1u64 << 53) as f64,
            };
            let text = written(|writer| writer.f64(value).unwrap());
            let number = Number::Decimal(Decimal::parse(&text).unwrap());
            assert!(!number.is_integer());
            if value.is_finite() {
                assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
                assert_eq!(number.to_f64().to_bits(), value.to_bits(), "{text}");
                let typed: f64 = from_slice(&mut text.clone().into_bytes()).unwrap();
                assert_eq!(typed.to_bits(), value.to_bits(), "{text}");
            }
        }
    }
}
