//! The verbs that all readers share, by those of this one.

use super::Reader;
use crate::encoding::value::{Key, Kind, Number, Read, Text};
use crate::encoding::{DecodeError, Rule};

impl<'a> Read<'a> for Reader<'a> {
    const TEXT_KEYS: bool = true;
    const HAS_BYTES: bool = false;

    #[inline]
    fn peek(&mut self) -> Result<Kind, DecodeError> {
        self.peek()
    }

    #[inline]
    fn offset(&self) -> usize {
        self.offset()
    }

    #[inline]
    fn next_offset(&mut self) -> usize {
        self.peek_byte();
        self.offset()
    }

    #[inline]
    fn null(&mut self) -> Result<(), DecodeError> {
        self.null()
    }

    #[inline]
    fn bool(&mut self) -> Result<bool, DecodeError> {
        self.bool()
    }

    #[inline]
    fn number(&mut self) -> Result<Number<'a>, DecodeError> {
        self.number()
    }

    #[inline]
    fn integer<T: TryFrom<i64> + TryFrom<u64> + TryFrom<i128>>(
        &mut self,
    ) -> Result<T, DecodeError> {
        self.integer()
    }

    #[inline]
    fn f64(&mut self) -> Result<f64, DecodeError> {
        self.f64()
    }

    #[inline]
    fn f32(&mut self) -> Result<f32, DecodeError> {
        self.f32()
    }

    #[inline]
    fn text(&mut self) -> Result<Text<'a>, DecodeError> {
        self.text()
    }

    /// An array of integers up to 255.
    fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        Ok(self.bytes()?)
    }

    fn extension(&mut self) -> Result<(i8, &'a [u8]), DecodeError> {
        self.peek()?;
        let expected = Kind::Extension;
        Err(DecodeError::at(self.offset(), Rule::WrongType { expected }))
    }

    #[inline]
    fn begin_array(&mut self) -> Result<(), DecodeError> {
        self.begin_array()
    }

    #[inline]
    fn next_element(&mut self) -> Result<bool, DecodeError> {
        self.next_element()
    }

    #[inline]
    fn begin_map(&mut self) -> Result<(), DecodeError> {
        self.begin_map()
    }

    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn next_key(&mut self) -> Result<Option<Key<'a>>, DecodeError> {
        Ok(self.next_key()?.map(Key::Text))
    }

    fn skip(&mut self) -> Result<(), DecodeError> {
        self.skip()
    }
}
