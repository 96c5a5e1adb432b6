//! The MessagePack in packetmq's recorded bytes, both ways, and what is none.

use ropeway_core::encoding::msgpack::{Reader, Writer, validate};
use ropeway_core::encoding::value::Kind;
use ropeway_core::encoding::{DecodeError, Rule};
use ropeway_std::value::{Map, Value};
use ropeway_tests::vectors::{are_same, malformed, untagged, vectors};

#[test]
fn reads_every_vector() {
    let vectors = vectors(FILE);
    assert_eq!(vectors.len(), 202);
    for vector in vectors {
        let mut rest = &vector.bytes[..];
        for message in vector.messages() {
            let (payload, behind) = payload(rest);
            rest = behind;
            let expected = as_read(untagged(&message["payload"]));
            let mut reader = Reader::new(payload);
            let read = Value::read(&mut reader).unwrap();
            assert!(are_same(&read, &expected), "{}: {read}", vector.name);
            assert_eq!(validate(payload), Ok(reader.offset()), "{}", vector.name);
            let has_more = vector.name == "trailing-bytes";
            assert_eq!(reader.finish().is_err(), has_more, "{}", vector.name);
            ends_early_when_cut(&payload[..reader.offset()]);
        }
        assert!(rest.is_empty(), "{}", vector.name);
    }
}

#[test]
fn writes_every_vector_byte_for_byte() {
    let mut vectors = vectors(FILE);
    vectors.retain(|vector| !vector.is_decode_only);
    assert_eq!(vectors.len(), 188);
    for vector in vectors {
        let mut rest = &vector.bytes[..];
        for message in vector.messages() {
            let (payload, behind) = payload(rest);
            rest = behind;
            let mut out = vec![0; payload.len()];
            let mut writer = Writer::new(&mut out);
            let written = untagged(&message["payload"]).write(&mut writer);
            assert_eq!(written, Ok(()), "{}", vector.name);
            assert!(writer.as_bytes() == payload, "{}", vector.name);
        }
    }
}

#[test]
fn refuses_what_is_no_message_pack() {
    let mut entries = malformed(FILE);
    entries.retain(|entry| entry.name.starts_with("msgpack-"));
    assert_eq!(entries.len(), 14);
    for entry in entries {
        let (payload, _) = payload(&entry.bytes);
        let error = validate(payload).unwrap_err();
        let rule = match &entry.name["msgpack-".len()..] {
            "c1" => Rule::UnexpectedByte,
            "truncated-str" | "truncated-map" | "truncated-u64" => Rule::UnexpectedEnd,
            "array32-liar" | "map32-liar" | "bin32-liar" | "str32-liar" | "ext32-liar" => {
                Rule::UnexpectedEnd
            }
            "invalid-utf8" => Rule::InvalidUtf8,
            "duplicate-key" => Rule::DuplicateField,
            "map-key-map" => Rule::UnexpectedType { found: Kind::Map },
            "timestamp-bad-size" => Rule::InvalidLength,
            "deep" => Rule::TooDeep { limit: 128 },
            name => panic!("{name}"),
        };
        assert_eq!(error.rule, rule, "{}", entry.name);
        if rule != Rule::DuplicateField {
            let read = Value::read(&mut Reader::new(payload));
            assert!(read == Err(error), "{}: {read:?}", entry.name);
        }
    }
}

/// A value as the reader shows it: without tuples, and with the text that Python 2 sends as bytes in keys.
fn as_read(value: Value) -> Value {
    match value {
        Value::Tuple(elements) | Value::Array(elements) => {
            elements.into_iter().map(as_read).collect()
        }
        Value::Map(map) => {
            let entries = map.into_iter().map(|(key, value)| {
                let key = match &key {
                    Value::Bytes(bytes) => str::from_utf8(bytes).map_or(key.clone(), Value::from),
                    _ => as_read(key),
                };
                (key, as_read(value))
            });
            entries.collect::<Map>().into()
        }
        single => single,
    }
}

/// The payload of the first frame, and what follows the frame.
fn payload(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk().expect("a length");
    let length = usize::try_from(u32::from_be_bytes(*length)).expect("a length");
    let (frame, rest) = rest.split_at(length);
    (&frame[2..], rest)
}

/// Whatever is missing at the end of `value`, it is seen to be missing.
fn ends_early_when_cut(value: &[u8]) {
    let all = 0..value.len();
    for len in all.filter(|len| value.len() < 2000 || len.is_multiple_of(9973)) {
        let end = DecodeError::at(len, Rule::UnexpectedEnd);
        assert_eq!(validate(&value[..len]), Err(end));
    }
}

const FILE: &str = include_str!("../vectors/packetmq.json");
