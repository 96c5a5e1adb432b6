//! clever-show: headers, JSON, and files that pass.

use super::Link;
use super::frame::{Body, Direction, Key, Kind};
use super::read::{Read, Said};
use crate::value::{Map, Value};
use ropeway_core::dialect::clever_show::{Body as Content, CleverShow, File, Json, Notice};
use ropeway_core::dialect::{self, Dialect, Envelope, Opened};
use ropeway_core::framing::{self, Parsed};
use ropeway_core::{Malformed, Rule};

#[derive(Debug)]
pub(super) struct Reader {
    clever_show: CleverShow,
    /// A file has begun of which so many bytes are to come.
    passes: u64,
}

impl Reader {
    pub(super) const fn new() -> Self {
        let clever_show = CleverShow::new();
        let passes = 0;
        Self {
            clever_show,
            passes,
        }
    }
}

impl Read for Reader {
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
        _: &mut Link,
    ) -> Result<Parsed, framing::Malformed> {
        self.clever_show.find(input, scanned, limit)
    }

    fn explain(&self, rule: framing::Rule) -> Rule {
        self.clever_show.explain(rule)
    }

    fn open(
        &mut self,
        _: Direction,
        content: &mut [u8],
        _: &mut Link,
    ) -> Result<Option<Said>, Malformed> {
        let opened = self.clever_show.open(content);
        let said = match opened? {
            Opened::Notice(Notice::Begin { file, len }) => {
                let said = begin(&file, len);
                self.passes = len;
                // The content passes here, not there.
                self.clever_show = CleverShow::new();
                said
            }
            Opened::Notice(Notice::Ignored) => Said::control("unknown", Body::Empty),
            Opened::Notice(Notice::Part(_) | Notice::End) => return Ok(None),
            Opened::Envelope(Envelope { kind, key, body }) => {
                let key = Key::name(key);
                let body = Body::Value(value(body)?);
                let message = Said::message(key, body);
                match kind {
                    dialect::Kind::Message => Said {
                        title: "action",
                        ..message
                    },
                    dialect::Kind::Request(id) => Said {
                        kind: Kind::Request,
                        title: "request",
                        ..message
                    }
                    .call(id),
                    dialect::Kind::Answer(id) => Said {
                        kind: Kind::Answer,
                        title: "answer",
                        ..message
                    }
                    .call(id),
                }
            }
        };
        Ok(Some(said))
    }

    fn passes(&mut self) -> u64 {
        std::mem::take(&mut self.passes)
    }
}

/// A file begins, of which only the length is told.
fn begin(file: &File<'_>, len: u64) -> Said {
    let said = Said::control("file", Body::Passed(len));
    match file {
        File::Message { path } => Said {
            key: Key::name(path),
            ..said
        },
        File::Answer { id, name } => Said {
            kind: Kind::Answer,
            key: Key::name(name),
            ..said
        }
        .call(id),
        File::Unknown => said,
    }
}

fn value(content: Content<'_>) -> Result<Value, Malformed> {
    Ok(match content {
        Content::Value(json) => read(json)?,
        Content::Arguments(arguments) => {
            let mut both = Map::new();
            both.insert("args", read(arguments.args)?);
            both.insert("kwargs", read(arguments.kwargs)?);
            both.into()
        }
    })
}

fn read(json: Json<'_>) -> Result<Value, Malformed> {
    json.read_with(Value::read)
}
