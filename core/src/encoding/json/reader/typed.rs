//! Values of the types that serde asks for, without a detour by their text.

use super::{
    super::{
        error::{Error, Kind, Rule},
        short::{self, Short},
    },
    Reader,
};

impl<'a> Reader<'a> {
    /// Skips white space and tells where the next value starts.
    #[inline]
    pub(in super::super) fn next_offset(&mut self) -> usize {
        self.peek_byte();
        self.offset()
    }

    /// Takes an integer, by the short way where that will do.
    #[inline]
    pub(in super::super) fn integer<T>(&mut self) -> Result<T, Error>
    where
        T: TryFrom<u64> + TryFrom<i64> + TryFrom<i128>,
    {
        self.peek_byte();
        match short::integer(self.ahead()) {
            Some((short, len)) => self.short(short, len),
            None => self.number()?.to_integer(),
        }
    }

    #[inline]
    fn short<T: TryFrom<u64> + TryFrom<i64>>(
        &mut self,
        short: Short,
        len: usize,
    ) -> Result<T, Error> {
        let value = short.to();
        let value = value.ok_or_else(|| Error::new(Rule::OutOfRange, self.offset()))?;
        self.at += len;
        Ok(value)
    }

    /// Takes an integer of up to 128 bits.
    pub(in super::super) fn i128(&mut self) -> Result<i128, Error> {
        self.number()?.to_i128()
    }

    /// Takes an integer of up to 128 bits without a sign.
    pub(in super::super) fn u128(&mut self) -> Result<u128, Error> {
        self.number()?.to_u128()
    }

    /// Takes an `f64`, by the short way where that will do.
    #[inline]
    pub(in super::super) fn f64(&mut self) -> Result<f64, Error> {
        self.peek_byte();
        match short::decimal(self.ahead()) {
            Some(decimal) => {
                let value = decimal.to_f64();
                self.at += decimal.len;
                Ok(value)
            }
            None => Ok(self.number()?.to_f64()),
        }
    }

    /// Takes an `f32`, by the short way where that will do.
    #[inline]
    pub(in super::super) fn f32(&mut self) -> Result<f32, Error> {
        self.peek_byte();
        match short::decimal(self.ahead()) {
            Some(decimal) => {
                let value = decimal.to_f32();
                self.at += decimal.len;
                Ok(value)
            }
            None => Ok(self.number()?.to_f32()),
        }
    }

    /// Leaves an object that must have no more entries.
    pub(in super::super) fn end_object(&mut self) -> Result<(), Error> {
        if self.advance(b'}')? {
            self.peek_byte();
            return Err(Error::new(Rule::InvalidLength, self.offset()));
        }
        Ok(())
    }

    /// Takes an array of integers up to 255 as bytes, packed where the array stood.
    ///
    /// A byte takes at least two in the text, so none is overwritten before it is read.
    pub(in super::super) fn bytes(&mut self) -> Result<&'a mut [u8], Error> {
        self.begin_array()?;
        let start = self.at;
        let mut end = start;
        while self.next_element()? {
            self.peek_byte();
            // Not by way of `number`, which would move the buffer.
            let Some((short, len)) = short::integer(self.ahead()) else {
                self.expect(Kind::Number)?;
                return Err(match self.number()?.to_integer::<u8>() {
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
