//! What people and programs write: messages, calls and replies, before it is known what they are on the wire.

use crate::fault::Fault;
use crate::line;
use ropeway_std::any::Key;
use ropeway_std::value::{Map, Value};

/// A message as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) key: Key,
    pub(crate) body: Given,
    /// It wants an answer.
    pub(crate) is_call: bool,
}

/// What the message says, as far as that was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    Nothing,
    Bytes(Vec<u8>),
    Value(Value),
}

/// A line of the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Spoken {
    /// A message or a call.
    Said(Said),
    /// The answer to a call of the peer's, by the number that it was printed with.
    Reply(u64, Given),
}

impl Spoken {
    /// As [`Said::read`] does; `{"reply":7,"body":true}` answers a call.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let Ok(Value::Map(line)) = text.trim().parse() else {
            return Said::read(text).map(Self::Said);
        };
        match line.get("reply").map(Value::as_u64) {
            None => Said::read(text).map(Self::Said),
            Some(None) => Err(Fault::input("`reply` is the number of a call")
                .hint("write {\"reply\":7,\"body\":true}")),
            Some(Some(number)) => Ok(Self::Reply(number, given(&line.into())?)),
        }
    }
}

impl Said {
    /// `KEY`, and what it says: JSON, or bytes in hex.
    pub(crate) fn new(key: &str, body: Option<&str>, is_hex: bool) -> Result<Self, Fault> {
        let body = match body {
            None => Given::Nothing,
            Some(digits) if is_hex => Given::Bytes(line::bytes(digits)?),
            Some(text) => Given::Value(line::meant(parse(text)?)?),
        };
        Ok(Self {
            key: key_of(key),
            body,
            is_call: false,
        })
    }

    /// A line of JSON, such as `{"name":"Reading","body":{"celsius":21.5}}` or `{"code":16,"hex":"0aff"}`, with
    /// `"call":true` for a call; or short, `Reading {"celsius":21.5}`, with a `?` in front for a call.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if !text.starts_with('{') {
            let (text, is_call) = match text.strip_prefix('?') {
                Some(text) => (text.trim_start(), true),
                None => (text, false),
            };
            let (key, body) = match text.split_once(char::is_whitespace) {
                Some((key, body)) => (key, Some(body.trim()).filter(|body| !body.is_empty())),
                None => (text, None),
            };
            let said = Self::new(key, body, false)?;
            return Ok(Self { is_call, ..said });
        }
        Self::written(&parse(text)?)
    }

    /// The same from JSON that has been read.
    pub(crate) fn written(value: &Value) -> Result<Self, Fault> {
        let key = match (&value["name"], &value["code"]) {
            (Value::Text(name), _) => Key::Name(name.clone()),
            (_, code) if let Some(code) = code.as_i64() => Key::Code(code),
            (_, Value::Text(code)) => key_of(code),
            _ => {
                let text = "the line has neither `name` nor `code`";
                return Err(Fault::input(text).hint(EXAMPLE));
            }
        };
        let body = given(value)?;
        let is_call = value["call"].as_bool().unwrap_or_default();
        Ok(Self { key, body, is_call })
    }
}

/// What a line says beside its name: `hex`, `text`, `body`, or `args` and `kwargs`.
fn given(line: &Value) -> Result<Given, Fault> {
    if line["cut"] == Value::Bool(true) {
        return Err(Fault::input("the line is `cut`: it has only the beginning"));
    }
    let wrong = |text: &str| Err(Fault::input(text).hint(EXAMPLE));
    let arguments = arguments_given(line);
    match (
        line.get("hex"),
        line.get("text"),
        line.get("body"),
        arguments,
    ) {
        (None, None, None, None) => Ok(Given::Nothing),
        (Some(Value::Text(digits)), None, None, None) => Ok(Given::Bytes(line::bytes(digits)?)),
        (None, Some(Value::Text(text)), None, None) => Ok(Given::Bytes(text.as_bytes().to_vec())),
        (None, None, Some(body), None) => Ok(Given::Value(line::meant(body.clone())?)),
        (None, None, None, Some(arguments)) => Ok(Given::Value(line::meant(arguments)?)),
        (Some(_), None, None, None) => wrong("`hex` is text: two digits a byte"),
        (None, Some(_), None, None) => wrong("`text` is text"),
        _ => wrong("one of `hex`, `text`, `body` and arguments is enough"),
    }
}

/// The arguments that stand beside the name in a line.
fn arguments_given(line: &Value) -> Option<Value> {
    let parts = ["args", "kwargs"].into_iter();
    let given = parts.filter_map(|part| Some((part, line.get(part)?.clone())));
    let given: Map = given.collect();
    (!given.is_empty()).then(|| given.into())
}

/// A code where it is a number, `16` or `0x10`, a name elsewhere.
fn key_of(text: &str) -> Key {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    let code = match digits {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    code.map_or_else(|_| Key::Name(text.into()), Key::Code)
}

fn parse(text: &str) -> Result<Value, Fault> {
    text.parse()
        .map_err(|error: ropeway_std::encoding::DecodeError| {
            let text = format!("{text} is no JSON: {} at byte {}", error.rule, error.offset);
            Fault::input(text)
        })
}

const EXAMPLE: &str =
    "write {\"name\":\"Reading\",\"body\":{\"celsius\":21.5}} or {\"code\":16,\"hex\":\"0aff\"}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bytes_that_are_easy_to_type() {
        let said = Said::read(r#"{"code":"0x10","text":"é"}"#).unwrap();
        assert_eq!(said.key, Key::Code(16));
        assert_eq!(said.body, Given::Bytes("é".as_bytes().to_vec()));
    }

    #[test]
    fn a_line_says_one_thing_and_all_of_it() {
        for (line, says) in [
            (r#"{"code":16,"hex":"12","text":"x"}"#, "one of `hex`"),
            (r#"{"code":16,"body":1,"args":[]}"#, "one of `hex`"),
            (r#"{"code":16,"hex":12}"#, "two digits a byte"),
            (r#"{"code":16,"hex":"1"}"#, "half of a byte"),
            (r#"{"code":16,"text":1}"#, "`text` is text"),
            (r#"{"code":16,"hex":"12…","cut":true}"#, "the beginning"),
            (r#"{"code":1.5}"#, "neither `name` nor `code`"),
        ] {
            let error = Said::read(line).unwrap_err().to_string();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
