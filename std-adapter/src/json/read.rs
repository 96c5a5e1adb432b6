//! Values out of text.

use super::{Integer, Key, Object, Value};
use ropeway_core::encoding::json::Reader;
use ropeway_core::encoding::value::{Kind, Text};
use ropeway_core::encoding::{DecodeError, Rule};
use std::str::FromStr;

impl Value {
    /// Takes the next value of a text, with all that is in it.
    ///
    /// The reader bounds the depth; the memory is what the text's values need.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.peek()? {
            Kind::Null => {
                reader.null()?;
                Self::Null
            }
            Kind::Bool => Self::Bool(reader.bool()?),
            Kind::Number => {
                let number = reader.number()?;
                Integer::of(&number).map_or_else(|| Self::Float(number.to_f64()), Self::Integer)
            }
            Kind::Text => string(reader.text()?)?.into(),
            Kind::Array => {
                reader.begin_array()?;
                let mut elements = Vec::new();
                while reader.next_element()? {
                    elements.push(Self::read(reader)?);
                }
                Self::Array(elements)
            }
            Kind::Map => Self::Object(Object::read(reader)?),
            found => {
                return Err(DecodeError::at(
                    reader.offset(),
                    Rule::UnexpectedType { found },
                ));
            }
        })
    }

    /// Reads a text that is one value and nothing else; escapes in it are undone in place.
    pub fn from_slice(text: &mut [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(text);
        let value = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

impl Object {
    /// Takes the next value of a text, which must be an object; of equal keys the last counts.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.begin_map()?;
        let mut entries = Vec::new();
        while let Some(key) = reader.next_key()? {
            entries.push((string(key)?, Value::read(reader)?));
        }
        Ok(entries.into_iter().collect())
    }
}

impl FromStr for Value {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::from_slice(&mut text.as_bytes().to_vec())
    }
}

fn string(text: Text<'_>) -> Result<Key, DecodeError> {
    if !text.is_escaped() {
        return Ok(Key::from(text.into_str()?));
    }
    match text.chars().collect::<Result<String, _>>() {
        Ok(text) => Ok(Key::Text(text)),
        Err(_) => Ok(Key::Utf16(text.utf16().collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse::<Value>().unwrap_err().rule
    }

    #[test]
    fn reads_what_python_reads() {
        let value: Value = " { \"a\" : [1, 2.5, -0, 1E5, -1e400], \"a\\u0062\\n\": null } "
            .parse()
            .unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"a":[1,2.5,0,100000.0,-Infinity],"ab\n":null}"#
        );
        assert_eq!(
            "1".repeat(4300).parse::<Value>().unwrap().to_string().len(),
            4300
        );
        assert!("NaN".parse::<Value>().unwrap().as_f64().unwrap().is_nan());
    }

    #[test]
    fn keeps_lone_surrogates_in_text_and_keys() {
        let value: Value = r#"{"\ud83d":"a\ude81","\ud83d\ude81":"\ud83d\ude81"}"#
            .parse()
            .unwrap();
        let entries: Vec<_> = value.as_object().unwrap().iter().collect();
        assert_eq!(
            entries[0],
            (&Key::Utf16(vec![0xd83d]), &Value::Utf16(vec![0x61, 0xde81]))
        );
        assert_eq!(
            entries[1],
            (&Key::from("\u{1f681}"), &Value::from("\u{1f681}"))
        );
        assert_eq!(
            value.to_string(),
            r#"{"\ud83d":"a\ude81","\ud83d\ude81":"\ud83d\ude81"}"#
        );
    }

    #[test]
    fn refuses_depth_and_digits_beyond_the_limits() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(nested(128).parse::<Value>().is_ok());
        assert_eq!(rule(&nested(129)), Rule::TooDeep { limit: 128 });
        assert_eq!(rule(&"[".repeat(1 << 20)), Rule::TooDeep { limit: 128 });
        assert_eq!(rule(&"1".repeat(4301)), Rule::TooManyDigits { limit: 4300 });
    }

    #[test]
    fn refuses_what_is_no_json() {
        assert_eq!(rule(""), Rule::UnexpectedEnd);
        assert_eq!(rule("[1,]"), Rule::UnexpectedByte);
        assert_eq!(rule("{} {}"), Rule::TrailingBytes);
        assert_eq!(rule("{1:2}"), Rule::UnexpectedByte);
        assert_eq!(
            Value::from_slice(&mut b"\"\xff\"".to_vec())
                .unwrap_err()
                .rule,
            Rule::InvalidUtf8
        );
    }
}
