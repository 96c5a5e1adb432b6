//! Values of any serde type, written.

use core::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::{
    compound::{Compound, Shape},
    writer::{Full, Style, Writer},
};

/// A value that could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EncodeError {
    /// The memory lent is too small.
    Full,
    /// Attributes must be an object, and the value is none.
    NotAnObject,
    /// The key of a map is neither text nor something that Python turns into text.
    KeyNotText,
    /// The text given for an integer is none.
    NotAnInteger,
    /// The value's own `Serialize` or `Display` failed.
    Custom,
}

/// Writes `value` to the start of `out` and returns the length of the text.
///
/// Structs and maps become objects, sequences, tuples and bytes become arrays, `None` and units
/// become `null`. An enum's variant without content is its name, with content an object of one
/// entry. Keys that are integers, floats, booleans or `None` become text, as for Python.
pub fn to_slice<T: Serialize + ?Sized>(
    value: &T,
    style: Style,
    out: &mut [u8],
) -> Result<usize, EncodeError> {
    let mut writer = Writer::new(out, style);
    value.serialize(&mut writer)?;
    Ok(writer.written())
}

/// Writes `value` as the next value of a text that is being written; see [`to_slice`].
pub fn serialize_into<T: Serialize + ?Sized>(
    writer: &mut Writer<'_>,
    value: &T,
) -> Result<(), EncodeError> {
    value.serialize(writer)
}

impl From<Full> for EncodeError {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the text does not fit the memory",
            Self::NotAnObject => "attributes are not an object",
            Self::KeyNotText => "a key cannot be made text",
            Self::NotAnInteger => "not the text of an integer",
            Self::Custom => "value refused by its type",
        })
    }
}

impl core::error::Error for EncodeError {}

impl ser::Error for EncodeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Custom
    }
}

impl<'w, 'a> Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'w, 'a>;
    type SerializeTuple = Compound<'w, 'a>;
    type SerializeTupleStruct = Compound<'w, 'a>;
    type SerializeTupleVariant = Compound<'w, 'a>;
    type SerializeMap = Compound<'w, 'a>;
    type SerializeStruct = Compound<'w, 'a>;
    type SerializeStructVariant = Compound<'w, 'a>;

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        Ok(self.bool(value)?)
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
        Ok(self.i64(value)?)
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        Ok(self.i128(value)?)
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
        Ok(self.u64(value)?)
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        Ok(self.u128(value)?)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        Ok(self.f32(value)?)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        Ok(self.f64(value)?)
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        Ok(self.text(value)?)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.begin_array()?;
        for byte in value {
            self.u64(u64::from(*byte))?;
        }
        Ok(self.end_array()?)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Ok(self.null()?)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(self.null()?)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(self.null()?)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        Ok(self.text(variant)?)
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
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.begin_object()?;
        self.key(variant)?;
        value.serialize(&mut *self)?;
        Ok(self.end_object()?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'w, 'a>, EncodeError> {
        self.begin_array()?;
        Ok(Compound::new(self, Shape::Array))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'w, 'a>, EncodeError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'a>, EncodeError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'a>, EncodeError> {
        self.begin_object()?;
        self.key(variant)?;
        self.begin_array()?;
        Ok(Compound::new(self, Shape::VariantArray))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'w, 'a>, EncodeError> {
        self.begin_object()?;
        Ok(Compound::new(self, Shape::Object))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'w, 'a>, EncodeError> {
        self.begin_object()?;
        Ok(Compound::new(self, Shape::Object))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'a>, EncodeError> {
        self.begin_object()?;
        self.key(variant)?;
        self.begin_object()?;
        Ok(Compound::new(self, Shape::VariantObject))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.display(value)
    }
}
