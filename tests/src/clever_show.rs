//! clever-show's messages in the form of the vectors.

use crate::tree::Tree;
use crate::vectors::text;
use ropeway_core::dialect::clever_show::{
    Arguments, Body, CallId, CleverShow, File, FileAnswer, FileMessage, Json, Named, NamedAnswer,
    Notice, Part,
};
use ropeway_core::dialect::{Envelope, Kind};
use ropeway_core::message::Call;
use ropeway_core::{Event, Malformed, Messenger};
use ropeway_std::Growable;
use ropeway_std::json::Value;
use serde::ser::{Error as _, Serialize, Serializer};

/// What a peer said, without a loan; files are put together from their parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// An action: its name, args and kwargs.
    Action(String, Tree, Tree),
    /// A request: its id as JSON, the requested value, args and kwargs.
    Request(String, String, Tree, Tree),
    /// An answer: its id as JSON, the requested value and the value.
    Answer(String, String, Tree),
    /// A file: its path and its bytes.
    File(String, Vec<u8>),
    /// A file that was requested: the id as JSON, the requested value and its bytes.
    FileAnswer(String, String, Vec<u8>),
    /// A message of unknown type.
    Ignored,
    /// A message that breaks a rule.
    Malformed(Malformed),
}

/// What the messages of a vector say.
pub fn said(message: &Value) -> Said {
    let (header, content) = (&message["header"], &message["content"]);
    let id = |value: &Value| value.to_string();
    let name = || text(&header["requested_value"]).to_owned();
    let field = |name| Tree::from(&content[name]);
    let args = || match field("args") {
        Tree::Null => Tree::Array(Vec::new()),
        args => args,
    };
    let bytes = match Tree::from(content) {
        Tree::Bytes(bytes) => Some(bytes),
        _ => None,
    };
    match (text(&header["message-type"]), bytes) {
        ("message", None) => Said::Action(text(&header["action"]).into(), args(), field("kwargs")),
        ("message", Some(bytes)) => Said::File(text(&header["filepath"]).into(), bytes),
        ("request", None) => Said::Request(
            id(&content["request_id"]),
            text(&content["requested_value"]).into(),
            args(),
            field("kwargs"),
        ),
        ("response", None) => Said::Answer(id(&header["request_id"]), name(), field("value")),
        ("response", Some(bytes)) => Said::FileAnswer(id(&header["request_id"]), name(), bytes),
        _ => Said::Ignored,
    }
}

/// Reads what a messenger has to say; keeps the file that is on its way.
#[derive(Debug, Default)]
pub struct Ear {
    file: Option<Said>,
    /// How many parts the files had.
    pub parts: usize,
}

impl Ear {
    /// The next thing that was said.
    pub fn next(&mut self, messenger: &mut Messenger<CleverShow, Growable>) -> Option<Said> {
        loop {
            match messenger.recv_with(|envelope| Ok(of_envelope(envelope)))? {
                Event::Message(said) | Event::Request(_, said) => return Some(said),
                Event::Answer(_, envelope) | Event::Unknown(envelope) => {
                    return Some(of_envelope(envelope));
                }
                Event::Malformed(malformed) => return Some(Said::Malformed(malformed)),
                Event::Notice(notice) => {
                    if let Some(said) = self.hear(notice) {
                        return Some(said);
                    }
                }
            }
        }
    }

    fn hear(&mut self, notice: Notice<'_>) -> Option<Said> {
        match notice {
            Notice::Begin { file, .. } => {
                let bytes = Vec::new();
                self.file = Some(match file {
                    File::Message { path } => Said::File(path.into(), bytes),
                    File::Answer { id, name } => {
                        Said::FileAnswer(id.to_string(), name.into(), bytes)
                    }
                    File::Unknown => Said::Ignored,
                });
                None
            }
            Notice::Part(part) => {
                self.parts += 1;
                assert!(!part.is_empty(), "a part of nothing");
                match self.file.as_mut().expect("a file has begun") {
                    Said::File(_, bytes) | Said::FileAnswer(_, _, bytes) => bytes.extend(part),
                    _ => {}
                }
                None
            }
            Notice::End => self.file.take(),
            Notice::Ignored => Some(Said::Ignored),
        }
    }
}

fn of_envelope(envelope: Envelope<'_, CleverShow>) -> Said {
    let name = envelope.key.to_owned();
    match (envelope.kind, envelope.body) {
        (Kind::Message, Body::Arguments(Arguments { args, kwargs })) => {
            Said::Action(name, tree(args), tree(kwargs))
        }
        (Kind::Request(id), Body::Arguments(Arguments { args, kwargs })) => {
            Said::Request(id.to_string(), name, tree(args), tree(kwargs))
        }
        (Kind::Answer(id), Body::Value(value)) => Said::Answer(id.to_string(), name, tree(value)),
        (kind, body) => panic!("{kind:?} with {body:?}"),
    }
}

fn tree(json: Json<'_>) -> Tree {
    json.read_with(Tree::read).expect("has been checked")
}

/// Queues what was said, its parts at most 1000 bytes at a time.
pub fn say(messenger: &mut Messenger<CleverShow, Growable>, said: &Said) {
    let sent = match said {
        Said::Action(name, args, kwargs) => messenger.send(&Named {
            name,
            args: &Shown(args),
            kwargs: &Shown(kwargs),
        }),
        Said::Request(id, name, args, kwargs) => messenger.send(&Call {
            id: call_id(id),
            request: &Named {
                name,
                args: &Shown(args),
                kwargs: &Shown(kwargs),
            },
        }),
        Said::Answer(id, name, value) => messenger.send(&NamedAnswer {
            id: call_id(id),
            name,
            value: &Shown(value),
        }),
        Said::File(path, bytes) => messenger.send(&FileMessage {
            path,
            len: bytes.len() as u64,
        }),
        Said::FileAnswer(id, _, bytes) => messenger.send(&FileAnswer {
            id: call_id(id),
            len: bytes.len() as u64,
        }),
        Said::Ignored | Said::Malformed(_) => panic!("{said:?} cannot be sent"),
    };
    sent.unwrap_or_else(|error| panic!("{error}: {said:?}"));
    if let Said::File(_, bytes) | Said::FileAnswer(_, _, bytes) = said {
        for part in bytes.chunks(1000) {
            messenger.send(&Part(part)).expect("room for a part");
        }
    }
}

fn call_id(json: &str) -> CallId {
    json.parse().expect("an id")
}

/// A tree for serde.
struct Shown<'a>(&'a Tree);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Tree::Null => serializer.serialize_unit(),
            Tree::Bool(value) => serializer.serialize_bool(*value),
            Tree::Integer(bytes) => serializer.serialize_i128(integer(bytes)),
            Tree::Float(bits) => serializer.serialize_f64(f64::from_bits(*bits)),
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::Array(elements) => serializer.collect_seq(elements.iter().map(Shown)),
            Tree::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(k, v)| (Shown(k), Shown(v))))
            }
            other => Err(S::Error::custom(format!("{other:?}"))),
        }
    }
}

/// The integer with these bytes in two's complement, the least first.
fn integer(bytes: &[u8]) -> i128 {
    let is_negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut all = [if is_negative { 0xFF } else { 0 }; 16];
    all[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(all)
}
