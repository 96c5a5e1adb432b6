//! Python's own `pickle`, both ways: what it writes is read, and what is written it reads.

use ropeway_core::encoding::pickle::{Node, Progress, Table, Writer};
use ropeway_std::value::{Map, Value};
use ropeway_tests::python::{Python, pythons};
use ropeway_tests::vectors::{are_same, hex, untagged};
use std::fmt::Write as _;

#[test]
fn reads_what_python_writes() {
    for (version, interpreter) in pythons() {
        println!("Python {version}");
        reads_what_this_one_writes(&interpreter);
    }
}

#[test]
fn python_reads_what_is_written() {
    for (version, interpreter) in pythons() {
        println!("Python {version}");
        this_one_reads_what_is_written(&interpreter);
    }
}

fn reads_what_this_one_writes(interpreter: &str) {
    let lines = Python::run_by(interpreter, "pickle/values.py", &[&"write"], String::new());
    assert!(lines.len() >= 1200, "{} pickles", lines.len());
    for line in lines {
        let (pickle, expected) = line.split_once(' ').expect("a pickle and a value");
        let read = read(&hex(pickle));
        assert!(are_same(&read, &value(expected)), "{line}: {read}");
    }
}

fn this_one_reads_what_is_written(interpreter: &str) {
    let lines = Python::run_by(interpreter, "pickle/values.py", &[&"write"], String::new());
    let values = lines.iter().filter_map(|line| line.split_once(' '));
    let mut values: Vec<_> = values.map(|(_, expected)| value(expected)).collect();
    values.dedup_by(|a, b| are_same(a, b));
    let mut input = String::new();
    for value in &values {
        for byte in written(value) {
            write!(input, "{byte:02x}").expect("memory");
        }
        input.push('\n');
    }
    let lines = Python::run_by(interpreter, "pickle/values.py", &[&"read"], input);
    assert_eq!(lines.len(), values.len());
    for (line, expected) in lines.iter().zip(&values) {
        let (read, expected) = (in_order(value(line)), in_order(expected.clone()));
        assert!(are_same(&read, &expected), "{line}: {expected}");
    }
}

fn value(text: &str) -> Value {
    untagged(&text.parse().expect("JSON"))
}

/// The same with the elements of each set in an order of their own; Python keeps none.
fn in_order(value: Value) -> Value {
    let all = |elements: Vec<Value>| elements.into_iter().map(in_order);
    let sorted = |elements: Vec<Value>| {
        let mut elements: Vec<_> = all(elements).collect();
        elements.sort_by_key(ToString::to_string);
        elements
    };
    match value {
        Value::Array(elements) => Value::Array(all(elements).collect()),
        Value::Tuple(elements) => Value::Tuple(all(elements).collect()),
        Value::Set(elements) => Value::Set(sorted(elements)),
        Value::FrozenSet(elements) => Value::FrozenSet(sorted(elements)),
        Value::Map(entries) => {
            let entries = entries.into_iter();
            let entries = entries.map(|(key, value)| (in_order(key), in_order(value)));
            entries.collect::<Map>().into()
        }
        single => single,
    }
}

fn read(pickle: &[u8]) -> Value {
    let mut nodes = vec![Node::EMPTY; 10_000];
    let mut table = Table::new(&mut nodes[..]);
    let len = pickle.len();
    assert_eq!(table.scan(pickle, len), Ok(Progress::Done { len }));
    let root = table.root(pickle).expect("the scan is done");
    Value::read(&mut root.reader()).expect("values")
}

fn written(value: &Value) -> Vec<u8> {
    let mut slot = vec![0; 100_000];
    let mut writer = Writer::new(&mut slot).expect("room");
    value.write(&mut writer).expect("room");
    let len = writer.finish().expect("room");
    slot.truncate(len);
    slot
}
