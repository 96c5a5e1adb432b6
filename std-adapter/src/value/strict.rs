//! To and from serde_json's value, which says what strict JSON says.

use super::convert::unicode;
use super::{ConvertError, Integer, Map, Value};
use ropeway_core::encoding::value::{Decimal, Number};

/// Tuples become arrays, bytes arrays of integers. Loses the order of keys, unless serde_json keeps it.
impl TryFrom<Value> for serde_json::Value {
    type Error = ConvertError;

    fn try_from(value: Value) -> Result<Self, ConvertError> {
        let kind = value.kind();
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Number(number(&value)?),
            Value::Float(value) => {
                Self::Number(serde_json::Number::from_f64(value).ok_or(ConvertError::NotFinite)?)
            }
            Value::Text(text) => Self::String(text),
            Value::Utf16(units) => Self::String(unicode(&units)?),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => bytes.into(),
            Value::Array(elements) | Value::Tuple(elements) => {
                let elements = elements.into_iter().map(Self::try_from);
                Self::Array(elements.collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let key = match key {
                        Value::Text(text) => text,
                        Value::Utf16(units) => unicode(&units)?,
                        _ => return Err(ConvertError::KeyNotText),
                    };
                    Ok((key, Self::try_from(value)?))
                });
                Self::Object(entries.collect::<Result<_, _>>()?)
            }
            Value::Set(_) | Value::FrozenSet(_) | Value::Extension { .. } => {
                return Err(ConvertError::Unsupported { kind });
            }
        })
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(value) => {
                let text = value.to_string();
                match text.parse::<Integer>() {
                    Ok(integer) => Self::Integer(integer),
                    Err(_) => Self::Float(
                        Decimal::parse(&text)
                            .map_or(f64::INFINITY, |decimal| Number::Decimal(decimal).to_f64()),
                    ),
                }
            }
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(elements) => elements.into_iter().collect(),
            serde_json::Value::Object(entries) => entries.into_iter().collect::<Map>().into(),
        }
    }
}

fn number(integer: &Integer) -> Result<serde_json::Number, ConvertError> {
    if let Some(value) = integer.as_i64() {
        return Ok(value.into());
    }
    if let Some(value) = integer.as_u64() {
        return Ok(value.into());
    }
    let text = integer.to_string();
    let number = text.parse::<serde_json::Number>().ok();
    number
        .filter(|number| number.to_string() == text)
        .ok_or(ConvertError::IntegerTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strict_json_says_goes_both_ways() {
        let text = r#"{"a":[null,true,-1,18446744073709551615,0.5,1e+300,"\u00e9"],"b":{}}"#;
        let value: Value = text.parse().unwrap();
        let strict: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::Value::try_from(value.clone()),
            Ok(strict.clone())
        );
        assert_eq!(Value::from(strict), value);
    }

    #[test]
    fn names_what_strict_json_cannot_say() {
        for (text, error) in [
            ("[NaN]", ConvertError::NotFinite),
            ("{\"a\":-Infinity}", ConvertError::NotFinite),
            ("[18446744073709551616]", ConvertError::IntegerTooLarge),
            (r#"["\ud83d"]"#, ConvertError::LoneSurrogate),
            (r#"{"\ude81":1}"#, ConvertError::LoneSurrogate),
        ] {
            let value: Value = text.parse().unwrap();
            assert_eq!(serde_json::Value::try_from(value), Err(error), "{text}");
        }
        let convert = |value: Value| serde_json::Value::try_from(value);
        let set = Value::Set(vec![]);
        let kind = set.kind();
        assert_eq!(convert(set), Err(ConvertError::Unsupported { kind }));
        let keyed = Map::from([(1, 2)]);
        assert_eq!(convert(keyed.into()), Err(ConvertError::KeyNotText));
        let bytes = Value::Tuple(vec![Value::Bytes(vec![255])]);
        assert_eq!(convert(bytes), Ok(serde_json::json!([[255]])));
    }
}
