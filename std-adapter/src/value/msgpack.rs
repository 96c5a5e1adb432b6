//! To and from rmpv's value.

use super::convert::unicode;
use super::{ConvertError, Map, Value};

/// Tuples become arrays, byte arrays bytes.
impl TryFrom<Value> for rmpv::Value {
    type Error = ConvertError;

    fn try_from(value: Value) -> Result<Self, ConvertError> {
        let kind = value.kind();
        Ok(match value {
            Value::Null => Self::Nil,
            Value::Bool(value) => Self::Boolean(value),
            Value::Integer(value) => match (value.as_i64(), value.as_u64()) {
                (Some(value), _) => value.into(),
                (_, Some(value)) => value.into(),
                _ => return Err(ConvertError::IntegerTooLarge),
            },
            Value::Float(value) => Self::F64(value),
            Value::Text(text) => text.into(),
            Value::Utf16(units) => unicode(&units)?.into(),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => Self::Binary(bytes),
            Value::Array(elements) | Value::Tuple(elements) => {
                let elements = elements.into_iter().map(Self::try_from);
                Self::Array(elements.collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                let entries = entries.into_iter();
                let entries =
                    entries.map(|(key, value)| Ok((Self::try_from(key)?, Self::try_from(value)?)));
                Self::Map(entries.collect::<Result<_, _>>()?)
            }
            Value::Extension { kind, bytes } => Self::Ext(kind, bytes),
            Value::Set(_) | Value::FrozenSet(_) => return Err(ConvertError::Unsupported { kind }),
        })
    }
}

/// Text that is not UTF-8 becomes bytes; of equal keys the last counts.
impl From<rmpv::Value> for Value {
    fn from(value: rmpv::Value) -> Self {
        match value {
            rmpv::Value::Nil => Self::Null,
            rmpv::Value::Boolean(value) => Self::Bool(value),
            rmpv::Value::Integer(value) => match (value.as_i64(), value.as_u64()) {
                (Some(value), _) => value.into(),
                (_, value) => value.into(),
            },
            rmpv::Value::F32(value) => Self::Float(value.into()),
            rmpv::Value::F64(value) => Self::Float(value),
            rmpv::Value::String(text) => match text.as_str() {
                Some(text) => text.into(),
                None => Self::Bytes(text.into_bytes()),
            },
            rmpv::Value::Binary(bytes) => Self::Bytes(bytes),
            rmpv::Value::Array(elements) => elements.into_iter().collect(),
            rmpv::Value::Map(entries) => entries.into_iter().collect::<Map>().into(),
            rmpv::Value::Ext(kind, bytes) => Self::Extension { kind, bytes },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        let map = Map::from([
            (Value::from("a"), Value::from(-1)),
            (7.into(), u64::MAX.into()),
            (().into(), [0.5].into()),
            (Value::Bytes(vec![1]), Value::Bytes(vec![0xff])),
            (
                true.into(),
                Value::Extension {
                    kind: -1,
                    bytes: vec![2],
                },
            ),
        ]);
        let value = Value::from(map);
        let theirs = rmpv::Value::try_from(value.clone()).unwrap();
        assert_eq!(theirs[0], rmpv::Value::Nil);
        assert_eq!(theirs["a"], rmpv::Value::from(-1));
        assert_eq!(Value::from(theirs), value);
    }

    #[test]
    fn names_what_messagepack_does_not_have() {
        let convert = |value: Value| rmpv::Value::try_from(value).unwrap_err();
        let large = Value::from(u128::MAX);
        assert_eq!(convert(large), ConvertError::IntegerTooLarge);
        let lone = Value::from([Value::Utf16(vec![0xd83d])]);
        assert_eq!(convert(lone), ConvertError::LoneSurrogate);
        let set = Value::Set(vec![]);
        let kind = set.kind();
        assert_eq!(convert(set), ConvertError::Unsupported { kind });
    }
}
