//! Values out of bodies.

use super::{Integer, Map, Value};
use ropeway_core::encoding::value::{Key, Kind, Read, Text};
use ropeway_core::encoding::{DecodeError, Rule};

impl Value {
    /// Takes the next value of a body, with all that is in it.
    ///
    /// The reader bounds the depth; the memory is what the body's values need. An exception of a Python program is
    /// no value: it fails with [`Rule::UnexpectedType`].
    pub fn read<'de>(reader: &mut impl Read<'de>) -> Result<Self, DecodeError> {
        Ok(match reader.peek()? {
            Kind::Null => {
                reader.null()?;
                Self::Null
            }
            Kind::Bool => Self::Bool(reader.bool()?),
            Kind::Number => {
                let number = reader.number()?;
                Integer::of(number).map_or_else(|| Self::Float(number.to_f64()), Self::Integer)
            }
            Kind::Text => text(&reader.text()?),
            Kind::Bytes => Self::Bytes(reader.bytes()?.into()),
            Kind::ByteArray => Self::ByteArray(reader.bytes()?.into()),
            Kind::Array => Self::Array(elements(reader)?),
            Kind::Tuple => Self::Tuple(elements(reader)?),
            Kind::Set => Self::Set(elements(reader)?),
            Kind::FrozenSet => Self::FrozenSet(elements(reader)?),
            Kind::Map => Self::Map(Map::read(reader)?),
            Kind::Extension => {
                let (kind, bytes) = reader.extension()?;
                let bytes = bytes.into();
                Self::Extension { kind, bytes }
            }
            found => {
                let rule = Rule::UnexpectedType { found };
                return Err(DecodeError::at(reader.offset(), rule));
            }
        })
    }
}

impl Map {
    /// Takes the next value of a body, which must be a map; of equal keys the last counts.
    pub fn read<'de>(reader: &mut impl Read<'de>) -> Result<Self, DecodeError> {
        reader.begin_map()?;
        let mut entries = Vec::new();
        while let Some(key) = reader.next_key()? {
            let key = match key {
                Key::Text(key) => text(&key),
                Key::Value => Value::read(reader)?,
            };
            entries.push((key, Value::read(reader)?));
        }
        Ok(entries.into_iter().collect())
    }
}

fn elements<'de>(reader: &mut impl Read<'de>) -> Result<Vec<Value>, DecodeError> {
    reader.begin_array()?;
    let mut elements = Vec::new();
    while reader.next_element()? {
        elements.push(Value::read(reader)?);
    }
    Ok(elements)
}

fn text(text: &Text<'_>) -> Value {
    let units = || Value::Utf16(text.utf16().collect());
    if text.is_escaped() {
        let plain: Result<String, _> = text.chars().collect();
        plain.map_or_else(|_| units(), Value::Text)
    } else {
        let plain = std::str::from_utf8(text.raw());
        plain.map_or_else(|_| units(), Value::from)
    }
}
