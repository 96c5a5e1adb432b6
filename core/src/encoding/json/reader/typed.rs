//! Values of the types that serde asks for, without a detour by their text.

use super::{
    super::short::{self, Short},
    Reader,
};
use crate::encoding::value::Kind;
use crate::encoding::{DecodeError, Rule};

impl<'a> Reader<'a> {
    /// Skips white space and tells where the next value starts.
    #[inline]
    pub(in super::super) fn next_offset(&mut self) -> usize {
        self.peek_byte();
        self.offset()
    }

    /// Takes an integer, by the short way where that will do.
    #[inline]
    pub(in super::super) fn integer<T>(&mut self) -> Result<T, DecodeError>
    where
        T: TryFrom<u64> + TryFrom<i64> + TryFrom<i128>,
    {
        self.peek_byte();
        match short::integer(self.ahead()) {
            Some((short, len)) => self.short(short, len),
            None => self.long_integer(),
        }
    }

    fn long_integer<T>(&mut self) -> Result<T, DecodeError>
    where
        T: TryFrom<u64> + TryFrom<i64> + TryFrom<i128>,
    {
        let start = self.next_offset();
        let value = self.decimal()?.to_i128();
        value
            .and_then(|value| T::try_from(value).map_err(|_| Rule::OutOfRange))
            .map_err(|rule| DecodeError::at(start, rule))
    }

    #[inline]
    fn short<T: TryFrom<u64> + TryFrom<i64>>(
        &mut self,
        short: Short,
        len: usize,
    ) -> Result<T, DecodeError> {
        let value = short.to();
        let value = value.ok_or_else(|| DecodeError::at(self.offset(), Rule::OutOfRange))?;
        self.at += len;
        Ok(value)
    }

    /// Takes an `f64`, by the short way where that will do.
    #[inline]
    pub(in super::super) fn f64(&mut self) -> Result<f64, DecodeError> {
        self.peek_byte();
        match short::decimal(self.ahead()) {
            Some(decimal) => {
                let value = decimal.to_f64();
                self.at += decimal.len;
                Ok(value)
            }
            None => Ok(self.decimal()?.to_f64()),
        }
    }

    /// Takes an `f32`, by the short way where that will do.
    #[inline]
    pub(in super::super) fn f32(&mut self) -> Result<f32, DecodeError> {
        self.peek_byte();
        match short::decimal(self.ahead()) {
            Some(decimal) => {
                let value = decimal.to_f32();
                self.at += decimal.len;
                Ok(value)
            }
            None => Ok(self.decimal()?.to_f32()),
        }
    }

    /// Takes an array of integers up to 255 as bytes, packed where the array stood.
    ///
    /// A byte takes at least two in the text, so none is overwritten before it is read.
    pub(in super::super) fn bytes(&mut self) -> Result<&'a mut [u8], DecodeError> {
        self.begin_array()?;
        let start = self.at;
        let mut end = start;
        while self.next_element()? {
            self.peek_byte();
            // Not by way of `number`, which would move the buffer.
            let Some((short, len)) = short::integer(self.ahead()) else {
                self.expect(Kind::Number)?;
                return Err(match self.long_integer::<u8>() {
                    Ok(_) => self.unexpected(),
                    Err(error) => error,
                });
            };
            let byte = self.short(short, len)?;
            if let Some(slot) = self.buf.get_mut(end) {
                *slot = byte;
            }
            end += 1;
        }
        let taken = self.split_off(start, self.at);
        Ok(taken.get_mut(..end - start).unwrap_or_default())
    }
}
