//! Values of any serde type, read.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor, value::SeqDeserializer,
};

use super::{
    Key, Kind, Read, Text,
    key_reader::{KeyReader, ValueKey},
};
use crate::encoding::{DecodeError, Rule};

/// Reads the next value of a body into a value of type `T`, which may borrow text and bytes from there.
///
/// Structs are maps with text keys, unknown ones skipped, and never arrays; sequences and tuples are sequences of any
/// kind. An enum's variant without content is its name, with content a map of one entry. Integers are floats where
/// floats are wanted, and bytes that are UTF-8 are text where text is, since Python 2 sends its native strings so.
pub fn deserialize_from<'de, T: Deserialize<'de>, R: Read<'de>>(
    reader: &mut R,
) -> Result<T, DecodeError> {
    reader.peek()?;
    let start = reader.offset();
    T::deserialize(ValueReader::new(reader)).map_err(|error: DecodeError| error.or_at(start))
}

/// The next value of a body, for serde.
pub(super) struct ValueReader<'r, R> {
    reader: &'r mut R,
}

impl<'r, R> ValueReader<'r, R> {
    #[inline]
    pub(super) const fn new(reader: &'r mut R) -> Self {
        Self { reader }
    }
}

/// Reads numbers of each type.
///
/// `numbers! { deserialize_i8 integer visit_i8 }` becomes
/// `fn deserialize_i8(..) { visitor.visit_i8(self.reader.integer()?) }`, with the place of errors.
macro_rules! numbers {
    ($($method:ident $take:ident $visit:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let start = self.reader.next_offset();
            let value = self.reader.$take()?;
            visitor.$visit(value).map_err(|error: DecodeError| error.or_at(start))
        }
    )*};
}

impl<'de, R: Read<'de>> Deserializer<'de> for ValueReader<'_, R> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.reader.peek()? {
            Kind::Null => self.deserialize_unit(visitor),
            Kind::Bool => self.deserialize_bool(visitor),
            Kind::Text => self.deserialize_str(visitor),
            Kind::Map => self.deserialize_map(visitor),
            Kind::Number => self.any_number(visitor),
            Kind::Bytes | Kind::ByteArray if R::HAS_BYTES => self.deserialize_bytes(visitor),
            kind if kind.is_sequence() => self.deserialize_seq(visitor),
            found => Err(DecodeError::at(
                self.reader.offset(),
                Rule::UnexpectedType { found },
            )),
        }
    }

    numbers! {
        deserialize_bool bool visit_bool
        deserialize_i8 integer visit_i8
        deserialize_i16 integer visit_i16
        deserialize_i32 integer visit_i32
        deserialize_i64 integer visit_i64
        deserialize_i128 integer visit_i128
        deserialize_u8 integer visit_u8
        deserialize_u16 integer visit_u16
        deserialize_u32 integer visit_u32
        deserialize_u64 integer visit_u64
        deserialize_u128 u128 visit_u128
        deserialize_f32 f32 visit_f32
        deserialize_f64 f64 visit_f64
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let text = match self.reader.text() {
            Ok(text) => text,
            Err(error) if R::HAS_BYTES => native_text(self.reader, error)?,
            Err(error) => return Err(error),
        };
        let start = text.offset();
        visitor
            .visit_borrowed_str(text.into_str()?)
            .map_err(|error: DecodeError| error.or_at(start))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let start = self.reader.next_offset();
        visitor
            .visit_borrowed_bytes(self.reader.bytes()?)
            .map_err(|error: DecodeError| error.or_at(start))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.reader.peek()? == Kind::Null {
            self.reader.null()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let start = self.reader.next_offset();
        self.reader.null()?;
        visitor
            .visit_unit()
            .map_err(|error: DecodeError| error.or_at(start))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let start = self.reader.next_offset();
        if let Err(error) = self.reader.begin_array() {
            return match R::HAS_BYTES {
                true => bytes_as_seq(self.reader, visitor, error),
                false => Err(error),
            };
        }
        let mut entries = Entries::new(self.reader);
        let value = visitor.visit_seq(&mut entries);
        let value = value.map_err(|error: DecodeError| error.or_at(start))?;
        if !entries.is_done && self.reader.next_element()? {
            self.reader.peek()?;
            return Err(DecodeError::at(self.reader.offset(), Rule::InvalidLength));
        }
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let start = self.reader.next_offset();
        self.reader.begin_map()?;
        let mut entries = Entries::new(self.reader);
        let value = visitor.visit_map(&mut entries);
        let value = value.map_err(|error: DecodeError| error.or_at(start))?;
        if !entries.is_done {
            end_map(self.reader)?;
        }
        Ok(value)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let kind = self.reader.peek()?;
        let start = self.reader.offset();
        let name = match kind {
            Kind::Text => Some(self.reader.text()?),
            Kind::Bytes | Kind::ByteArray if R::HAS_BYTES => {
                Some(native_text(self.reader, not_text(start))?)
            }
            _ => None,
        };
        if let Some(name) = name {
            return visitor
                .visit_enum(KeyReader::new(name))
                .map_err(|error: DecodeError| error.or_at(start));
        }
        self.reader.begin_map()?;
        let value = visitor.visit_enum(Variant {
            reader: self.reader,
        });
        let value = value.map_err(|error: DecodeError| error.or_at(start))?;
        end_map(self.reader)?;
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.reader.skip()?;
        visitor.visit_unit()
    }
}

impl<'de, R: Read<'de>> ValueReader<'_, R> {
    /// The first of Rust's types that holds the number.
    fn any_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let start = self.reader.next_offset();
        let number = self.reader.number()?;
        let at_start = |rule| DecodeError::at(start, rule);
        if !number.is_integer() {
            visitor.visit_f64(number.to_f64())
        } else if let Ok(value) = number.to_integer() {
            visitor.visit_i64(value)
        } else if let Ok(value) = number.to_integer() {
            visitor.visit_u64(value)
        } else if let Ok(value) = number.to_integer() {
            visitor.visit_i128(value)
        } else {
            visitor.visit_u128(number.to_u128().map_err(at_start)?)
        }
        .map_err(|error: DecodeError| error.or_at(start))
    }
}

/// Text that a peer has sent as bytes; where the next value is something else, what was found instead of text.
#[cold]
fn native_text<'de>(
    reader: &mut impl Read<'de>,
    error: DecodeError,
) -> Result<Text<'de>, DecodeError> {
    match (error.rule, reader.peek()) {
        (Rule::WrongType { .. }, Ok(Kind::Bytes | Kind::ByteArray)) => {}
        _ => return Err(error),
    }
    let start = reader.offset();
    match core::str::from_utf8(reader.bytes()?) {
        Ok(text) => Ok(Text::plain(text, start)),
        Err(_) => Err(error),
    }
}

/// Bytes as a sequence of integers; where the next value is something else, what was found instead of a sequence.
#[cold]
fn bytes_as_seq<'de, V: Visitor<'de>>(
    reader: &mut impl Read<'de>,
    visitor: V,
    error: DecodeError,
) -> Result<V::Value, DecodeError> {
    match (error.rule, reader.peek()) {
        (Rule::WrongType { .. }, Ok(Kind::Bytes | Kind::ByteArray)) => {}
        _ => return Err(error),
    }
    let start = reader.offset();
    let bytes = reader.bytes()?.iter().copied();
    let mut bytes = SeqDeserializer::<_, DecodeError>::new(bytes);
    let value = visitor.visit_seq(&mut bytes);
    value
        .and_then(|value| bytes.end().map(|()| value))
        .map_err(|error| error.or_at(start))
}

/// Leaves a map that must have no more entries.
fn end_map<'de>(reader: &mut impl Read<'de>) -> Result<(), DecodeError> {
    let at = match reader.next_key()? {
        None => return Ok(()),
        Some(Key::Text(key)) => key.offset(),
        Some(Key::Value) => reader.next_offset(),
    };
    Err(DecodeError::at(at, Rule::InvalidLength))
}

#[cold]
const fn not_text(at: usize) -> DecodeError {
    let expected = Kind::Text;
    DecodeError::at(at, Rule::WrongType { expected })
}

/// The elements of a sequence, or the keys and values of a map.
struct Entries<'r, R> {
    reader: &'r mut R,
    is_done: bool,
}

impl<'r, R> Entries<'r, R> {
    #[inline]
    const fn new(reader: &'r mut R) -> Self {
        Self {
            reader,
            is_done: false,
        }
    }
}

impl<'de, R: Read<'de>> SeqAccess<'de> for Entries<'_, R> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if self.is_done || !self.reader.next_element()? {
            self.is_done = true;
            return Ok(None);
        }
        seed.deserialize(ValueReader::new(self.reader)).map(Some)
    }
}

impl<'de, R: Read<'de>> MapAccess<'de> for Entries<'_, R> {
    type Error = DecodeError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        if !self.is_done {
            match self.reader.next_key()? {
                Some(Key::Text(key)) => return seed.deserialize(KeyReader::new(key)).map(Some),
                Some(Key::Value) if !R::TEXT_KEYS => {
                    return seed.deserialize(ValueKey::new(self.reader)).map(Some);
                }
                _ => self.is_done = true,
            }
        }
        Ok(None)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        seed.deserialize(ValueReader::new(self.reader))
    }
}

/// An enum's variant with content: a map of one entry, which has been entered.
struct Variant<'r, R> {
    reader: &'r mut R,
}

impl<'de, R: Read<'de>> EnumAccess<'de> for Variant<'_, R> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        match self.reader.next_key()? {
            Some(Key::Text(name)) => Ok((seed.deserialize(KeyReader::new(name))?, self)),
            Some(Key::Value) => Err(not_text(self.reader.next_offset())),
            None => Err(DecodeError::at(
                self.reader.offset().saturating_sub(1),
                Rule::InvalidLength,
            )),
        }
    }
}

impl<'de, R: Read<'de>> VariantAccess<'de> for Variant<'_, R> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        self.reader.null()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(ValueReader::new(self.reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        ValueReader::new(self.reader).deserialize_map(visitor)
    }
}
