//! Keys of maps, written as text the way Python does it.

use core::fmt::Display;

use serde::ser::{Impossible, Serialize, Serializer};

use super::{
    ser::EncodeError,
    writer::{Full, Writer},
};

/// Writes one key: text as it is, integers, floats, booleans and `None` as their JSON between
/// quotes. Anything else is [`EncodeError::KeyNotText`].
pub(super) struct KeyWriter<'w, 'a> {
    writer: &'w mut Writer<'a>,
}

impl<'w, 'a> KeyWriter<'w, 'a> {
    pub(super) const fn new(writer: &'w mut Writer<'a>) -> Self {
        Self { writer }
    }

    fn quoted(
        self,
        content: impl FnOnce(&mut Writer<'a>) -> Result<(), Full>,
    ) -> Result<(), EncodeError> {
        self.writer.begin_key()?;
        content(self.writer)?;
        Ok(self.writer.end_key()?)
    }
}

impl Serializer for KeyWriter<'_, '_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.quoted(|writer| writer.push(if value { b"true" } else { b"false" }))
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
        self.quoted(|writer| writer.signed(value))
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        self.quoted(|writer| writer.long_signed(value))
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
        self.quoted(|writer| writer.digits(value))
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        self.quoted(|writer| writer.long_digits(value))
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.quoted(|writer| writer.short_float(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.quoted(|writer| writer.float(value))
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        Ok(self.writer.key(value)?)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.quoted(|writer| writer.push(b"null"))
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
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        Err(EncodeError::KeyNotText)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.writer.begin_key()?;
        self.writer.displayed(value)?;
        Ok(self.writer.end_key()?)
    }
}
