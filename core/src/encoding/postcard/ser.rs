//! Values of any serde type, written straight into their place.
//!
//! The format is postcard's, <https://postcard.jamesmunns.com/wire-format>: the tests hold it against the original.

use crate::encoding::EncodeError;
use core::fmt::{self, Write};
use serde::ser::{self, Serialize};

/// A body that is being written.
pub(super) struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// How many bytes have been written.
    pub(super) const fn written(&self) -> usize {
        self.len
    }

    #[inline]
    fn room(&mut self) -> &mut [u8] {
        self.out.get_mut(self.len..).unwrap_or_default()
    }

    #[inline]
    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), EncodeError> {
        *self.room().first_chunk_mut().ok_or(EncodeError::Full)? = bytes;
        self.len += N;
        Ok(())
    }

    fn slice(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let room = self.room().get_mut(..bytes.len());
        room.ok_or(EncodeError::Full)?.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    fn length(&mut self, len: Option<usize>) -> Result<(), EncodeError> {
        self.varint_u64(len.ok_or(EncodeError::Unencodable)? as u64)
    }
}

/// A number in groups of 7 bits, the lowest first; all but the last have their top bit set.
///
/// `fn varint_u32(&mut self, u32) -> Result<(), EncodeError>`, and so on.
macro_rules! varints {
    ($($name:ident $number:ty),*) => {
        impl Writer<'_> {
            $(#[inline]
            fn $name(&mut self, mut number: $number) -> Result<(), EncodeError> {
                let before = self.len;
                for (at, slot) in self.room().iter_mut().enumerate() {
                    let low = number.to_le_bytes()[0];
                    if number < 0x80 {
                        *slot = low;
                        self.len = before + at + 1;
                        return Ok(());
                    }
                    *slot = low | 0x80;
                    number >>= 7;
                }
                Err(EncodeError::Full)
            })*
        }
    };
}

varints!(varint_u32 u32, varint_u64 u64, varint_u128 u128);

/// `fn serialize_u16(self, value: u16) -> Result<(), EncodeError>`, and so on: each by its own `write`.
macro_rules! numbers {
    ($($name:ident $number:ty: $writer:ident, $value:ident => $write:expr;)*) => {
        $(#[inline]
        fn $name(self, $value: $number) -> Result<(), EncodeError> {
            let $writer = self;
            $write
        })*
    };
}

impl ser::Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers! {
        serialize_bool bool: to, value => to.bytes([u8::from(value)]);
        serialize_u8 u8: to, value => to.bytes([value]);
        serialize_u16 u16: to, value => to.varint_u32(value.into());
        serialize_u32 u32: to, value => to.varint_u32(value);
        serialize_u64 u64: to, value => to.varint_u64(value);
        serialize_u128 u128: to, value => to.varint_u128(value);
        serialize_i8 i8: to, value => to.bytes(value.to_le_bytes());
        serialize_i16 i16: to, value => to.varint_u32(((value << 1) ^ (value >> 15)).cast_unsigned().into());
        serialize_i32 i32: to, value => to.varint_u32(((value << 1) ^ (value >> 31)).cast_unsigned());
        serialize_i64 i64: to, value => to.varint_u64(((value << 1) ^ (value >> 63)).cast_unsigned());
        serialize_i128 i128: to, value => to.varint_u128(((value << 1) ^ (value >> 127)).cast_unsigned());
        serialize_f32 f32: to, value => to.bytes(value.to_le_bytes());
        serialize_f64 f64: to, value => to.bytes(value.to_le_bytes());
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.length(Some(value.len()))?;
        self.slice(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.bytes([0])
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.bytes([1])?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        self.varint_u32(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.varint_u32(index)?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, EncodeError> {
        self.length(len)?;
        Ok(self)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, EncodeError> {
        self.varint_u32(index)?;
        Ok(self)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self, EncodeError> {
        self.length(len)?;
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, EncodeError> {
        self.varint_u32(index)?;
        Ok(self)
    }

    /// Formats twice: for the length, which comes first, and for the text.
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        let mut length = Length(0);
        write!(length, "{value}").map_err(|_| EncodeError::Unencodable)?;
        self.length(Some(length.0))?;
        let end = self.len + length.0;
        write!(self, "{value}").map_err(|_| EncodeError::Full)?;
        if self.len == end {
            Ok(())
        } else {
            Err(EncodeError::Unencodable)
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// One trait a row, with the method that writes a part of the whole; all write it alike.
///
/// ```ignore
/// impl ser::SerializeSeq for &mut Writer<'_> { /* serialize_element: value.serialize(writer); end: Ok(()) */ }
/// ```
macro_rules! parts {
    ($($of:ident: $($part:ident($($name:ty)?)),*;)*) => {
        $(impl ser::$of for &mut Writer<'_> {
            type Ok = ();
            type Error = EncodeError;

            $(#[inline]
            fn $part<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), EncodeError> {
                value.serialize(&mut **self)
            })*

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeMap: serialize_key(), serialize_value();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.slice(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// How long a text would be.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use std::net::Ipv4Addr;

    #[derive(Serialize)]
    enum Shape<'a> {
        Unit,
        Newtype(u64),
        Tuple(u8, &'a str),
        Struct { wide: u128, low: i128 },
    }

    #[derive(Serialize)]
    struct Everything<'a> {
        flags: (bool, Option<u8>, Option<char>, ()),
        unsigned: [u64; 6],
        signed: (i8, i16, i32, i64, i128),
        floats: (f32, f64),
        texts: &'a [&'a str],
        map: Map,
        shapes: [Shape<'a>; 4],
    }

    struct Map;

    impl Serialize for Map {
        fn serialize<S: ser::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map([(0_u16, "none"), (9000, "many")])
        }
    }

    /// A text whose length takes two bytes.
    const LONG: &str = match str::from_utf8(&[b'x'; 200]) {
        Ok(text) => text,
        Err(_) => panic!("ASCII is UTF-8"),
    };

    /// What serde sends as text only because the format asks for it.
    struct Shown<T>(T);

    impl<T: fmt::Display> Serialize for Shown<T> {
        fn serialize<S: ser::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_str(&self.0)
        }
    }

    fn matches_original<T: Serialize + ?Sized>(value: &T) {
        let (mut ours, mut theirs) = ([0; 512], [0; 512]);
        let expected = ::postcard::to_slice(value, &mut theirs).unwrap();
        let mut writer = Writer::new(&mut ours);
        value.serialize(&mut writer).unwrap();
        let len = writer.written();
        assert_eq!(ours.get(..len), Some(&*expected));
        for room in 0..len {
            let mut writer = Writer::new(&mut ours[..room]);
            assert_eq!(value.serialize(&mut writer), Err(EncodeError::Full));
        }
    }

    #[test]
    fn writes_what_postcard_writes() {
        let shape = |wide, low| Shape::Struct { wide, low };
        matches_original(&Everything {
            flags: (true, Some(7), Some('ä'), ()),
            unsigned: [0, 127, 128, 16_383, 1 << 40, u64::MAX],
            signed: (-1, i16::MIN, i32::MAX, i64::MIN, -170),
            floats: (-0.5, f64::MAX),
            texts: &["", "grün", LONG],
            map: Map,
            shapes: [
                Shape::Unit,
                Shape::Newtype(300),
                Shape::Tuple(1, "two"),
                shape(u128::MAX, i128::MIN),
            ],
        });
        matches_original(&(u16::MAX, i16::MIN, i8::MIN, u32::MAX, None::<u8>, false));
        matches_original(&Shown(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn cannot_say_a_sequence_of_unknown_length() {
        struct Endless;
        impl Serialize for Endless {
            fn serialize<S: ser::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_seq((0..9).filter(|number| number % 2 == 0))
            }
        }
        let mut out = [0; 16];
        let refused = Endless.serialize(&mut Writer::new(&mut out));
        assert_eq!(refused, Err(EncodeError::Unencodable));
    }
}
