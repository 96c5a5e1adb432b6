//! clever-show's messages in the form of the vectors.

use crate::vectors::{are_same, text, untagged};
use ropeway_core::dialect::clever_show::{
    Arguments, Body, CallId, CleverShow, File, FileAnswer, FileMessage, Json, Named, NamedAnswer,
    Notice, Part,
};
use ropeway_core::dialect::{Envelope, Kind};
use ropeway_core::encoding::value::Args;
use ropeway_core::message::Call;
use ropeway_core::{Event, Malformed, Messenger};
use ropeway_std::Growable;
use ropeway_std::value::Value;

/// What a peer said, without a loan; files are put together from their parts.
#[derive(Clone, Debug)]
pub enum Said {
    /// An action: its name, args and kwargs.
    Action(String, Value, Value),
    /// A request: its id as JSON, the requested value, args and kwargs.
    Request(String, String, Value, Value),
    /// An answer: its id as JSON, the requested value and the value.
    Answer(String, String, Value),
    /// A file: its path and its bytes.
    File(String, Vec<u8>),
    /// A file that was requested: the id as JSON, the requested value and its bytes.
    FileAnswer(String, String, Vec<u8>),
    /// A message of unknown type.
    Ignored,
    /// A message that breaks a rule.
    Malformed(Malformed),
}

/// Whether both are written the same: so NaN is itself.
impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Action(name, args, kwargs), Self::Action(of, others, named)) => {
                name == of && are_same(args, others) && are_same(kwargs, named)
            }
            (Self::Request(id, name, args, kwargs), Self::Request(to, of, others, named)) => {
                (id, name) == (to, of) && are_same(args, others) && are_same(kwargs, named)
            }
            (Self::Answer(id, name, value), Self::Answer(to, of, other)) => {
                (id, name) == (to, of) && are_same(value, other)
            }
            (Self::File(path, bytes), Self::File(of, others)) => (path, bytes) == (of, others),
            (Self::FileAnswer(id, name, bytes), Self::FileAnswer(to, of, others)) => {
                (id, name, bytes) == (to, of, others)
            }
            (Self::Malformed(malformed), Self::Malformed(other)) => malformed == other,
            (Self::Ignored, Self::Ignored) => true,
            _ => false,
        }
    }
}

/// What the messages of a vector say.
pub fn said(message: &Value) -> Said {
    let (header, content) = (&message["header"], &message["content"]);
    let id = |value: &Value| value.to_string();
    let name = || text(&header["requested_value"]).to_owned();
    let field = |name| untagged(&content[name]);
    let args = || match field("args") {
        Value::Null => Value::Array(Vec::new()),
        args => args,
    };
    let bytes = match untagged(content) {
        Value::Bytes(bytes) => Some(bytes),
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
            Said::Action(name, value(args), value(kwargs))
        }
        (Kind::Request(id), Body::Arguments(Arguments { args, kwargs })) => {
            Said::Request(id.to_string(), name, value(args), value(kwargs))
        }
        (Kind::Answer(id), Body::Value(json)) => Said::Answer(id.to_string(), name, value(json)),
        (kind, body) => panic!("{kind:?} with {body:?}"),
    }
}

fn value(json: Json<'_>) -> Value {
    json.read_with(Value::read).expect("has been checked")
}

/// Queues what was said, its parts at most 1000 bytes at a time.
pub fn say(messenger: &mut Messenger<CleverShow, Growable>, said: &Said) {
    let sent = match said {
        Said::Action(name, args, kwargs) => messenger.send(&Named {
            name,
            arguments: &Args { args, kwargs },
        }),
        Said::Request(id, name, args, kwargs) => messenger.send(&Call {
            id: call_id(id),
            request: &Named {
                name,
                arguments: &Args { args, kwargs },
            },
        }),
        Said::Answer(id, name, value) => messenger.send(&NamedAnswer {
            id: call_id(id),
            name,
            value,
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
