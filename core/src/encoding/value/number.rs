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
}

impl Number<'_> {
    /// Whether it is an integer by its form: `1.0` is none.
    pub const fn is_integer(&self) -> bool {
        !matches!(self, Self::Float(_))
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
        }
    }

    /// The nearest float; an integer beyond all floats is infinite.
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Unsigned(value) => value as f64,
            Self::Signed(value) => value as f64,
            Self::Little(bytes) => little(bytes).map_or(f64::NAN, |value| value as f64),
            Self::Float(value) => value,
        }
    }

    /// The nearest float of single precision.
    pub fn to_f32(self) -> f32 {
        match self {
            Self::Unsigned(value) => value as f32,
            Self::Signed(value) => value as f32,
            _ => self.to_f64() as f32,
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
        }
    }
}
