//! Looking into a value.

use super::{Integer, Map, Value};
use ropeway_core::encoding::value::Kind;
use std::ops::Index;

impl Value {
    /// What kind of value it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Integer(_) | Self::Float(_) => Kind::Number,
            Self::Text(_) | Self::Utf16(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::ByteArray(_) => Kind::ByteArray,
            Self::Array(_) => Kind::Array,
            Self::Tuple(_) => Kind::Tuple,
            Self::Set(_) => Kind::Set,
            Self::FrozenSet(_) => Kind::FrozenSet,
            Self::Map(_) => Kind::Map,
            Self::Extension { .. } => Kind::Extension,
        }
    }

    /// Whether it is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub const fn as_integer(&self) -> Option<&Integer> {
        match self {
            Self::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The integer, if it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_integer()?.as_i64()
    }

    /// The integer, if it is one that fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_integer()?.as_u64()
    }

    /// The number, if it is one; integers become the nearest float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Integer(value) => Some(value.to_f64()),
            _ => None,
        }
    }

    /// The text, if it is one without lone surrogates.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if it is bytes of either kind.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) | Self::ByteArray(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The elements, if it is an array, a tuple or a set.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements)
            | Self::Tuple(elements)
            | Self::Set(elements)
            | Self::FrozenSet(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of `key`, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The element at `index`, if it is an array, a tuple or a set that has it.
    pub fn at(&self, index: usize) -> Option<&Self> {
        self.as_array()?.get(index)
    }
}

/// [`Value::get`], with `null` for what is not there.
impl Index<&str> for Value {
    type Output = Self;

    fn index(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(&Self::Null)
    }
}

/// [`Value::at`], with `null` for what is not there.
impl Index<usize> for Value {
    type Output = Self;

    fn index(&self, index: usize) -> &Self {
        self.at(index).unwrap_or(&Self::Null)
    }
}

/// Whether it is this text.
impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

/// Whether it is this text.
impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_into_values_of_every_kind() {
        let value: Value =
            r#"{"n":null,"b":true,"i":-7,"u":18446744073709551615,"f":0.5,"t":"x","a":[1,[2]]}"#
                .parse()
                .unwrap();
        assert!(value["n"].is_null());
        assert_eq!(value["b"].as_bool(), Some(true));
        assert_eq!(
            (value["i"].as_i64(), value["i"].as_f64()),
            (Some(-7), Some(-7.0))
        );
        assert_eq!(value["u"].as_u64(), Some(u64::MAX));
        assert_eq!(
            (value["f"].as_f64(), value["f"].as_i64()),
            (Some(0.5), None)
        );
        assert_eq!(value["t"].as_str(), Some("x"));
        assert_eq!(value["a"][1][0], Value::from(2));
        assert!(value["absent"][3]["deeper"].is_null());
        assert_eq!((value.get("absent"), value["a"].at(2)), (None, None));
    }
}
