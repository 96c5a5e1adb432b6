//! packetmq: ends to feed with recorded bytes, and what the files of vectors say of packets.

use crate::vectors::are_same;
use ropeway_core::{Event, Malformed, Messenger};
use ropeway_std::Growable;
use ropeway_std::packetmq::{
    Dynamic, LENGTH_LIMIT, Notice, Packetmq, Packets, Policy, Side, State,
};
use ropeway_std::value::{Map, Value};

/// One end, without a stream.
pub type End = Messenger<Packetmq, Growable>;

/// What an end makes of a frame.
#[derive(Clone, Debug)]
pub enum Said {
    /// A packet of the program.
    Packet(Dynamic),
    /// The opening has gone on to a state.
    State(State),
    /// The opening is done.
    Made,
    /// A side has taken its leave.
    Quit(Side, Option<String>),
    /// A packet has no place, by its id.
    Ignored(u16),
    /// A packet's id is nobody's.
    Unknown(u16),
    /// A frame breaks a rule.
    Malformed(Malformed),
}

/// An end with these packets that has memory for every legal frame, at its start.
pub fn end<'a>(policy: Policy, packets: impl IntoIterator<Item = (&'a str, u16)>) -> End {
    let mut registry = Packets::default();
    for (name, id) in packets {
        registry.add(name, id).expect("can be registered");
    }
    let memory = || Growable::new(256, LENGTH_LIMIT as usize + 4);
    Messenger::new(Packetmq::new(policy, registry), memory(), memory())
}

/// What an end makes of more bytes.
pub fn feed(end: &mut End, mut bytes: &[u8]) -> Vec<Said> {
    let mut said = Vec::new();
    loop {
        let room = end.input_room();
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        end.handle_input(len);
        bytes = &bytes[len..];
        while let Some(event) = end.recv() {
            said.push(Said::of(event));
        }
        if bytes.is_empty() || end.is_over().is_some() {
            return said;
        }
    }
}

/// All that an end has to send, frame by frame.
pub fn sent(end: &mut End) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let piece = end.poll_output();
        if piece.is_empty() {
            break;
        }
        bytes.extend(piece);
        let len = piece.len();
        end.handle_written(len);
    }
    let mut frames = Vec::new();
    let mut rest = &bytes[..];
    while let Some(length) = rest.first_chunk() {
        let len = usize::try_from(u32::from_be_bytes(*length)).expect("a length") + 4;
        let (frame, behind) = rest.split_at(len);
        frames.push(frame.to_vec());
        rest = behind;
    }
    assert!(rest.is_empty(), "sends half a frame");
    frames
}

impl Said {
    /// What an event says.
    pub fn of(event: Event<'_, Packetmq, Dynamic>) -> Self {
        match event {
            Event::Message(packet) => Self::Packet(packet),
            Event::Notice(Notice::State(state)) => Self::State(state),
            Event::Notice(Notice::Made) => Self::Made,
            Event::Notice(Notice::Quit { by, reason }) => Self::Quit(by, reason.map(Into::into)),
            Event::Notice(Notice::Ignored { packet, .. }) => Self::Ignored(packet.id),
            Event::Unknown(envelope) => Self::Unknown(envelope.key.id),
            Event::Malformed(malformed) => Self::Malformed(malformed),
        }
    }
}

/// Whether the same was said, to the bit.
impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Packet(a), Self::Packet(b)) => a.name == b.name && are_same(&a.value, &b.value),
            (Self::State(a), Self::State(b)) => a == b,
            (Self::Made, Self::Made) => true,
            (Self::Quit(a, why), Self::Quit(b, reason)) => (a, why) == (b, reason),
            (Self::Ignored(a), Self::Ignored(b)) | (Self::Unknown(a), Self::Unknown(b)) => a == b,
            (Self::Malformed(a), Self::Malformed(b)) => a == b,
            _ => false,
        }
    }
}

/// The policy that a file has as `adapt`.
pub fn policy(adapts: &Value) -> Policy {
    match adapts {
        Value::Bool(true) => Policy::Adaptive,
        Value::Bool(false) => Policy::Static,
        other => panic!("{other} is no policy"),
    }
}

/// A value as a reader shows it: without tuples, and with the text that Python 2 sends as bytes in keys.
pub fn as_read(value: Value) -> Value {
    match value {
        Value::Tuple(elements) | Value::Array(elements) => {
            elements.into_iter().map(as_read).collect()
        }
        Value::Map(map) => {
            let entries = map.into_iter();
            let entries = entries.map(|(key, value)| (as_text(as_read(key)), as_read(value)));
            entries.collect::<Map>().into()
        }
        single => single,
    }
}

/// A value with all the bytes in it that are text as text, and the entries of maps in the order of their keys: so a
/// Python 2 program says the same as any other.
pub fn as_meant(value: Value) -> Value {
    match as_read(value) {
        Value::Array(elements) => elements.into_iter().map(as_meant).collect(),
        Value::Map(map) => {
            let entries = map.into_iter().map(|(key, value)| (key, as_meant(value)));
            let mut entries: Vec<(Value, Value)> = entries.collect();
            entries.sort_by_key(|(key, _)| format!("{key:?}"));
            entries.into_iter().collect::<Map>().into()
        }
        single => as_text(single),
    }
}

fn as_text(value: Value) -> Value {
    match value {
        Value::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(error) => Value::Bytes(error.into_bytes()),
        },
        other => other,
    }
}
