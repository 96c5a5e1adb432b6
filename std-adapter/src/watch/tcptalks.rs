//! TCPTalks: pickles that are calls and replies.

use super::Link;
use super::frame::{Body, Direction, Key, Kind};
use super::read::{Read, Said};
use crate::tcptalks::Values;
use crate::value::{Map, Value};
use ropeway_core::dialect::tcptalks::{AUTHENTICATE, CallId, Message, Opcode, Variant};
use ropeway_core::encoding::pickle::{self, Progress, Table};
use ropeway_core::encoding::value::Kind as ValueKind;
use ropeway_core::encoding::{self, DecodeError};
use ropeway_core::framing::{self, Frame, Parsed, Recovery};
use ropeway_core::{Malformed, Rule};

#[derive(Debug)]
pub(super) struct Reader {
    table: Table<Values>,
    is_taken: bool,
    /// What ended reading.
    fault: Option<encoding::Rule>,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self {
            table: Table::new(Values::new(MOST)),
            is_taken: false,
            fault: None,
        }
    }
}

impl Read for Reader {
    fn find(
        &mut self,
        input: &mut [u8],
        _: usize,
        limit: usize,
        _: &mut Link,
    ) -> Result<Parsed, framing::Malformed> {
        if self.is_taken {
            self.table.clear();
            self.is_taken = false;
        }
        match self.table.scan(input, limit) {
            Ok(Progress::More) => Ok(Parsed::More { scanned: 0 }),
            Ok(Progress::Done { len }) => Ok(Parsed::Frame(Frame {
                start: 0,
                end: len,
                len,
            })),
            Err(DecodeError { rule, offset }) => {
                self.fault = Some(rule);
                Err(framing::Malformed {
                    rule: framing::Rule::Unreadable,
                    offset,
                    recovery: Recovery::Lost,
                })
            }
        }
    }

    fn explain(&self, rule: framing::Rule) -> Rule {
        match (rule, self.fault) {
            (framing::Rule::Unreadable, Some(fault)) => Rule::Pickle(fault),
            _ => Rule::Framing(rule),
        }
    }

    fn open(
        &mut self,
        direction: Direction,
        content: &mut [u8],
        link: &mut Link,
    ) -> Result<Option<Said>, Malformed> {
        self.is_taken = true;
        let Some(root) = self.table.root(content) else {
            return Ok(None);
        };
        // A call of the old variant has no retcode; replies are alike.
        let len = root.elements().count();
        let variant = if len == OLD_CALL {
            Variant::Old
        } else {
            Variant::Current
        };
        let message = variant.parse(root);
        let message = message.map_err(|(offset, rule)| Malformed {
            rule: Rule::TcpTalks(rule),
            frame: 0,
            offset,
        })?;
        Ok(Some(match message {
            Message::Unknown => Said::control("unknown", Body::Value(read(root)?)),
            Message::Call { opcode, id, body } => {
                let key = key(opcode);
                let id = name(id);
                let is_secret = key.code.map(i64::from) == Some(AUTHENTICATE);
                let mut both = Map::new();
                both.insert(
                    "args",
                    if is_secret {
                        MASK.into()
                    } else {
                        read(body.args)?
                    },
                );
                let kwargs = body.kwargs.filter(|_| !is_secret).map(read).transpose()?;
                both.insert("kwargs", kwargs.unwrap_or_else(|| Map::new().into()));
                if !is_secret {
                    link.calls[direction.index()].insert(&id, &key);
                }
                Said {
                    kind: Kind::Request,
                    title: "call",
                    ..Said::message(key, Body::Value(both.into()))
                }
                .call(id)
            }
            Message::Reply { id, body } if is_opening(id) => opening(direction, body.args, link),
            Message::Reply { id, body } => {
                let id = name(id);
                let key = link.calls[direction.reverse().index()].take(&id);
                let (kind, title, value) = reply(body.args)?;
                Said {
                    kind,
                    title,
                    ..Said::message(key, Body::Value(value))
                }
                .call(id)
            }
        }))
    }
}

/// The password, which is not shown, or the verdict on it, which only the other side can give.
fn opening(direction: Direction, args: pickle::Value<'_, '_>, link: &mut Link) -> Said {
    let verdict = args.elements().next().and_then(pickle::Value::bool);
    match (verdict, link.password_by) {
        (Some(verdict), Some(by)) if by != direction => {
            Said::control("verdict", Body::Value(verdict.into()))
        }
        _ => {
            link.password_by.get_or_insert(direction);
            Said::control("password", Body::Value(MASK.into()))
        }
    }
}

/// What is told of a reply: its one value, or what has been raised.
fn reply(args: pickle::Value<'_, '_>) -> Result<(Kind, &'static str, Value), Malformed> {
    let mut values = args.elements();
    let (first, more) = (values.next(), values.next());
    Ok(match (first, more) {
        (Some(only), None) => match only.exception() {
            Some(error) => {
                let mut told = Map::new();
                told.insert("error", error.name());
                told.insert("text", error.message().to_string());
                (Kind::Failure, "failure", told.into())
            }
            None => (Kind::Answer, "reply", read(only)?),
        },
        _ => (Kind::Answer, "reply", read(args)?),
    })
}

/// A value; an exception that stands within one is told by its name.
fn read(value: pickle::Value<'_, '_>) -> Result<Value, Malformed> {
    if value.kind() == ValueKind::Exception
        && let Some(error) = value.exception()
    {
        return Ok(error.name().into());
    }
    let start = value.offset();
    Value::read(&mut value.reader()).map_err(|error| Malformed {
        rule: Rule::Body(error.rule),
        frame: 0,
        offset: error.offset.max(start),
    })
}

fn key(opcode: Opcode<'_>) -> Key {
    match opcode {
        Opcode::Number(number) => match u16::try_from(number) {
            Ok(code) => Key::code(code, None),
            Err(_) => Key::name(&number.to_string()),
        },
        Opcode::Text(text) => Key::name(text),
        other => Key::name(&other.to_string()),
    }
}

fn name(id: CallId) -> String {
    match Opcode::from(&id) {
        Opcode::Number(number) => number.to_string(),
        other => other.to_string(),
    }
}

fn is_opening(id: CallId) -> bool {
    matches!(id, CallId::Number(AUTHENTICATE))
}

/// What is shown in the place of a password.
const MASK: &str = "***";

/// The elements of a call in the old variant.
const OLD_CALL: usize = 4;

/// How many values a message may have.
const MOST: usize = 1 << 16;
