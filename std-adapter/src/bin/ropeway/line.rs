//! Lines of JSON, as the command prints and reads them.

use crate::fault::Fault;
use ropeway_std::value::{Map, Value};
use std::io::{self, Write};

/// One line of JSON, to be printed: fields in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Map);

impl Line {
    /// With one more field.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name, plain(&value.into()));
        self
    }

    /// With one more field, if there is a value.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With the fields of another behind it.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (name, value) in other.0.iter() {
            self.0.insert(name.clone(), value.clone());
        }
        self
    }

    /// Prints it. When nobody reads any more, the program ends, as others do in a pipe.
    pub(crate) fn print(self) {
        print(&Value::from(self.0).to_string());
    }
}

impl From<Line> for Value {
    fn from(line: Line) -> Self {
        line.0.into()
    }
}

/// Prints a line of text. When nobody reads any more, the program ends, as others do in a pipe.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// The bytes of hex digits, blanks between them allowed.
pub(crate) fn bytes(hex: &str) -> Result<Vec<u8>, Fault> {
    let wrong = |what: String| {
        Err(Fault::input(what).hint("write bytes as two hex digits each, such as 0a ff"))
    };
    let mut digits = Vec::new();
    for digit in hex.chars().filter(|digit| !digit.is_whitespace()) {
        match digit
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
        {
            Some(digit) => digits.push(digit),
            None => return wrong(format!("{digit:?} is no hex digit")),
        }
    }
    match digits.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        _ => wrong("half of a byte is missing".into()),
    }
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value that JSON has: bytes become `{"hex": "0aff"}`, numbers that are none their names.
fn plain(value: &Value) -> Value {
    match value {
        Value::Float(number) if !number.is_finite() => number.to_string().into(),
        Value::Bytes(bytes) | Value::ByteArray(bytes) => tagged("hex", hex(bytes).into()),
        Value::Extension { kind, bytes } => {
            let parts = [
                ("ext", Value::from(i64::from(*kind))),
                ("hex", hex(bytes).into()),
            ];
            Map::from(parts).into()
        }
        Value::Array(elements)
        | Value::Tuple(elements)
        | Value::Set(elements)
        | Value::FrozenSet(elements) => elements.iter().map(plain).collect(),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| match key {
                Value::Text(_) => (key.clone(), plain(value)),
                other => (plain(other).to_string().into(), plain(value)),
            });
            entries.collect::<Map>().into()
        }
        other => other.clone(),
    }
}

/// A value that a person wrote as JSON: `{"hex": "0aff"}` are bytes.
pub(crate) fn meant(value: Value) -> Result<Value, Fault> {
    Ok(match value {
        Value::Array(elements) => {
            let elements: Result<Vec<_>, _> = elements.into_iter().map(meant).collect();
            Value::Array(elements?)
        }
        Value::Map(map) => match (map.len(), map.get("hex").and_then(Value::as_str)) {
            (1, Some(digits)) => Value::Bytes(bytes(digits)?),
            _ => {
                let entries = map
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), meant(value.clone())?)));
                entries.collect::<Result<Map, Fault>>()?.into()
            }
        },
        other => other,
    })
}

fn tagged(tag: &str, value: Value) -> Value {
    Map::from([(tag, value)]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_json_does_not_have_by_something_it_has() {
        let line = Line::default()
            .with("nan", f64::NAN)
            .with("bytes", Value::Bytes(vec![0x0a, 0xff]))
            .with("pair", Value::Tuple(vec![1.into(), Value::Null]));
        let text = Value::from(line).to_string();
        let expected = r#"{"nan":"NaN","bytes":{"hex":"0aff"},"pair":[1,null]}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn reads_hex_and_says_what_is_wrong_with_it() {
        assert_eq!(bytes("0a Ff").unwrap(), [0x0a, 0xff]);
        assert!(
            bytes("0a f")
                .unwrap_err()
                .to_string()
                .contains("half of a byte")
        );
        assert!(
            bytes("0g")
                .unwrap_err()
                .to_string()
                .contains("'g' is no hex digit")
        );
    }

    #[test]
    fn bytes_come_back_as_bytes() {
        let value = r#"{"a":[{"hex":"01"}],"hex":"no","b":1}"#.parse().unwrap();
        let value = meant(value).unwrap();
        assert_eq!(value["a"].at(0), Some(&Value::Bytes(vec![1])));
        assert_eq!(value["hex"].as_str(), Some("no"));
    }
}
