//! The attributes of a message: a value that must be an object.

use serde::{
    de::{Deserialize, Deserializer, Visitor},
    forward_to_deserialize_any,
    ser::{Impossible, Serialize, Serializer},
};

use super::{
    compound::Compound,
    error::{Error, Kind, Rule},
    reader::Reader,
    ser::EncodeError,
    writer::Writer,
};

/// Writes `value` as the next value of a text, and sees to it that it is an object.
///
/// Structs and maps are written as usual, `()` and structs without fields as `{}`. Fails with
/// [`EncodeError::NotAnObject`] for anything else, before writing any of it.
pub fn serialize_attributes<T: Serialize + ?Sized>(
    writer: &mut Writer<'_>,
    value: &T,
) -> Result<(), EncodeError> {
    value.serialize(AttributesWriter { writer })
}

/// Reads the next value of a text, which must be an object.
///
/// `()` and structs without fields take any object. Fails with [`Rule::WrongType`] at any other
/// value, and with [`Rule::UnexpectedType`] if `T` is an enum.
pub fn deserialize_attributes<'a, T: Deserialize<'a>>(reader: &mut Reader<'a>) -> Result<T, Error> {
    let kind = reader.peek()?;
    let start = reader.offset();
    if kind != Kind::Object {
        let expected = Kind::Object;
        return Err(Error::new(Rule::WrongType { expected }, start));
    }
    T::deserialize(AttributesReader { reader }).map_err(|error: Error| error.or_at(start))
}

struct AttributesReader<'r, 'de> {
    reader: &'r mut Reader<'de>,
}

impl<'de> Deserializer<'de> for AttributesReader<'_, 'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.reader.deserialize_map(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        let found = Kind::Object;
        Err(Error::new(
            Rule::UnexpectedType { found },
            self.reader.offset(),
        ))
    }

    // A visitor that wants no map refuses it with the kind that it has found.
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq
        tuple tuple_struct map struct identifier
    }
}

struct AttributesWriter<'w, 'a> {
    writer: &'w mut Writer<'a>,
}

/// Refuses values that are no objects.
///
/// `refuse! { serialize_i8 i8 }` becomes
/// `fn serialize_i8(self, _: i8) -> Result<(), EncodeError> { Err(EncodeError::NotAnObject) }`.
macro_rules! refuse {
    ($($method:ident $value:ty)*) => {$(
        fn $method(self, _: $value) -> Result<(), EncodeError> {
            Err(EncodeError::NotAnObject)
        }
    )*};
}

impl<'w, 'a> Serializer for AttributesWriter<'w, 'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Compound<'w, 'a>;
    type SerializeStruct = Compound<'w, 'a>;
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
        Err(EncodeError::NotAnObject)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.writer.begin_object()?;
        Ok(self.writer.end_object()?)
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
        Err(EncodeError::NotAnObject)
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
        Err(EncodeError::NotAnObject)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        Err(EncodeError::NotAnObject)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, EncodeError> {
        Err(EncodeError::NotAnObject)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        Err(EncodeError::NotAnObject)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Err(EncodeError::NotAnObject)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'w, 'a>, EncodeError> {
        self.writer.serialize_map(len)
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Compound<'w, 'a>, EncodeError> {
        self.writer.serialize_struct(name, len)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        Err(EncodeError::NotAnObject)
    }

    fn collect_str<T: core::fmt::Display + ?Sized>(self, _: &T) -> Result<(), EncodeError> {
        Err(EncodeError::NotAnObject)
    }
}
