//! Values as JSON.

use super::{Map, Value};
use ropeway_core::encoding::json::{Reader, Style, Writer};
use ropeway_core::encoding::{DecodeError, EncodeError};
use std::fmt;
use std::str::FromStr;

impl Value {
    /// Reads a text that is one value and nothing else; escapes in it are undone in place.
    pub fn from_json(text: &mut [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(text);
        let value = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// The value in JSON, as Python would write it in this style.
    ///
    /// Tuples become arrays, and bytes arrays of integers. Fails with [`EncodeError::Unsupported`] at sets and
    /// extensions, with [`EncodeError::KeyNotText`] at keys that Python does not turn into text, and with
    /// [`EncodeError::Unencodable`] at integers of more digits than Python reads.
    pub fn to_text(&self, style: Style) -> Result<String, EncodeError> {
        let mut memory = vec![0; 64];
        loop {
            let mut writer = Writer::new(&mut memory, style);
            match self.write(&mut writer) {
                Ok(()) => {
                    let len = writer.written();
                    memory.truncate(len);
                    return Ok(String::from_utf8(memory).expect("JSON is text"));
                }
                Err(EncodeError::Full) => memory.resize(memory.len() * 2, 0),
                Err(error) => return Err(error),
            }
        }
    }

    /// The next best value that JSON has.
    fn in_json(&self) -> Self {
        match self {
            Self::Set(elements)
            | Self::FrozenSet(elements)
            | Self::Array(elements)
            | Self::Tuple(elements) => elements.iter().map(Self::in_json).collect(),
            Self::Extension { kind, bytes } => {
                [Self::from(*kind), Self::Bytes(bytes.clone())].into()
            }
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let key = match key {
                        Self::Text(_) | Self::Utf16(_) => key.clone(),
                        other => other.to_string().into(),
                    };
                    (key, value.in_json())
                });
                entries.collect::<Map>().into()
            }
            Self::Integer(value) if self.to_text(Style::Ascii).is_err() => value.to_string().into(),
            other => other.clone(),
        }
    }
}

impl FromStr for Value {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::from_json(&mut text.as_bytes().to_vec())
    }
}

/// JSON in [`Style::Ascii`], as cable_car sends it; what JSON does not have is shown by what comes next to it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_text(Style::Ascii);
        let text = text.or_else(|_| self.in_json().to_text(Style::Ascii));
        f.write_str(&text.map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropeway_core::encoding::Rule;
    use ropeway_core::encoding::value::Kind;

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
        let entries: Vec<_> = value.as_map().unwrap().iter().collect();
        assert_eq!(
            entries[0],
            (
                &Value::Utf16(vec![0xd83d]),
                &Value::Utf16(vec![0x61, 0xde81])
            )
        );
        assert_eq!(
            entries[1],
            (&Value::from("\u{1f681}"), &Value::from("\u{1f681}"))
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
            Value::from_json(&mut b"\"\xff\"".to_vec())
                .unwrap_err()
                .rule,
            Rule::InvalidUtf8
        );
    }

    #[test]
    fn writes_in_both_styles() {
        let value = Value::from(Map::from([("ü", Value::from([0.5, 1e16, -0.0]))]));
        assert_eq!(
            value.to_text(Style::Ascii).as_deref(),
            Ok(r#"{"\u00fc":[0.5,1e+16,-0.0]}"#)
        );
        assert_eq!(
            value.to_text(Style::Utf8).as_deref(),
            Ok("{\"ü\": [0.5, 1e+16, -0.0]}")
        );
    }

    #[test]
    fn says_when_the_memory_is_too_small() {
        let value: Value = r#"{"a":[null,"x",{"\ud83d":100000000000000000000}]}"#
            .parse()
            .unwrap();
        let text = value.to_string();
        for len in 0..text.len() {
            let mut memory = vec![0; len];
            let written = value.write(&mut Writer::new(&mut memory, Style::Ascii));
            assert_eq!(written, Err(EncodeError::Full));
        }
    }

    #[test]
    fn names_what_json_does_not_have_and_shows_it_all_the_same() {
        let kind = Kind::Set;
        let set = Value::Set(vec![1.into()]);
        assert_eq!(
            set.to_text(Style::Ascii),
            Err(EncodeError::Unsupported { kind })
        );
        assert_eq!(set.to_string(), "[1]");
        let bytes = vec![2, 3];
        let extension = Value::Extension { kind: -1, bytes };
        let kind = Kind::Extension;
        assert_eq!(
            extension.to_text(Style::Ascii),
            Err(EncodeError::Unsupported { kind })
        );
        assert_eq!(extension.to_string(), "[-1,[2,3]]");
        let tuple = Value::Tuple(vec![Value::Bytes(vec![255]), ().into()]);
        let keyed = Value::from(Map::from([(tuple, Value::from(1))]));
        assert_eq!(keyed.to_text(Style::Ascii), Err(EncodeError::KeyNotText));
        assert_eq!(keyed.to_string(), r#"{"[[255],null]":1}"#);
        let large = Value::from(super::super::Integer::power_of_two(20_000));
        assert_eq!(large.to_text(Style::Ascii), Err(EncodeError::Unencodable));
        assert!(large.to_string().starts_with("\"0x1000"));
    }

    #[test]
    fn keys_become_text_as_in_python() {
        let map = Map::from([
            (Value::Null, 1),
            (true.into(), 2),
            (7.into(), 3),
            (1e16.into(), 4),
        ]);
        assert_eq!(
            Value::from(map).to_string(),
            r#"{"null":1,"true":2,"7":3,"1e+16":4}"#
        );
    }
}
