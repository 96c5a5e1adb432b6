//! The pickles that TCPTalks programs sent, both ways, and what is none or is refused.

use std::collections::BTreeMap;

use ropeway_core::encoding::pickle::{Node, Progress, Table, Value, Writer};
use ropeway_core::encoding::value::{Kind, Text};
use ropeway_core::encoding::{DecodeError, Rule};
use ropeway_std::json;
use ropeway_tests::tree::Tree;
use ropeway_tests::vectors::{Vector, malformed, vectors};

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
                    exceptions += usize::from(is_equal(name, &expected, root));
                    scans_alike_in_parts(name, pickle, Ok(len));
                }
                Err(error) => {
                    let rule = Rule::Forbidden { opcode: b'R' };
                    assert_eq!(error.rule, rule, "{name}");
                    let names = vector.entry["looks_up"].as_array().expect("names");
                    let is_bytes = |name: &json::Value| name.as_str() == Some("_codecs encode");
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
        let expected = expected(&vector.decoded);
        let mut slot = vec![0; vector.bytes.len() * 4 + 100];
        let mut writer = Writer::new(&mut slot).expect("room");
        if expected.write(&mut writer).is_err() {
            // An exception, which is described and never rebuilt.
            continue;
        }
        let len = writer.finish().expect("room");
        let mut table = table();
        assert_eq!(
            table.scan(&slot, LIMIT),
            Ok(Progress::Done { len }),
            "{}",
            vector.name
        );
        let root = table.root(&slot[..len]).expect("the scan is done");
        let read = Tree::read(&mut root.reader()).expect("values");
        let as_written = expected.map(&|tree, _| match tree {
            Tree::Set(elements) | Tree::FrozenSet(elements) => Tree::Array(elements),
            Tree::ByteArray(bytes) => Tree::Bytes(bytes),
            other => other,
        });
        assert!(read == as_written, "{}: {read:?}", vector.name);
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
        ("memo-index-huge", Rule::TooManyValues { limit: 5000 }),
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
fn is_equal(name: &str, expected: &Tree, value: Value<'_, '_>) -> bool {
    match (expected, value.kind()) {
        (Tree::Exception(expected), Kind::Exception) => {
            compare_exception(name, expected, value);
            true
        }
        (Tree::Tuple(elements), Kind::Tuple) => {
            let found: Vec<_> = value.elements().collect();
            assert_eq!(found.len(), elements.len(), "{name}");
            let pairs = elements.iter().zip(found);
            pairs.fold(false, |is_seen, (element, found)| {
                is_equal(name, element, found) | is_seen
            })
        }
        _ => {
            let read = Tree::read(&mut value.reader());
            assert!(read.as_ref() == Ok(expected), "{name}: {read:?}");
            false
        }
    }
}

fn compare_exception(name: &str, expected: &json::Value, value: Value<'_, '_>) {
    let error = value.exception().expect("an exception");
    assert_eq!(
        expected["type"]["module"].as_str(),
        Some(error.module()),
        "{name}"
    );
    assert_eq!(
        expected["type"]["name"].as_str(),
        Some(error.name()),
        "{name}"
    );
    assert_eq!(
        expected["message"].as_str(),
        Some(&*error.message().to_string()),
        "{name}"
    );
    match (&expected["args"], error.args()) {
        (json::Value::Null, None) => {}
        (args, Some(found)) => {
            let Tree::Array(args) = Tree::from(args) else {
                panic!("{name}: {args}");
            };
            is_equal(name, &Tree::Tuple(args), found);
        }
        (args, None) => panic!("{name}: no {args}"),
    }
    match (&expected["state"], error.attributes()) {
        (json::Value::Null, None) => {}
        (state, Some(found)) => {
            is_equal(name, &state.into(), found);
        }
        (state, None) => panic!("{name}: no {state}"),
    }
    let frames: Vec<_> = error.frames().collect();
    let expected = expected["frames"].as_array().unwrap_or_default();
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

/// A message as the pickle has it: a tuple whose first element is the role.
fn expected(message: &json::Value) -> Tree {
    let json::Value::Object(parts) = message else {
        panic!("{message} is no message");
    };
    let mut parts = parts.iter();
    let (_, role) = parts.next().expect("a role");
    let role = role.as_str().expect("a role").as_bytes();
    let rest = parts.map(|(_, part)| Tree::from(part));
    Tree::Tuple(
        std::iter::once(Tree::Bytes(role.into()))
            .chain(rest)
            .collect(),
    )
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
