//! The attributes of a message: a value that must be a map.

use serde::{
    de::{Deserialize, Deserializer, Visitor},
    forward_to_deserialize_any,
    ser::{Impossible, Serialize, Serializer},
};

use super::{Kind, Read, Write, compound::Compound, de::ValueReader, ser::ValueWriter};
use crate::encoding::{DecodeError, EncodeError, Rule};

/// Writes `value` as the next value of a body, and sees to it that it is a map.
///
/// Structs and maps are written as usual, `()` and structs without fields as an empty map. Fails with
/// [`EncodeError::NotAMap`] for anything else, before writing any of it.
pub fn serialize_attributes<T: Serialize + ?Sized, W: Write>(
    writer: &mut W,
    value: &T,
) -> Result<(), EncodeError> {
    value.serialize(AttributesWriter { writer })
}

/// Reads the next value of a body, which must be a map.
///
/// `()` and structs without fields take any map. Fails with [`Rule::WrongType`] at any other
/// value, and with [`Rule::UnexpectedType`] if `T` is an enum.
pub fn deserialize_attributes<'de, T: Deserialize<'de>, R: Read<'de>>(
    reader: &mut R,
) -> Result<T, DecodeError> {
    let kind = reader.peek()?;
    let start = reader.offset();
    if kind != Kind::Map {
        let expected = Kind::Map;
        return Err(DecodeError::at(start, Rule::WrongType { expected }));
    }
    T::deserialize(AttributesReader { reader }).map_err(|error: DecodeError| error.or_at(start))
}

struct AttributesReader<'r, R> {
    reader: &'r mut R,
}

impl<'de, R: Read<'de>> Deserializer<'de> for AttributesReader<'_, R> {
    type Error = DecodeError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_map(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        let found = Kind::Map;
        Err(DecodeError::at(
            self.reader.offset(),
            Rule::UnexpectedType { found },
        ))
    }

    // A visitor that wants no map refuses it with the kind that it has found.
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq
        tuple tuple_struct map struct identifier
    }
}

struct AttributesWriter<'w, W> {
    writer: &'w mut W,
}

/// Refuses values that are no maps.
///
/// `refuse! { serialize_i8 i8 }` becomes
/// `fn serialize_i8(self, _: i8) -> Result<(), EncodeError> { Err(EncodeError::NotAMap) }`.
macro_rules! refuse {
    ($($method:ident $value:ty)*) => {$(
        fn $method(self, _: $value) -> Result<(), EncodeError> {
            Err(EncodeError::NotAMap)
        }
    )*};
}

impl<'w, W: Write> Serializer for AttributesWriter<'w, W> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Compound<'w, W>;
    type SerializeStruct = Compound<'w, W>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    refuse! {
        serialize_bool bool
        serialize_i8 i8
        serialize_i16 i16
        serialize_i32 i32
        serialize_i64 i64
        serialize_i128 i128
        serialize_u8 u8
        serialize_u16 u16
        serialize_u32 u32
        serialize_u64 u64
        serialize_u128 u128
        serialize_f32 f32
        serialize_f64 f64
        serialize_char char
        serialize_str &str
        serialize_bytes &[u8]
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Err(EncodeError::NotAMap)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        let open = self.writer.begin_map(Some(0))?;
        self.writer.end_map(open, 0)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::NotAMap)
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
        Err(EncodeError::NotAMap)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        Err(EncodeError::NotAMap)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, EncodeError> {
        Err(EncodeError::NotAMap)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        Err(EncodeError::NotAMap)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Err(EncodeError::NotAMap)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'w, W>, EncodeError> {
        ValueWriter::new(self.writer).serialize_map(len)
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Compound<'w, W>, EncodeError> {
        ValueWriter::new(self.writer).serialize_struct(name, len)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        Err(EncodeError::NotAMap)
    }

    fn collect_str<T: core::fmt::Display + ?Sized>(self, _: &T) -> Result<(), EncodeError> {
        Err(EncodeError::NotAMap)
    }
}
