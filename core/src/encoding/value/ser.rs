//! Values of any serde type, written.

use core::fmt;

use serde::ser::{Serialize, Serializer};

use super::{
    Write,
    compound::{Compound, Shape},
};
use crate::encoding::EncodeError;

/// Writes `value` as the next value of a body.
///
/// Structs and maps become maps, sequences arrays, tuples lists of fixed length where the encoding has them, `None`
/// and units nothing. An enum's variant without content is its name, with content a map of one entry.
pub fn serialize_into<T: Serialize + ?Sized, W: Write>(
    writer: &mut W,
    value: &T,
) -> Result<(), EncodeError> {
    value.serialize(ValueWriter::new(writer))
}

/// The place of the next value of a body, for serde.
pub(super) struct ValueWriter<'w, W> {
    writer: &'w mut W,
}

impl<'w, W> ValueWriter<'w, W> {
    #[inline]
    pub(super) const fn new(writer: &'w mut W) -> Self {
        Self { writer }
    }
}

impl<'w, W: Write> Serializer for ValueWriter<'w, W> {
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
        self.writer.bool(value)
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        self.writer.i64(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        self.writer.i128(value)
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), EncodeError> {
        self.writer.u64(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        self.writer.u128(value)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.writer.f32(value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.writer.f64(value)
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.writer.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.writer.bytes(value)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.writer.null()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.writer.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.writer.null()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.writer.text(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let open = self.begin_variant(variant)?;
        value.serialize(ValueWriter::new(self.writer))?;
        self.writer.end_map(open, 1)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'w, W>, EncodeError> {
        let open = self.writer.begin_array(len)?;
        Ok(Compound::new(self.writer, Shape::Array, open))
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'w, W>, EncodeError> {
        let open = self.writer.begin_tuple(len)?;
        Ok(Compound::new(self.writer, Shape::Tuple, open))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        let outer = self.begin_variant(variant)?;
        let open = self.writer.begin_tuple(len)?;
        Ok(Compound::new(self.writer, Shape::VariantTuple(outer), open))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'w, W>, EncodeError> {
        let open = self.writer.begin_map(len)?;
        Ok(Compound::new(self.writer, Shape::Map, open))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Compound<'w, W>, EncodeError> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        let outer = self.begin_variant(variant)?;
        let open = self.writer.begin_map(Some(len))?;
        Ok(Compound::new(self.writer, Shape::VariantMap(outer), open))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.writer.display(value)
    }
}

impl<W: Write> ValueWriter<'_, W> {
    /// Opens the map of one entry that a variant with content is.
    fn begin_variant(&mut self, variant: &str) -> Result<W::Open, EncodeError> {
        let open = self.writer.begin_map(Some(1))?;
        self.writer.key(variant)?;
        Ok(open)
    }
}
