//! The file of vectors.

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

/// Bytes that a decoder must not take for a message.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// The name in the file.
    pub name: String,
    /// The kinds of error that will do.
    pub expect: Vec<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a message says, in the form of the vectors.
#[derive(Clone)]
pub struct Decoded {
    /// The name of its class.
    pub class: String,
    /// Its code, in byte frames.
    pub code: Option<u8>,
    /// Its attributes, which not every byte message has.
    pub attributes: Option<Map>,
    /// Its body, in byte frames.
    pub payload: Option<Vec<u8>>,
}

/// The vectors of a transport, in the order of the file.
pub fn vectors(transport: &str) -> Vec<Vector> {
    let file = file();
    let entries = file["vectors"].as_array().expect("vectors");
    entries
        .iter()
        .map(vector)
        .filter(|(of, _)| of == transport)
        .map(|(_, vector)| vector)
        .collect()
}

/// The malformed entries of a transport, in the order of the file.
pub fn malformed(transport: &str) -> Vec<Malformed> {
    let file = file();
    let entries = file["malformed"].as_array().expect("malformed");
    entries
        .iter()
        .filter(|entry| text(&entry["transport"]) == transport)
        .map(|entry| Malformed {
            name: text(&entry["name"]).into(),
            expect: text(&entry["expect"]).split('|').map(Into::into).collect(),
            bytes: bytes(entry),
        })
        .collect()
}

fn file() -> Value {
    FILE.parse().expect("vectors/cable_car.json is JSON")
}

fn vector(entry: &Value) -> (String, Vector) {
    let decoded = &entry["decoded"];
    let one = std::slice::from_ref(decoded);
    let messages = decoded["messages"].as_array().unwrap_or(one);
    let vector = Vector {
        name: text(&entry["name"]).into(),
        messages: messages.iter().map(message).collect(),
        decoded: decoded.clone(),
        bytes: bytes(entry),
        is_decode_only: text(&entry["direction"]) == "decode-only",
    };
    (text(&messages[0]["transport"]).into(), vector)
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

/// The value that the tags of the file stand for.
fn untagged(value: &Value) -> Value {
    let object = match value {
        Value::Array(elements) => return elements.iter().map(untagged).collect(),
        Value::Map(object) => object,
        other => return other.clone(),
    };
    let mut entries = object.iter();
    if let (Some((key, value)), None) = (entries.next(), entries.next()) {
        match key.as_str() {
            Some("$int") => return Value::Integer(text(value).parse().expect("an integer")),
            Some("$float") => return Value::Float(text(value).parse().expect("a float")),
            Some("$utf16be") => {
                let units = hex(text(value));
                let (units, _) = units.as_chunks::<2>();
                return Value::Utf16(units.iter().map(|unit| u16::from_be_bytes(*unit)).collect());
            }
            Some("$repeat") => {
                let count = value[1].as_u64().expect("a count");
                return text(&value[0])
                    .repeat(count.try_into().expect("a count"))
                    .as_str()
                    .into();
            }
            Some(tag) if tag.starts_with('$') => panic!("tag {tag}"),
            _ => {}
        }
    }
    let entries = object
        .iter()
        .map(|(key, value)| (key.clone(), untagged(value)));
    entries.collect::<Map>().into()
}

fn bytes(entry: &Value) -> Vec<u8> {
    if let Some(digits) = entry["hex"].as_str() {
        return hex(digits);
    }
    let mut bytes = Vec::new();
    for run in entry["hex_rle"].as_array().expect("hex or hex_rle") {
        let unit = hex(text(&run[0]));
        let count = run[1].as_u64().expect("a count");
        bytes.extend(unit.repeat(count.try_into().expect("a count")));
    }
    let length = u64::try_from(bytes.len()).ok();
    assert_eq!(length, entry["length"].as_u64(), "{}", entry["name"]);
    bytes
}

fn hex(digits: &str) -> Vec<u8> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty(), "half a byte in {digits}");
    pairs
        .iter()
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("hexadecimal")
        })
        .collect()
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
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
        (Value::Map(a), Value::Map(b)) => are_same_objects(a, b),
        (a, b) => a == b,
    }
}

fn are_same_objects(a: &Map, b: &Map) -> bool {
    let mut entries = a.iter().zip(b);
    a.len() == b.len() && entries.all(|(a, b)| a.0 == b.0 && are_same(a.1, b.1))
}

const FILE: &str = include_str!("../../vectors/cable_car.json");
