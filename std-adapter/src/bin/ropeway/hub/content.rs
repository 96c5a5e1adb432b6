//! What is said, as JSON, and back.

use super::meaning::Meaning;
use super::spoken::Bodies;
use crate::protocol::Protocol;
use ropeway_std::any::{Arguments, Body, Content, Key};
use ropeway_std::value::{Map, Value};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;

/// What was said, as far as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    /// What names it on the wire.
    pub(crate) key: String,
    /// What the registry calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// What it says, for people: at most [`SHOWN`] bytes.
    pub(crate) says: String,
    /// The same in the words of the API; none where it is too much, or no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<serde_json::Value>,
}

impl Shown {
    pub(crate) fn message(content: &Content, meaning: &Meaning) -> Self {
        let Content { key, body } = content;
        let value = match body {
            Body::Bytes(bytes) => meaning.read_body(key, bytes),
            _ => None,
        };
        Self::new(key, body, value, meaning)
    }

    pub(crate) fn answer(key: &Key, body: &Body, meaning: &Meaning) -> Self {
        let value = match body {
            Body::Bytes(bytes) => meaning.read_answer(key, bytes),
            _ => None,
        };
        Self::new(key, body, value, meaning)
    }

    fn new(key: &Key, body: &Body, value: Option<Value>, meaning: &Meaning) -> Self {
        let mut says = match (body, &value) {
            (_, Some(value)) | (Body::Value(value), None) => value.to_string(),
            (Body::Bytes(bytes), None) => shown_bytes(bytes),
            (Body::Arguments(arguments), None) => shown_arguments(arguments),
        };
        let mut name = key.to_string();
        let is_cut = cut(&mut says, SHOWN) | cut(&mut name, NAME_SHOWN);
        let body = match is_cut {
            true => None,
            false => to_json(body, value),
        };
        Self {
            key: name,
            kind: meaning.name_of(key).map(str::to_owned),
            says,
            body,
        }
    }
}

/// The words in which the API says a body: `hex`, `value`, or `args` and `kwargs`.
pub(crate) fn to_json(body: &Body, value: Option<Value>) -> Option<serde_json::Value> {
    let strict = |value: &Value| serde_json::Value::try_from(value.clone()).ok();
    Some(match (body, value) {
        (Body::Bytes(bytes), None) => json!({ "hex": hex(bytes) }),
        (Body::Bytes(bytes), Some(value)) => {
            json!({ "hex": hex(bytes), "value": strict(&value)? })
        }
        (Body::Value(value), _) => json!({ "value": strict(value)? }),
        (Body::Arguments(Arguments { args, kwargs }), _) => json!({
            "args": strict(&Value::Array(args.clone()))?,
            "kwargs": strict(&Value::Map(kwargs.clone()))?,
        }),
    })
}

/// A message as the API has it: a `key`, and a body in one of its words. A `name` or `code` and a `body`, as the lines of the
/// other verbs have them, are understood as well.
pub(crate) fn from_json(
    said: &Map,
    protocol: Protocol,
    meaning: &Meaning,
) -> Result<Content, String> {
    let key = ["key", "name", "code"]
        .iter()
        .find_map(|word| said.get(word));
    let key = match (key, protocol.bodies()) {
        (None, _) => return Err("there is no \"key\": the message's code or name".into()),
        (Some(Value::Text(name)), Bodies::Bytes) => Key::Code(code(name, meaning)?.into()),
        (Some(Value::Text(name)), _) => Key::Name(name.clone()),
        (Some(key), _) if protocol == Protocol::TcpTalks || protocol.bodies() == Bodies::Bytes => {
            let code = key.as_i64().ok_or_else(|| format!("{key} is no key"))?;
            Key::Code(code)
        }
        (Some(key), _) => return Err(format!("{protocol} names messages by text, not by {key}")),
    };
    let body = match protocol.bodies() {
        Bodies::Bytes => Body::Bytes(bytes(said, &key, meaning)?),
        Bodies::Value => {
            refuse_others(said, protocol, &["hex", "text", "args", "kwargs"])?;
            let nothing = match protocol {
                Protocol::CableCarJson => Value::Map(Map::new()),
                _ => Value::Null,
            };
            Body::Value(value(said).cloned().unwrap_or(nothing))
        }
        Bodies::Arguments => {
            refuse_others(said, protocol, &["hex", "text", "value"])?;
            Body::Arguments(arguments(said)?)
        }
    };
    Ok(Content { key, body })
}

fn refuse_others(said: &Map, protocol: Protocol, others: &[&str]) -> Result<(), String> {
    match others.iter().find(|other| said.get(other).is_some()) {
        Some(other) => Err(format!("messages of {protocol} have no \"{other}\"")),
        None => Ok(()),
    }
}

fn code(text: &str, meaning: &Meaning) -> Result<u8, String> {
    if let Some(code) = meaning.code_of(text) {
        return Ok(code);
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let code = match digits {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    code.map_err(|_| format!("{text:?} is no message of the registry and no code from 0 to 255"))
}

fn bytes(said: &Map, key: &Key, meaning: &Meaning) -> Result<Vec<u8>, String> {
    refuse_both(said)?;
    if let Some(hex) = said.get("hex") {
        let hex = hex.as_str().ok_or("\"hex\" is to be text")?;
        return unhex(hex).ok_or_else(|| format!("{hex:?} is no hex: two digits a byte"));
    }
    if let Some(text) = said.get("text") {
        let text = text.as_str().ok_or("\"text\" is to be text")?;
        return Ok(text.as_bytes().to_vec());
    }
    match value(said) {
        Some(value) => meaning.write_body(key, value),
        None => Ok(Vec::new()),
    }
}

fn value(said: &Map) -> Option<&Value> {
    said.get("value").or_else(|| said.get("body"))
}

fn refuse_both(said: &Map) -> Result<(), String> {
    let words = ["hex", "text", "value", "body"];
    match words.iter().filter(|word| said.get(word).is_some()).count() {
        0 | 1 => Ok(()),
        _ => Err("one of \"hex\", \"text\" and \"value\" is enough".into()),
    }
}

fn arguments(said: &Map) -> Result<Arguments, String> {
    match said.get("body") {
        None => {}
        Some(Value::Array(args)) => return Ok(Arguments::new(args.iter().cloned())),
        Some(Value::Map(body)) if body.get("args").is_some() || body.get("kwargs").is_some() => {
            return arguments(body);
        }
        Some(Value::Map(kwargs)) => {
            return Ok(Arguments {
                args: Vec::new(),
                kwargs: kwargs.clone(),
            });
        }
        Some(_) => return Err("\"body\" is to be a list or an object".into()),
    }
    let args = match said.get("args") {
        None => Vec::new(),
        Some(Value::Array(args)) => args.clone(),
        Some(_) => return Err("\"args\" is to be a list".into()),
    };
    let kwargs = match said.get("kwargs") {
        None => Map::new(),
        Some(Value::Map(kwargs)) => kwargs.clone(),
        Some(_) => return Err("\"kwargs\" is to be an object".into()),
    };
    Ok(Arguments { args, kwargs })
}

/// Cuts a text that is longer than `most` bytes, between two characters, and says whether it was.
pub(crate) fn cut(text: &mut String, most: usize) -> bool {
    let is_long = text.len() > most;
    if is_long {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    is_long
}

/// Text where it is some, and hex.
fn shown_bytes(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let text = std::str::from_utf8(shown).ok();
    let text = text.filter(|text| text.len() > 2 && !text.chars().any(char::is_control));
    match text {
        Some(text) => format!("{} {text:?}", hex(shown)),
        None => hex(shown),
    }
}

fn shown_arguments(Arguments { args, kwargs }: &Arguments) -> String {
    let args = args.iter().map(Value::to_string);
    let kwargs = kwargs.iter().map(|(name, value)| match name.as_str() {
        Some(name) => format!("{name}={value}"),
        None => format!("{name}={value}"),
    });
    let all: Vec<_> = args.chain(kwargs).collect();
    format!("({})", all.join(", "))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    match rest {
        [] => pairs.iter().map(byte).collect(),
        _ => None,
    }
}

/// As much as is shown of a message.
pub(crate) const SHOWN: usize = 1024;

/// As much as is shown of what names it.
const NAME_SHOWN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, protocol: Protocol) -> Result<Content, String> {
        let Ok(Value::Map(map)) = text.parse() else {
            panic!("{text}");
        };
        from_json(&map, protocol, &Meaning::default())
    }

    #[test]
    fn each_protocol_has_its_own_words() {
        let native = read(r#"{"key":"0x10","hex":"01 fF"}"#, Protocol::Native).unwrap();
        assert_eq!(native, Content::new(16, vec![1, 255]));
        let byte = read(r#"{"key":16,"text":"é"}"#, Protocol::CableCarByte).unwrap();
        assert_eq!(byte, Content::new(16, "é".as_bytes().to_vec()));
        let json = read(r#"{"key":"MsgChat"}"#, Protocol::CableCarJson).unwrap();
        assert_eq!(json, Content::new("MsgChat", Map::new()));
        let packet = read(r#"{"key":"chat:msg","value":[1,null]}"#, Protocol::Packetmq).unwrap();
        assert_eq!(
            packet.body,
            Body::Value(vec![Value::from(1), Value::Null].into())
        );
        let call = r#"{"key":"takeoff","args":[2],"kwargs":{"fast":true}}"#;
        let expected = Content::new("takeoff", Arguments::new([2]).with("fast", true));
        assert_eq!(read(call, Protocol::CleverShow).unwrap(), expected);
        let opcode = read(r#"{"key":16}"#, Protocol::TcpTalks).unwrap();
        assert_eq!(opcode, Content::new(16, Arguments::default()));
    }

    #[test]
    fn the_words_of_the_other_verbs_are_understood() {
        let code = read(r#"{"code":16,"hex":"ff"}"#, Protocol::Native).unwrap();
        assert_eq!(code, Content::new(16, vec![255]));
        let value = read(
            r#"{"name":"MsgChat","body":{"x":1}}"#,
            Protocol::CableCarJson,
        )
        .unwrap();
        assert_eq!(value, Content::new("MsgChat", Map::from([("x", 1)])));
        let expected = Content::new("go", Arguments::new([1]).with("fast", true));
        let both = r#"{"name":"go","body":{"args":[1],"kwargs":{"fast":true}}}"#;
        assert_eq!(read(both, Protocol::CleverShow).unwrap(), expected);
        let list = read(r#"{"name":"go","body":[1]}"#, Protocol::TcpTalks).unwrap();
        assert_eq!(list, Content::new("go", Arguments::new([1])));
        let named = read(r#"{"name":"go","body":{"x":1}}"#, Protocol::TcpTalks).unwrap();
        assert_eq!(named, Content::new("go", Arguments::default().with("x", 1)));
    }

    #[test]
    fn what_a_protocol_cannot_say_is_named() {
        for (text, protocol, says) in [
            ("{}", Protocol::Native, "no \"key\""),
            (
                r#"{"key":"0x100"}"#,
                Protocol::Native,
                "\"0x100\" is no message",
            ),
            (r#"{"key":16,"hex":"123"}"#, Protocol::Native, "is no hex"),
            (
                r#"{"key":16,"hex":"12","text":"x"}"#,
                Protocol::Native,
                "one of",
            ),
            (r#"{"key":16,"value":1}"#, Protocol::Native, "no registry"),
            (r#"{"key":1.5}"#, Protocol::Native, "is no key"),
            (r#"{"key":16}"#, Protocol::Packetmq, "by text"),
            (
                r#"{"key":"x","hex":"00"}"#,
                Protocol::CableCarJson,
                "have no \"hex\"",
            ),
            (r#"{"key":"x","args":{}}"#, Protocol::CleverShow, "a list"),
        ] {
            let error = read(text, protocol).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_long_body_is_cut_between_characters() {
        let content = Content::new("x", Value::from("é".repeat(SHOWN)));
        let shown = Shown::message(&content, &Meaning::default());
        assert!(shown.says.ends_with('…') && shown.says.len() <= SHOWN + 3);
        assert!(shown.body.is_none());
        let content = Content::new("é".repeat(100_000), Value::Null);
        assert!(Shown::message(&content, &Meaning::default()).key.len() <= NAME_SHOWN + 3);
    }

    #[test]
    fn what_is_shown_can_be_sent_again() {
        let content = Content::new("drive", Arguments::new([1, 2]).with("fast", true));
        let shown = Shown::message(&content, &Meaning::default());
        assert_eq!(shown.says, "(1, 2, fast=true)");
        let mut said: Map = match Value::from(shown.body.unwrap()) {
            Value::Map(map) => map,
            other => panic!("{other}"),
        };
        said.insert("key", shown.key);
        assert_eq!(
            from_json(&said, Protocol::TcpTalks, &Meaning::default()),
            Ok(content)
        );
    }
}
