//! What is printed: a line at a time, as text or as JSON.

use crate::fault::Fault;
use crate::line::hex;
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
        print(line);
        Ok(())
    }

    /// Prints these fields as JSON, or else the text.
    pub(crate) fn fields(self, fields: Map, text: &str) -> Result<(), Fault> {
        match self.is_json {
            true => self.line(&json(&fields.into())),
            false => self.line(text),
        }
    }
}

/// Prints a line, and has it seen at once.
pub(crate) fn print(line: &str) {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => {}
        // Nobody is there to be told.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            complain(&format!("ropeway: standard output: {error}"));
            std::process::exit(1);
        }
    }
}

/// Says a line on standard error. Who reads it may have left, which is no reason to stop.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A value in one line of JSON that everybody reads: bytes are `{"hex": "0aff"}`, numbers that JSON does not have text.
pub(crate) fn json(value: &Value) -> String {
    in_json(value).to_string()
}

fn in_json(value: &Value) -> Value {
    match value {
        Value::Float(number) if number.is_nan() => "NaN".into(),
        Value::Float(number) if number.is_infinite() => match number.is_sign_positive() {
            true => "Infinity".into(),
            false => "-Infinity".into(),
        },
        Value::Bytes(bytes) | Value::ByteArray(bytes) => Map::from([("hex", hex(bytes))]).into(),
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
        | Value::FrozenSet(elements) => elements.iter().map(in_json).collect(),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| match key {
                Value::Text(_) => (key.clone(), in_json(value)),
                other => (json(other).into(), in_json(value)),
            });
            entries.collect::<Map>().into()
        }
        other => other.clone(),
    }
}

/// Text from a peer as a terminal may see it: nothing that steers it, or that turns the direction of what follows.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        match c.is_control() || turns {
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
    fn what_json_does_not_have_is_shown_by_something_it_has() {
        let parts = [
            ("bytes", Value::Bytes(vec![0x0a, 0xff])),
            ("pair", Value::Tuple(vec![1.into(), Value::Null])),
        ];
        let text = json(&Map::from(parts).into());
        assert_eq!(text, r#"{"bytes":{"hex":"0aff"},"pair":[1,null]}"#);
    }

    #[test]
    fn terminals_are_told_nothing() {
        assert_eq!(plain("a\u{1b}[2Jü\n"), "a\\u{1b}[2Jü\\n");
        assert_eq!(plain("ro\u{202E}rev"), "ro\\u{202e}rev");
    }
}
