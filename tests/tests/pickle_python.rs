//! Python's own `pickle`, both ways: what it writes is read, and what is written it reads.

use ropeway_core::encoding::pickle::{Node, Progress, Table, Writer};
use ropeway_std::json;
use ropeway_tests::python::Python;
use ropeway_tests::tree::{Place, Tree};
use ropeway_tests::vectors::hex;
use std::fmt::Write as _;

#[test]
fn reads_what_python_writes() {
    let lines = Python::run("pickle/values.py", &[&"write"], String::new());
    assert!(lines.len() >= 1200, "{} pickles", lines.len());
    for line in lines {
        let (pickle, expected) = line.split_once(' ').expect("a pickle and a value");
        let read = read(&hex(pickle));
        assert!(read == value(expected), "{line}: {read:?}");
    }
}

#[test]
fn python_reads_what_is_written() {
    let lines = Python::run("pickle/values.py", &[&"write"], String::new());
    let mut trees: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, expected)| value(expected).map(&as_written))
        .collect();
    trees.dedup();
    let mut input = String::new();
    for tree in &trees {
        for byte in written(tree) {
            write!(input, "{byte:02x}").expect("memory");
        }
        input.push('\n');
    }
    let lines = Python::run("pickle/values.py", &[&"read"], input);
    assert_eq!(lines.len(), trees.len());
    for (line, tree) in lines.iter().zip(&trees) {
        assert!(value(line) == *tree, "{line}: {tree:?}");
    }
}

fn value(text: &str) -> Tree {
    Tree::from(&text.parse::<json::Value>().expect("JSON"))
}

fn read(pickle: &[u8]) -> Tree {
    let mut nodes = vec![Node::EMPTY; 10_000];
    let mut table = Table::new(&mut nodes[..]);
    let len = pickle.len();
    assert_eq!(table.scan(pickle, len), Ok(Progress::Done { len }));
    let root = table.root(pickle).expect("the scan is done");
    Tree::read(&mut root.reader()).expect("values")
}

fn written(tree: &Tree) -> Vec<u8> {
    let mut slot = vec![0; 100_000];
    let mut writer = Writer::new(&mut slot).expect("room");
    tree.write(&mut writer).expect("room");
    let len = writer.finish().expect("room");
    slot.truncate(len);
    slot
}

/// Sets and byte arrays are written as lists and bytes; none of them is a key here.
fn as_written(tree: Tree, _: Place) -> Tree {
    match tree {
        Tree::Set(elements) | Tree::FrozenSet(elements) => Tree::Array(elements),
        Tree::ByteArray(bytes) => Tree::Bytes(bytes),
        other => other,
    }
}
