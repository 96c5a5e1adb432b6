use super::Decimal;
use crate::encoding::Rule;
use core::fmt;

/// A number that stays as it was sent until a type asks for it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Number<'a> {
    /// An integer.
    Unsigned(u64),
    /// An integer below zero.
    Signed(i64),
    /// An integer of any size in two's complement, the least byte first; none means 0.
    Little(&'a [u8]),
    /// A float.
    Float(f64),
    /// A number in decimal, integer or not.
    Decimal(Decimal<'a>),
}

impl Number<'_> {
    /// Whether it is an integer by its form: `1.0` is none.
    pub const fn is_integer(&self) -> bool {
        match self {
            Self::Unsigned(_) | Self::Signed(_) | Self::Little(_) => true,
            Self::Float(_) => false,
            Self::Decimal(decimal) => decimal.is_integer(),
        }
    }

    /// The integer, if it is one and fits.
    #[inline]
    pub fn to_integer<T: TryFrom<i64> + TryFrom<u64> + TryFrom<i128>>(self) -> Result<T, Rule> {
        match self {
            Self::Unsigned(value) => T::try_from(value).map_err(|_| Rule::OutOfRange),
            Self::Signed(value) => T::try_from(value).map_err(|_| Rule::OutOfRange),
            Self::Little(bytes) => {
                let value = little(bytes).ok_or(Rule::OutOfRange)?;
                T::try_from(value).map_err(|_| Rule::OutOfRange)
            }
            Self::Float(_) => Err(Rule::NotAnInteger),
            Self::Decimal(decimal) => T::try_from(decimal.to_i128()?).map_err(|_| Rule::OutOfRange),
        }
    }

    /// The integer, if it is one and fits: what [`to_integer`](Self::to_integer) is for all other types.
    pub fn to_u128(self) -> Result<u128, Rule> {
        match self {
            Self::Little(bytes) => match bytes.split_first_chunk() {
                Some((low, rest)) if rest.iter().all(|byte| *byte == 0) && !rest.is_empty() => {
                    Ok(u128::from_le_bytes(*low))
                }
                _ => self
                    .to_integer::<i128>()?
                    .try_into()
                    .map_err(|_| Rule::OutOfRange),
            },
            Self::Decimal(decimal) => decimal.to_u128(),
            _ => self
                .to_integer::<i128>()?
                .try_into()
                .map_err(|_| Rule::OutOfRange),
        }
    }

    /// The nearest float; an integer beyond all floats is infinite.
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Unsigned(value) => value as f64,
            Self::Signed(value) => value as f64,
            Self::Little(bytes) => little_to_f64(bytes),
            Self::Float(value) => value,
            Self::Decimal(decimal) => decimal.to_f64(),
        }
    }

    /// The nearest float of single precision.
    #[expect(clippy::cast_possible_truncation, reason = "to the nearest")]
    pub fn to_f32(self) -> f32 {
        match self {
            Self::Unsigned(value) => value as f32,
            Self::Signed(value) => value as f32,
            Self::Little(bytes) => little_to_f32(bytes),
            Self::Float(value) => value as f32,
            Self::Decimal(decimal) => decimal.to_f32(),
        }
    }
}

/// An integer in two's complement, the least byte first, if it fits.
fn little(bytes: &[u8]) -> Option<i128> {
    let sign = match bytes.last() {
        Some(last) if last & 0x80 != 0 => 0xff,
        _ => 0,
    };
    let mut value = [sign; 16];
    for (index, byte) in bytes.iter().enumerate() {
        match value.get_mut(index) {
            Some(slot) => *slot = *byte,
            None if *byte != sign => return None,
            None => {}
        }
    }
    let value = i128::from_le_bytes(value);
    ((value < 0) == (sign != 0)).then_some(value)
}

/// The nearest float to an integer in two's complement, the least byte first.
pub(in crate::encoding) fn little_to_f64(bytes: &[u8]) -> f64 {
    let (value, exponent) = upper(bytes);
    // A power of two by its exponent; the product overflows to infinity where it has to.
    match u64::try_from(exponent) {
        Ok(exponent @ ..1024) => value as f64 * f64::from_bits((1023 + exponent) << 52),
        _ if value < 0 => f64::NEG_INFINITY,
        _ => f64::INFINITY,
    }
}

/// The nearest float of single precision, rounded once.
pub(in crate::encoding) fn little_to_f32(bytes: &[u8]) -> f32 {
    let (value, exponent) = upper(bytes);
    match u32::try_from(exponent) {
        Ok(exponent @ ..128) => value as f32 * f32::from_bits((127 + exponent) << 23),
        _ if value < 0 => f32::NEG_INFINITY,
        _ => f32::INFINITY,
    }
}

/// The upper bits of an integer, more than a float has, and how many bits lie below; those show in the last bit alone.
fn upper(bytes: &[u8]) -> (i128, usize) {
    if let Some(value) = little(bytes) {
        return (value, 0);
    }
    let sign = match bytes.last() {
        Some(last) if last & 0x80 != 0 => 0xff,
        _ => 0,
    };
    let len = bytes.iter().rposition(|byte| *byte != sign).unwrap_or(0) + 1;
    // One byte is left for the sign.
    let least = bytes.get(..len).unwrap_or(bytes);
    let halves = least.split_at_checked(len.saturating_sub(15));
    let (low, high) = halves.unwrap_or((&[], least));
    let mut value = [sign; 16];
    for (slot, byte) in value.iter_mut().zip(high) {
        *slot = *byte;
    }
    let is_rounded = low.iter().any(|byte| *byte != 0);
    let value = i128::from_le_bytes(value) | i128::from(is_rounded);
    (value, low.len() * 8)
}

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Little(bytes) => match little(bytes) {
                Some(value) => value.fmt(f),
                None => write!(f, "an integer of {} bytes", bytes.len()),
            },
            Self::Float(value) => value.fmt(f),
            Self::Decimal(decimal) => decimal.fmt(f),
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Number<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A power of two to the last bit, which an interpreter's `powi` is not.
    fn two_to(exponent: u64) -> f64 {
        f64::from_bits((1023 + exponent) << 52)
    }

    #[test]
    fn integers_of_any_size_become_the_nearest_float() {
        let float = |bytes: &[u8]| Number::Little(bytes).to_f64();
        let power = |bytes: usize| {
            let mut little = std::vec![0; bytes + 1];
            little[bytes] = 1;
            little
        };
        assert_eq!(float(&[]), 0.0);
        assert_eq!(float(&[0xff]), -1.0);
        assert_eq!(float(&power(16)), two_to(128));
        assert_eq!(float(&power(127)), two_to(1016));
        assert_eq!(float(&power(128)), f64::INFINITY);
        let mut negative = std::vec![0; 20];
        negative[19] = 0x80;
        assert_eq!(float(&negative), -(two_to(159)));
        negative.resize(300, 0xff);
        assert_eq!(float(&negative), -(two_to(159)));
        negative[299] = 0x80;
        assert_eq!(float(&negative), f64::NEG_INFINITY);
        // Halfway between two floats, and a little more: only the last bit tells.
        let mut halfway = power(20);
        halfway[13] = 0x08;
        assert_eq!(float(&halfway), two_to(160));
        halfway[0] = 1;
        assert_eq!(float(&halfway), two_to(160) + two_to(108));
    }

    #[test]
    fn integers_of_any_size_are_rounded_to_single_precision_once() {
        let float = |bytes: &[u8]| Number::Little(bytes).to_f32();
        // Halfway between two floats, and so little more that it is lost on the way to double precision.
        let mut bytes = [0; 17];
        for top in 9..17 {
            bytes.fill(0);
            bytes[top - 1] = 1;
            bytes[top - 4] = 1;
            let halfway = float(&bytes[..=top - 1]);
            bytes[0] = 1;
            let more = float(&bytes[..=top - 1]);
            assert_eq!(halfway.to_bits() + 1, more.to_bits(), "{top} bytes");
            let negative = bytes.map(|byte| !byte);
            assert_eq!(float(&negative), -more, "{top} bytes");
        }
        assert_eq!(float(&[0xff; 30]), -1.0);
        assert_eq!(float(&[&[0; 40][..], &[0x80]].concat()), f32::NEG_INFINITY);
        let mut most = [0xff; 17];
        most[16] = 0;
        assert_eq!(float(&most), f32::INFINITY);
        most[..14].fill(0);
        assert!(float(&most).is_finite());
        most[12..14].copy_from_slice(&[0x7f, 0xff]);
        assert_eq!(float(&most), f32::MAX);
        most[12] = 0x80;
        assert_eq!(float(&most), f32::INFINITY);
    }

    #[test]
    fn unsigned_integers_fit_to_the_last_bit() {
        let mut bytes = [0xff; 17];
        assert_eq!(Number::Little(&bytes).to_u128(), Err(Rule::OutOfRange));
        bytes[16] = 0;
        assert_eq!(Number::Little(&bytes).to_u128(), Ok(u128::MAX));
        assert_eq!(Number::Little(&bytes[15..]).to_u128(), Ok(0xff));
        assert_eq!(Number::Signed(-1).to_u128(), Err(Rule::OutOfRange));
        assert_eq!(Number::Float(1.0).to_u128(), Err(Rule::NotAnInteger));
    }
}
