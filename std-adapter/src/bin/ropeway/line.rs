//! Lines of JSON, as the command prints and reads them.

use crate::fault::Fault;
use crate::output;
use ropeway_std::value::{Map, Value};
use std::fmt::{self, Write as _};

/// One line of JSON, to be printed: fields in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(pub(crate) Map);

impl Line {
    /// With one more field.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name, value);
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

    /// Prints it.
    pub(crate) fn print(self) {
        output::print(&self.to_string());
    }
}

/// In one line of JSON.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&output::json(&self.0.clone().into()))
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
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text never fails.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
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

#[cfg(test)]
mod tests {
    use super::*;

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
