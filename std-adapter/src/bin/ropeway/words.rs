//! Between what people write and what goes over the wire, in every protocol.

use crate::fault::Fault;
use crate::line::{self, Line};
use crate::protocol::Protocol;
use crate::registry::{MessageType, Registry};
use ropeway_std::any::{Arguments, Body, Content, Key};
use ropeway_std::call::Refused;
use ropeway_std::value::{Map, Value};
use std::sync::Arc;

/// The messages of a protocol, as a registry names them.
#[derive(Clone)]
pub(crate) struct Words {
    pub(crate) protocol: Protocol,
    pub(crate) registry: Arc<Registry>,
}

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
        let value = parse(text)?;
        let key = match (&value["name"], &value["code"]) {
            (Value::Text(name), _) => Key::Name(name.clone()),
            (_, code) if let Some(code) = code.as_i64() => Key::Code(code),
            (_, Value::Text(code)) => key_of(code),
            _ => {
                let text = "the line has neither `name` nor `code`";
                return Err(Fault::input(text).hint(EXAMPLE));
            }
        };
        let body = given(&value)?;
        let is_call = value["call"].as_bool().unwrap_or_default();
        Ok(Self { key, body, is_call })
    }
}

impl Words {
    /// What was written, as it goes over the wire.
    pub(crate) fn content(&self, said: &Said) -> Result<Content, Fault> {
        let ty = self.type_of(&said.key);
        let key = match (self.has_codes(), &said.key) {
            (true, Key::Code(_)) => said.key.clone(),
            (true, Key::Name(name)) => match ty.and_then(|ty| ty.code) {
                Some(code) => Key::Code(code.into()),
                None if self.protocol == Protocol::TcpTalks => said.key.clone(),
                None => return Err(self.no_code(name)),
            },
            (false, Key::Name(_)) => said.key.clone(),
            (false, Key::Code(code)) => match ty {
                Some(ty) => Key::Name(ty.name.clone()),
                None => {
                    let text = format!("{} names messages, and {code} is a number", self.protocol);
                    return Err(Fault::input(text).hint("give a name"));
                }
            },
        };
        let body = self.body(said, ty)?;
        Ok(Content { key, body })
    }

    fn body(&self, said: &Said, ty: Option<&MessageType>) -> Result<Body, Fault> {
        match self.protocol {
            Protocol::Native | Protocol::CableCarByte => match (&said.body, ty) {
                (Given::Bytes(bytes), _) => Ok(bytes.clone().into()),
                (Given::Nothing, None) => Ok(Vec::new().into()),
                (Given::Nothing, Some(ty)) => encode(ty, &Map::new().into()),
                (Given::Value(value), Some(ty)) => encode(ty, value),
                (Given::Value(_), None) => {
                    let text = format!("what {} looks like is not known", said.key);
                    Err(Fault::input(text).hint("give --registry FILE, or bytes with --hex"))
                }
            },
            Protocol::CableCarJson => match &said.body {
                Given::Nothing => Ok(Map::new().into()),
                Given::Value(Value::Map(map)) => Ok(map.clone().into()),
                _ => Err(Fault::input("cable_car's JSON messages have attributes")
                    .hint("give an object, such as {\"x\":1}")),
            },
            Protocol::Packetmq => Ok(match &said.body {
                Given::Nothing => Value::Null.into(),
                Given::Bytes(bytes) => Value::Bytes(bytes.clone()).into(),
                Given::Value(value) => value.clone().into(),
            }),
            Protocol::CleverShow | Protocol::TcpTalks => match &said.body {
                Given::Nothing => Ok(Arguments::default().into()),
                Given::Value(value) => arguments(value).map(Body::from),
                Given::Bytes(_) => Err(Fault::input(format!(
                    "{} carries no bare bytes",
                    self.protocol
                ))
                .hint("give arguments as JSON, [1,2] or {\"x\":1}")),
            },
        }
    }

    /// What a message says, for people and programs.
    pub(crate) fn show(&self, content: &Content) -> Line {
        let ty = self.type_of(&content.key);
        let line = match &content.key {
            Key::Code(code) => Line::default()
                .with_some("name", ty.map(|ty| ty.name.as_str()))
                .with("code", *code),
            Key::Name(name) => Line::default().with("name", name.as_str()),
        };
        match (&content.body, ty) {
            (Body::Bytes(bytes), Some(ty)) => match ty.decode(bytes) {
                Ok(value) => line.with("body", value),
                Err(error) => line
                    .with("hex", line::hex(bytes))
                    .with("error", error.to_string()),
            },
            (body, _) => show_body(line, body),
        }
    }

    /// What an answer says.
    pub(crate) fn show_answer(&self, request: &Key, answer: &Body) -> Line {
        match (answer, self.type_of(request)) {
            (Body::Bytes(bytes), Some(ty)) if ty.has_answer() => match ty.decode_answer(bytes) {
                Ok(value) => Line::default().with("answer", value),
                Err(error) => Line::default()
                    .with("answer", Value::Bytes(bytes.clone()))
                    .with("error", error.to_string()),
            },
            (Body::Bytes(bytes), _) => Line::default().with("answer", Value::Bytes(bytes.clone())),
            (Body::Value(value), _) => Line::default().with("answer", value.clone()),
            (body, _) => show_body(Line::default(), body),
        }
    }

    /// An answer that was written, as it goes over the wire.
    pub(crate) fn answer(&self, request: &Key, given: &Given) -> Result<Body, Fault> {
        let ty = self.type_of(request);
        match (self.protocol, given, ty) {
            (Protocol::Native, Given::Bytes(bytes), _) => Ok(bytes.clone().into()),
            (Protocol::Native, given, Some(ty)) => {
                let value = match given {
                    Given::Value(value) => value,
                    _ => &Value::Null,
                };
                let encoded = ty.encode_answer(value);
                let wrong = |error| Fault::input(format!("the answer to {}: {error}", ty.name));
                encoded.map(Body::from).map_err(wrong)
            }
            (Protocol::Native, Given::Nothing, None) => Ok(Vec::new().into()),
            (Protocol::Native, Given::Value(_), None) => {
                let text = format!("what answers {request} is not known");
                Err(Fault::input(text).hint("give --registry FILE, or bytes as \"hex\""))
            }
            (_, Given::Nothing, _) => Ok(Value::Null.into()),
            (_, Given::Bytes(bytes), _) => Ok(Value::Bytes(bytes.clone()).into()),
            (_, Given::Value(value), _) => Ok(value.clone().into()),
        }
    }

    /// What a request says, as its answer.
    pub(crate) fn echo(&self, request: &Content) -> Body {
        match (&request.body, self.protocol) {
            (Body::Arguments(Arguments { args, kwargs }), _) => {
                match (args.is_empty(), kwargs.is_empty()) {
                    (_, true) => Value::Array(args.clone()).into(),
                    (true, false) => Value::from(kwargs.clone()).into(),
                    (false, false) => {
                        let parts = [
                            ("args", Value::Array(args.clone())),
                            ("kwargs", kwargs.clone().into()),
                        ];
                        Map::from(parts).into()
                    }
                }
            }
            (body, _) => body.clone(),
        }
    }

    /// Whether a call of it may be asked again when nobody knows whether it was answered.
    pub(crate) fn is_repeatable(&self, key: &Key) -> bool {
        self.type_of(key).is_some_and(|ty| ty.is_repeatable)
    }

    fn type_of(&self, key: &Key) -> Option<&MessageType> {
        match key {
            Key::Code(code) => self.registry.by_code(u16::try_from(*code).ok()?),
            Key::Name(name) => self.registry.by_name(name),
        }
    }

    const fn has_codes(&self) -> bool {
        matches!(
            self.protocol,
            Protocol::Native | Protocol::CableCarByte | Protocol::TcpTalks
        )
    }

    fn no_code(&self, name: &str) -> Fault {
        let known: Vec<_> = self
            .registry
            .messages()
            .iter()
            .map(|ty| ty.name.as_str())
            .collect();
        let fault = Fault::input(format!("no message is called {name}"));
        match known.as_slice() {
            [] => fault.hint("give --registry FILE, or a code such as 0x10"),
            known => fault.hint(format!("the registry has {}", known.join(", "))),
        }
    }
}

/// What answers one call too many.
pub(crate) fn busy() -> Refused {
    Refused::new(
        "BlockingIOError",
        "too many calls wait for their answers here",
    )
}

/// What answers a call that nobody answers here.
pub(crate) fn unhandled(key: &Key) -> Refused {
    Refused::new("KeyError", format!("nobody answers {key} here"))
}

fn encode(ty: &MessageType, value: &Value) -> Result<Body, Fault> {
    match ty.encode(value) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => {
            let text = format!("{}: {error}", ty.name);
            Err(Fault::input(text).hint(format!("its fields are {}", ty.fields())))
        }
    }
}

/// Arguments as people write them: a list by position, an object by name, or an object of `args` and `kwargs`.
fn arguments(value: &Value) -> Result<Arguments, Fault> {
    let by_name = |map: &Map| Arguments {
        args: Vec::new(),
        kwargs: map.clone(),
    };
    match value {
        Value::Array(args) => Ok(Arguments::new(args.clone())),
        Value::Map(map) => match (map.len(), map.get("args"), map.get("kwargs")) {
            (1, Some(Value::Array(args)), None) => Ok(Arguments::new(args.clone())),
            (1, None, Some(Value::Map(kwargs))) => Ok(by_name(kwargs)),
            (2, Some(Value::Array(args)), Some(Value::Map(kwargs))) => Ok(Arguments {
                args: args.clone(),
                kwargs: kwargs.clone(),
            }),
            _ => Ok(by_name(map)),
        },
        _ => {
            Err(Fault::input("arguments are a list or an object").hint("write [1,2] or {\"x\":1}"))
        }
    }
}

/// What a line says beside its name.
fn given(line: &Value) -> Result<Given, Fault> {
    match (&line["hex"], line.get("body")) {
        (Value::Text(digits), None) => Ok(Given::Bytes(line::bytes(digits)?)),
        (_, Some(body)) => Ok(Given::Value(line::meant(body.clone())?)),
        _ => arguments_given(line),
    }
}

/// The arguments that stand beside the name in a line.
fn arguments_given(line: &Value) -> Result<Given, Fault> {
    let parts = ["args", "kwargs"].into_iter();
    let given = parts.filter_map(|part| Some((part, line.get(part)?.clone())));
    let given: Map = given.collect();
    match given.is_empty() {
        true => Ok(Given::Nothing),
        false => Ok(Given::Value(line::meant(given.into())?)),
    }
}

fn show_body(line: Line, body: &Body) -> Line {
    match body {
        Body::Bytes(bytes) => line.with("hex", line::hex(bytes)),
        Body::Value(value) => line.with("body", value.clone()),
        Body::Arguments(Arguments { args, kwargs }) => {
            let args = (!args.is_empty()).then(|| args.clone());
            let kwargs = (!kwargs.is_empty()).then(|| kwargs.clone());
            line.with_some("args", args).with_some("kwargs", kwargs)
        }
    }
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

    fn words(protocol: Protocol) -> Words {
        let text = r#"
            [[message]]
            name = "Reading"
            code = 0x10
            fields = { celsius = "f32", label = "string" }
            answer = "bool"
        "#;
        let registry = Registry::parse(text, "words.toml").unwrap();
        let registry = Arc::new(registry);
        Words { protocol, registry }
    }

    fn shown(words: &Words, line: &str) -> String {
        let content = words.content(&Said::read(line).unwrap()).unwrap();
        words.show(&content).to_string()
    }

    #[test]
    fn what_is_written_comes_back_in_every_protocol() {
        let native = words(Protocol::Native);
        let typed = r#"{"name":"Reading","code":16,"body":{"celsius":21.5,"label":"attic"}}"#;
        assert_eq!(shown(&native, typed), typed);
        assert_eq!(
            shown(&native, r#"Reading {"celsius":21.5,"label":"attic"}"#),
            typed
        );
        assert_eq!(
            shown(&native, r#"{"code":17,"hex":"0aff"}"#),
            r#"{"code":17,"hex":"0aff"}"#
        );
        for protocol in [Protocol::CableCarJson, Protocol::Packetmq] {
            let line = r#"{"name":"MsgChat","body":{"text":"hi","n":[1,null]}}"#;
            assert_eq!(shown(&words(protocol), line), line);
        }
        for protocol in [Protocol::CleverShow, Protocol::TcpTalks] {
            let line = r#"{"name":"drive","args":[1.5],"kwargs":{"fast":true}}"#;
            assert_eq!(shown(&words(protocol), line), line);
        }
        assert_eq!(
            shown(&words(Protocol::TcpTalks), "0x20 [1]"),
            r#"{"code":32,"args":[1]}"#
        );
    }

    #[test]
    fn a_body_that_does_not_fit_is_shown_in_hex_with_the_reason() {
        let native = words(Protocol::Native);
        let text = shown(&native, r#"{"code":16,"hex":"00"}"#);
        assert!(
            text.starts_with(r#"{"name":"Reading","code":16,"hex":"00","error":"#),
            "{text}"
        );
    }

    #[test]
    fn an_answer_is_shown_as_the_registry_says() {
        let native = words(Protocol::Native);
        let answer = native.show_answer(&Key::Code(0x10), &vec![1].into());
        assert_eq!(answer.to_string(), r#"{"answer":true}"#);
    }

    #[test]
    fn faults_say_what_to_write_instead() {
        let native = words(Protocol::Native);
        let fault = |line: &str| match Said::read(line).and_then(|said| native.content(&said)) {
            Ok(content) => panic!("{content:?}"),
            Err(fault) => fault.to_string(),
        };
        assert!(fault("Other").contains("the registry has Reading"));
        assert!(fault(r#"17 {"x":1}"#).contains("--hex"));
        assert!(fault(r#"Reading {"celsius":true,"label":""}"#).contains("celsius"));
        assert!(fault(r#"{"body":1}"#).contains("neither `name` nor `code`"));
        assert!(fault(r#"Reading {"celsius":"#).contains("is no JSON"));
    }
}
