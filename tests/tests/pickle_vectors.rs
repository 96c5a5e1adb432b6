//! The pickles that TCPTalks programs sent, both ways, and what is none or is refused.

use std::collections::BTreeMap;

use ropeway_core::encoding::pickle::{self, Node, Progress, Table, Writer};
use ropeway_core::encoding::value::{Kind, Text};
use ropeway_core::encoding::{DecodeError, Rule};
use ropeway_std::value::{Map, Value};
use ropeway_tests::vectors::{Vector, are_same, malformed, untagged, vectors};

#[test]
fn reads_every_vector_that_needs_no_other_call() {
    let mut refused = 0;
    let mut exceptions = 0;
    let mut table = table();
    for vector in all() {
        let mut rest = &vector.bytes[..];
        for message in vector.messages() {
            let name = &vector.name;
            table.clear();
            match table.scan(rest, LIMIT) {
                Ok(Progress::Done { len }) => {
                    let (pickle, behind) = rest.split_at(len);
                    rest = behind;
                    let root = table.root(pickle).expect("the scan is done");
                    let expected = expected(message);
                    exceptions += usize::from(are_equal(name, &expected, root));
                    scans_alike_in_parts(name, pickle, Ok(len));
                }
                Err(error) => {
                    let rule = Rule::Forbidden { opcode: b'R' };
                    assert_eq!(error.rule, rule, "{name}");
                    let names = vector.entry["looks_up"].as_array().expect("names");
                    let is_bytes = |name: &Value| name.as_str() == Some("_codecs encode");
                    assert!(names.iter().any(is_bytes), "{name}: {error}");
                    refused += 1;
                    scans_alike_in_parts(name, rest, Err(error));
                    rest = &[];
                }
                Ok(Progress::More) => panic!("{name}: incomplete"),
            }
        }
        assert!(rest.is_empty(), "{}", vector.name);
    }
    // Protocols 0 to 2 have no bytes: each message begins with a call, which is refused.
    assert_eq!(refused, 310);
    assert_eq!(exceptions, 131);
}

/// `None` is scanned through in one piece, byte by byte, and in two pieces.
fn scans_alike_in_parts(name: &str, pickle: &[u8], verdict: Result<usize, DecodeError>) {
    let verdict = verdict.map(|len| Progress::Done { len });
    let mut table = table();
    let mut seen = Ok(Progress::More);
    for len in 0..=pickle.len() {
        seen = table.scan(&pickle[..len], LIMIT);
        if seen != Ok(Progress::More) {
            break;
        }
    }
    assert_eq!(seen, verdict, "{name}, byte by byte");
    let step = pickle.len() / 300 + 1;
    for split in (0..pickle.len()).step_by(step) {
        table.clear();
        let mut seen = table.scan(&pickle[..split], LIMIT);
        if seen == Ok(Progress::More) {
            seen = table.scan(pickle, LIMIT);
        }
        assert_eq!(seen, verdict, "{name}, split at {split}");
    }
}

#[test]
fn writes_what_it_reads() {
    let mut written = 0;
    for vector in all() {
        let parts = expected(&vector.decoded);
        if parts.iter().any(holds_exception) {
            // It is described and never rebuilt.
            continue;
        }
        let expected = Value::Tuple(parts.iter().map(untagged).collect());
        let mut slot = vec![0; vector.bytes.len() * 4 + 100];
        let mut writer = Writer::new(&mut slot).expect("room");
        expected.write(&mut writer).expect("room");
        let len = writer.finish().expect("room");
        let mut table = table();
        assert_eq!(
            table.scan(&slot, LIMIT),
            Ok(Progress::Done { len }),
            "{}",
            vector.name
        );
        let root = table.root(&slot[..len]).expect("the scan is done");
        let read = Value::read(&mut root.reader()).expect("values");
        assert!(are_same(&read, &expected), "{}: {read}", vector.name);
        written += 1;
    }
    assert_eq!(written, 883);
}

#[test]
fn tells_malformed_pickles_apart() {
    let entries = malformed(FILE);
    assert_eq!(entries.len(), 121);
    for entry in entries {
        let name = &entry.name;
        let mut table = table();
        let verdict = table.scan(&entry.bytes, LIMIT);
        scan_in_steps(name, &entry.bytes, verdict);
        let is_fine = |kind: &str| match kind {
            "need-more" => verdict == Ok(Progress::More),
            "bad-pickle" | "refused" => verdict.is_err(),
            // What a message is decides the dialect.
            "bad-shape" | "ignored" | "accept" => matches!(verdict, Ok(Progress::Done { .. })),
            kind => panic!("{kind}"),
        };
        // The good message in front is delivered; the garbage is found by the next scan.
        if name == "garbage-after-good" {
            let Ok(Progress::Done { len }) = verdict else {
                panic!("{verdict:?}");
            };
            table.clear();
            assert!(table.scan(&entry.bytes[len..], LIMIT).is_err());
            continue;
        }
        let kinds = &entry.expect;
        assert!(
            kinds.iter().any(|kind| is_fine(kind)),
            "{name}: {verdict:?} for {kinds:?}"
        );
    }
}

#[test]
fn names_the_rule_that_is_broken() {
    let rules: BTreeMap<_, _> = malformed(FILE)
        .into_iter()
        .filter_map(|entry| {
            let error = table().scan(&entry.bytes, LIMIT).err()?;
            Some((entry.name, error.rule))
        })
        .collect();
    for (name, rule) in [
        ("proto-6", Rule::Version { version: 6 }),
        ("unknown-opcode", Rule::UnknownOpcode { opcode: 0xff }),
        ("stack-underflow", Rule::Operands { opcode: 0x87 }),
        ("memo-missing", Rule::Memo { index: 7 }),
        ("bad-utf8", Rule::InvalidUtf8),
        ("bad-int-text", Rule::InvalidNumber),
        ("system-inst", Rule::Forbidden { opcode: b'i' }),
        ("system-reply", Rule::Forbidden { opcode: b'R' }),
        ("global-only", Rule::Forbidden { opcode: b'c' }),
        ("newobj", Rule::Forbidden { opcode: 0x81 }),
        ("build-on-dict", Rule::Forbidden { opcode: b'b' }),
        ("deep-tuples", Rule::TooDeep { limit: 128 }),
        ("binbytes8-huge", Rule::TooLong { limit: 200_000 }),
        ("frame-huge", Rule::TooLong { limit: 200_000 }),
        ("long-1mb", Rule::TooManyDigits { limit: 4300 }),
        ("many-marks", Rule::TooManyValues { limit: 5000 }),
        ("memo-bomb", Rule::Forbidden { opcode: b'0' }),
        ("memo-index-huge", Rule::Memo { index: u32::MAX }),
        ("recursive-list", Rule::Recursive),
        ("recursive-dict", Rule::Recursive),
    ] {
        assert_eq!(rules.get(name), Some(&rule), "{name}");
    }
}

fn scan_in_steps(name: &str, bytes: &[u8], verdict: Result<Progress, DecodeError>) {
    let mut table = table();
    let mut seen = Ok(Progress::More);
    for len in 0..=bytes.len() {
        seen = table.scan(&bytes[..len], LIMIT);
        if seen != Ok(Progress::More) {
            break;
        }
    }
    assert_eq!(seen, verdict, "{name}, byte by byte");
}

/// Compares a value with what it should be, and says whether there is an exception in it.
fn is_equal(name: &str, expected: &Value, value: pickle::Value<'_, '_>) -> bool {
    if let Some(exception) = expected.get("$exception") {
        compare_exception(name, exception, value);
        return true;
    }
    if let Some(elements) = expected.get("$tuple").and_then(Value::as_array)
        && value.kind() == Kind::Tuple
    {
        return are_equal(name, elements, value);
    }
    let read = Value::read(&mut value.reader()).expect("values");
    assert!(are_same(&read, &untagged(expected)), "{name}: {read}");
    false
}

fn are_equal(name: &str, expected: &[Value], value: pickle::Value<'_, '_>) -> bool {
    let found: Vec<_> = value.elements().collect();
    assert_eq!(found.len(), expected.len(), "{name}");
    let pairs = expected.iter().zip(found);
    pairs.fold(false, |is_seen, (element, found)| {
        is_equal(name, element, found) | is_seen
    })
}

fn compare_exception(name: &str, expected: &Value, value: pickle::Value<'_, '_>) {
    let error = value.exception().expect("an exception");
    let module = expected["type"]["module"].as_str();
    assert_eq!(module, Some(error.module()), "{name}");
    let class = expected["type"]["name"].as_str();
    assert_eq!(class, Some(error.name()), "{name}");
    let message = expected["message"].as_str();
    assert_eq!(message, Some(&*error.message().to_string()), "{name}");
    match (expected["args"].as_array(), error.args()) {
        (None, None) => {}
        (Some(args), Some(found)) => {
            are_equal(name, args, found);
        }
        (args, found) => panic!("{name}: {args:?} and {found:?}"),
    }
    match (&expected["state"], error.attributes()) {
        (Value::Null, None) => {}
        (state, Some(found)) => {
            is_equal(name, state, found);
        }
        (state, None) => panic!("{name}: no {state}"),
    }
    let frames: Vec<_> = error.frames().collect();
    let expected = match expected.get("frames") {
        Some(frames) => frames.as_array().expect("frames"),
        None => &[],
    };
    assert_eq!(frames.len(), expected.len(), "{name}");
    for (frame, expected) in frames.into_iter().zip(expected) {
        let same = |text: Option<Text<'_>>, key: &str| {
            let text = text.expect("text").to_string();
            assert_eq!(expected[key].as_str(), Some(&*text), "{name}");
        };
        same(frame.file, "filename");
        same(frame.function, "name");
        same(frame.source, "line");
        assert_eq!(
            expected["lineno"].as_u64(),
            frame.line.map(u64::from),
            "{name}"
        );
    }
}

/// The parts of a message as the file has them, but for the role, which is bytes.
fn expected(message: &Value) -> Vec<Value> {
    let Value::Map(parts) = message else {
        panic!("{message} is no message");
    };
    let parts = parts.iter().enumerate();
    parts
        .map(|(place, (_, part))| match part.as_str() {
            Some(role) if place == 0 => tagged_bytes(role.as_bytes()),
            _ => part.clone(),
        })
        .collect()
}

fn tagged_bytes(bytes: &[u8]) -> Value {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Map::from_iter([(Value::from("$bytes"), Value::from(digits))]).into()
}

/// Whether there is an exception among the elements of a tuple.
fn holds_exception(part: &Value) -> bool {
    let elements = part.get("$tuple").and_then(Value::as_array);
    elements.is_some_and(|elements| {
        elements
            .iter()
            .any(|element| element.get("$exception").is_some())
    })
}

fn all() -> Vec<Vector> {
    let vectors = vectors(FILE);
    assert_eq!(vectors.len(), 1027);
    vectors
}

fn table() -> Table<[Node; NODES]> {
    Table::new([Node::EMPTY; NODES])
}

const NODES: usize = 5000;
const LIMIT: usize = 200_000;
const FILE: &str = include_str!("../vectors/tcptalks.json");
