use crate::encoding::pickle::{Node, Progress, Table, from_slice, to_slice};
use crate::encoding::value::{Key, Kind, Number, Read};
use crate::encoding::{DecodeError, Rule};
use std::{string::String, string::ToString, vec, vec::Vec};

use super::LIMIT;

fn shown(value: &[u8]) -> String {
    let input = [b"cm\nError\n(", value, b"NtR."].concat();
    let mut table = Table::new([Node::EMPTY; 256]);
    let len = input.len();
    assert_eq!(table.scan(&input, LIMIT), Ok(Progress::Done { len }));
    let message = table.root(&input).unwrap().exception().unwrap().message();
    let text = message.to_string();
    let inside = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(", None)"));
    inside.unwrap().to_string()
}

#[test]
fn reads_every_form_of_plain_data() {
    for (pickle, text) in [
        (&b"N"[..], "None"),
        (b"\x88", "True"),
        (b"I00\n", "False"),
        (b"K\xff", "255"),
        (b"M\xff\xff", "65535"),
        (b"J\xff\xff\xff\xff", "-1"),
        (b"\x8a\x00", "0"),
        (b"\x8a\x01\xff", "-1"),
        (
            b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00",
            "18446744073709551615",
        ),
        (b"\x8b\x02\x00\x00\x00\x00\x80", "-32768"),
        (b"I-7\n", "-7"),
        (b"L12345678901L\n", "12345678901"),
        (b"G\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5"),
        (b"G\x43\x41\xc3\x79\x37\xe0\x80\x00", "1e+16"),
        (b"G\x3e\xe4\xf8\xb5\x88\xe3\x68\xf1", "1e-05"),
        (b"G\xff\xf0\x00\x00\x00\x00\x00\x00", "-inf"),
        (b"X\x04\x00\x00\x00\xed\xa0\xbd\n", "'\\ud83d\\n'"),
        (b"\x8d\x01\x00\x00\x00\x00\x00\x00\x00a", "'a'"),
        (b"Vab\n", "'ab'"),
        (b"C\x02'\xff", "b\"'\\xff\""),
        (b"B\x01\x00\x00\x00a", "b'a'"),
        (b"\x96\x01\x00\x00\x00\x00\x00\x00\x00a", "bytearray(b'a')"),
        (b"cbuiltins\nbytearray\nC\x01a\x85R", "bytearray(b'a')"),
        (b"cbuiltins\nbytearray\n)R", "bytearray(b'')"),
        (b")", "()"),
        (b"K\x01\x85", "(1,)"),
        (b"(K\x01K\x02K\x03K\x04t", "(1, 2, 3, 4)"),
        (b"](K\x01K\x02eK\x03a", "[1, 2, 3]"),
        (b"(K\x01l", "[1]"),
        (b"}K\x01K\x02s(K\x03K\x04u", "{1: 2, 3: 4}"),
        (b"(K\x01)d", "{1: ()}"),
        (b"\x8f(K\x01K\x02\x90", "{1, 2}"),
        (b"(K\x01\x91", "frozenset({1})"),
        (b"cbuiltins\nset\n](K\x01e\x85R", "{1}"),
        (b"c__builtin__\nfrozenset\n)R", "frozenset()"),
        (b"(]\x94K\x01ah\x00t", "([1], [1])"),
    ] {
        assert_eq!(shown(pickle), text);
    }
    assert_eq!(shown(b"\x8c\x04it's"), "\"it's\"");
}

#[test]
fn memoize_takes_the_number_of_entries() {
    let input = b"(Nq\x05\x88\x94h\x01t.";
    let mut table = Table::new([Node::EMPTY; 16]);
    assert!(table.scan(input, LIMIT).is_ok());
    let kinds: Vec<Kind> = table
        .root(input)
        .unwrap()
        .elements()
        .map(|value| value.kind())
        .collect();
    assert_eq!(kinds, [Kind::Null, Kind::Bool, Kind::Bool]);
}

#[test]
fn goes_through_maps_with_any_key() {
    let input = b"}(\x8c\x01aK\x01K\x02\x85](K\x03eC\x01b}u.";
    let mut table = Table::new([Node::EMPTY; 16]);
    assert!(table.scan(input, LIMIT).is_ok());
    let mut reader = table.root(input).unwrap().reader();
    assert_eq!(
        reader.begin_array().unwrap_err().rule,
        Rule::WrongType {
            expected: Kind::Array
        }
    );
    reader.begin_map().unwrap();
    let Ok(Some(Key::Text(key))) = reader.next_key() else {
        panic!();
    };
    assert_eq!(key.into_str(), Ok("a"));
    assert_eq!(reader.number(), Ok(Number::Unsigned(1)));
    assert!(matches!(reader.next_key(), Ok(Some(Key::Value))));
    assert_eq!(reader.peek(), Ok(Kind::Tuple));
    reader.begin_array().unwrap();
    assert_eq!(reader.next_element(), Ok(true));
    assert_eq!(reader.integer::<u8>(), Ok(2));
    assert_eq!(reader.next_element(), Ok(false));
    assert_eq!(reader.peek(), Ok(Kind::Array));
    reader.skip().unwrap();
    assert!(matches!(reader.next_key(), Ok(Some(Key::Value))));
    assert_eq!(reader.bytes(), Ok(&b"b"[..]));
    reader.begin_map().unwrap();
    assert!(matches!(reader.next_key(), Ok(None)));
    assert!(matches!(reader.next_key(), Ok(None)));
}

#[test]
fn messages_are_those_of_python() {
    let shown = |input: &[u8]| {
        let mut table = Table::new([Node::EMPTY; 64]);
        let len = input.len();
        assert_eq!(table.scan(input, LIMIT), Ok(Progress::Done { len }));
        table.root(input).unwrap().exception().unwrap().to_string()
    };
    assert_eq!(shown(b"cm\nError\n)R."), "Error");
    assert_eq!(shown(b"cm\nError\nVx\n\x85R."), "Error: x");
    assert_eq!(shown(b"cm\nKeyError\nVx\n\x85R."), "KeyError: 'x'");
    assert_eq!(shown(b"cm\nError\nVx\nN\x86R."), "Error: ('x', None)");
    assert_eq!(
        shown(b"cm\nOSError\nK\x02Vno\nVf\n\x87R."),
        "OSError: [Errno 2] no: 'f'"
    );
    assert_eq!(
        shown(b"cm\nError\ncm\nKeyError\nVx\n\x85R\x85R."),
        "Error: KeyError('x')"
    );
}

#[test]
fn shows_so_many_levels_of_what_is_nested_and_no_more() {
    let lists = |levels: usize| [vec![b']'; levels], b"K\x01".into(), vec![b'a'; levels]].concat();
    let text = |levels: usize, inner| "[".repeat(levels) + inner + &"]".repeat(levels);
    assert_eq!(shown(&lists(15)), text(15, "1"));
    assert_eq!(shown(&lists(16)), text(15, "..."));
    assert_eq!(shown(&lists(120)), text(15, "..."));
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Position<'a> {
    name: &'a str,
    #[serde(with = "serde_bytes_as_is")]
    tag: &'a [u8],
    height: f64,
    path: (u8, i64),
    next: Option<Kinds>,
    all: [u64; 2],
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Kinds {
    Unit,
    Tuple(u8, bool),
    Fields { a: i128 },
}

/// Bytes as bytes, which serde takes for a sequence of integers otherwise.
mod serde_bytes_as_is {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<&'de [u8], D::Error> {
        Deserialize::deserialize(deserializer)
    }
}

#[test]
fn carries_serde_types() {
    for next in [
        None,
        Some(Kinds::Unit),
        Some(Kinds::Tuple(1, true)),
        Some(Kinds::Fields { a: i128::MIN }),
    ] {
        let position = Position {
            name: "Zürich",
            tag: b"\xff",
            height: 4e-5,
            path: (7, -1),
            next,
            all: [0, u64::MAX],
        };
        let mut slot = [0; 300];
        let len = to_slice(&position, &mut slot).unwrap();
        let mut table = Table::new([Node::EMPTY; 32]);
        let pickle = &slot[..len];
        assert_eq!(from_slice(pickle, &mut table), Ok(position));
        let cut = from_slice::<Position<'_>>(&slot[..len - 1], &mut table);
        assert_eq!(cut, Err(DecodeError::at(len - 1, Rule::UnexpectedEnd)));
        let more = from_slice::<Position<'_>>(&slot[..=len], &mut table);
        assert_eq!(more, Err(DecodeError::at(len, Rule::TrailingBytes)));
    }
}

#[test]
fn sets_and_repeated_values_are_sequences() {
    let mut table = Table::new([Node::EMPTY; 64]);
    let mut read = |pickle| from_slice::<Vec<Vec<u8>>>(pickle, &mut table);
    let twice = std::vec![std::vec![1, 2], std::vec![1, 2]];
    assert_eq!(read(b"]](K\x01K\x02eq\x00ah\x00a."), Ok(twice));
    let pickle = b"(\x8f(K\x01\x90(K\x02\x91cbuiltins\nset\n]K\x03a\x85RC\x01\x04)t.";
    let expected: Vec<Vec<u8>> = std::vec![
        std::vec![1],
        std::vec![2],
        std::vec![3],
        std::vec![4],
        Vec::new()
    ];
    assert_eq!(read(pickle), Ok(expected));
    let failure = b"cm\nError\n)R.";
    let error = from_slice::<Vec<u8>>(failure, &mut table).unwrap_err();
    assert_eq!(
        error.rule,
        Rule::WrongType {
            expected: Kind::Array
        }
    );
}
