//! Values inside messages of serde's types.

use super::{Integer, Map, Value, convert::unicode, read::append};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeTuple, Serializer};
use std::fmt;

/// By what serde knows: sets are sequences, byte arrays bytes.
///
/// Fails at extensions, integers of more than 128 bits and text with lone surrogates, of which serde knows nothing;
/// [`Value::write`] writes them.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => value.serialize(serializer),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Utf16(units) => {
                serializer.serialize_str(&unicode(units).map_err(S::Error::custom)?)
            }
            Self::Bytes(bytes) | Self::ByteArray(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(elements) | Self::Set(elements) | Self::FrozenSet(elements) => {
                serializer.collect_seq(elements)
            }
            Self::Tuple(elements) => {
                let mut tuple = serializer.serialize_tuple(elements.len())?;
                for element in elements {
                    tuple.serialize_element(element)?;
                }
                tuple.end()
            }
            Self::Map(entries) => entries.serialize(serializer),
            Self::Extension { .. } => Err(S::Error::custom("an extension is no serde type")),
        }
    }
}

/// A map; see [`Value`].
impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Of up to 128 bits.
impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(value) = self.as_i64() {
            serializer.serialize_i64(value)
        } else if let Some(value) = self.as_u64() {
            serializer.serialize_u64(value)
        } else if let Some(value) = self.as_i128() {
            serializer.serialize_i128(value)
        } else if let Some(value) = self.as_u128() {
            serializer.serialize_u128(value)
        } else {
            Err(S::Error::custom("an integer of more than 128 bits"))
        }
    }
}

/// By what serde knows: every sequence is an array.
///
/// [`Value::read`] tells sequences apart.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_map(AnyValue)? {
            Value::Map(entries) => Ok(entries),
            _ => Err(D::Error::custom("not a map")),
        }
    }
}

struct AnyValue;

/// One method for each type that a value has.
///
/// `visits! { visit_bool bool }` becomes `fn visit_bool(self, value: bool) { Ok(Value::from(value)) }`.
macro_rules! visits {
    ($($method:ident $ty:ty)*) => {$(
        fn $method<E>(self, value: $ty) -> Result<Value, E> {
            Ok(Value::from(value))
        }
    )*};
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    visits! {
        visit_bool bool
        visit_i64 i64
        visit_i128 i128
        visit_u64 u64
        visit_u128 u128
        visit_f64 f64
        visit_str &str
        visit_string String
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            append(&mut elements, element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(Value, Value)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            append(&mut entries, entry);
        }
        Ok(Value::Map(entries.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropeway_core::encoding::EncodeError;
    use ropeway_core::encoding::json::{Style, from_slice, to_slice};
    use serde::Serialize as Derive;

    #[derive(Debug, PartialEq, Derive, serde::Deserialize)]
    struct Reading {
        name: String,
        details: Value,
        extra: Map,
    }

    #[test]
    fn stands_inside_a_typed_message() {
        let text = r#"{"name":"a","details":[null,true,-1,340282366920938463463374607431768211455,0.5,"\u00e9",{"k":[]}],"extra":{"x":1}}"#;
        let reading: Reading = from_slice(&mut text.as_bytes().to_vec()).unwrap();
        assert_eq!(reading.details[6]["k"], Value::Array(vec![]));
        assert_eq!(reading.extra.get("x"), Some(&1.into()));
        let mut out = [0; 256];
        let len = to_slice(&reading, Style::Ascii, &mut out).unwrap();
        assert_eq!(std::str::from_utf8(&out[..len]), Ok(text));
    }

    #[test]
    fn names_what_serde_does_not_know() {
        let mut out = [0; 64];
        for value in [
            Value::Utf16(vec![0xd83d]),
            Integer::from_le_bytes(&[1; 20]).into(),
            Value::Extension {
                kind: 1,
                bytes: vec![],
            },
        ] {
            let refused = to_slice(&value, Style::Ascii, &mut out);
            assert_eq!(refused, Err(EncodeError::Unencodable), "{value}");
        }
        let values = Value::from([
            Value::Tuple(vec![1.into()]),
            Value::Set(vec![2.into()]),
            Value::ByteArray(vec![3]),
        ]);
        let len = to_slice(&values, Style::Ascii, &mut out).unwrap();
        assert_eq!(&out[..len], b"[[1],[2],[3]]");
    }
}
