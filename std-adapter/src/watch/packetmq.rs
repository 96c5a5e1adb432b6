//! packetmq: ids that mean what one side's table says.

use super::Link;
use super::frame::{Body, Direction, Key, Kind};
use super::read::{Read, Said};
use crate::value::Value;
use ropeway_core::Malformed;
use ropeway_core::dialect::Dialect;
use ropeway_core::dialect::packetmq::{BUILT_IN, Packetmq, Packets, Policy, Rule, Slots};
use ropeway_core::encoding::msgpack;
use ropeway_core::framing::{self, Parsed, Skipped};
use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct Reader {
    /// Finds frames, and has no session.
    packetmq: Packetmq<Slots<0>>,
}

/// The names of packets on a link, by id.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: HashMap<u16, String>,
    /// Whether they come from the side that does not adapt, whose ids count.
    is_static: bool,
}

impl Reader {
    pub(super) fn new() -> Self {
        let packets = Packets::new(Slots::default());
        let packetmq = Packetmq::new(Policy::Static, packets);
        Self { packetmq }
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
        self.packetmq.find(input, scanned, limit)
    }

    fn skip(&self, input: &[u8]) -> Skipped {
        self.packetmq.skip(input)
    }

    fn open(
        &mut self,
        _: Direction,
        content: &mut [u8],
        link: &mut Link,
    ) -> Result<Option<Said>, Malformed> {
        let Some((id, payload)) = content.split_first_chunk() else {
            let len = content.len();
            let rule = ropeway_core::Rule::Packetmq(Rule::ShortFrame { len });
            return Err(Malformed {
                rule,
                frame: 0,
                offset: len,
            });
        };
        let id = u16::from_be_bytes(*id);
        // What is behind the one value is not looked at, as the original has it.
        let value = Value::read(&mut msgpack::Reader::new(payload)).map_err(|error| Malformed {
            rule: ropeway_core::Rule::Body(error.rule),
            frame: 0,
            offset: error.offset + ID_LEN,
        })?;
        let title = usize::from(id);
        if let (Some(title), Some(name)) = (TITLES.get(title), BUILT_IN.get(title)) {
            if *name == TABLE {
                link.packets.learn(&value);
            }
            let body = match value {
                Value::Null => Body::Empty,
                value => Body::Value(value),
            };
            return Ok(Some(Said {
                kind: Kind::Control,
                key: Key::code(id, Some(name)),
                ..Said::control(title, body)
            }));
        }
        let name = link.packets.names.get(&id);
        let key = Key::code(id, name.map(String::as_str));
        Ok(Some(Said::message(key, Body::Value(value))))
    }
}

impl Names {
    /// Takes note of a side's table: that of the side which does not adapt counts, whoever is first.
    fn learn(&mut self, table: &Value) {
        let adapts = match find(table, "adapt") {
            Some(Value::Bool(adapts)) => *adapts,
            Some(other) => other.as_i64() == Some(1),
            None => false,
        };
        let Some(Value::Map(ids)) = find(table, "idmap") else {
            return;
        };
        if adapts && self.is_static {
            return;
        }
        self.is_static = !adapts;
        self.names.clear();
        for (name, id) in ids.iter().take(MOST) {
            let id = id.as_u64().and_then(|id| u16::try_from(id).ok());
            if let (Some(id), Some(name)) = (id, text(name)) {
                self.names.insert(id, name.to_owned());
            }
        }
    }
}

/// The value of a key that is text, or bytes, as Python 2 has them.
fn find<'v>(map: &'v Value, key: &str) -> Option<&'v Value> {
    let mut entries = map.as_map()?.iter();
    let entry = entries.find(|(name, _)| text(name) == Some(key))?;
    Some(entry.1)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        other => other.as_str(),
    }
}

/// The packets of the protocol's own, by id.
const TITLES: [&str; 4] = ["INIT", "SOFTQUIT", "IDS", "FINISH"];

/// The packet that holds a side's table.
const TABLE: &str = "packetmq:handshake_pubids";

const ID_LEN: usize = 2;

/// How many names are remembered: as many as there are ids.
const MOST: usize = 1 << 16;
