//! Integers of any size.

use super::{Writer, number::fill};
use crate::encoding::EncodeError;
use crate::encoding::value::DIGIT_LIMIT;

impl Writer<'_> {
    /// Writes an integer of any size, given in two's complement, the least byte first; none means 0.
    ///
    /// Fails with [`EncodeError::Unencodable`] beyond [`DIGIT_LIMIT`], where no peer would read it.
    pub fn integer_le(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut decimal = Decimal::new();
        for byte in bytes.iter().rev() {
            decimal.push(if is_negative { !byte } else { *byte })?;
        }
        if is_negative {
            decimal.add(1, 1)?;
        }
        let (first, rest) = decimal.chunks();
        let count = first.checked_ilog10().unwrap_or(0) as usize + 1;
        if count + rest.len() * CHUNK_DIGITS > usize::from(DIGIT_LIMIT) {
            return Err(EncodeError::Unencodable);
        }
        self.value()?;
        if is_negative {
            self.push(b"-")?;
        }
        self.put(count, |slots| fill(slots, first.into()))?;
        for chunk in rest.iter().rev() {
            self.put(CHUNK_DIGITS, |slots| fill(slots, (*chunk).into()))?;
        }
        Ok(())
    }
}

/// A whole number in chunks of nine decimal digits, the least first.
struct Decimal {
    chunks: [u32; CHUNKS],
    len: usize,
}

impl Decimal {
    const fn new() -> Self {
        Self {
            chunks: [0; CHUNKS],
            len: 0,
        }
    }

    /// Appends a byte at the low end.
    fn push(&mut self, byte: u8) -> Result<(), EncodeError> {
        self.add(256, byte.into())
    }

    /// Multiplies by `factor` and adds `carry`.
    fn add(&mut self, factor: u32, mut carry: u32) -> Result<(), EncodeError> {
        let used = self.chunks.get_mut(..self.len).unwrap_or_default();
        for chunk in used {
            let product = u64::from(*chunk) * u64::from(factor) + u64::from(carry);
            // Both fit: the factor is small.
            *chunk = u32::try_from(product % CHUNK).unwrap_or(0);
            carry = u32::try_from(product / CHUNK).unwrap_or(0);
        }
        if carry > 0 {
            let next = self.chunks.get_mut(self.len);
            *next.ok_or(EncodeError::Unencodable)? = carry;
            self.len += 1;
        }
        Ok(())
    }

    /// The first chunk, 0 if there is none, and the others, the least first.
    fn chunks(&self) -> (u32, &[u32]) {
        let used = self.chunks.get(..self.len).unwrap_or_default();
        match used.split_last() {
            Some((first, rest)) => (*first, rest),
            None => (0, &[]),
        }
    }
}

const CHUNK_DIGITS: usize = 9;
const CHUNK: u64 = 1_000_000_000;
const CHUNKS: usize = (DIGIT_LIMIT as usize).div_ceil(CHUNK_DIGITS);
