//! One link, its ends in memory: what goes in and out, and what stands in the way.

use super::*;
use crate::encoding::value::Args;
use crate::message::{self, Call, Refusal};
use crate::messages;
use crate::registry::Rejected;
use crate::{Event, Messenger, SendError};
use serde::Serialize;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

type Link = Messenger<CleverShow, Memory>;

struct Memory(Vec<u8>);

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl crate::buf::Storage for Memory {}

fn link(dialect: CleverShow, memory: usize) -> Link {
    let lent = |len| Memory(vec![0; len]);
    Messenger::new(dialect, lent(memory), lent(4096))
}

fn feed(link: &mut Link, bytes: &[u8]) {
    link.input_room()[..bytes.len()].copy_from_slice(bytes);
    link.handle_input(bytes.len());
}

/// All that is to be said, as text.
fn events(link: &mut Link) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = link.recv_with(|envelope| Err::<(), _>(Rejected::Unknown(envelope))) {
        events.push(match event {
            Event::Malformed(malformed) => malformed.to_string(),
            other => format!("{other:?}"),
        });
    }
    events
}

/// A message with these fields behind those that all have.
fn frame(header: &str, content: &str) -> Vec<u8> {
    frame_of(header, content.len() as u64, content.as_bytes())
}

fn frame_of(header: &str, len: u64, content: &[u8]) -> Vec<u8> {
    let header = format!(
        r#"{{"byteorder":"big","content-encoding":"utf-8","content-length":{len},{header}}}"#
    );
    let mut bytes = Vec::from(u16::try_from(header.len()).unwrap().to_be_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(content);
    bytes
}

const ACTION: &str = r#""content-type":"json","message-type":"message","action":"go""#;
const FILE_A: &str =
    r#""content-type":"binary","message-type":"message","action":"filetransfer","filepath":"a""#;

#[derive(Serialize)]
struct Led {
    red: u8,
}

messages! {
    #[derive(Debug, PartialEq)]
    enum Words<'a> {
        Takeoff(Takeoff) as "takeoff_z",
        Sum(Sum) as "sum" -> i64,
        Config(Config<'a>) as "config" -> Config<'answer>,
    }
}

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Takeoff {
    z: f64,
}

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Sum(i32, i32);

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Config<'a> {
    text: &'a str,
}

#[test]
fn typed_messages_travel_by_name_and_shape() {
    let mut link = link(CleverShow::new(), 4096);
    link.send(&Takeoff { z: f64::INFINITY }).unwrap();
    link.send(&Call {
        id: CallId::new(1),
        request: &Sum(2, 3),
    })
    .unwrap();
    let value = Config { text: "\"ü\"" };
    link.send(&message::Answer::<'_, '_, _, Config<'_>> {
        id: CallId::new(2),
        value: &value,
    })
    .unwrap();
    let bytes = Vec::from(link.poll_output());
    feed(&mut link, &bytes);
    let takeoff = Words::Takeoff(Takeoff { z: f64::INFINITY });
    assert!(matches!(link.recv::<Words<'_>>(), Some(Event::Message(said)) if said == takeoff));
    let sum = Words::Sum(Sum(2, 3));
    assert!(
        matches!(link.recv::<Words<'_>>(), Some(Event::Request(id, said)) if id == CallId::new(1) && said == sum)
    );
    let Some(Event::Answer(id, envelope)) = link.recv::<Words<'_>>() else {
        panic!("no answer");
    };
    assert_eq!(id, CallId::new(2));
    assert!(<CleverShow as Answers<'_, Config<'_>>>::names_answer(
        &envelope.key
    ));
    assert!(!<CleverShow as Answers<'_, Sum>>::names_answer(
        &envelope.key
    ));
    let answer = <CleverShow as Answers<'_, Config<'_>>>::read_answer(envelope);
    assert_eq!(answer, Ok(Ok(Config { text: "\"ü\"" })));
}

#[test]
fn arguments_of_another_shape_are_malformed_at_their_place() {
    let mut link = link(CleverShow::new(), 4096);
    let header = ACTION.replace("\"go\"", "\"takeoff_z\"");
    feed(
        &mut link,
        &frame(&header, r#"{"args":[],"kwargs":{"z":"1.5"}}"#),
    );
    match link.recv::<Words<'_>>() {
        Some(Event::Malformed(malformed)) => {
            assert!(!malformed.is_fatal());
            assert!(malformed.offset > header.len(), "{malformed}");
        }
        other => panic!("{other:?}"),
    }
    assert!(link.recv::<Words<'_>>().is_none());
}

#[test]
fn nothing_stands_inside_a_file() {
    let mut link = link(CleverShow::new(), 0);
    let go = Named {
        name: "go",
        arguments: &(),
    };
    link.send(&FileMessage { path: "a", len: 3 }).unwrap();
    assert_eq!(link.send(&go), Err(SendError::Busy));
    let file = FileAnswer {
        id: CallId::new(1),
        len: 0,
    };
    assert_eq!(link.send(&file), Err(SendError::Busy));
    assert_eq!(
        link.send(&Part(b"abcd")),
        Err(SendError::TooLong { limit: 3 })
    );
    link.send(&Part(b"ab")).unwrap();
    assert_eq!(link.dialect().sending(), 1);
    link.send(&Part(b"c")).unwrap();
    link.send(&go).unwrap();
    link.send(&file).unwrap();
    link.send(&go).unwrap();
    assert_eq!(link.send(&Part(b"d")), Err(SendError::TooLong { limit: 0 }));
}

#[test]
fn a_part_that_finds_no_room_is_not_counted() {
    let mut link = Messenger::new(CleverShow::new(), [0; 0], [0; 256]);
    link.send(&FileMessage {
        path: "a",
        len: 300,
    })
    .unwrap();
    assert_eq!(link.send(&Part(&[7; 200])), Err(SendError::Full));
    assert_eq!(link.dialect().sending(), 300);
}

#[test]
fn refuses_arguments_that_are_none() {
    let mut link = link(CleverShow::new(), 0);
    let go = Named {
        name: "go",
        arguments: &7,
    };
    assert_eq!(link.send(&go), Err(SendError::Unencodable));
    assert!(link.poll_output().is_empty());
}

#[test]
fn lengths_of_any_number_of_digits_are_right() {
    for len in [0, 1, 70, 72, 73, 74, 75, 200, 960, 975, 1200] {
        let mut link = link(CleverShow::new(), 4096);
        let text = "ü".repeat(len);
        let said = Call {
            id: CallId::new(7),
            request: &Named {
                name: "say",
                arguments: &Args {
                    args: [&text],
                    kwargs: Led { red: 5 },
                },
            },
        };
        link.send(&said).unwrap();
        let bytes = Vec::from(link.poll_output());
        feed(&mut link, &bytes);
        let args = format!("Arguments(Arguments {{ args: [\"{text}\"], kwargs: {{\"red\": 5}} }})");
        let envelope = format!("kind: Request(CallId(\"0007\")), key: \"say\", body: {args}");
        assert_eq!(
            events(&mut link),
            [format!("Unknown(Envelope {{ {envelope} }})")]
        );
    }
}

#[test]
fn a_slot_that_is_too_small_by_any_number_of_bytes_is_full() {
    let go = Named {
        name: "go",
        arguments: &Args {
            args: [[1; 32]],
            kwargs: Led { red: 1 },
        },
    };
    let mut slot = [0; 400];
    let len = crate::dialect::Carries::emit(&mut CleverShow::new(), &go, &mut slot).unwrap();
    for room in 0..len {
        let emitted = crate::dialect::Carries::emit(&mut CleverShow::new(), &go, &mut slot[..room]);
        assert_eq!(emitted, Err(crate::encoding::EncodeError::Full), "{room}");
    }
}

#[test]
fn a_refusal_says_nothing() {
    let mut link = link(CleverShow::new(), 0);
    let refusal = Refusal::new(CallId::new(1), "KeyError", "no");
    link.send(&refusal).unwrap();
    assert!(!link.has_output());
}

#[test]
fn a_file_longer_than_allowed_is_passed_over() {
    let mut link = link(CleverShow::new().max_file(3), 1024);
    feed(&mut link, &frame(FILE_A, "abcd"));
    feed(&mut link, &frame(FILE_A, "abc"));
    let at = frame(FILE_A, "").len();
    assert_eq!(
        events(&mut link),
        [
            format!(
                "content of 4 bytes, the limit is 3 (byte {at} of the frame at byte 0 of the stream)"
            )
            .as_str(),
            "Notice(Begin { file: Message { path: \"a\" }, len: 3 })",
            "Notice(Part([97, 98, 99]))",
            "Notice(End)"
        ]
    );
}

#[test]
fn a_length_that_nobody_wants_to_pass_over_ends_the_link() {
    for header in [ACTION, FILE_A] {
        let mut link = link(CleverShow::new().max_file(1 << 20), 1024);
        feed(&mut link, &frame_of(header, u64::MAX, b""));
        let said = events(&mut link);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("content of 18446744073709551615 bytes, the limit is "));
        assert_eq!(link.is_over(), Some(crate::Over::OutOfStep));
    }
}

#[test]
fn a_broken_header_with_a_length_that_nobody_passes_over_ends_the_link() {
    let mut link = link(CleverShow::new(), 1024);
    let header = r#""content-type":"json","message-type":"message""#;
    feed(&mut link, &frame_of(header, 1 << 60, b""));
    assert!(events(&mut link)[0].starts_with("content of 1152921504606846976 bytes"));
    assert_eq!(link.is_over(), Some(crate::Over::OutOfStep));
}

#[test]
fn a_message_beyond_the_memory_is_passed_over() {
    let mut link = link(CleverShow::new(), 256);
    let long = format!(r#"{{"args": ["{}"], "kwargs": {{}}}}"#, "x".repeat(300));
    let mut bytes = frame(ACTION, &long);
    bytes.extend(frame(ACTION, r#"{"args": null, "kwargs": null}"#));
    let mut said = Vec::new();
    for part in bytes.chunks(100) {
        feed(&mut link, part);
        said.extend(events(&mut link));
    }
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("content of 328 bytes, the limit is "));
    assert!(said[1].contains("args: []  , kwargs: {}  "), "{}", said[1]);
}

#[test]
fn the_last_of_two_equal_fields_counts() {
    let mut link = link(CleverShow::new(), 1024);
    let header = r#""content-type":7,"content-type":"json","message-type":"message","action":[],"action":"\u0067o""#;
    let content = r#"{"args": 7, "kwargs": {}, "args": [1]}"#;
    feed(&mut link, &frame(header, content));
    let said = events(&mut link);
    assert!(said[0].contains("key: \"go\", body: Arguments(Arguments { args: [1], kwargs: {} })"));
}

#[test]
fn an_id_is_any_json_that_fits() {
    for (id, expected) in [
        ("\"0001\"", "\"0001\""),
        ("\"\\u0030001\"", "\"0001\""),
        ("17", "17"),
        ("1e5", "1e5"),
        ("null", "null"),
        ("[1, {}]", "[1, {}]"),
    ] {
        let mut link = link(CleverShow::new(), 1024);
        let header = r#""content-type":"json","message-type":"request""#;
        let content =
            format!(r#"{{"requested_value":"a","request_id":{id},"args":[],"kwargs":{{}}}}"#);
        feed(&mut link, &frame(header, &content));
        let said = events(&mut link);
        assert!(
            said[0].contains(&format!("Request(CallId({expected}))")),
            "{said:?}"
        );
    }
}

#[test]
fn an_id_that_is_too_long_is_refused_and_the_stream_goes_on() {
    let mut link = link(CleverShow::new(), 1024);
    let header = format!(
        r#""content-type":"json","message-type":"response","requested_value":"a","request_id":"{}""#,
        "9".repeat(31)
    );
    feed(&mut link, &frame(&header, r#"{"value":1}"#));
    feed(&mut link, &frame(ACTION, r#"{"args":[],"kwargs":{}}"#));
    let said = events(&mut link);
    assert!(said[0].starts_with("request_id of more than 32 bytes"));
    assert!(said[1].starts_with("Unknown"));
}

#[test]
fn a_path_that_is_no_text_is_refused_with_its_file() {
    let mut link = link(CleverShow::new(), 1024);
    feed(
        &mut link,
        &frame(&FILE_A.replace("\"a\"", "\"\\ud800\""), "abc"),
    );
    feed(&mut link, &frame(FILE_A, ""));
    let said = events(&mut link);
    assert!(said[0].starts_with("header whose filepath has the wrong type"));
    assert!(said[1].starts_with("Notice(Begin { file: Message { path: \"a\" }"));
}

#[test]
fn a_header_beyond_the_memory_ends_the_link() {
    let mut link = link(CleverShow::new(), 64);
    feed(&mut link, &[0xFF, 0xFF]);
    let said = events(&mut link);
    assert!(said[0].starts_with("header of 65537 bytes, the limit is 64"));
    assert_eq!(link.is_over(), Some(crate::Over::OutOfStep));
}

#[test]
fn latin_1_takes_the_room_of_its_header_and_no_more() {
    let header = ACTION.replace("\"json\"", "\"json\",\"content-encoding\":\"Latin_1\"");
    for (letters, fits) in [(60, true), (600, false)] {
        let mut link = link(CleverShow::new(), 4096);
        let mut content = Vec::from(&b"{\"args\":[\""[..]);
        content.extend(vec![0xE9; letters]);
        content.extend(b"\"],\"kwargs\":{}}");
        feed(
            &mut link,
            &frame_of(&header, content.len() as u64, &content),
        );
        feed(&mut link, &frame(ACTION, r#"{"args":[],"kwargs":{}}"#));
        let said = events(&mut link);
        match fits {
            true => assert!(said[0].contains(&"é".repeat(letters)), "{}", said[0]),
            false => assert!(said[0].starts_with("content that has no room in UTF-8")),
        }
        assert!(said[1].contains("args: [], kwargs: {}"));
    }
}

#[test]
fn utf_16_is_read_with_and_without_a_mark() {
    let text = r#"{"args":["é🚁"],"kwargs":{}}"#;
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = [&[0xFE, 0xFF], &big[..]].concat();
    for (name, content) in [
        ("utf-16-le", &little),
        ("UTF-16", &little),
        ("utf_16_be", &big),
        ("utf-16", &marked),
    ] {
        let header = format!(r#"{ACTION},"content-encoding":"{name}""#);
        let mut link = link(CleverShow::new(), 4096);
        feed(&mut link, &frame_of(&header, content.len() as u64, content));
        let said = events(&mut link);
        assert!(said[0].contains("args: [\"é🚁\"]"), "{name}: {}", said[0]);
    }
    let odd = &little[..little.len() - 1];
    let header = format!(r#"{ACTION},"content-encoding":"utf-16-le""#);
    let mut link = link(CleverShow::new(), 4096);
    feed(&mut link, &frame_of(&header, odd.len() as u64, odd));
    assert!(events(&mut link)[0].starts_with("unknown content-encoding"));
}

#[test]
fn a_stream_that_ends_inside_a_message_is_reported() {
    let mut link = link(CleverShow::new(), 1024);
    let bytes = frame(ACTION, r#"{"args":[],"kwargs":{}}"#);
    feed(&mut link, &bytes[..bytes.len() - 1]);
    link.handle_end();
    let len = bytes.len() - 1;
    let expected = format!(
        "stream ends {len} bytes into a frame (byte {len} of the frame at byte 0 of the stream)"
    );
    assert_eq!(events(&mut link), [expected]);
}

#[test]
fn a_stream_that_ends_inside_a_file_leaves_it_open() {
    let mut link = link(CleverShow::new(), 1024);
    feed(&mut link, &frame_of(FILE_A, 10, b"abc"));
    link.handle_end();
    assert_eq!(events(&mut link).len(), 2);
    assert_eq!(link.is_over(), Some(crate::Over::Ended));
    assert_eq!(link.dialect().receiving(), Some(7));
}
