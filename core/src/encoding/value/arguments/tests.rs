use super::*;
use crate::encoding::json::{Reader, Style, Writer};
use crate::encoding::value::Kind;
use crate::encoding::{DecodeError, EncodeError, Rule};
use core::fmt;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserializer, Serializer};
use std::string::String;
use std::vec::Vec;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Move {
    x: i32,
    y: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    x: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stop;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metres(u8);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, char);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Draw(Args<(u8, u8), Strict>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Unit,
    Newtype(u8),
    Tuple(u8, u8),
    Named { x: u8 },
}

/// A map of one entry.
#[derive(Debug, PartialEq, Deserialize)]
struct Names {
    only: u8,
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("only", &self.only)?;
        map.end()
    }
}

/// How many entries a map has.
#[derive(Debug, PartialEq)]
struct Keys(usize);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;

        impl<'de> Visitor<'de> for Count {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    keys += 1;
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Count)
    }
}

fn move_to(x: i32, y: i32) -> Move {
    let speed = None;
    Move { x, y, speed }
}

fn written(value: &(impl Serialize + ?Sized)) -> Result<String, EncodeError> {
    let mut out = [0; 128];
    let mut writer = Writer::new(&mut out, Style::Ascii);
    write_args(&mut writer, Sequence::Array, value)?;
    write_kwargs(&mut writer, value)?;
    let text = String::from_utf8(writer.as_bytes().into()).unwrap();
    let mut writer = Writer::new(&mut out, Style::Ascii);
    write_args(&mut writer, Sequence::Tuple, value)?;
    assert!(text.as_bytes().starts_with(writer.as_bytes()));
    Ok(text)
}

fn read<T: DeserializeOwned>(args: &str, kwargs: &str) -> Result<T, (Rule, usize)> {
    let (mut args, mut kwargs): (Vec<u8>, Vec<u8>) = (args.into(), kwargs.into());
    let args = (!args.is_empty()).then(|| Reader::new(&mut args));
    let kwargs = (!kwargs.is_empty()).then(|| Reader::new(&mut kwargs));
    read_arguments(args, kwargs).map_err(|DecodeError { rule, offset }| (rule, offset))
}

#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(
    value: T,
    args: &str,
    kwargs: &str,
) {
    assert_eq!(written(&value), Ok([args, ",", kwargs].concat()));
    assert_eq!(read(args, kwargs), Ok(value));
}

#[test]
fn shapes_say_where_arguments_go() {
    round_trip(move_to(1, -2), "[]", r#"{"x":1,"y":-2}"#);
    round_trip(Names { only: 1 }, "[]", r#"{"only":1}"#);
    round_trip((), "[]", "{}");
    round_trip(Stop, "[]", "{}");
    round_trip(Metres(7), "[7]", "{}");
    round_trip((7u8, 'x'), r#"[7,"x"]"#, "{}");
    round_trip(Pair(7, 'x'), r#"[7,"x"]"#, "{}");
    round_trip(Some(Pair(7, 'x')), r#"[7,"x"]"#, "{}");
    round_trip([[1u8, 2], [3, 4]], "[[1,2],[3,4]]", "{}");
    round_trip((move_to(1, 2),), r#"[{"x":1,"y":2}]"#, "{}");
    let args = (1u8, 2u8);
    round_trip(
        Args {
            args,
            kwargs: Strict { x: 3 },
        },
        "[1,2]",
        r#"{"x":3}"#,
    );
    let kwargs = Strict { x: 3 };
    round_trip(Draw(Args { args, kwargs }), "[1,2]", r#"{"x":3}"#);
    round_trip(Args { args, kwargs: () }, "[1,2]", "{}");
    let kwargs = Strict { x: 3 };
    round_trip(Args { args: (), kwargs }, "[]", r#"{"x":3}"#);
    assert_eq!(written([1u8, 2].as_slice()).as_deref(), Ok("[1,2],{}"));
}

#[test]
fn what_is_no_arguments_is_not_written() {
    let refused = Err(EncodeError::Unencodable);
    assert_eq!(written(&7), refused);
    assert_eq!(written("text"), refused);
    assert_eq!(written(&true), refused);
    assert_eq!(written(&None::<Pair>), refused);
    for choice in [
        Choice::Unit,
        Choice::Newtype(1),
        Choice::Tuple(1, 2),
        Choice::Named { x: 1 },
    ] {
        assert_eq!(written(&choice), refused);
    }
    // What would be lost.
    let args = move_to(1, 2);
    assert_eq!(written(&Args { args, kwargs: () }), refused);
    let kwargs = (1, 2);
    assert_eq!(written(&Args { args: (), kwargs }), refused);
    let inner = Args {
        args: (1,),
        kwargs: (),
    };
    let kwargs = ();
    assert_eq!(
        written(&Args {
            args: inner,
            kwargs
        }),
        refused
    );
}

#[test]
fn positional_arguments_fill_fields_in_their_order() {
    assert_eq!(read("[1,2]", "{}"), Ok(move_to(1, 2)));
    assert_eq!(read("[1]", r#"{"y":2}"#), Ok(move_to(1, 2)));
    assert_eq!(read("[1]", r#"{"z":[0],"y":2}"#), Ok(move_to(1, 2)));
    assert_eq!(
        read("[1,2,0.5]", "{}").map(|value: Move| value.speed),
        Ok(Some(0.5))
    );
    assert_eq!(
        read::<Move>("[1,2,3, 4]", "{}"),
        Err((Rule::InvalidLength, 8))
    );
    assert_eq!(
        read::<Move>("[1,2]", r#" {"y":2}"#),
        Err((Rule::DuplicateField, 1))
    );
    assert_eq!(read::<Move>("[1]", " {}"), Err((Rule::MissingField, 1)));
    assert_eq!(read::<Move>("[1,2.5]", "{}"), Err((Rule::NotAnInteger, 3)));
    assert_eq!(
        read::<Strict>("[1]", r#"{"y":2}"#),
        Err((Rule::UnknownField, 2))
    );
}

#[test]
fn absent_and_null_are_none() {
    for none in ["", "null", " null"] {
        assert_eq!(read(none, r#"{"x":1,"y":2}"#), Ok(move_to(1, 2)));
        assert_eq!(read("[1,2]", none), Ok(move_to(1, 2)));
        assert_eq!(read("[7]", none), Ok(Metres(7)));
        assert_eq!(read(none, none), Ok(()));
        assert_eq!(read(none, none), Ok(Stop));
        let (args, kwargs) = ((), ());
        assert_eq!(read(none, none), Ok(Args { args, kwargs }));
        assert_eq!(read::<Metres>(none, none), Err((Rule::InvalidLength, 0)));
    }
}

#[test]
fn each_shape_refuses_what_it_has_no_place_for() {
    fn unknown<T>(at: usize) -> Result<T, (Rule, usize)> {
        Err((Rule::UnknownField, at))
    }
    fn length<T>(at: usize) -> Result<T, (Rule, usize)> {
        Err((Rule::InvalidLength, at))
    }
    assert_eq!(read::<(u8, u8)>("[1,2]", r#"{"x":1}"#), unknown(2));
    assert_eq!(read::<(u8, u8)>("[1,2,3]", "{}"), length(5));
    assert_eq!(read::<(u8, u8)>("[1]", ""), length(0));
    assert_eq!(read::<Metres>("[1]", r#"{"x":1}"#), unknown(2));
    assert_eq!(read::<Metres>("[1,2]", "{}"), length(3));
    assert_eq!(read::<()>("[1]", "{}"), length(1));
    assert_eq!(read::<()>("[]", r#"{"x":1}"#), unknown(2));
    assert_eq!(read::<Stop>("[]", r#"{"x":1}"#), unknown(2));
    assert_eq!(read::<Args<(), ()>>("[1]", "{}"), length(1));
    assert_eq!(read::<Args<(), ()>>("[]", r#"{"x":1}"#), unknown(2));
    assert_eq!(
        read::<Args<(u8,), Strict>>("[1,2]", r#"{"x":1}"#),
        length(3)
    );
    assert_eq!(read::<Keys>("[1]", "{}"), length(1));
    assert_eq!(read("", r#"{"x":1,"y":[2]}"#), Ok(Keys(2)));
    let found = Kind::Array;
    assert_eq!(
        read::<u8>("[1]", "{}"),
        Err((Rule::UnexpectedType { found }, 0))
    );
}

#[test]
fn parts_have_their_types() {
    let wrong = |expected, at| Err((Rule::WrongType { expected }, at));
    assert_eq!(read::<()>(r#" "args""#, ""), wrong(Kind::Array, 1));
    assert_eq!(read::<()>("{}", ""), wrong(Kind::Array, 0));
    assert_eq!(read::<()>("", "[]"), wrong(Kind::Map, 0));
    assert_eq!(read::<()>("", "7"), wrong(Kind::Map, 0));
    assert_eq!(read::<()>("[", ""), Err((Rule::UnexpectedEnd, 1)));
}
