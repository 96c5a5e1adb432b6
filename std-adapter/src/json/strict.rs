//! To and from serde_json's value, which says what strict JSON says.

use super::{Integer, Key, Object, Value};
use ropeway_core::encoding::value::{Decimal, Number};
use std::fmt;

/// Why a value is none in strict JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StrictError {
    /// NaN or an infinity.
    NotFinite,
    /// An integer that takes more than 64 bits, which serde_json holds only with its feature `arbitrary_precision`.
    IntegerTooLarge,
    /// Text or a key with half of a surrogate pair.
    LoneSurrogate,
}

/// Loses the order of keys, unless serde_json keeps it.
impl TryFrom<Value> for serde_json::Value {
    type Error = StrictError;

    fn try_from(value: Value) -> Result<Self, StrictError> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Number(number(&value)?),
            Value::Float(value) => {
                Self::Number(serde_json::Number::from_f64(value).ok_or(StrictError::NotFinite)?)
            }
            Value::Text(text) => Self::String(text),
            Value::Utf16(units) => Self::String(text(&units)?),
            Value::Array(elements) => {
                let elements = elements.into_iter().map(Self::try_from);
                Self::Array(elements.collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let key = match key {
                        Key::Text(text) => text,
                        Key::Utf16(units) => text(&units)?,
                    };
                    Ok((key, Self::try_from(value)?))
                });
                Self::Object(entries.collect::<Result<_, _>>()?)
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
            serde_json::Value::Object(entries) => {
                Self::Object(entries.into_iter().collect::<Object>())
            }
        }
    }
}

fn number(integer: &Integer) -> Result<serde_json::Number, StrictError> {
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
        .ok_or(StrictError::IntegerTooLarge)
}

fn text(units: &[u16]) -> Result<String, StrictError> {
    String::from_utf16(units).map_err(|_| StrictError::LoneSurrogate)
}

impl fmt::Display for StrictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "strict JSON has no NaN and no infinities",
            Self::IntegerTooLarge => "integer of more than 64 bits",
            Self::LoneSurrogate => "text with a lone surrogate is no Unicode",
        })
    }
}

impl std::error::Error for StrictError {}

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
            ("[NaN]", StrictError::NotFinite),
            ("{\"a\":-Infinity}", StrictError::NotFinite),
            ("[18446744073709551616]", StrictError::IntegerTooLarge),
            (r#"["\ud83d"]"#, StrictError::LoneSurrogate),
            (r#"{"\ude81":1}"#, StrictError::LoneSurrogate),
        ] {
            let value: Value = text.parse().unwrap();
            assert_eq!(serde_json::Value::try_from(value), Err(error), "{text}");
        }
    }
}
