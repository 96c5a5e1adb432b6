use core::{fmt, marker::PhantomData};
use std::{string::String, vec::Vec};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

use crate::encoding::json::{Reader, Style, Writer, from_slice, to_slice};
use crate::encoding::value::{
    Kind, deserialize_attributes, deserialize_from, serialize_attributes, serialize_into,
};
use crate::encoding::{DecodeError, EncodeError, Rule};

fn text(value: &(impl Serialize + ?Sized), style: Style) -> Result<String, EncodeError> {
    let mut out = [0; 256];
    let len = to_slice(value, style, &mut out)?;
    Ok(String::from_utf8(out[..len].into()).unwrap())
}

/// Writes the value, reads it back, and returns the text.
#[track_caller]
fn round_trip<T>(value: T, expected: &str)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + fmt::Debug,
{
    let mut written = text(&value, Style::Ascii).unwrap().into_bytes();
    assert_eq!(written, expected.as_bytes());
    assert_eq!(from_slice(&mut written), Ok(value));
}

#[track_caller]
fn refused<T: for<'de> Deserialize<'de> + fmt::Debug>(text: &str, rule: Rule, offset: usize) {
    let mut text: Vec<u8> = text.into();
    let error = from_slice::<T>(&mut text).unwrap_err();
    assert_eq!(error, DecodeError { rule, offset });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stats<'a> {
    host: &'a str,
    cpu_percent: f64,
    load_avg: (f32, f32, f32),
    memory_total: u64,
    temp: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    x: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metres(f64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(u16),
    Line(u8, u8),
    Box { w: u8, h: u8 },
}

/// A map that keeps what it is given, in order.
#[derive(Debug, PartialEq)]
struct Pairs<K, V>(Vec<(K, V)>);

impl<K: Serialize, V: Serialize> Serialize for Pairs<K, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<K, V> {
            type Value = Pairs<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                // Asking again at the end must be harmless.
                assert!(map.next_entry::<IgnoredAny, IgnoredAny>()?.is_none());
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

/// Nested arrays of any depth, by recursion.
#[derive(Debug, PartialEq)]
struct Deep(usize);

impl<'de> Deserialize<'de> for Deep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DeepVisitor;

        impl<'de> Visitor<'de> for DeepVisitor {
            type Value = Deep;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("nested arrays")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Deep, A::Error> {
                let inner = seq.next_element::<Deep>()?;
                Ok(Deep(inner.map_or(1, |inner| inner.0 + 1)))
            }
        }
        deserializer.deserialize_seq(DeepVisitor)
    }
}

/// What `deserialize_any` made of a number.
#[derive(Debug, PartialEq)]
enum Any {
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyVisitor;

        impl Visitor<'_> for AnyVisitor {
            type Value = Any;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
                Ok(Any::I64(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
                Ok(Any::U64(value))
            }

            fn visit_i128<E>(self, value: i128) -> Result<Any, E> {
                Ok(Any::I128(value))
            }

            fn visit_u128<E>(self, value: u128) -> Result<Any, E> {
                Ok(Any::U128(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
                Ok(Any::F64(value))
            }
        }
        deserializer.deserialize_any(AnyVisitor)
    }
}

/// Bytes borrowed from the text.
#[derive(Debug, PartialEq)]
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(<&[u8]>::deserialize(deserializer)?))
    }
}

#[test]
fn structs_are_objects() {
    let stats = Stats {
        host: "Zürich",
        cpu_percent: 12.0,
        load_avg: (1.5, 2.0, 0.1),
        memory_total: u64::MAX,
        temp: None,
    };
    let mut ascii = text(&stats, Style::Ascii).unwrap();
    assert_eq!(
        ascii,
        concat!(
            r#"{"host":"Z\u00fcrich","cpu_percent":12.0,"load_avg":[1.5,2.0,0.1],"#,
            r#""memory_total":18446744073709551615,"temp":null}"#
        )
    );
    assert_eq!(
        from_slice::<Stats<'_>>(&mut ascii.clone().into_bytes()).unwrap(),
        stats
    );
    ascii = text(&stats, Style::Utf8).unwrap();
    assert!(ascii.starts_with(r#"{"host": "Zürich", "cpu_percent": 12.0, "load_avg": [1.5, 2.0"#));
    assert_eq!(
        from_slice::<Stats<'_>>(&mut ascii.into_bytes()).unwrap(),
        stats
    );
}

#[test]
fn unknown_fields_are_skipped() {
    let point = r#" { "z\ud83d":[{"a":"\ud83d"},[]], "\u0078" : 1 , "zz":NaN, "y":-2, "":1e9 } "#;
    assert_eq!(from_slice(&mut Vec::from(point)), Ok(Point { x: 1, y: -2 }));
    // What is skipped must be JSON all the same.
    refused::<Point>(r#"{"x":1,"zz":[01],"y":2}"#, Rule::InvalidNumber, 13);
}

#[test]
fn enums_are_tagged_from_outside() {
    round_trip(Shape::Nothing, r#""Nothing""#);
    round_trip(Shape::Circle(7), r#"{"Circle":7}"#);
    round_trip(Shape::Line(1, 2), r#"{"Line":[1,2]}"#);
    round_trip(Shape::Box { w: 1, h: 2 }, r#"{"Box":{"w":1,"h":2}}"#);
    let mut nothing = *br#"{"N\u006fthing":null}"#;
    assert_eq!(from_slice(&mut nothing), Ok(Shape::Nothing));
    refused::<Shape>(r#""Cube""#, Rule::UnknownVariant, 1);
    refused::<Shape>(r#"{"Cube":1}"#, Rule::UnknownVariant, 2);
    refused::<Shape>(
        r#""Circle""#,
        Rule::WrongType {
            expected: Kind::Map,
        },
        1,
    );
    refused::<Shape>(r#"{"Circle":1,"x":2}"#, Rule::InvalidLength, 13);
    refused::<Shape>("{}", Rule::InvalidLength, 1);
    refused::<Shape>(
        "[]",
        Rule::WrongType {
            expected: Kind::Map,
        },
        0,
    );
    refused::<Shape>(r#"{"Line":[1]}"#, Rule::InvalidLength, 8);
    refused::<Shape>(r#"{"Line":[1,2, 3]}"#, Rule::InvalidLength, 14);
}

#[test]
fn scalars_survive_the_round_trip() {
    round_trip((true, false), "[true,false]");
    round_trip(
        (i8::MIN, u8::MAX, i16::MIN, u16::MAX),
        "[-128,255,-32768,65535]",
    );
    round_trip((i32::MIN, u32::MAX), "[-2147483648,4294967295]");
    round_trip(
        (i64::MIN, u64::MAX),
        "[-9223372036854775808,18446744073709551615]",
    );
    round_trip(i128::MIN, "-170141183460469231731687303715884105728");
    round_trip(u128::MAX, "340282366920938463463374607431768211455");
    round_trip((0.1f32, f32::MAX, -0.0f64), "[0.1,3.4028235e+38,-0.0]");
    round_trip(
        [1e16, 5e-324, f64::INFINITY, 1.0],
        "[1e+16,5e-324,Infinity,1.0]",
    );
    round_trip(('ü', '"'), r#"["\u00fc","\""]"#);
    round_trip((Some(1u8), None::<u8>, ()), "[1,null,null]");
    round_trip((Marker, Metres(2.5)), "[null,2.5]");
    assert_eq!(
        from_slice(&mut b"[1, -0, 18446744073709551616]".clone()),
        Ok([1.0, 0.0, 18_446_744_073_709_551_616.0])
    );
    assert_eq!(
        from_slice(&mut b"[16777217, 0.1, 1e39]".clone()),
        Ok([16777216f32, 0.1, f32::INFINITY])
    );
    assert!(from_slice::<f64>(&mut b"NaN".clone()).unwrap().is_nan());
    assert!(
        from_slice::<f64>(&mut b"-0".clone())
            .unwrap()
            .is_sign_positive()
    );
}

#[test]
fn numbers_without_a_type_get_the_smallest_that_fits() {
    let any = |text: &str| from_slice::<Any>(&mut Vec::from(text)).map_err(|error| error.rule);
    assert_eq!(any("-0"), Ok(Any::I64(0)));
    assert_eq!(any("9223372036854775807"), Ok(Any::I64(i64::MAX)));
    assert_eq!(any("9223372036854775808"), Ok(Any::U64(1 << 63)));
    assert_eq!(any("-9223372036854775809"), Ok(Any::I128(-(1 << 63) - 1)));
    assert_eq!(any("1e2"), Ok(Any::F64(100.0)));
    assert_eq!(any("1e400"), Ok(Any::F64(f64::INFINITY)));
    assert_eq!(
        any("340282366920938463463374607431768211455"),
        Ok(Any::U128(u128::MAX))
    );
    assert_eq!(
        any("340282366920938463463374607431768211456"),
        Err(Rule::OutOfRange)
    );
    let found = Kind::Text;
    assert_eq!(any(r#""1""#), Err(Rule::UnexpectedType { found }));
}

#[test]
fn keys_become_text_and_come_back() {
    round_trip(
        Pairs(Vec::from([(1i8, 'd'), (-2, 'b')])),
        r#"{"1":"d","-2":"b"}"#,
    );
    round_trip(
        Pairs(Vec::from([(u64::MAX, ())])),
        r#"{"18446744073709551615":null}"#,
    );
    round_trip(
        Pairs(Vec::from([(i128::MIN, ())])),
        r#"{"-170141183460469231731687303715884105728":null}"#,
    );
    round_trip(
        Pairs(Vec::from([(u128::MAX, ())])),
        r#"{"340282366920938463463374607431768211455":null}"#,
    );
    round_trip(
        Pairs(Vec::from([(2.5, 1), (1e16, 2)])),
        r#"{"2.5":1,"1e+16":2}"#,
    );
    round_trip(Pairs(Vec::from([(0.1f32, 1)])), r#"{"0.1":1}"#);
    round_trip(
        Pairs(Vec::from([(true, 1), (false, 2)])),
        r#"{"true":1,"false":2}"#,
    );
    round_trip(
        Pairs(Vec::from([(None, 1), (Some(7u8), 2)])),
        r#"{"null":1,"7":2}"#,
    );
    round_trip(Pairs(Vec::from([((), 1)])), r#"{"null":1}"#);
    round_trip(Pairs(Vec::from([('ü', 1)])), r#"{"\u00fc":1}"#);
    round_trip(Pairs(Vec::from([(Shape::Nothing, 1)])), r#"{"Nothing":1}"#);
    round_trip(Pairs(Vec::from([(Metres(1.0), 1)])), r#"{"1.0":1}"#);
    assert_eq!(
        text(&Pairs(Vec::from([("a", 1), ("a", 2)])), Style::Utf8).as_deref(),
        Ok(r#"{"a": 1, "a": 2}"#)
    );
    assert_eq!(
        text(&Pairs(Vec::from([((1, 2), 1)])), Style::Ascii),
        Err(EncodeError::KeyNotText)
    );
    assert_eq!(
        text(&Pairs(Vec::from([(Shape::Circle(1), 1)])), Style::Ascii),
        Err(EncodeError::KeyNotText)
    );
    refused::<Pairs<u8, u8>>(r#"{"1":1, "256":1}"#, Rule::OutOfRange, 9);
    refused::<Pairs<u8, u8>>(r#"{"x":1}"#, Rule::InvalidValue, 2);
    refused::<Pairs<bool, u8>>(r#"{"1":1}"#, Rule::InvalidValue, 2);
}

#[test]
fn bytes_are_arrays_of_integers() {
    let mut written = text(&Bytes(b"\x00\xff\x20"), Style::Utf8)
        .unwrap()
        .into_bytes();
    assert_eq!(written, b"[0, 255, 32]");
    assert_eq!(from_slice(&mut written), Ok(Bytes(b"\x00\xff\x20")));
    assert_eq!(from_slice(&mut b" [ ] ".clone()), Ok(Bytes(b"")));
    let mut pair = *b"[[1,2,3],[4]]";
    assert_eq!(
        from_slice(&mut pair),
        Ok((Bytes(b"\x01\x02\x03"), Bytes(b"\x04")))
    );
    let rule = |text: &str| from_slice::<Bytes<'_>>(&mut Vec::from(text)).unwrap_err();
    assert_eq!(
        rule("[1, 256]"),
        DecodeError {
            rule: Rule::OutOfRange,
            offset: 4
        }
    );
    assert_eq!(
        rule("[1, 2.5]"),
        DecodeError {
            rule: Rule::NotAnInteger,
            offset: 4
        }
    );
    assert_eq!(
        rule("[1, 01]"),
        DecodeError {
            rule: Rule::InvalidNumber,
            offset: 4
        }
    );
    assert_eq!(
        rule("[-1]"),
        DecodeError {
            rule: Rule::OutOfRange,
            offset: 1
        }
    );
    let expected = Kind::Number;
    assert_eq!(
        rule("[null]"),
        DecodeError {
            rule: Rule::WrongType { expected },
            offset: 1
        }
    );
}

#[test]
fn names_what_a_type_refuses_and_where() {
    refused::<Point>(r#" {"x":1}"#, Rule::MissingField, 1);
    refused::<Point>(r#"{"x":1,"x":2}"#, Rule::DuplicateField, 0);
    refused::<Strict>(r#"{"x":1, "yy":2}"#, Rule::UnknownField, 9);
    refused::<Strict>(r#"{"x": 256}"#, Rule::OutOfRange, 6);
    refused::<Strict>(r#"{"x": -1}"#, Rule::OutOfRange, 6);
    refused::<Strict>(r#"{"x": 1.0}"#, Rule::NotAnInteger, 6);
    refused::<Strict>(
        r#"{"x": "1"}"#,
        Rule::WrongType {
            expected: Kind::Number,
        },
        6,
    );
    refused::<Strict>(
        "[1]",
        Rule::WrongType {
            expected: Kind::Map,
        },
        0,
    );
    refused::<core::num::NonZeroU8>(
        "[ 0 ]",
        Rule::WrongType {
            expected: Kind::Number,
        },
        0,
    );
    refused::<[core::num::NonZeroU8; 1]>("[ 0 ]", Rule::OutOfRange, 2);
    refused::<char>(r#" "ab""#, Rule::InvalidValue, 2);
    refused::<(u8, u8)>("[1]", Rule::InvalidLength, 0);
    refused::<(u8, u8)>("[1, 2, 3]", Rule::InvalidLength, 7);
    refused::<u8>("1 1", Rule::TrailingBytes, 2);
    refused::<u8>("", Rule::UnexpectedEnd, 0);
    refused::<bool>(
        "1",
        Rule::WrongType {
            expected: Kind::Bool,
        },
        0,
    );
    refused::<(char, char)>(r#"["a", "\ud83d"]"#, Rule::LoneSurrogate, 7);
    refused::<u128>("-1", Rule::OutOfRange, 0);
}

#[test]
fn typed_recursion_ends_at_the_depth_limit() {
    let deep = |levels: usize| [b"[".repeat(levels), b"]".repeat(levels)].concat();
    assert_eq!(from_slice(&mut deep(128)), Ok(Deep(128)));
    let limit = 128;
    let error = from_slice::<Deep>(&mut deep(20_000)).unwrap_err();
    assert_eq!(
        error,
        DecodeError {
            rule: Rule::TooDeep { limit },
            offset: 128
        }
    );
}

#[test]
fn full_memory_is_named() {
    let mut out = [0; 10];
    assert_eq!(
        to_slice(&Point { x: 1, y: 2 }, Style::Ascii, &mut out),
        Err(EncodeError::Full)
    );
    assert_eq!(to_slice("12345678", Style::Ascii, &mut out), Ok(10));
}

#[test]
fn values_stand_in_the_middle_of_a_text() {
    let mut out = [0; 64];
    let mut writer = Writer::new(&mut out, Style::Ascii);
    writer.begin_array().unwrap();
    writer.text("Point").unwrap();
    serialize_attributes(&mut writer, &Point { x: 1, y: 2 }).unwrap();
    serialize_into(&mut writer, &Shape::Circle(1)).unwrap();
    writer.end_array().unwrap();
    assert_eq!(
        writer.as_bytes(),
        br#"["Point",{"x":1,"y":2},{"Circle":1}]"#
    );

    let len = writer.written();
    let mut reader = Reader::new(&mut out[..len]);
    reader.begin_array().unwrap();
    assert!(reader.next_element().unwrap());
    assert_eq!(deserialize_from(&mut reader), Ok("Point"));
    assert!(reader.next_element().unwrap());
    assert_eq!(
        deserialize_attributes(&mut reader),
        Ok(Point { x: 1, y: 2 })
    );
    assert!(reader.next_element().unwrap());
    assert_eq!(deserialize_from(&mut reader), Ok(Shape::Circle(1)));
    assert!(!reader.next_element().unwrap());
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn attributes_are_objects() {
    fn attributes(value: &impl Serialize) -> Result<String, EncodeError> {
        let mut out = [0; 64];
        let mut writer = Writer::new(&mut out, Style::Ascii);
        serialize_attributes(&mut writer, value)?;
        Ok(String::from_utf8(writer.as_bytes().into()).unwrap())
    }
    assert_eq!(attributes(&()).as_deref(), Ok("{}"));
    assert_eq!(attributes(&Marker).as_deref(), Ok("{}"));
    assert_eq!(attributes(&Strict { x: 1 }).as_deref(), Ok(r#"{"x":1}"#));
    assert_eq!(
        attributes(&Some(Strict { x: 1 })).as_deref(),
        Ok(r#"{"x":1}"#)
    );
    assert_eq!(
        attributes(&Pairs(Vec::from([(1, 2)]))).as_deref(),
        Ok(r#"{"1":2}"#)
    );
    let refused = Err(EncodeError::NotAMap);
    assert_eq!(attributes(&1), refused);
    assert_eq!(attributes(&"x"), refused);
    assert_eq!(attributes(&None::<Strict>), refused);
    assert_eq!(attributes(&(1, 2)), refused);
    assert_eq!(attributes(&Metres(1.0)), refused);
    assert_eq!(attributes(&Shape::Nothing), refused);
    assert_eq!(attributes(&Shape::Box { w: 1, h: 2 }), refused);
    assert_eq!(attributes(&format_args!("x")), refused);

    fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, (Rule, usize)> {
        let mut text: Vec<u8> = text.into();
        let mut reader = Reader::new(&mut text);
        let value = deserialize_attributes(&mut reader);
        value
            .and_then(|value| reader.finish().map(|()| value))
            .map_err(|error| (error.rule, error.offset))
    }
    assert_eq!(read(r#"{"room":"A","x":[1]}"#), Ok(()));
    assert_eq!(read(" {}"), Ok(Marker));
    assert_eq!(read(r#"{"x":1}"#), Ok(Some(Strict { x: 1 })));
    assert_eq!(read(r#"{"1":2}"#), Ok(Pairs(Vec::from([(1, 2)]))));
    let expected = Kind::Map;
    assert_eq!(read::<()>("null"), Err((Rule::WrongType { expected }, 0)));
    assert_eq!(
        read::<Strict>(" []"),
        Err((Rule::WrongType { expected }, 1))
    );
    assert_eq!(
        read::<Strict>(r#" {"x":2.5}"#),
        Err((Rule::NotAnInteger, 6))
    );
    assert_eq!(read::<Strict>(" {}"), Err((Rule::MissingField, 1)));
    assert_eq!(read::<()>(r#"{"x":01}"#), Err((Rule::InvalidNumber, 5)));
    let found = Kind::Map;
    assert_eq!(read::<u8>("{}"), Err((Rule::UnexpectedType { found }, 0)));
    assert_eq!(
        read::<Shape>(r#"{"Circle":1}"#),
        Err((Rule::UnexpectedType { found }, 0))
    );
}
