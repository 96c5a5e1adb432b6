//! Values of any serde type, read.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::{
    error::{Error, Kind, Rule},
    key_reader::KeyReader,
    reader::Reader,
};

/// Reads `text`, which must be one value and white space, into a value of type `T`.
///
/// The value may borrow its strings from `text`, where they are unescaped in place. It is written
/// as [`to_slice`](super::to_slice) says. Unknown fields are skipped, integers are floats where
/// floats are wanted, and a struct is an object, never an array.
pub fn from_slice<'a, T: Deserialize<'a>>(text: &'a mut [u8]) -> Result<T, Error> {
    let mut reader = Reader::new(text);
    let value = deserialize_from(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Reads the next value of a text that is being read; see [`from_slice`].
///
/// As `T::deserialize(reader)`, but an error that `T` itself raised gets its place.
pub fn deserialize_from<'a, T: Deserialize<'a>>(reader: &mut Reader<'a>) -> Result<T, Error> {
    reader.peek()?;
    let start = reader.offset();
    T::deserialize(reader).map_err(|error: Error| error.or_at(start))
}

/// Reads numbers of each type.
///
/// `numbers! { deserialize_i8 integer visit_i8 }` becomes
/// `fn deserialize_i8(..) { visitor.visit_i8(self.integer()?) }`, with the place of errors.
macro_rules! numbers {
    ($($method:ident $take:ident $visit:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let start = self.next_offset();
            let value = self.$take()?;
            visitor.$visit(value).map_err(|error: Error| error.or_at(start))
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek()? {
            Kind::Null => self.deserialize_unit(visitor),
            Kind::Bool => self.deserialize_bool(visitor),
            Kind::Text => self.deserialize_str(visitor),
            Kind::Array => self.deserialize_seq(visitor),
            Kind::Object => self.deserialize_map(visitor),
            Kind::Number => {
                let start = self.next_offset();
                let number = self.number()?;
                if !number.is_integer() {
                    visitor.visit_f64(number.to_f64())
                } else if let Ok(value) = number.to_i64() {
                    visitor.visit_i64(value)
                } else if let Ok(value) = number.to_u64() {
                    visitor.visit_u64(value)
                } else {
                    visitor.visit_i128(number.to_i128()?)
                }
                .map_err(|error: Error| error.or_at(start))
            }
        }
    }

    numbers! {
        deserialize_bool bool visit_bool
        deserialize_i8 integer visit_i8
        deserialize_i16 integer visit_i16
        deserialize_i32 integer visit_i32
        deserialize_i64 integer visit_i64
        deserialize_i128 i128 visit_i128
        deserialize_u8 integer visit_u8
        deserialize_u16 integer visit_u16
        deserialize_u32 integer visit_u32
        deserialize_u64 integer visit_u64
        deserialize_u128 u128 visit_u128
        deserialize_f32 f32 visit_f32
        deserialize_f64 f64 visit_f64
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text()?;
        let start = text.offset();
        visitor
            .visit_borrowed_str(text.into_str()?)
            .map_err(|error: Error| error.or_at(start))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    /// An array of integers up to 255.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let start = self.next_offset();
        visitor
            .visit_borrowed_bytes(self.bytes()?)
            .map_err(|error: Error| error.or_at(start))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek()? == Kind::Null {
            self.null()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let start = self.next_offset();
        self.null()?;
        visitor
            .visit_unit()
            .map_err(|error: Error| error.or_at(start))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.begin_array()?;
        let start = self.offset() - 1;
        let mut entries = Entries::new(self);
        let value = visitor.visit_seq(&mut entries);
        let value = value.map_err(|error: Error| error.or_at(start))?;
        if !entries.is_done && self.next_element()? {
            self.peek()?;
            return Err(Error::new(Rule::InvalidLength, self.offset()));
        }
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.begin_object()?;
        let start = self.offset() - 1;
        let mut entries = Entries::new(self);
        let value = visitor.visit_map(&mut entries);
        let value = value.map_err(|error: Error| error.or_at(start))?;
        if !entries.is_done {
            self.end_object()?;
        }
        Ok(value)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let kind = self.peek()?;
        let start = self.next_offset();
        if kind == Kind::Text {
            return visitor
                .visit_enum(KeyReader::new(self.text()?))
                .map_err(|error: Error| error.or_at(start));
        }
        self.begin_object()?;
        let value = visitor.visit_enum(Variant { reader: self });
        let value = value.map_err(|error: Error| error.or_at(start))?;
        self.end_object()?;
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }
}

/// The elements of an array, or the keys and values of an object.
struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_done: bool,
}

impl<'r, 'de> Entries<'r, 'de> {
    #[inline]
    const fn new(reader: &'r mut Reader<'de>) -> Self {
        Self {
            reader,
            is_done: false,
        }
    }
}

impl<'de> SeqAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.is_done || !self.reader.next_element()? {
            self.is_done = true;
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if !self.is_done {
            if let Some(key) = self.reader.next_key()? {
                return seed.deserialize(KeyReader::new(key)).map(Some);
            }
            self.is_done = true;
        }
        Ok(None)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }
}

/// An enum's variant with content: an object of one entry, which has been entered.
struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        match self.reader.next_key()? {
            Some(name) => Ok((seed.deserialize(KeyReader::new(name))?, self)),
            None => Err(Error::new(Rule::InvalidLength, self.reader.offset() - 1)),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.reader.null()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.reader.deserialize_map(visitor)
    }
}
