//! What has been seen of a link, as a line.

use crate::line::hex;
use crate::output::{json, plain};
use crate::registry::{MessageType, Registry};
use ropeway_std::value::{Map, Value};
use ropeway_std::watch::{self, Body, Frame, Key, Kind, Malformed, Seen};

/// A line in both forms: the fields of JSON, and the text.
pub(crate) struct Line {
    pub(crate) fields: Map,
    pub(crate) text: String,
    /// Whether it is of a frame that could be read.
    pub(crate) is_frame: bool,
}

/// What a body says, as far as anybody knows.
enum Said {
    Nothing,
    Value(Value),
    Bytes(Vec<u8>),
    /// Bytes that are not what the registry says, and why.
    Misread(Vec<u8>, String),
    Passed(u64),
}

/// What to type for it.
pub(crate) const fn argument(protocol: watch::Protocol) -> &'static str {
    match protocol {
        watch::Protocol::Native => "native",
        watch::Protocol::CableCarByte => "cable-car-byte",
        watch::Protocol::CableCarJson => "cable-car-json",
        watch::Protocol::Packetmq => "packetmq",
        watch::Protocol::CleverShow => "clever-show",
        watch::Protocol::TcpTalks => "tcptalks",
    }
}

impl Line {
    /// What was seen; the registry says what messages are called and what is in them.
    pub(crate) fn of(seen: &Seen, registry: &Registry) -> Self {
        match seen {
            Seen::Frame(frame) => Self::frame(frame, registry),
            Seen::Malformed(malformed) => Self::malformed(malformed),
        }
    }

    fn frame(frame: &Frame, registry: &Registry) -> Self {
        let message = known(&frame.key, registry);
        let name = message
            .map(|message| &message.name)
            .or(frame.key.name.as_ref());
        let mut fields = Map::new();
        fields.insert("direction", frame.direction.to_string());
        fields.insert("offset", frame.offset);
        fields.insert("len", frame.len as u64);
        fields.insert("kind", kind(frame.kind));
        fields.insert("title", frame.title);
        let mut text = format!("{} {:>6} {}", frame.direction, frame.offset, frame.title);
        if let Some(name) = name {
            fields.insert("name", name.as_str());
            text += &format!(" {}", plain(name));
        }
        if let Some(code) = frame.key.code {
            fields.insert("code", code);
            text += &format!(" 0x{code:02X}");
        }
        if let Some(call) = &frame.call {
            fields.insert("call", call.as_str());
            text += &format!(" #{}", plain(call));
        }
        match said(frame, message) {
            Said::Nothing => {}
            Said::Value(value) => {
                text += &format!(" {}", json(&value));
                fields.insert("body", value);
            }
            Said::Bytes(bytes) => {
                text += &format!(" {}", spaced(&bytes));
                fields.insert("hex", hex(&bytes));
            }
            Said::Misread(bytes, why) => {
                text += &format!(" {} ! {why}", spaced(&bytes));
                fields.insert("hex", hex(&bytes));
                fields.insert("misread", why);
            }
            Said::Passed(len) => {
                text += &format!(" ({len} bytes)");
                fields.insert("passed", len);
            }
        }
        Self {
            is_frame: true,
            ..Self::note(fields, text)
        }
    }

    /// A line that is not of a frame.
    pub(crate) const fn note(fields: Map, text: String) -> Self {
        let is_frame = false;
        Self {
            fields,
            text,
            is_frame,
        }
    }

    fn malformed(malformed: &Malformed) -> Self {
        let (direction, offset) = (malformed.direction, malformed.frame);
        let mut fields = Map::new();
        fields.insert("direction", direction.to_string());
        fields.insert("offset", offset);
        fields.insert("error", malformed.rule.to_string());
        fields.insert("at", malformed.offset);
        fields.insert("is_last", malformed.is_last);
        let text = format!("{direction} {offset:>6} ! {malformed}");
        Self::note(fields, text)
    }

    /// The same, with this in front of it.
    pub(crate) fn behind<const N: usize>(self, fields: [(&str, Value); N], text: &str) -> Self {
        let fields = fields.into_iter().map(|(key, value)| (key.into(), value));
        let fields: Map = fields.chain(self.fields).collect();
        let text = format!("{text} {}", self.text);
        Self {
            fields,
            text,
            is_frame: self.is_frame,
        }
    }
}

/// The message that a key names: by its name, or else by its code.
fn known<'r>(key: &Key, registry: &'r Registry) -> Option<&'r MessageType> {
    let named = key.name.as_ref().and_then(|name| registry.by_name(name));
    named.or_else(|| key.code.and_then(|code| registry.by_code(code)))
}

fn said(frame: &Frame, message: Option<&MessageType>) -> Said {
    let bytes: &[u8] = match &frame.body {
        Body::Value(value) => return Said::Value(value.clone()),
        Body::Passed(len) => return Said::Passed(*len),
        Body::Bytes(bytes) => bytes,
        Body::Empty => &[],
    };
    let read = message.and_then(|message| match frame.kind {
        Kind::Message | Kind::Request => Some(message.decode(bytes)),
        Kind::Answer if message.has_answer() => Some(message.decode_answer(bytes)),
        Kind::Answer | Kind::Failure | Kind::Control => None,
    });
    match read {
        Some(Ok(value)) => Said::Value(value),
        Some(Err(misread)) => Said::Misread(bytes.to_vec(), misread.to_string()),
        None if bytes.is_empty() => Said::Nothing,
        None => Said::Bytes(bytes.to_vec()),
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Message => "message",
        Kind::Request => "request",
        Kind::Answer => "answer",
        Kind::Failure => "failure",
        Kind::Control => "control",
    }
}

/// Bytes as a person reads them.
fn spaced(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}
