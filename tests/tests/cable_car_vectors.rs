//! The recorded bytes of cable_car, both ways.

use ropeway_core::dialect::cable_car::{CableCarByte, CableCarJson, Identify};
use ropeway_core::{Event, Messenger, messages};
use ropeway_std::Growable;
use ropeway_tests::cable_car::{Said, Vector, Wire, feed, receiver, vectors};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[test]
fn decodes_byte_vectors_however_they_are_split() {
    decodes_however_split::<CableCarByte>(19);
}

#[test]
fn decodes_json_vectors_however_they_are_split() {
    decodes_however_split::<CableCarJson>(35);
}

#[test]
fn writes_byte_vectors_byte_for_byte() {
    writes_byte_for_byte::<CableCarByte>(16);
}

#[test]
fn writes_json_vectors_byte_for_byte() {
    writes_byte_for_byte::<CableCarJson>(26);
}

fn decodes_however_split<W: Wire>(count: usize) {
    let vectors = vectors(W::TRANSPORT);
    assert_eq!(vectors.len(), count);
    for vector in vectors {
        let mut messenger = receiver::<W>(MEMORY);
        decodes(&mut messenger, &vector, [&vector.bytes[..]]);
        for split in splits(vector.bytes.len()) {
            let (first, second) = vector.bytes.split_at(split);
            decodes(&mut messenger, &vector, [first, second]);
        }
        decodes(&mut messenger, &vector, vector.bytes.chunks(1));
        messenger.handle_end();
        assert!(next(&mut messenger).is_none(), "{}", vector.name);
    }
}

fn decodes<'a, W: Wire>(
    messenger: &mut Messenger<W, Growable>,
    vector: &Vector,
    parts: impl IntoIterator<Item = &'a [u8]>,
) {
    let mut said = Vec::new();
    for part in parts {
        said.extend(feed(messenger, part, next));
    }
    assert_eq!(said.len(), vector.messages.len(), "{}", vector.name);
    for (said, wanted) in said.iter().zip(&vector.messages) {
        match said {
            Said::Message(said) => assert_eq!(said, wanted, "{}", vector.name),
            other => panic!("{}: {other:?}", vector.name),
        }
    }
}

fn next<W: Wire>(messenger: &mut Messenger<W, Growable>) -> Option<Said> {
    messenger.recv().map(Said::of)
}

fn writes_byte_for_byte<W: Wire>(count: usize) {
    let mut vectors = vectors(W::TRANSPORT);
    vectors.retain(|vector| !vector.is_decode_only);
    assert_eq!(vectors.len(), count);
    for vector in vectors {
        let mut messenger = receiver::<W>(MEMORY);
        for message in &vector.messages {
            W::put(&mut messenger, message);
        }
        let same = messenger.poll_output() == vector.bytes;
        assert!(same, "{}: {:?}", vector.name, vector.messages);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nested {
    pos: Position,
    path: [(f64, f64); 2],
    empty: BTreeMap<String, String>,
    none: [u8; 0],
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    x: i32,
    y: (u8, u8, Height),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Height {
    z: Option<f32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Limits {
    a: i32,
    b: i32,
    c: u64,
    d: u64,
    e: i64,
    f: i64,
    g: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Words<'a> {
    name: &'a str,
    kana: &'a str,
    emoji: &'a str,
    ctl: &'a str,
}

#[derive(Debug, Serialize, Deserialize)]
struct NotFinite {
    a: f64,
    b: f32,
    c: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Text<'a> {
    data: &'a str,
}

messages! { enum NestedTable { Nested(Nested) as "Telemetry" } }
messages! { enum LimitsTable { Limits(Limits) as "Telemetry" } }
messages! { enum WordsTable<'a> { Words(Words<'a>) as "Telemetry" } }
messages! { enum NotFiniteTable { NotFinite(NotFinite) as "Telemetry" } }
messages! { enum TextTable<'a> { Text(Text<'a>) as "Blob" } }
messages! { enum IdentifyTable<'a> { Identify(Identify<'a>) } }

/// Reads the vector `name` as the one message of a table, looks at it, and writes it again.
macro_rules! typed {
    ($name:literal, $table:ident::$class:ident, $message:ident => $look:expr) => {{
        let vector = json_vector($name);
        let mut here = receiver::<CableCarJson>(MEMORY);
        let mut there = receiver::<CableCarJson>(MEMORY);
        assert!(feed(&mut here, &vector.bytes, |_| None::<()>).is_empty());
        match here.recv() {
            Some(Event::Message($table::$class($message))) => {
                assert!($look, "{}", $name);
                there.send(&$message).unwrap();
            }
            Some(Event::Malformed(malformed)) => panic!("{}: {malformed}", $name),
            _ => panic!("{}: not of this class", $name),
        }
        (vector.bytes, there.poll_output().to_vec())
    }};
}

#[test]
fn json_vectors_are_messages_of_their_own_types() {
    let (read, written) = typed!("json-nested", NestedTable::Nested, message => {
        message.pos.y.2.z.is_none() && message.path == [(0.0, 0.0), (1.0, 2.5)]
    });
    // The type says floats where Python said integers.
    let written = String::from_utf8(written).unwrap();
    let floats = "[[0.0,0.0],[1.0,2.5]]";
    assert_eq!(written.replace(floats, "[[0,0],[1,2.5]]").as_bytes(), read);

    let (read, written) = typed!("json-ints", LimitsTable::Limits, message => {
        message.e == i64::MAX && message.f == i64::MIN && message.g == u64::MAX
    });
    assert_eq!(written, read);

    let (read, written) = typed!("json-nonascii", WordsTable::Words, message => {
        message.name == "Zürich" && message.kana == "ドローン" && message.emoji == "🚁"
    });
    assert_eq!(written, read);

    let (read, written) = typed!("json-nonfinite", NotFiniteTable::NotFinite, message => {
        message.a == f64::INFINITY && message.b == f32::NEG_INFINITY && message.c.is_nan()
    });
    assert_eq!(written, read);

    let (read, written) = typed!("json-1mb-escaped", TextTable::Text, message => {
        message.data.len() == 349_526
    });
    assert!(written == read);
}

#[test]
fn absent_names_are_not_filled_in() {
    for (name, user, host) in [
        ("json-identify", Some("pilot"), Some("raspberrypi")),
        (
            "json-identify-hostname-first",
            Some("pilot"),
            Some("ground-1"),
        ),
        ("json-identify-empty", None, None),
        ("json-identify-extra", Some("a"), Some("b")),
    ] {
        let mut messenger = receiver::<CableCarJson>(MEMORY);
        let bytes = json_vector(name).bytes;
        let said = feed(&mut messenger, &bytes, |messenger| {
            match messenger.recv()? {
                Event::Message(IdentifyTable::Identify(Identify { username, hostname })) => {
                    assert_eq!((username, hostname), (user, host), "{name}");
                    Some(())
                }
                _ => panic!("{name}"),
            }
        });
        assert_eq!(said.len(), 1);
    }
}

fn json_vector(name: &str) -> Vector {
    let mut vectors = vectors(CableCarJson::TRANSPORT).into_iter();
    vectors
        .find(|vector| vector.name == name)
        .unwrap_or_else(|| panic!("no vector {name}"))
}

/// Every place to split `len` bytes; of more than some thousands a sample, dense at both ends.
fn splits(len: usize) -> Vec<usize> {
    if len < 10_000 {
        return (0..=len).collect();
    }
    let sampled = (1..6).map(|i| i * len / 6 + i);
    (0..18).chain(sampled).chain(len - 4..=len).collect()
}

/// Holds the longest vector.
const MEMORY: usize = 2 << 20;
