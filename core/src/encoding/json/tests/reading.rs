use std::{string::ToString, vec, vec::Vec};

use super::{broken, read_all};
use crate::encoding::json::{Reader, from_slice};
use crate::encoding::value::Kind;
use crate::encoding::{DecodeError, Fault, Rule};

/// Lines of the cable_car vectors.
const ACCEPTED: &[&str] = &[
    r#"["MsgIdentify",{"username":"pilot","hostname":"raspberrypi"}]"#,
    r#"["MsgJoin",{}]"#,
    r#"["Telemetry",{"a":null,"b":true,"c":false,"d":0,"e":-1,"f":""}]"#,
    r#"["Telemetry",{"a":0.1,"b":-2.5,"c":1e+300,"d":1e-300,"e":1.0,"f":-0.0,"g":5e-324}]"#,
    r#"["Telemetry",{"a":Infinity,"b":-Infinity,"c":NaN}]"#,
    r#"["Telemetry",{"a":18446744073709551616,"c":10000000000000000000000000000000000000000}]"#,
    r#"["Telemetry",{"kana":"\u30c9","emoji":"\ud83d\ude81","ctl":"\u0001\t\n\r\"\\/\u007f"}]"#,
    r#"["Telemetry",{"gr\u00f6\u00dfe":1,"":2,"a b":3}]"#,
    r#"["Telemetry",{"s":"\ud83d"}]"#,
    r#"["Telemetry",{"pos":{"x":1,"y":[1,2,{"z":null}]},"empty":{},"none":[]}]"#,
    r#"["Telemetry",{"name":"Zürich 🚁"}]"#,
    " [ \"Telemetry\" , { \"a\" : 1 } ] \n",
    "[\"MsgJoin\",{}]\r\n",
    r#"["MsgJoin",{},1,2,3]"#,
    r#"["Telemetry",{"a":1,"a":2}]"#,
    r#"["Telemetry",{"a":-0,"b":1E5,"c":1e400,"d":-1e400,"e":0.1e1}]"#,
];

#[test]
fn accepts_what_the_original_accepts() {
    for text in ACCEPTED {
        assert_eq!(broken(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn names_rule_and_offset() {
    use Rule::{
        ControlCharacter, InvalidEscape, InvalidNumber, InvalidUtf8, TrailingBytes, UnexpectedByte,
        UnexpectedEnd,
    };
    for (text, rule, offset) in [
        (&b""[..], UnexpectedEnd, 0),
        (b"\n", UnexpectedEnd, 1),
        (b"[\"MsgJoin\",{}", UnexpectedEnd, 13),
        (b"[\"MsgJoin\",{}] x", TrailingBytes, 15),
        (b"[\"MsgJoin\",{}][\"MsgQuit\",{}]", TrailingBytes, 14),
        (b"['MsgJoin',{}]", UnexpectedByte, 1),
        (b"[{\"a\":\"\xff\"}]", InvalidUtf8, 7),
        (b"[{\"a\":\"z\xe9\"}]", InvalidUtf8, 8),
        (b"[{\"z\xe9\":1}]", InvalidUtf8, 4),
        (b"\"\xe9\x01\"", InvalidUtf8, 1),
        (b"\"\xc3\xbc\x01\"", ControlCharacter, 3),
        (b"\"\xed\xa0\xbd\"", InvalidUtf8, 1),
        (b"\"\\n\xc0\x80\"", InvalidUtf8, 3),
        (b"\xef\xbb\xbf[]", UnexpectedByte, 0),
        (b"\xff[]", InvalidUtf8, 0),
        (b"[{\"a\":\"\x01\"}]", ControlCharacter, 7),
        (b"\"a\nb\"", ControlCharacter, 2),
        (b"\"a\\x\"", InvalidEscape, 2),
        (b"\"\\u12g4\"", InvalidEscape, 1),
        (b"\"\\u12", UnexpectedEnd, 5),
        (b"\"\\", UnexpectedEnd, 2),
        (b"\"\xf0\x9f", UnexpectedEnd, 3),
        (b"[{\"n\":01}]", InvalidNumber, 6),
        (b"[{\"n\":+1}]", UnexpectedByte, 6),
        (b"[-]", InvalidNumber, 2),
        (b"[1.]", InvalidNumber, 3),
        (b"[1e+]", InvalidNumber, 4),
        (b"[.5]", UnexpectedByte, 1),
        (b"[-NaN]", InvalidNumber, 2),
        (b"[Infinit]", UnexpectedByte, 8),
        (b"[nul]", UnexpectedByte, 4),
        (b"[tru", UnexpectedEnd, 4),
        (b"[nan]", UnexpectedByte, 2),
        (b"[1 2]", UnexpectedByte, 3),
        (b"[1,]", UnexpectedByte, 3),
        (b"[,1]", UnexpectedByte, 1),
        (b"[1}", UnexpectedByte, 2),
        (b"{1:2}", UnexpectedByte, 1),
        (b"{\"a\" 1}", UnexpectedByte, 5),
        (b"{\"a\":}", UnexpectedByte, 5),
        (b"{\"a\":1,}", UnexpectedByte, 7),
        (b"{\"a\":1 \"b\":2}", UnexpectedByte, 7),
        (b"{\"a\":1]", UnexpectedByte, 6),
        (b"[1]]", TrailingBytes, 3),
        (b"[\x0b1]", UnexpectedByte, 1),
        (b"[\xc2\xa01]", UnexpectedByte, 1),
    ] {
        assert_eq!(
            broken(text),
            Some((rule, offset)),
            "{}",
            text.escape_ascii()
        );
    }
}

/// An interpreter takes its time.
const STEP: usize = if cfg!(miri) { 67 } else { 1 };

#[test]
fn every_truncation_is_an_error() {
    for text in ACCEPTED {
        let text = text.trim();
        for len in (0..text.len()).step_by(STEP) {
            let fault = broken(&text.as_bytes()[..len]);
            assert_eq!(fault, Some((Rule::UnexpectedEnd, len)), "{text}");
        }
    }
}

#[test]
fn no_change_of_a_byte_does_harm() {
    for text in ACCEPTED {
        for place in (0..text.len()).step_by(STEP) {
            for byte in [
                0, b'"', b'\\', b'[', b'}', b',', b'u', b'9', b'-', 0x80, 0xd8, 0xff,
            ] {
                let mut changed = text.as_bytes().to_vec();
                changed[place] = byte;
                broken(&changed);
            }
        }
    }
}

#[test]
fn depth_is_refused_without_recursion() {
    let deep = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    let limit = |text: &mut [u8], limit| {
        let mut reader = Reader::new(text).with_depth_limit(limit);
        reader.skip().map_err(|error| (error.rule, error.offset))
    };
    assert_eq!(limit(&mut deep(128), 255), Ok(()));
    assert_eq!(
        limit(&mut deep(129), 255),
        Err((Rule::TooDeep { limit: 128 }, 128))
    );
    assert_eq!(
        limit(&mut deep(20_000), 255),
        Err((Rule::TooDeep { limit: 128 }, 128))
    );
    assert_eq!(limit(&mut deep(2), 1), Err((Rule::TooDeep { limit: 1 }, 1)));
    assert_eq!(limit(&mut deep(1), 0), Err((Rule::TooDeep { limit: 0 }, 0)));
    assert_eq!(
        broken(&deep(20_000)),
        Some((Rule::TooDeep { limit: 128 }, 128))
    );

    // What has been left does not count.
    let mut wide = [
        b"[".to_vec(),
        b"[[]],{\"a\":{}},".repeat(300),
        b"0]".to_vec(),
    ]
    .concat();
    assert_eq!(limit(&mut wide, 3), Ok(()));
    assert_eq!(
        limit(&mut wide, 2).unwrap_err().0,
        Rule::TooDeep { limit: 2 }
    );

    // Objects and arrays in turn, to the limit: each must be closed by its own bracket.
    let mut mixed = [b"[{\"a\":".repeat(64), b"0".to_vec(), b"}]".repeat(64)].concat();
    assert_eq!(broken(&mixed), None);
    let last = mixed.len() - 1;
    mixed[last] = b'}';
    assert_eq!(broken(&mixed), Some((Rule::UnexpectedByte, last)));
}

#[test]
#[cfg_attr(miri, ignore = "minutes: the time grows with the square of the length")]
fn integers_have_at_most_4300_digits() {
    let limit = 4300;
    let digits = |count: usize| "9".repeat(count).into_bytes();
    assert_eq!(broken(&digits(4300)), None);
    assert_eq!(
        broken(&digits(4301)),
        Some((Rule::TooManyDigits { limit }, 0))
    );
    let negative = [b"[-".to_vec(), digits(4301), b"]".to_vec()].concat();
    assert_eq!(broken(&negative), Some((Rule::TooManyDigits { limit }, 1)));
    // Floats may be as long as they like.
    assert_eq!(broken(&[digits(5000), b".5".to_vec()].concat()), None);
    let mut float = [digits(5000), b"e0".to_vec()].concat();
    assert_eq!(
        Reader::new(&mut float).number().unwrap().to_f64(),
        f64::INFINITY
    );
}

#[test]
fn rules_are_sorted_by_fault() {
    let fault = |text: &[u8]| broken(text).unwrap().0.fault();
    assert_eq!(fault(b"[01]"), Fault::Syntax);
    assert_eq!(fault(b"\"\xff\""), Fault::Utf8);
    assert_eq!(fault(&b"[".repeat(200)), Fault::Limit);
    let mut text = *b"{}";
    let error = Reader::new(&mut text).begin_array().unwrap_err();
    assert_eq!(
        error.rule,
        Rule::WrongType {
            expected: Kind::Array
        }
    );
    assert_eq!(error.rule.fault(), Fault::Shape);
}

#[test]
fn another_kind_is_refused_and_not_taken() {
    let mut text = *b" true";
    let mut reader = Reader::new(&mut text);
    let expected = |expected| {
        Err(DecodeError {
            rule: Rule::WrongType { expected },
            offset: 1,
        })
    };
    assert_eq!(reader.null(), expected(Kind::Null));
    assert_eq!(reader.number().map(|_| ()), expected(Kind::Number));
    assert_eq!(reader.text().map(|_| ()), expected(Kind::Text));
    assert_eq!(reader.begin_array(), expected(Kind::Array));
    assert_eq!(reader.begin_map(), expected(Kind::Map));
    assert_eq!(reader.bool(), Ok(true));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn strings_outlive_the_reader() {
    let mut text = *br#"["\u00e9t\u00e9", {"k\u0065y": "\ud83d\ude81"}, "plain"]"#;
    let mut reader = Reader::new(&mut text);
    let mut found = Vec::new();
    reader.begin_array().unwrap();
    assert!(reader.next_element().unwrap());
    found.push(reader.text().unwrap().into_str().unwrap());
    assert!(reader.next_element().unwrap());
    reader.begin_map().unwrap();
    found.push(reader.next_key().unwrap().unwrap().into_str().unwrap());
    found.push(reader.text().unwrap().into_str().unwrap());
    assert!(reader.next_key().unwrap().is_none());
    assert!(reader.next_element().unwrap());
    let last = reader.text().unwrap();
    assert_eq!(last.offset(), 49);
    found.push(last.into_str().unwrap());
    assert!(!reader.next_element().unwrap());
    assert_eq!(reader.offset(), 56);
    assert!(reader.into_rest().is_empty());
    assert_eq!(found, ["été", "key", "🚁", "plain"]);
}

#[test]
fn hands_out_raw_values() {
    let mut text = *br#"{"a": {"b":[1, "\n\\"]} ,"c": 1.10}tail"#;
    let mut reader = Reader::new(&mut text);
    reader.begin_map().unwrap();
    assert!(reader.next_key().unwrap().unwrap().eq_str("a"));
    let raw = reader.raw_value().unwrap();
    assert_eq!(raw, br#"{"b":[1, "\n\\"]}"#);
    assert_eq!(read_all(raw), Ok(()));
    assert!(reader.next_key().unwrap().unwrap().eq_str("c"));
    assert_eq!(reader.number().unwrap().to_string(), "1.10");
    assert!(reader.next_key().unwrap().is_none());
    assert_eq!(reader.into_rest(), b"tail");
}

#[test]
fn numbers_and_errors_say_where_they_are() {
    let mut text = *b"[1, 2.5]";
    let error = from_slice::<(u8, u8)>(&mut text).unwrap_err();
    assert_eq!(
        error,
        DecodeError {
            rule: Rule::NotAnInteger,
            offset: 4
        }
    );
    assert_eq!(error.to_string(), "not an integer (offset 4)");
}

#[test]
fn the_reader_is_small() {
    assert!(size_of::<Reader<'_>>() <= 5 * size_of::<usize>());
    assert!(size_of::<DecodeError>() <= 2 * size_of::<usize>().max(8));
}
