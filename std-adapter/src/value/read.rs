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
            append(&mut entries, (key, Value::read(reader)?));
        }
        Ok(entries.into_iter().collect())
    }
}

fn elements<'de>(reader: &mut impl Read<'de>) -> Result<Vec<Value>, DecodeError> {
    reader.begin_array()?;
    let mut elements = Vec::new();
    while reader.next_element()? {
        append(&mut elements, Value::read(reader)?);
    }
    Ok(elements)
}

/// Appends a part of a value. The first gets no more room than it needs: a byte can be a list of one element, and a
/// body all of such lists.
pub(super) fn append<T>(parts: &mut Vec<T>, part: T) {
    if parts.is_empty() {
        parts.reserve_exact(1);
    }
    parts.push(part);
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

#[cfg(test)]
mod tests {
    use super::*;
    use ropeway_core::encoding::{json, msgpack};

    /// The memory behind a value, besides its own place.
    fn cost(value: &Value) -> usize {
        let place = size_of::<Value>();
        match value {
            Value::Array(elements) => {
                elements.capacity() * place + elements.iter().map(cost).sum::<usize>()
            }
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| cost(key) + cost(value));
                map.capacity() * 2 * place + entries.sum::<usize>()
            }
            _ => 0,
        }
    }

    #[test]
    fn costs_some_dozens_of_times_its_bytes() {
        let nested = |level: &[u8], last: &[u8]| [&level.repeat(100), last].concat();
        let list = |part: &[u8]| [&[0xdc, 0x01, 0x00], &part.repeat(256)[..]].concat();
        for body in [
            nested(&[0x91], &[0xc0]),
            nested(&[0x81, 0xa0], &[0xc0]),
            nested(&[0x92, 0x90], &[0xc0]),
            list(&[0x90]),
            list(&[0x91, 0x00]),
            list(&[0x92, 0x00, 0x00]),
            list(&[0x95, 0, 0, 0, 0, 0]),
            list(&[0x81, 0xa0, 0x80]),
        ] {
            let value = Value::read(&mut msgpack::Reader::new(&body)).unwrap();
            let times = cost(&value) / body.len();
            assert!(times <= 64, "{times} times for {:x?}", &body[..8]);
        }
        for part in ["[0],", "[[]],", "{\"\":0},", "0,"] {
            let mut body = format!("[{}0]", part.repeat(300)).into_bytes();
            let value = Value::read(&mut json::Reader::new(&mut body)).unwrap();
            let times = cost(&value) / body.len();
            assert!(times <= 64, "{times} times for {part}");
        }
    }
}
