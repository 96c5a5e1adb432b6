//! A file of vectors: recorded bytes with what they say, and bytes that say nothing.
//!
//! The form of the files is the same for all protocols. What the bytes say is a [`Tree`](crate::tree::Tree), or of
//! the protocol's own form.

use ropeway_std::json::Value;

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
pub fn count(value: &Value) -> usize {
    let count = value.as_u64().expect("a count");
    count.try_into().expect("a count")
}

/// The code units that hexadecimal digits stand for, each with its high byte first.
pub fn utf16(digits: &str) -> Vec<u16> {
    let bytes = hex(digits);
    let (units, rest) = bytes.as_chunks::<2>();
    assert!(rest.is_empty(), "half a unit in {digits}");
    units.iter().copied().map(u16::from_be_bytes).collect()
}
