//! Between what people write and read and what goes over the wire, in every protocol.

use crate::fault::Fault;
use crate::line::{self, Line};
use crate::protocol::Protocol;
use crate::registry::{MessageType, Misread, Registry};
use crate::said::{Given, Said};
use ropeway_std::any::{Arguments, Body, Content, Key};
use ropeway_std::call::Refused;
use ropeway_std::message::FailureKind;
use ropeway_std::packetmq::Packets;
use ropeway_std::value::{Map, Value};
use std::sync::Arc;

/// The messages of a protocol, as a registry names them.
#[derive(Clone)]
pub(crate) struct Words {
    pub(crate) protocol: Protocol,
    pub(crate) registry: Arc<Registry>,
}

impl Words {
    /// What was written, as it goes over the wire.
    pub(crate) fn content(&self, said: &Said) -> Result<Content, Fault> {
        let ty = self.type_of(&said.key);
        let key = match (self.protocol.has_codes(), &said.key) {
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
                    Err(Fault::input(text)
                        .hint("give --registry FILE, or bytes: --hex, \"hex\" or \"text\""))
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

    /// Why an answer is not what the registry says of it, if it is not.
    pub(crate) fn misread_answer(&self, request: &Key, answer: &Body) -> Option<Misread> {
        match (answer, self.type_of(request)) {
            (Body::Bytes(bytes), Some(ty)) if ty.has_answer() => ty.decode_answer(bytes).err(),
            _ => None,
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

    /// What it is called, as far as that is known, and its code.
    pub(crate) fn title(&self, key: &Key) -> String {
        match (key, self.type_of(key)) {
            (Key::Code(_), Some(ty)) => format!("{} {key}", ty.name),
            _ => key.to_string(),
        }
    }

    /// The packets of a packetmq program: those of the registry, and `more`.
    pub(crate) fn packets(&self, more: &[String]) -> Result<Packets, Fault> {
        let mut packets = Packets::default();
        let messages = self.registry.messages().iter();
        let named = messages.map(|ty| (ty.name.as_str(), ty.code));
        let more = more.iter().map(|name| (name.as_str(), None));
        for (name, code) in named.chain(more) {
            if packets.iter().any(|packet| packet.name() == name) {
                continue;
            }
            let taken: Vec<u16> = packets.iter().map(|packet| packet.id()).collect();
            let mut free = (0x100..).filter(|id| !taken.contains(id));
            let id = code.or_else(|| free.next()).unwrap_or_default();
            let wrong = |error| Fault::input(format!("packet {name}: {error}"));
            packets.add(name, id).map_err(wrong)?;
        }
        Ok(packets)
    }

    fn type_of(&self, key: &Key) -> Option<&MessageType> {
        match key {
            Key::Code(code) => self.registry.by_code(u16::try_from(*code).ok()?),
            Key::Name(name) => self.registry.by_name(name),
        }
    }

    fn no_code(&self, name: &str) -> Fault {
        let known = self.registry.names();
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
    let mut refused = Refused::new("KeyError", format!("nobody answers {key} here"));
    refused.kind = FailureKind::Unhandled;
    refused
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
