//! Numbers.

use super::{super::float, Writer};
use crate::framing::Full;

impl Writer<'_> {
    pub(super) fn float(&mut self, value: f64) -> Result<(), Full> {
        if value.is_finite() {
            float::write_f64(self, value)
        } else {
            self.not_finite(value.is_nan(), value < 0.0)
        }
    }

    pub(super) fn short_float(&mut self, value: f32) -> Result<(), Full> {
        if value.is_finite() {
            float::write_f32(self, value)
        } else {
            self.not_finite(value.is_nan(), value < 0.0)
        }
    }

    fn not_finite(&mut self, is_nan: bool, is_negative: bool) -> Result<(), Full> {
        self.push(match (is_nan, is_negative) {
            (true, _) => b"NaN",
            (_, true) => b"-Infinity",
            (_, false) => b"Infinity",
        })
    }

    #[inline]
    pub(super) fn signed(&mut self, value: i64) -> Result<(), Full> {
        if value < 0 {
            self.push(b"-")?;
        }
        self.digits(value.unsigned_abs())
    }

    #[inline]
    pub(in super::super) fn digits(&mut self, value: u64) -> Result<(), Full> {
        // Division of 64 bits is slow on small machines.
        if let Ok(value) = u32::try_from(value) {
            let count = value.checked_ilog10().unwrap_or(0) + 1;
            self.put(count as usize, |slots| fill_short(slots, value))
        } else {
            let count = value.checked_ilog10().unwrap_or(0) + 1;
            self.put(count as usize, |slots| fill(slots, value))
        }
    }

    pub(super) fn long_signed(&mut self, value: i128) -> Result<(), Full> {
        if value < 0 {
            self.push(b"-")?;
        }
        self.long_digits(value.unsigned_abs())
    }

    pub(super) fn long_digits(&mut self, value: u128) -> Result<(), Full> {
        if let Ok(value) = u64::try_from(value) {
            return self.digits(value);
        }
        self.long_digits(value / CHUNK)?;
        // The remainder is below 10^19, which a u64 holds.
        let last = u64::try_from(value % CHUNK).unwrap_or(0);
        self.put(CHUNK_DIGITS, |slots| fill(slots, last))
    }
}

/// Fills `slots` with the last digits of `value`, zeros in front.
pub(super) fn fill(slots: &mut [u8], mut value: u64) {
    let mut pairs = slots.rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (value % 10) as u8;
    }
}

/// [`fill`] for small values.
#[inline]
fn fill_short(slots: &mut [u8], mut value: u32) {
    let mut pairs = slots.rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (value % 10) as u8;
    }
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut tens = 0;
    while tens < 10u8 {
        let mut ones = 0;
        while ones < 10u8 {
            pairs[(tens * 10 + ones) as usize] = [b'0' + tens, b'0' + ones];
            ones += 1;
        }
        tens += 1;
    }
    pairs
};

/// Long integers are written in parts of so many digits, as many as a `u64` holds.
const CHUNK_DIGITS: usize = 19;
const CHUNK: u128 = 10_000_000_000_000_000_000;
