//! Keys of maps: text, which may stand for what it was before it became text, and others.

use serde::{
    de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{Decimal, Kind, Number, Read, Text, de::ValueReader};
use crate::encoding::{DecodeError, Rule};

/// One key, or the name of a variant: text, or whatever Python turns into text for a key.
pub(super) struct KeyReader<'de> {
    text: Text<'de>,
    offset: usize,
}

impl<'de> KeyReader<'de> {
    #[inline]
    pub(super) const fn new(text: Text<'de>) -> Self {
        let offset = text.offset();
        Self { text, offset }
    }

    /// The key as a number; what is none is an invalid value.
    fn number(self) -> Result<Number<'de>, DecodeError> {
        let offset = self.offset;
        match Decimal::parse(self.text.into_str()?) {
            Ok(decimal) => Ok(Number::Decimal(decimal)),
            Err(_) => Err(DecodeError::at(offset, Rule::InvalidValue)),
        }
    }
}

/// Reads integers from keys, one method for each type.
///
/// `integers! { deserialize_i8 visit_i8 to_integer }` becomes
/// `fn deserialize_i8(..) { visitor.visit_i8(self.number()?.to_integer()?) }`.
macro_rules! integers {
    ($($method:ident $visit:ident $convert:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let offset = self.offset;
            let number = self.number()?.$convert();
            let value = number.map_err(|rule| DecodeError::at(offset, rule))?;
            visitor.$visit(value).map_err(|error: DecodeError| error.or_at(offset))
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let offset = self.offset;
        visitor
            .visit_borrowed_str(self.text.into_str()?)
            .map_err(|error: DecodeError| error.or_at(offset))
    }

    /// The key of a field, which may hold a lone surrogate if the field is unknown.
    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let offset = self.offset;
        match self.text.into_str() {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => visitor.visit_borrowed_bytes(NO_NAME),
        }
        .map_err(|error: DecodeError| error.or_at(offset))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    integers! {
        deserialize_i8 visit_i8 to_integer
        deserialize_i16 visit_i16 to_integer
        deserialize_i32 visit_i32 to_integer
        deserialize_i64 visit_i64 to_integer
        deserialize_i128 visit_i128 to_integer
        deserialize_u8 visit_u8 to_integer
        deserialize_u16 visit_u16 to_integer
        deserialize_u32 visit_u32 to_integer
        deserialize_u64 visit_u64 to_integer
        deserialize_u128 visit_u128 to_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let offset = self.offset;
        match self.text.into_str()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(DecodeError::at(offset, Rule::InvalidValue)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_f32(self.number()?.to_f32())
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_f64(self.number()?.to_f64())
    }

    /// `None` is written as `null`, and so is a key of this text.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.text.eq_str("null") {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.text.eq_str("null") {
            visitor.visit_unit()
        } else {
            Err(DecodeError::at(self.offset, Rule::InvalidValue))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
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
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_bytes(self.text.into_str()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    forward_to_deserialize_any! {
        char str string seq tuple tuple_struct map struct
    }
}

/// A name alone is an enum's variant without content.
impl<'de> EnumAccess<'de> for KeyReader<'de> {
    type Error = DecodeError;
    type Variant = NoContent;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, NoContent), DecodeError> {
        let offset = self.offset;
        Ok((seed.deserialize(self)?, NoContent { offset }))
    }
}

/// What follows the name of a variant without content: nothing.
pub(super) struct NoContent {
    offset: usize,
}

impl NoContent {
    const fn refuse<T>(&self) -> Result<T, DecodeError> {
        let expected = Kind::Map;
        Err(DecodeError::at(self.offset, Rule::WrongType { expected }))
    }
}

impl<'de> VariantAccess<'de> for NoContent {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, DecodeError> {
        self.refuse()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DecodeError> {
        self.refuse()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        self.refuse()
    }
}

/// A key that is no text: any value. It is the name of no field.
pub(super) struct ValueKey<'r, R> {
    reader: &'r mut R,
}

impl<'r, R> ValueKey<'r, R> {
    pub(super) const fn new(reader: &'r mut R) -> Self {
        Self { reader }
    }
}

/// Reads keys as values are read, one method for each type.
///
/// `as_values! { deserialize_i8 }` becomes
/// `fn deserialize_i8(self, visitor) { ValueReader::new(self.reader).deserialize_i8(visitor) }`.
macro_rules! as_values {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            ValueReader::new(self.reader).$method(visitor)
        }
    )*};
}

impl<'de, R: Read<'de>> Deserializer<'de> for ValueKey<'_, R> {
    type Error = DecodeError;

    as_values! {
        deserialize_any deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_seq deserialize_map deserialize_ignored_any
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let offset = self.reader.next_offset();
        self.reader.skip()?;
        visitor
            .visit_borrowed_bytes(NO_NAME)
            .map_err(|error: DecodeError| error.or_at(offset))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_enum(name, variants, visitor)
    }
}

/// What a key that is no `str` is taken for: the name of no field.
const NO_NAME: &[u8] = b"\xed";
