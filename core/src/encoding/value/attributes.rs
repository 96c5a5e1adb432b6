//! The attributes of a message: a value that must be a map.

use serde::{
    de::{Deserialize, Deserializer, Visitor},
    forward_to_deserialize_any,
    ser::{Impossible, Serialize, Serializer},
};

use super::{
    Kind, Read, Write, compound::Compound, de::ValueReader, ser::ValueWriter, serializers::refuse,
};
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

    refuse! { EncodeError::NotAMap }

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

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
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
}
