#![no_main]

use core::fmt::Debug;
use libfuzzer_sys::fuzz_target;
use rmpv::{Utf8String, Value};
use ropeway_core::encoding::msgpack::{Reader, Timestamp, Writer, from_slice, to_slice, validate};
use ropeway_core::encoding::value::{Key, Kind, Number, Read, Write};
use ropeway_core::encoding::{DecodeError, EncodeError, Rule};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Serialize, Deserialize)]
struct Document<'a> {
    text: &'a str,
    bytes: Vec<u8>,
    float: f64,
    integer: i64,
    flags: Vec<Option<bool>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape<'a> {
    Unit,
    Newtype(Option<i16>),
    Tuple(char, u8),
    Named { text: &'a str },
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, body) = input;
    // Names of fields may have been left out, and floats may have been single.
    let out = &mut vec![0; 16 * body.len() + 64];
    agrees_with_rmpv(body);
    match kind % 6 {
        0 => check::<Document<'_>>(body, out),
        1 => check::<BTreeMap<&str, Shape<'_>>>(body, out),
        2 => check::<Vec<f64>>(body, out),
        3 => check::<Vec<f32>>(body, out),
        4 => check::<BTreeMap<(i32, Option<bool>), Vec<u64>>>(body, out),
        _ => check::<Vec<&str>>(body, out),
    }
});

/// What is read is written, read again as the same value, and written again as the same bytes; what is not names a
/// place in the body.
fn check<'a, T: Serialize + Deserialize<'a> + Debug>(body: &'a [u8], out: &'a mut [u8]) {
    let value: T = match from_slice(body) {
        Ok(value) => value,
        Err(error) => return names_a_place(error, body),
    };
    let len = to_slice(&value, out).expect("room enough");
    let small = to_slice(&value, &mut vec![0; len - 1]);
    assert_eq!(small, Err(EncodeError::Full));
    assert_eq!(validate(&out[..len]), Ok(len));
    let written = &out[..len];
    let again: T = from_slice(written).expect("what was written is read");
    assert_eq!(format!("{value:?}"), format!("{again:?}"));
    let mut twice = vec![0; len];
    assert_eq!(to_slice(&again, &mut twice), Ok(len));
    assert_eq!(twice, written);
}

/// The same bytes are a value, and the same one, but for the rules that packetmq adds and the limits of both; each
/// way to read comes to the same.
fn agrees_with_rmpv(body: &[u8]) {
    let mut rest = body;
    let theirs = rmpv::decode::read_value_with_max_depth(&mut rest, 1000);
    let mut reader = Reader::new(body);
    let ours = read(&mut reader);
    let skipped = Reader::new(body).raw_value();
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(reader.offset(), body.len() - rest.len());
            assert_eq!(skipped, Ok(&body[..reader.offset()]));
            assert_eq!(
                format!("{ours:?}"),
                format!("{:?}", as_read(theirs.clone(), false))
            );
        }
        (Ok(ours), Err(error)) => panic!("{error} at {ours}"),
        (Err(error), theirs) => {
            names_a_place(*error, body);
            assert_eq!(skipped, Err(*error));
            assert_eq!(validate(body), Err(*error));
            let is_stricter = match error.rule {
                Rule::UnexpectedType { found } => found == Kind::Map,
                rule => matches!(
                    rule,
                    Rule::TooDeep { .. }
                        | Rule::InvalidUtf8
                        | Rule::InvalidLength
                        | Rule::UnexpectedByte
                ),
            };
            assert!(is_stricter || theirs.is_err(), "{error:?} at {theirs:?}");
            return;
        }
    }
    let value = ours.expect("read above");
    match validate(body) {
        Ok(len) => {
            assert_eq!(len, reader.offset());
            assert!(!has_key_twice(&value), "{value}");
            writes_again(&value, len);
        }
        Err(error) => match error.rule {
            Rule::DuplicateField => assert!(has_key_twice(&value), "{value}"),
            rule => assert!(matches!(rule, Rule::TooManyValues { .. }), "{rule}"),
        },
    }
}

/// Whether a map has two keys that are the same, found in the plainest way.
fn has_key_twice(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_key_twice),
        Value::Map(entries) => {
            let keys = || entries.iter().map(|(key, _)| key).enumerate();
            let mut others = keys()
                .map(|(place, key)| keys().skip(place + 1).map(move |(_, other)| (key, other)));
            others.any(|mut pairs| pairs.any(|(key, other)| is_same_key(key, other)))
                || entries.iter().any(|(_, value)| has_key_twice(value))
        }
        _ => false,
    }
}

fn is_same_key(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Boolean(value) => Some((i128::from(*value), None)),
        Value::Integer(value) => {
            let signed = value.as_i64().map(i128::from);
            Some((signed.or(value.as_u64().map(i128::from)).unwrap_or(0), None))
        }
        // No integer here has more than 64 bits.
        Value::F64(value) if value.fract() == 0.0 && value.abs() < 1e20 => {
            Some((*value as i128, None))
        }
        Value::F64(value) => Some((0, Some(value.to_bits()))),
        _ => None,
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Binary(bytes) => Some(bytes.clone()),
        _ => None,
    };
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            let mut elements = one.iter().zip(other);
            one.len() == other.len() && elements.all(|(one, other)| is_same_key(one, other))
        }
        _ => match (number(one), text(one)) {
            (None, None) => one == other,
            (a, b) => (a, b) == (number(other), text(other)),
        },
    }
}

/// A value is written in no more bytes than it had, but for floats, whether or not its lengths are said beforehand;
/// and is read as the same.
fn writes_again(value: &Value, len: usize) {
    let mut out = vec![0; 2 * len + 8];
    let mut writer = Writer::new(&mut out);
    write(value, &mut writer, Some).expect("room enough");
    let written = writer.as_bytes();
    assert_eq!(validate(written), Ok(written.len()));
    let again = read(&mut Reader::new(written)).expect("what was written is read");
    assert_eq!(format!("{again:?}"), format!("{value:?}"));
    let mut out = vec![0; written.len()];
    let mut late = Writer::new(&mut out);
    write(value, &mut late, |_| None).expect("room for the shortest form");
    assert_eq!(late.as_bytes(), written);
}

fn read(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    Ok(match reader.peek()? {
        Kind::Null => {
            reader.null()?;
            Value::Nil
        }
        Kind::Bool => reader.bool()?.into(),
        Kind::Number => match reader.number()? {
            Number::Unsigned(value) => value.into(),
            Number::Signed(value) => value.into(),
            Number::Float(value) => value.into(),
            other => panic!("{other}"),
        },
        Kind::Text => reader.text()?.into_str()?.into(),
        Kind::Bytes => reader.bytes()?.into(),
        Kind::Extension => {
            let (kind, bytes) = reader.extension()?;
            if let Ok(time) = Timestamp::from_extension(kind, bytes) {
                let mut shortest = [0; 12];
                let shortest = time.to_extension(&mut shortest).expect("it was read");
                assert_eq!(Timestamp::from_extension(kind, shortest), Ok(time));
                assert!(shortest.len() <= bytes.len());
            }
            Value::Ext(kind, bytes.into())
        }
        Kind::Array => {
            let mut elements = Vec::new();
            reader.begin_array()?;
            while reader.next_element()? {
                elements.push(read(reader)?);
            }
            Value::Array(elements)
        }
        Kind::Map => {
            let mut entries = Vec::new();
            reader.begin_map()?;
            while let Some(key) = reader.next_key()? {
                let key = match key {
                    Key::Text(text) => text.into_str()?.into(),
                    Key::Value => read(reader)?,
                };
                entries.push((key, read(reader)?));
            }
            Value::Map(entries)
        }
        other => panic!("{other}"),
    })
}

/// What a reader makes of a value that rmpv has read: text of bytes in keys, and all floats double.
fn as_read(value: Value, is_key: bool) -> Value {
    match value {
        Value::F32(value) => f64::from(value).into(),
        Value::Binary(bytes) if is_key => match String::from_utf8(bytes) {
            Ok(text) => Value::String(Utf8String::from(text)),
            Err(error) => error.into_bytes().into(),
        },
        Value::Array(elements) => {
            let elements = elements.into_iter();
            Value::Array(elements.map(|element| as_read(element, false)).collect())
        }
        Value::Map(entries) => {
            let entries = entries.into_iter();
            let entries = entries.map(|(key, value)| (as_read(key, true), as_read(value, false)));
            Value::Map(entries.collect())
        }
        other => other,
    }
}

/// `known` gives the length that is said beforehand.
fn write(
    value: &Value,
    writer: &mut Writer<'_>,
    known: fn(usize) -> Option<usize>,
) -> Result<(), EncodeError> {
    match value {
        Value::Nil => writer.null(),
        Value::Boolean(value) => writer.bool(*value),
        Value::Integer(value) => match value.as_u64() {
            Some(value) => writer.u64(value),
            None => writer.i64(value.as_i64().expect("an integer below zero")),
        },
        Value::F32(value) => writer.f32(*value),
        Value::F64(value) => writer.f64(*value),
        Value::String(text) => writer.text(text.as_str().expect("text is UTF-8")),
        Value::Binary(bytes) => writer.bytes(bytes),
        Value::Ext(kind, bytes) => writer.extension(*kind, bytes),
        Value::Array(elements) => {
            let open = writer.begin_array(known(elements.len()))?;
            for element in elements {
                write(element, writer, known)?;
            }
            writer.end_array(open, elements.len())
        }
        Value::Map(entries) => {
            let open = writer.begin_map(known(entries.len()))?;
            for (key, value) in entries {
                writer.key_value()?;
                write(key, writer, known)?;
                write(value, writer, known)?;
            }
            writer.end_map(open, entries.len())
        }
    }
}

fn names_a_place(error: DecodeError, body: &[u8]) {
    let len = body.len();
    assert!(error.offset <= len, "{error:?} in {len} bytes");
}
