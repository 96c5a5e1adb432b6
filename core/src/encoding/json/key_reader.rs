//! Keys of objects, read back as what they were before they became text.

use serde::{
    de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{
    error::{Error, Kind, Rule},
    number::Number,
    text::Text,
};

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
    fn number(self) -> Result<Number<'de>, Error> {
        let offset = self.offset;
        Number::parse(self.text.into_str()?).map_err(|_| Error::new(Rule::InvalidValue, offset))
    }
}

/// Reads integers from keys, one method for each type.
///
/// `integers! { deserialize_i8 visit_i8 to_integer }` becomes
/// `fn deserialize_i8(..) { visitor.visit_i8(self.number()?.to_integer()?) }`.
macro_rules! integers {
    ($($method:ident $visit:ident $convert:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let offset = self.offset;
            self.number()
                .and_then(|number| number.$convert())
                .and_then(|value| visitor.$visit(value))
                .map_err(|error| Error::new(error.rule, offset))
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let offset = self.offset;
        visitor
            .visit_borrowed_str(self.text.into_str()?)
            .map_err(|error: Error| error.or_at(offset))
    }

    /// The key of a field, which may hold a lone surrogate if the field is unknown.
    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let offset = self.offset;
        match self.text.into_str() {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => visitor.visit_borrowed_bytes(NO_NAME),
        }
        .map_err(|error: Error| error.or_at(offset))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    integers! {
        deserialize_i8 visit_i8 to_integer
        deserialize_i16 visit_i16 to_integer
        deserialize_i32 visit_i32 to_integer
        deserialize_i64 visit_i64 to_integer
        deserialize_i128 visit_i128 to_i128
        deserialize_u8 visit_u8 to_integer
        deserialize_u16 visit_u16 to_integer
        deserialize_u32 visit_u32 to_integer
        deserialize_u64 visit_u64 to_integer
        deserialize_u128 visit_u128 to_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let offset = self.offset;
        match self.text.into_str()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error::new(Rule::InvalidValue, offset)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f32(self.number()?.to_f32())
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.number()?.to_f64())
    }

    /// `None` is written as `null`, and so is a key of this text.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.text.eq_str("null") {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.text.eq_str("null") {
            visitor.visit_unit()
        } else {
            Err(Error::new(Rule::InvalidValue, self.offset))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
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
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.text.into_str()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    forward_to_deserialize_any! {
        char str string seq tuple tuple_struct map struct
    }
}

/// A name alone is an enum's variant without content.
impl<'de> EnumAccess<'de> for KeyReader<'de> {
    type Error = Error;
    type Variant = NoContent;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, NoContent), Error> {
        let offset = self.offset;
        Ok((seed.deserialize(self)?, NoContent { offset }))
    }
}

/// What follows the name of a variant without content: nothing.
pub(super) struct NoContent {
    offset: usize,
}

impl NoContent {
    const fn refuse<T>(&self) -> Result<T, Error> {
        let expected = Kind::Object;
        Err(Error::new(Rule::WrongType { expected }, self.offset))
    }
}

impl<'de> VariantAccess<'de> for NoContent {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Error> {
        self.refuse()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        self.refuse()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.refuse()
    }
}

/// What a key that is no `str` is taken for: the name of no field.
const NO_NAME: &[u8] = b"\xed";
