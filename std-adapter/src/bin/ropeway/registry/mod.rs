//! Message types without Rust, read from a TOML file: what a body says, and how to write one.
//!
//! ```toml
//! [[struct]]
//! name = "Position"
//! fields = { x = "i16", y = "i16" }
//!
//! [[message]]
//! name = "Reading"
//! code = 0x10                  # the native protocol's, cable_car's byte, packetmq's id; may be absent where names do
//! fields = { celsius = "f32", label = "string", at = "Position?" } # in this order on the wire
//! # answer = "bool"            # what a call of it is answered with: a type, or fields: { ok = "bool" }
//! # repeatable = true          # a call may be asked again after a restart
//! # encoding = "postcard"      # or "little", "big": fixed layouts, as Python's `struct` packs them
//! ```
//!
//! Types are `bool`, `u8` to `u64`, `i8` to `i64`, `f32`, `f64`, `string`, `bytes`, `[T]`, `[T; 3]`, `T?`, and the names of
//! structs. In a fixed layout nothing says how long text, bytes or a list is, so only the last field can be one.

mod fault;
mod file;
mod layout;
mod read;
mod shape;
#[cfg(test)]
mod tests;
mod write;

use crate::fault::Fault;
use crate::protocol::Protocol;
use layout::Layout;
use ropeway_std::dialect::cable_car::STANDARD;
use ropeway_std::dialect::{Dialect, cable_car, native, packetmq, tcptalks};
use ropeway_std::message::Entry;
use ropeway_std::value::Value;
use shape::{Struct, Type};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub(crate) use fault::{Misread, Unfit};

/// The messages of a file, in its order; by default none.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    messages: Vec<MessageType>,
    by_code: HashMap<u16, usize>,
    by_name: HashMap<String, usize>,
    entries: OnceLock<&'static [Entry]>,
}

/// One message: what it is called, and what its body and its answer look like.
#[derive(Debug)]
pub(crate) struct MessageType {
    /// What it is called.
    pub(crate) name: String,
    /// Its code, where it has one.
    pub(crate) code: Option<u16>,
    /// Whether a call of it may be asked again when nobody knows whether it was answered.
    pub(crate) is_repeatable: bool,
    body: Arc<Struct>,
    answer: Option<Type>,
    layout: Layout,
    /// Where the file says its code, or else its name: `FILE:LINE:COLUMN`.
    place: String,
}

impl Registry {
    /// Reads the file; a fault says in which line and column which rule is broken.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let failed = |error| Fault::input(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text, &path.display().to_string()).map_err(Fault::input)
    }

    /// Refuses a code that `protocol` keeps for itself or cannot say.
    pub(crate) fn check(&self, protocol: Protocol) -> Result<(), Fault> {
        let (reserved, highest) = codes(protocol);
        for message in &self.messages {
            let Some(code) = message.code else { continue };
            let is_reserved = reserved.iter().any(|range| range.contains(&code));
            let mut standard = STANDARD.iter();
            let is_standard =
                standard.any(|own| own.code == Some(code) && own.name == message.name);
            let (place, name) = (&message.place, &message.name);
            if code > highest {
                let text = format!(
                    "{place}: code 0x{code:02X} of `{name}` is more than {protocol} has room for"
                );
                return Err(Fault::input(text).hint(format!("take one up to 0x{highest:02X}")));
            }
            if is_reserved && !is_standard {
                let text =
                    format!("{place}: code 0x{code:02X} of `{name}` is reserved by {protocol}");
                let ranges: Vec<_> = reserved.iter().map(show).collect();
                return Err(Fault::input(text).hint(format!("it keeps {}", ranges.join(" and "))));
            }
        }
        Ok(())
    }

    /// The message of this code.
    pub(crate) fn by_code(&self, code: u16) -> Option<&MessageType> {
        self.messages.get(*self.by_code.get(&code)?)
    }

    /// The message of this name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&MessageType> {
        self.messages.get(*self.by_name.get(name)?)
    }

    /// All of them, in the order of the file.
    pub(crate) fn messages(&self) -> &[MessageType] {
        &self.messages
    }

    /// What they are called.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.messages.iter().map(|ty| ty.name.as_str()).collect()
    }

    /// The table, as `native::Config::registry` takes it: made once, and kept for as long as the command runs.
    pub(crate) fn entries(&self) -> &'static [Entry] {
        self.entries.get_or_init(|| {
            let entries = self.messages.iter().map(|message| Entry {
                name: message.name.clone().leak(),
                code: message.code,
                schema: 0,
            });
            entries.collect::<Vec<_>>().leak()
        })
    }
}

impl MessageType {
    /// Reads a body.
    pub(crate) fn decode(&self, body: &[u8]) -> Result<Value, Misread> {
        read::whole(body, self.layout, |reader| reader.fields(&self.body))
    }

    /// Writes a body: a map of all of its fields, but for options that have no value.
    pub(crate) fn encode(&self, value: &Value) -> Result<Vec<u8>, Unfit> {
        let mut writer = write::Writer::new(self.layout);
        writer.fields(&self.body, value)?;
        Ok(writer.into_bytes())
    }

    /// Whether the file says what answers it.
    pub(crate) const fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    /// Reads an answer; one that the file does not describe must be empty.
    pub(crate) fn decode_answer(&self, body: &[u8]) -> Result<Value, Misread> {
        read::whole(body, self.layout, |reader| match &self.answer {
            Some(answer) => reader.value(answer),
            None => Ok(Value::Null),
        })
    }

    /// Writes an answer.
    pub(crate) fn encode_answer(&self, value: &Value) -> Result<Vec<u8>, Unfit> {
        let mut writer = write::Writer::new(self.layout);
        match &self.answer {
            Some(answer) => writer.value(answer, value)?,
            None if value.is_null() => {}
            None => return Err(Unfit::no_answer()),
        }
        Ok(writer.into_bytes())
    }

    /// What its body looks like, as the file has it: `{ celsius = "f32" }`.
    pub(crate) fn fields(&self) -> String {
        self.body.to_string()
    }
}

/// The codes that a protocol keeps for itself, and the highest that it can say.
fn codes(protocol: Protocol) -> (&'static [RangeInclusive<u16>], u16) {
    type Native = native::Native<native::Config>;
    type Packetmq = packetmq::Packetmq<packetmq::Slots<0>>;
    type TcpTalks = tcptalks::TcpTalks<[ropeway_std::encoding::pickle::Node; 0]>;
    match protocol {
        Protocol::Native => (Native::RESERVED, 0xFF),
        Protocol::CableCarByte => (cable_car::CableCarByte::RESERVED, 0xFF),
        Protocol::Packetmq => (Packetmq::RESERVED, u16::MAX),
        Protocol::TcpTalks => (TcpTalks::RESERVED, u16::MAX),
        Protocol::CableCarJson | Protocol::CleverShow => (&[], u16::MAX),
    }
}

fn show(range: &RangeInclusive<u16>) -> String {
    match (range.start(), range.end()) {
        (start, end) if start == end => format!("0x{start:02X}"),
        (start, end) => format!("0x{start:02X} to 0x{end:02X}"),
    }
}
