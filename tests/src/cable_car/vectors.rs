//! The file of vectors.

use crate::vectors::{self, count, hex, text, utf16};
use ropeway_std::json::{Object, Value};
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
    pub attributes: Option<Object>,
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
            Value::Object(attributes) => attributes,
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

/// The value that the tags of the file stand for.
fn untagged(value: &Value) -> Value {
    let object = match value {
        Value::Array(elements) => return elements.iter().map(untagged).collect(),
        Value::Object(object) => object,
        other => return other.clone(),
    };
    let mut entries = object.iter();
    if let (Some((key, value)), None) = (entries.next(), entries.next()) {
        match key.as_str() {
            Some("$int") => return Value::Integer(text(value).parse().expect("an integer")),
            Some("$float") => return Value::Float(text(value).parse().expect("a float")),
            Some("$utf16be") => return Value::Utf16(utf16(text(value))),
            Some("$repeat") => {
                return text(&value[0]).repeat(count(&value[1])).as_str().into();
            }
            Some(tag) if tag.starts_with('$') => panic!("tag {tag}"),
            _ => {}
        }
    }
    let entries = object
        .iter()
        .map(|(key, value)| (key.clone(), untagged(value)));
    entries.collect::<Object>().into()
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
        let attributes = match (&self.attributes, &other.attributes) {
            (Some(a), Some(b)) => are_same_objects(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        attributes
            && (&self.class, self.code, &self.payload) == (&other.class, other.code, &other.payload)
    }
}

/// Whether both are written the same: so NaN is itself, 0.0 is not -0.0, and the order of keys counts.
fn are_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => are_same_objects(a, b),
        (a, b) => a == b,
    }
}

fn are_same_objects(a: &Object, b: &Object) -> bool {
    let mut entries = a.iter().zip(b);
    a.len() == b.len() && entries.all(|(a, b)| a.0 == b.0 && are_same(a.1, b.1))
}

const FILE: &str = include_str!("../../vectors/cable_car.json");
