//! A file of vectors: recorded bytes with what they say, and bytes that say nothing.
//!
//! The form of the files is the same for all protocols.

use ropeway_core::encoding::msgpack::Timestamp;
use ropeway_std::value::{Integer, Map, Value};

/// Recorded bytes and what they say.
#[derive(Clone, Debug)]
pub struct Vector {
    /// The name in the file.
    pub name: String,
    /// The bytes of the original.
    pub bytes: Vec<u8>,
    /// What they say, as the file has it.
    pub decoded: Value,
    /// Whether the original reads these bytes, but never writes them.
    pub is_decode_only: bool,
    /// All that the file says about them.
    pub entry: Value,
}

/// Bytes that a decoder must not take for a message.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// The name in the file.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The kinds of error that will do.
    pub expect: Vec<String>,
    /// All that the file says about them.
    pub entry: Value,
}

impl Vector {
    /// The messages that the bytes say, as the file has them; mostly one.
    pub fn messages(&self) -> &[Value] {
        let one = std::slice::from_ref(&self.decoded);
        self.decoded["messages"].as_array().unwrap_or(one)
    }
}

/// The vectors in the content of a file, in its order.
pub fn vectors(file: &str) -> Vec<Vector> {
    let vector = |entry: &Value| Vector {
        name: text(&entry["name"]).into(),
        bytes: bytes(entry),
        decoded: entry["decoded"].clone(),
        is_decode_only: text(&entry["direction"]) == "decode-only",
        entry: entry.clone(),
    };
    entries(file, "vectors").iter().map(vector).collect()
}

/// The malformed entries in the content of a file, in its order.
pub fn malformed(file: &str) -> Vec<Malformed> {
    let malformed = |entry: &Value| Malformed {
        name: text(&entry["name"]).into(),
        bytes: bytes(entry),
        expect: text(&entry["expect"]).split('|').map(Into::into).collect(),
        entry: entry.clone(),
    };
    entries(file, "malformed").iter().map(malformed).collect()
}

fn entries(file: &str, of: &str) -> Vec<Value> {
    let file: Value = file.parse().expect("vectors are JSON");
    let entries = file[of].as_array();
    entries.unwrap_or_else(|| panic!("no {of}")).to_vec()
}

/// The bytes of an entry: `hex`, or `hex_rle` where they are long.
fn bytes(entry: &Value) -> Vec<u8> {
    if let Some(digits) = entry["hex"].as_str() {
        return hex(digits);
    }
    let mut bytes = Vec::new();
    for run in entry["hex_rle"].as_array().expect("hex or hex_rle") {
        bytes.extend(hex(text(&run[0])).repeat(count(&run[1])));
    }
    let length = u64::try_from(bytes.len()).ok();
    assert_eq!(length, entry["length"].as_u64(), "{}", entry["name"]);
    bytes
}

/// The value that the tags of a file stand for: objects with one key that starts with `$`, for what JSON has not.
pub fn untagged(value: &Value) -> Value {
    let map = match value {
        Value::Array(elements) => return elements.iter().map(untagged).collect(),
        Value::Map(map) => map,
        other => return other.clone(),
    };
    let mut entries = map.iter();
    if let (Some((Value::Text(tag), value)), None) = (entries.next(), entries.next())
        && tag.starts_with('$')
    {
        return tagged(tag, value);
    }
    let entries = map.iter();
    let entries = entries.map(|(key, value)| (key.clone(), untagged(value)));
    entries.collect::<Map>().into()
}

fn tagged(tag: &str, value: &Value) -> Value {
    match tag {
        "$int" => Value::Integer(integer(text(value))),
        "$float" => Value::Float(text(value).parse().expect("a float")),
        "$bytes" => Value::Bytes(repeated_hex(value)),
        "$bytearray" => Value::ByteArray(repeated_hex(value)),
        "$utf16be" => Value::Utf16(utf16(text(value))),
        "$tuple" => Value::Tuple(list(value)),
        "$set" => Value::Set(list(value)),
        "$frozenset" => Value::FrozenSet(list(value)),
        "$map" => {
            let entries = value.as_array().expect("entries").iter();
            let entries = entries.map(|entry| (untagged(&entry[0]), untagged(&entry[1])));
            entries.collect::<Map>().into()
        }
        "$ext" => {
            let kind = value["type"].as_i64().expect("a type");
            Value::Extension {
                kind: kind.try_into().expect("a type of one byte"),
                bytes: repeated_hex(&value["data"]),
            }
        }
        "$timestamp" => {
            let nanoseconds = value["nanoseconds"].as_u64().expect("nanoseconds");
            let time = Timestamp {
                seconds: value["seconds"].as_i64().expect("seconds"),
                nanoseconds: nanoseconds.try_into().expect("nanoseconds"),
            };
            let bytes = &mut [0; 12];
            Value::Extension {
                kind: Timestamp::EXTENSION,
                bytes: time.to_extension(bytes).expect("nanoseconds").into(),
            }
        }
        "$repeat" => match &value[0] {
            Value::Text(unit) => Value::Text(unit.repeat(count(&value[1]))),
            unit => Value::Array(vec![list(unit); count(&value[1])].concat()),
        },
        tag => panic!("tag {tag}"),
    }
}

/// Whether both are written the same: so NaN is itself, 0.0 is not -0.0, and the order of keys counts.
pub fn are_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::Array(a), Value::Array(b))
        | (Value::Tuple(a), Value::Tuple(b))
        | (Value::Set(a), Value::Set(b))
        | (Value::FrozenSet(a), Value::FrozenSet(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let mut entries = a.iter().zip(b);
            a.len() == b.len() && entries.all(|(a, b)| are_same(a.0, b.0) && are_same(a.1, b.1))
        }
        (a, b) => a == b,
    }
}

fn list(value: &Value) -> Vec<Value> {
    match untagged(value) {
        Value::Array(elements) => elements,
        other => panic!("{other} is no list"),
    }
}

/// The integer with these digits: decimal, or hexadecimal behind `0x`.
fn integer(digits: &str) -> Integer {
    let (is_negative, magnitude) = match digits.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, digits),
    };
    let Some(magnitude) = magnitude.strip_prefix("0x") else {
        return digits.parse().expect("an integer");
    };
    let mut bytes = hex(&format!(
        "00{:0>1$}",
        magnitude,
        magnitude.len().next_multiple_of(2)
    ));
    bytes.reverse();
    if is_negative {
        let mut carry = true;
        for byte in &mut bytes {
            (*byte, carry) = (!*byte).overflowing_add(carry.into());
        }
    }
    Integer::from_le_bytes(&bytes)
}

/// Bytes in hexadecimal, or such bytes repeated.
fn repeated_hex(value: &Value) -> Vec<u8> {
    match value.get("$repeat") {
        Some(repeat) => hex(text(&repeat[0])).repeat(count(&repeat[1])),
        None => hex(text(value)),
    }
}

/// The bytes that hexadecimal digits stand for.
pub fn hex(digits: &str) -> Vec<u8> {
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

/// The text that a value must be.
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

/// The number of repetitions that a value must be.
fn count(value: &Value) -> usize {
    let count = value.as_u64().expect("a count");
    count.try_into().expect("a count")
}

/// The code units that hexadecimal digits stand for, each with its high byte first.
fn utf16(digits: &str) -> Vec<u16> {
    let bytes = hex(digits);
    let (units, rest) = bytes.as_chunks::<2>();
    assert!(rest.is_empty(), "half a unit in {digits}");
    units.iter().copied().map(u16::from_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_decimal_or_hexadecimal() {
        for (digits, value) in [
            ("0x0", 0),
            ("0xff", 255),
            ("0x123", 0x123),
            ("-0x80", -128),
            ("-0x81", -129),
            ("-5", -5),
        ] {
            assert_eq!(integer(digits).as_i64(), Some(value), "{digits}");
        }
        let large = integer("0x10000000000000000");
        assert_eq!(large, integer("18446744073709551616"));
    }
}
