//! Keys of maps.

use core::fmt::Display;

use serde::ser::{Serialize, Serializer};

use super::{Write, compound::Compound, display::Displayed, ser::ValueWriter};
use crate::encoding::EncodeError;

/// Writes one key: text by [`Write::key`], numbers, booleans and `None` by [`Write::key_scalar`], all else by
/// [`Write::key_value`].
pub(super) struct KeyWriter<'w, W> {
    writer: &'w mut W,
}

impl<'w, W: Write> KeyWriter<'w, W> {
    pub(super) const fn new(writer: &'w mut W) -> Self {
        Self { writer }
    }

    /// The writer of a key that is no text.
    fn value(self) -> Result<ValueWriter<'w, W>, EncodeError> {
        self.writer.key_value()?;
        Ok(ValueWriter::new(self.writer))
    }
}

impl<'w, W: Write> Serializer for KeyWriter<'w, W> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'w, W>;
    type SerializeTuple = Compound<'w, W>;
    type SerializeTupleStruct = Compound<'w, W>;
    type SerializeTupleVariant = Compound<'w, W>;
    type SerializeMap = Compound<'w, W>;
    type SerializeStruct = Compound<'w, W>;
    type SerializeStructVariant = Compound<'w, W>;

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.writer.key_scalar(|writer| writer.bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        self.writer.key_scalar(|writer| writer.i64(value))
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        self.writer.key_scalar(|writer| writer.i128(value))
    }

    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), EncodeError> {
        self.writer.key_scalar(|writer| writer.u64(value))
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        self.writer.key_scalar(|writer| writer.u128(value))
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.writer.key_scalar(|writer| writer.f32(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.writer.key_scalar(|writer| writer.f64(value))
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.writer.key(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.value()?.serialize_bytes(value)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.writer.key_scalar(W::null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.value()?
            .serialize_newtype_variant(name, index, variant, value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'w, W>, EncodeError> {
        self.value()?.serialize_seq(len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'w, W>, EncodeError> {
        self.value()?.serialize_tuple(len)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        self.value()?.serialize_tuple_struct(name, len)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        self.value()?
            .serialize_tuple_variant(name, index, variant, len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'w, W>, EncodeError> {
        self.value()?.serialize_map(len)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        self.value()?.serialize_struct(name, len)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        self.value()?
            .serialize_struct_variant(name, index, variant, len)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        let mut displayed = Displayed::new();
        self.writer.key(displayed.text(value)?)
    }
}
