//! Values into bodies.

use super::{Map, Value};
use ropeway_core::encoding::EncodeError;
use ropeway_core::encoding::value::{Kind, Write};

impl Value {
    /// Writes it as the next value of a body.
    ///
    /// Fails with [`EncodeError::Unsupported`] at a kind that the encoding does not have, as JSON has no sets.
    pub fn write<W: Write>(&self, writer: &mut W) -> Result<(), EncodeError> {
        match self {
            Self::Null => writer.null(),
            Self::Bool(value) => writer.bool(*value),
            Self::Integer(value) => value.write(writer),
            Self::Float(value) => writer.f64(*value),
            Self::Text(text) => writer.text(text),
            Self::Utf16(units) => writer.utf16(units.iter().copied()),
            Self::Bytes(bytes) => writer.bytes(bytes),
            Self::ByteArray(bytes) => writer.byte_array(bytes),
            Self::Array(elements) => {
                let open = writer.begin_array(Some(elements.len()))?;
                write_all(elements, writer)?;
                writer.end_array(open, elements.len())
            }
            Self::Tuple(elements) => {
                let open = writer.begin_tuple(elements.len())?;
                write_all(elements, writer)?;
                writer.end_tuple(open, elements.len())
            }
            Self::Set(elements) => write_set(Kind::Set, elements, writer),
            Self::FrozenSet(elements) => write_set(Kind::FrozenSet, elements, writer),
            Self::Map(entries) => entries.write(writer),
            Self::Extension { kind, bytes } => writer.extension(*kind, bytes),
        }
    }

    /// Writes it as the key of the next entry of a map.
    fn write_key<W: Write>(&self, writer: &mut W) -> Result<(), EncodeError> {
        match self {
            Self::Text(text) => writer.key(text),
            Self::Utf16(units) => writer.key_utf16(units.iter().copied()),
            Self::Null => writer.key_scalar(W::null),
            Self::Bool(value) => writer.key_scalar(|writer| writer.bool(*value)),
            Self::Integer(value) => writer.key_scalar(|writer| value.write(writer)),
            Self::Float(value) => writer.key_scalar(|writer| writer.f64(*value)),
            _ => {
                writer.key_value()?;
                self.write(writer)
            }
        }
    }
}

impl Map {
    /// Writes it as the next value of a body.
    pub fn write<W: Write>(&self, writer: &mut W) -> Result<(), EncodeError> {
        let open = writer.begin_map(Some(self.len()))?;
        for (key, value) in self {
            key.write_key(writer)?;
            value.write(writer)?;
        }
        writer.end_map(open, self.len())
    }
}

fn write_set<W: Write>(kind: Kind, elements: &[Value], writer: &mut W) -> Result<(), EncodeError> {
    let open = writer.begin_set(kind, elements.len())?;
    write_all(elements, writer)?;
    writer.end_set(kind, open, elements.len())
}

fn write_all<W: Write>(elements: &[Value], writer: &mut W) -> Result<(), EncodeError> {
    elements
        .iter()
        .try_for_each(|element| element.write(writer))
}
