#![no_main]

use libfuzzer_sys::fuzz_target;
use num_bigint::BigInt;
use ropeway_core::encoding::pickle::{Node, Progress, Table, Value, Writer};
use ropeway_core::encoding::value::{Key, Kind, Number, Read, Write};
use ropeway_core::encoding::{DecodeError, EncodeError};
use serde_pickle::{DeOptions, HashableValue};

const NODES: usize = 300;
const LIMIT: usize = 4096;

/// A copy of a value, to be compared.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Integer(BigInt),
    Float(u64),
    Text(Vec<u16>),
    Bytes(Kind, Vec<u8>),
    Sequence(Kind, Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    Exception,
}

fuzz_target!(|input: &[u8]| {
    let mut memory = vec![Node::EMPTY; NODES];
    let mut table = Table::new(&mut memory[..]);
    let verdict = table.scan(input, LIMIT);
    assert_eq!(byte_by_byte(input), verdict);
    match verdict {
        Ok(Progress::More) => assert!(input.len() < LIMIT),
        Err(error) => assert!(error.offset <= input.len(), "{error:?}"),
        Ok(Progress::Done { len }) => {
            assert!(len <= LIMIT);
            let root = table.root(input).expect("the scan is done");
            let mut visits = 0;
            let tree = read(&mut root.reader(), &mut visits);
            assert_eq!(look(root), tree);
            assert!(visits <= 2 * NODES, "{visits} visits");
            agrees_with_serde_pickle(&input[..len], &tree);
            writes_again(&tree);
        }
    }
});

/// What comes of the scan if bytes arrive one by one.
fn byte_by_byte(input: &[u8]) -> Result<Progress, DecodeError> {
    let mut memory = vec![Node::EMPTY; NODES];
    let mut table = Table::new(&mut memory[..]);
    for len in 0..input.len() {
        let seen = table.scan(&input[..len], LIMIT);
        if seen != Ok(Progress::More) {
            return seen;
        }
    }
    table.scan(input, LIMIT)
}

/// Reads the next value as serde does. Each value counts as a visit.
fn read<'a>(reader: &mut impl Read<'a>, visits: &mut usize) -> Tree {
    *visits += 1;
    match reader.peek().expect("a value") {
        Kind::Null => {
            reader.null().expect("nothing");
            Tree::Null
        }
        Kind::Bool => Tree::Bool(reader.bool().expect("a boolean")),
        Kind::Number => number(reader.number().expect("a number")),
        Kind::Text => Tree::Text(reader.text().expect("text").utf16().collect()),
        kind @ (Kind::Bytes | Kind::ByteArray) => {
            Tree::Bytes(kind, reader.bytes().expect("bytes").to_vec())
        }
        Kind::Map => {
            let mut entries = Vec::new();
            reader.begin_map().expect("a map");
            while let Some(key) = reader.next_key().expect("a key") {
                let key = match key {
                    Key::Text(text) => Tree::Text(text.utf16().collect()),
                    Key::Value => read(reader, visits),
                };
                entries.push((key, read(reader, visits)));
            }
            Tree::Map(entries)
        }
        Kind::Exception => {
            reader.skip().expect("a value");
            Tree::Exception
        }
        kind => {
            let mut elements = Vec::new();
            reader.begin_array().expect("a sequence");
            while reader.next_element().expect("an element") {
                elements.push(read(reader, visits));
            }
            Tree::Sequence(kind, elements)
        }
    }
}

/// Looks at a value without a reader.
fn look(value: Value<'_, '_>) -> Tree {
    match value.kind() {
        Kind::Null => Tree::Null,
        Kind::Bool => Tree::Bool(value.bool().expect("a boolean")),
        Kind::Number => number(value.number().expect("a number")),
        Kind::Text => Tree::Text(value.text().expect("text").utf16().collect()),
        kind @ (Kind::Bytes | Kind::ByteArray) => {
            Tree::Bytes(kind, value.bytes().expect("bytes").to_vec())
        }
        Kind::Map => {
            let parts: Vec<Tree> = value.elements().map(look).collect();
            let (entries, rest) = parts.as_chunks::<2>();
            assert!(rest.is_empty());
            let entries = entries.iter().cloned();
            Tree::Map(entries.map(|[key, value]| (key, value)).collect())
        }
        Kind::Exception => {
            let error = value.exception().expect("an exception");
            assert!(!error.to_string().is_empty() || error.name().is_empty());
            assert!(error.frames().count() <= NODES);
            for frame in error.frames() {
                assert!(
                    frame
                        .source
                        .is_none_or(|text| text.to_string().len() <= LIMIT)
                );
            }
            Tree::Exception
        }
        kind => Tree::Sequence(kind, value.elements().map(look).collect()),
    }
}

fn number(number: Number<'_>) -> Tree {
    match number {
        Number::Unsigned(value) => Tree::Integer(value.into()),
        Number::Signed(value) => Tree::Integer(value.into()),
        Number::Little(bytes) => Tree::Integer(BigInt::from_signed_bytes_le(bytes)),
        Number::Float(value) => Tree::Float(value.to_bits()),
        other => panic!("{other}"),
    }
}

/// Where both read the pickle they read the same, unless a place of the memo is used again: serde_pickle then takes
/// what was put there last for all references, Python what was there before each. It also drops the `\r` before a
/// newline, which belongs to the text.
fn agrees_with_serde_pickle(pickle: &[u8], tree: &Tree) {
    if may_put_twice(pickle) || pickle.windows(2).any(|pair| pair == b"\r\n") {
        return;
    }
    // Its keys of several kinds have no total order, which makes the set that it sorts them into panic.
    if !are_keys_ordered(tree) {
        return;
    }
    let theirs = serde_pickle::value_from_slice(pickle, DeOptions::new());
    let (Ok(theirs), Some(ours)) = (theirs, as_theirs(tree)) else {
        return;
    };
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
}

/// Whether all keys of a map or set are integers, or all text, or all bytes.
fn are_keys_ordered(tree: &Tree) -> bool {
    let are_alike = |keys: &[&Tree]| {
        keys.iter().all(|key| matches!(key, Tree::Integer(_)))
            || keys.iter().all(|key| matches!(key, Tree::Text(_)))
            || keys.iter().all(|key| matches!(key, Tree::Bytes(..)))
    };
    match tree {
        Tree::Sequence(Kind::Set | Kind::FrozenSet, elements) => {
            are_alike(&elements.iter().collect::<Vec<_>>())
        }
        Tree::Sequence(_, elements) => elements.iter().all(are_keys_ordered),
        Tree::Map(entries) => {
            are_alike(&entries.iter().map(|(key, _)| key).collect::<Vec<_>>())
                && entries.iter().all(|(_, value)| are_keys_ordered(value))
        }
        _ => true,
    }
}

/// Whether bytes that look like the opcodes of the memo name a place twice, or are of several kinds.
fn may_put_twice(pickle: &[u8]) -> bool {
    let has = |opcode: u8| pickle.contains(&opcode);
    let mut places = [false; 256];
    let twice = pickle
        .windows(2)
        .filter(|pair| pair[0] == b'q')
        .any(|pair| std::mem::replace(&mut places[usize::from(pair[1])], true));
    twice || has(b'p') || has(b'r') || (has(b'q') && has(0x94))
}

/// A value of serde_pickle, which has no byte arrays and no lone surrogates.
fn as_theirs(tree: &Tree) -> Option<serde_pickle::Value> {
    use serde_pickle::Value;
    Some(match tree {
        Tree::Null => Value::None,
        Tree::Bool(value) => Value::Bool(*value),
        Tree::Integer(value) => match i64::try_from(value) {
            Ok(value) => Value::I64(value),
            Err(_) => Value::Int(value.clone()),
        },
        Tree::Float(bits) => Value::F64(f64::from_bits(*bits)),
        Tree::Text(units) => Value::String(String::from_utf16(units).ok()?),
        Tree::Bytes(_, bytes) => Value::Bytes(bytes.clone()),
        Tree::Sequence(Kind::Tuple, elements) => Value::Tuple(all(elements)?),
        Tree::Sequence(Kind::Set, elements) => Value::Set(keys(elements)?),
        Tree::Sequence(Kind::FrozenSet, elements) => Value::FrozenSet(keys(elements)?),
        Tree::Sequence(_, elements) => Value::List(all(elements)?),
        Tree::Map(entries) => {
            let mut map = std::collections::BTreeMap::new();
            for (key, value) in entries {
                let key = as_theirs(key)?.into_hashable().ok()?;
                // Which of two equal keys stays is theirs to choose: 1 equals True.
                if map.insert(key, as_theirs(value)?).is_some() {
                    return None;
                }
            }
            Value::Dict(map)
        }
        Tree::Exception => return None,
    })
}

fn all(elements: &[Tree]) -> Option<Vec<serde_pickle::Value>> {
    elements.iter().map(as_theirs).collect()
}

fn keys(elements: &[Tree]) -> Option<std::collections::BTreeSet<HashableValue>> {
    let mut keys = std::collections::BTreeSet::new();
    for element in elements {
        if !keys.insert(as_theirs(element)?.into_hashable().ok()?) {
            return None;
        }
    }
    Some(keys)
}

/// What is written is read as the same.
fn writes_again(tree: &Tree) {
    let mut slot = vec![0; 256 * LIMIT];
    let mut writer = Writer::new(&mut slot).expect("room");
    if write(tree, &mut writer) == Err(EncodeError::Unencodable) {
        return;
    }
    let len = writer.finish().expect("room");
    let mut memory = vec![Node::EMPTY; 4 * NODES];
    let mut table = Table::new(&mut memory[..]);
    let verdict = table.scan(&slot, slot.len());
    assert_eq!(verdict, Ok(Progress::Done { len }));
    let root = table.root(&slot).expect("the scan is done");
    assert_eq!(read(&mut root.reader(), &mut 0), as_written(tree));
}

fn write(tree: &Tree, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    match tree {
        Tree::Null => writer.null(),
        Tree::Bool(value) => writer.bool(*value),
        Tree::Integer(value) => writer.integer_le(&value.to_signed_bytes_le()),
        Tree::Float(bits) => writer.f64(f64::from_bits(*bits)),
        Tree::Text(units) => writer.utf16(units.iter().copied()),
        Tree::Bytes(_, bytes) => writer.bytes(bytes),
        Tree::Sequence(Kind::Tuple, elements) => {
            let tuple = writer.begin_tuple(elements.len())?;
            for element in elements {
                write(element, writer)?;
            }
            writer.end_tuple(tuple, elements.len())
        }
        Tree::Sequence(_, elements) => {
            let list = writer.begin_array(Some(elements.len()))?;
            for element in elements {
                write(element, writer)?;
            }
            writer.end_array(list, elements.len())
        }
        Tree::Map(entries) => {
            let map = writer.begin_map(None)?;
            for (key, value) in entries {
                // Sets and byte arrays are written as lists and bytes, which changes what may be a key.
                if holds_set(key) {
                    return Err(EncodeError::Unencodable);
                }
                writer.key_value()?;
                write(key, writer)?;
                write(value, writer)?;
            }
            writer.end_map(map, entries.len())
        }
        Tree::Exception => Err(EncodeError::Unencodable),
    }
}

fn holds_set(tree: &Tree) -> bool {
    match tree {
        Tree::Sequence(Kind::Tuple, elements) => elements.iter().any(holds_set),
        Tree::Sequence(..) => true,
        _ => false,
    }
}

fn as_written(tree: &Tree) -> Tree {
    let all = |elements: &[Tree]| elements.iter().map(as_written).collect();
    match tree {
        Tree::Bytes(_, bytes) => Tree::Bytes(Kind::Bytes, bytes.clone()),
        Tree::Sequence(Kind::Tuple, elements) => Tree::Sequence(Kind::Tuple, all(elements)),
        Tree::Sequence(_, elements) => Tree::Sequence(Kind::Array, all(elements)),
        Tree::Map(entries) => {
            let entries = entries.iter();
            Tree::Map(
                entries
                    .map(|(key, value)| (as_written(key), as_written(value)))
                    .collect(),
            )
        }
        // A surrogate pair becomes one character, however it was sent; both are the same units.
        other => other.clone(),
    }
}
