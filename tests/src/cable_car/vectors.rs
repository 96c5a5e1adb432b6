//! The file of vectors.

use crate::vectors::{self, are_same, hex, text, untagged};
use ropeway_std::value::{Map, Value};
use std::fmt;

/// Recorded bytes and what they say.
#[derive(Clone, Debug)]
pub struct Vector {
    /// The name in the file.
    pub name: String,
    /// The messages that the bytes say.
    pub messages: Vec<Decoded>,
    /// The same, as the file has it.
    pub decoded: Value,
    /// The bytes of the original.
    pub bytes: Vec<u8>,
    /// Whether the original reads these bytes, but never writes them.
    pub is_decode_only: bool,
}

/// What a message says, in the form of the vectors.
#[derive(Clone)]
pub struct Decoded {
    /// The name of its class.
    pub class: String,
    /// Its code, in byte frames.
    pub code: Option<u16>,
    /// Its attributes, which not every byte message has.
    pub attributes: Option<Map>,
    /// Its body, in byte frames.
    pub payload: Option<Vec<u8>>,
}

/// The vectors of a transport, in the order of the file.
pub fn vectors(transport: &str) -> Vec<Vector> {
    vectors::vectors(FILE)
        .into_iter()
        .map(vector)
        .filter(|(of, _)| of == transport)
        .map(|(_, vector)| vector)
        .collect()
}

/// The malformed entries of a transport, in the order of the file.
pub fn malformed(transport: &str) -> Vec<vectors::Malformed> {
    let mut entries = vectors::malformed(FILE);
    entries.retain(|malformed| text(&malformed.entry["transport"]) == transport);
    entries
}

fn vector(vector: vectors::Vector) -> (String, Vector) {
    let messages = vector.messages();
    let transport = text(&messages[0]["transport"]).into();
    let messages = messages.iter().map(message).collect();
    let vector = Vector {
        name: vector.name,
        messages,
        decoded: vector.decoded,
        bytes: vector.bytes,
        is_decode_only: vector.is_decode_only,
    };
    (transport, vector)
}

fn message(decoded: &Value) -> Decoded {
    let attributes = decoded
        .get("attributes")
        .map(|value| match untagged(value) {
            Value::Map(attributes) => attributes,
            other => panic!("attributes {other}"),
        });
    Decoded {
        class: decoded["class"].as_str().unwrap_or_default().into(),
        code: decoded["code"]
            .as_u64()
            .map(|code| code.try_into().expect("a byte")),
        attributes,
        payload: decoded["payload"].as_str().map(hex),
    }
}

/// As the vectors have it.
impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class)?;
        if let Some(code) = self.code {
            write!(f, " {code}")?;
        }
        if let Some(attributes) = &self.attributes {
            write!(f, " {}", Value::from(attributes.clone()))?;
        }
        match &self.payload {
            Some(payload) => write!(f, " {payload:02x?}"),
            None => Ok(()),
        }
    }
}

/// [`Display`](fmt::Display), cut where it is long.
impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_string();
        let end = text.char_indices().nth(500);
        f.write_str(end.map_or(&text, |(end, _)| &text[..end]))
    }
}

impl PartialEq for Decoded {
    fn eq(&self, other: &Self) -> bool {
        let attributes = |decoded: &Self| decoded.attributes.clone().map(Value::from);
        let attributes = match (attributes(self), attributes(other)) {
            (Some(a), Some(b)) => are_same(&a, &b),
            (a, b) => a.is_none() && b.is_none(),
        };
        attributes
            && (&self.class, self.code, &self.payload) == (&other.class, other.code, &other.payload)
    }
}

const FILE: &str = include_str!("../../vectors/cable_car.json");
