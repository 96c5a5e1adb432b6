//! The verbs that all writers share, by those of this one.

use super::Writer;
use crate::encoding::EncodeError;
use crate::encoding::value::{Kind, Write};
use core::fmt;

impl Write for Writer<'_> {
    /// Nothing needs to be remembered: brackets say it all.
    type Open = ();

    #[inline]
    fn written(&self) -> usize {
        self.written()
    }

    #[inline]
    fn null(&mut self) -> Result<(), EncodeError> {
        Ok(self.null()?)
    }

    #[inline]
    fn bool(&mut self, value: bool) -> Result<(), EncodeError> {
        Ok(self.bool(value)?)
    }

    #[inline]
    fn i64(&mut self, value: i64) -> Result<(), EncodeError> {
        Ok(self.i64(value)?)
    }

    #[inline]
    fn u64(&mut self, value: u64) -> Result<(), EncodeError> {
        Ok(self.u64(value)?)
    }

    fn i128(&mut self, value: i128) -> Result<(), EncodeError> {
        Ok(self.i128(value)?)
    }

    fn u128(&mut self, value: u128) -> Result<(), EncodeError> {
        Ok(self.u128(value)?)
    }

    /// Fails with [`EncodeError::Unencodable`] beyond [`DIGIT_LIMIT`](crate::encoding::value::DIGIT_LIMIT).
    fn integer_le(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.integer_le(bytes)
    }

    #[inline]
    fn f64(&mut self, value: f64) -> Result<(), EncodeError> {
        Ok(self.f64(value)?)
    }

    #[inline]
    fn f32(&mut self, value: f32) -> Result<(), EncodeError> {
        Ok(self.f32(value)?)
    }

    #[inline]
    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        Ok(self.text(text)?)
    }

    fn display(&mut self, value: &(impl fmt::Display + ?Sized)) -> Result<(), EncodeError> {
        self.display(value)
    }

    fn utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        Ok(self.utf16(units)?)
    }

    /// An array of integers.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.begin_array()?;
        for byte in bytes {
            self.u64(u64::from(*byte))?;
        }
        Ok(self.end_array()?)
    }

    fn extension(&mut self, _: i8, _: &[u8]) -> Result<(), EncodeError> {
        let kind = Kind::Extension;
        Err(EncodeError::Unsupported { kind })
    }

    #[inline]
    fn begin_array(&mut self, _: Option<usize>) -> Result<(), EncodeError> {
        Ok(self.begin_array()?)
    }

    #[inline]
    fn end_array(&mut self, (): (), _: usize) -> Result<(), EncodeError> {
        Ok(self.end_array()?)
    }

    #[inline]
    fn begin_map(&mut self, _: Option<usize>) -> Result<(), EncodeError> {
        Ok(self.begin_map()?)
    }

    #[inline(always)]
    fn key(&mut self, key: &str) -> Result<(), EncodeError> {
        Ok(self.key(key)?)
    }

    fn key_utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        Ok(self.key_utf16(units)?)
    }

    fn key_value(&mut self) -> Result<(), EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    /// What is written between quotes is the scalar's JSON.
    fn key_scalar(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.begin_key()?;
        self.is_comma_due = false;
        write(self)?;
        Ok(self.end_key()?)
    }

    #[inline]
    fn end_map(&mut self, (): (), _: usize) -> Result<(), EncodeError> {
        Ok(self.end_map()?)
    }
}
