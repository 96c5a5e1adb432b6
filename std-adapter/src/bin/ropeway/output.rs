//! What is printed: a line at a time, as text or as JSON.

use crate::fault::Fault;
use ropeway_std::value::{Map, Value};
use std::io::{self, ErrorKind, Write};

/// Standard output. Who reads it may leave at any time, as `head` does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Whether lines are JSON.
    pub(crate) is_json: bool,
}

impl Output {
    /// Prints a line, and has it seen at once.
    pub(crate) fn line(self, line: &str) -> Result<(), Fault> {
        let mut out = io::stdout().lock();
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            // Nobody is there to be told.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Prints these fields as JSON, or else the text.
    pub(crate) fn fields(self, fields: Map, text: &str) -> Result<(), Fault> {
        match self.is_json {
            true => self.line(&json(&fields.into())),
            false => self.line(text),
        }
    }
}

/// A value in one line of JSON that everybody reads: what JSON has no numbers for is text.
pub(crate) fn json(value: &Value) -> String {
    finite(value).to_string()
}

fn finite(value: &Value) -> Value {
    let all = |values: &[Value]| values.iter().map(finite).collect();
    match value {
        Value::Float(number) if number.is_nan() => "NaN".into(),
        Value::Float(number) if number.is_infinite() => match number.is_sign_positive() {
            true => "Infinity".into(),
            false => "-Infinity".into(),
        },
        Value::Array(values) => Value::Array(all(values)),
        Value::Tuple(values) => Value::Tuple(all(values)),
        Value::Set(values) => Value::Set(all(values)),
        Value::FrozenSet(values) => Value::FrozenSet(all(values)),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), finite(value)));
            Value::Map(entries.collect())
        }
        other => other.clone(),
    }
}

/// Text from a peer as a terminal may see it: no control characters, which could do more than be shown.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_everybody_reads() {
        let value: Value = r#"{"a":[NaN,-Infinity,1.5],"b":null}"#.parse().unwrap();
        let text = json(&value);
        assert_eq!(text, r#"{"a":["NaN","-Infinity",1.5],"b":null}"#);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn terminals_are_told_nothing() {
        assert_eq!(plain("a\u{1b}[2Jü\n"), "a\\u{1b}[2Jü\\n");
    }
}
