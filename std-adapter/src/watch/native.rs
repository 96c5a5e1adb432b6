//! The native protocol: frames, or a secure link that hides them.

use super::Link;
use super::frame::{Body, Direction, Key, Kind};
use super::read::{Read, Said};
use super::sealed::Stage;
use crate::value::{Map, Value};
use ropeway_core::dialect::native::{CallId, Failure, FailureKind, Frame, Hello};
use ropeway_core::framing::{self, Extended, Framing, Parsed};
use ropeway_core::wire::is_secure_opening;
use ropeway_core::{Malformed, file};
use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct Reader {
    direction: Direction,
    has_begun: bool,
    sealed: Option<Stage>,
    /// The codes that this side has named.
    names: HashMap<u8, String>,
    passes: u64,
}

impl Reader {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            has_begun: false,
            sealed: None,
            names: HashMap::new(),
            passes: 0,
        }
    }

    fn key(&self, code: u8) -> Key {
        Key::code(code, self.names.get(&code).map(String::as_str))
    }

    fn say(&mut self, frame: &Frame<'_>, link: &mut Link) -> Said {
        let title = frame.title().unwrap_or("message");
        let control = |fields: Map| match fields.is_empty() {
            true => Said::control(title, Body::Empty),
            false => Said::control(title, Body::Value(fields.into())),
        };
        let ours = self.direction.index();
        let theirs = self.direction.reverse().index();
        match *frame {
            Frame::Message { code, body } => Said::message(self.key(code), Body::of(body)),
            Frame::Request { call, code, body } => {
                let key = self.key(code);
                link.calls[ours].insert(&call.to_string(), &key);
                answer(title, Kind::Request, call, key, Body::of(body))
            }
            Frame::Response { call, body } => {
                let key = link.calls[theirs].take(&call.to_string());
                answer(title, Kind::Answer, call, key, Body::of(body))
            }
            Frame::Failure { call, failure } => {
                let key = link.calls[theirs].take(&call.to_string());
                let body = Body::Value(failed(&failure).into());
                answer(title, Kind::Failure, call, key, body)
            }
            Frame::Cancel { call } => Said::control(title, Body::Empty).call(call),
            Frame::Name { code, schema, name } => {
                self.names.insert(code, name.to_owned());
                let mut fields = Map::new();
                fields.insert("schema", hex(schema));
                Said {
                    key: Key::code(code, Some(name)),
                    ..control(fields)
                }
            }
            Frame::Hello { hello, name } => {
                let mut fields = Map::new();
                fields.insert("version", hello.version);
                fields.insert("least_version", hello.second);
                control(introduce(fields, &hello, name))
            }
            Frame::Welcome { hello, name } => {
                let mut fields = Map::new();
                fields.insert("version", hello.version);
                fields.insert(
                    "outcome",
                    if hello.second == 1 {
                        "resumed"
                    } else {
                        "fresh"
                    },
                );
                control(introduce(fields, &hello, name))
            }
            Frame::Bye { reason, text } => {
                let mut fields = Map::new();
                fields.insert("reason", reason.to_string());
                if !text.is_empty() {
                    fields.insert("text", text);
                }
                control(fields)
            }
            Frame::Ack { taken, window } => {
                control(Map::from([("taken", taken), ("window", window)]))
            }
            Frame::File(frame) => control(file(&frame)),
            // PING, PONG, the end of the names, and what may come later.
            _ => control(Map::new()),
        }
    }
}

impl Read for Reader {
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
        link: &mut Link,
    ) -> Result<Parsed, framing::Malformed> {
        if !self.has_begun {
            self.has_begun = true;
            if is_secure_opening(input) {
                self.sealed = Some(Stage::start(self.direction, &mut link.sealed_by));
            }
        }
        match self.sealed {
            Some(stage) => stage.find(input, limit),
            None => Extended::parse(input, scanned, limit),
        }
    }

    fn open(
        &mut self,
        _: Direction,
        content: &mut [u8],
        link: &mut Link,
    ) -> Result<Option<Said>, Malformed> {
        if let Some(stage) = &mut self.sealed {
            let (said, passes) = stage.open(content);
            self.passes = passes;
            return Ok(Some(said));
        }
        let frame = Frame::parse(content).map_err(|rule| Malformed {
            rule,
            frame: 0,
            offset: 0,
        })?;
        Ok(Some(self.say(&frame, link)))
    }

    fn passes(&mut self) -> u64 {
        std::mem::take(&mut self.passes)
    }
}

fn answer(title: &'static str, kind: Kind, call: CallId, key: Key, body: Body) -> Said {
    Said {
        kind,
        title,
        ..Said::message(key, body)
    }
    .call(call)
}

/// The fields that HELLO and WELCOME share.
fn introduce(mut fields: Map, hello: &Hello, name: &str) -> Map {
    fields.insert("name", name);
    fields.insert("epoch", hex(hello.epoch));
    fields.insert("session", hex(hello.session));
    fields.insert("taken", hello.taken);
    fields.insert("window", hello.window);
    fields.insert("largest", hello.largest);
    fields.insert("fingerprint", hex(hello.fingerprint));
    fields.insert("silence_ms", hello.silence);
    if hello.offered != 0 {
        fields.insert("offered", hex(hello.offered));
    }
    fields
}

fn failed(failure: &Failure<'_>) -> Map {
    let mut fields = Map::new();
    let kind: Value = match failure.kind {
        FailureKind::Unhandled => "unknown code".into(),
        FailureKind::Busy => "busy".into(),
        FailureKind::Refused => "refused".into(),
        FailureKind::Malformed => "malformed request".into(),
        FailureKind::Cancelled => "cancelled".into(),
        FailureKind::Other(number) => number.into(),
        other => format!("{other:?}").into(),
    };
    fields.insert("kind", kind);
    fields.insert("class", failure.class);
    fields.insert("text", failure.text);
    if !failure.detail.is_empty() {
        fields.insert("detail", Value::Bytes(failure.detail.to_vec()));
    }
    fields
}

fn file(frame: &file::Frame<'_>) -> Map {
    use file::Frame::{Accept, Ask, Chunk, Credit, Done, Offer, Stop, Verified};
    let mut fields = Map::new();
    match *frame {
        Offer {
            file,
            ask,
            size,
            tag,
            name,
        } => {
            fields.insert("file", file);
            fields.insert("ask", ask);
            fields.insert("size", size);
            fields.insert("tag", hex(tag));
            fields.insert("name", name);
        }
        Ask { ask, name } => {
            fields.insert("ask", ask);
            fields.insert("name", name);
        }
        Accept {
            file,
            offset,
            limit,
        }
        | Credit {
            file,
            offset,
            limit,
        } => {
            fields.insert("file", file);
            fields.insert("offset", offset);
            fields.insert("limit", limit);
        }
        Chunk {
            file,
            offset,
            bytes,
        } => {
            fields.insert("file", file);
            fields.insert("offset", offset);
            fields.insert("len", bytes.len() as u64);
        }
        Done { file, crc } => {
            fields.insert("file", file);
            fields.insert("crc", hex(crc.into()));
        }
        Verified { file } => {
            fields.insert("file", file);
        }
        Stop { id, side, reason } => {
            let (what, by) = match side {
                file::Side::Sender => ("file", "sender"),
                file::Side::Receiver => ("file", "receiver"),
                file::Side::Asked => ("ask", "asked"),
            };
            fields.insert(what, id);
            fields.insert("by", by);
            fields.insert("reason", reason.to_string());
        }
    }
    fields
}

/// Ids that are random, as people compare them.
fn hex(number: u64) -> String {
    format!("0x{number:x}")
}
