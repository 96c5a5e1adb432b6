use super::*;
use crate::dialect::cable_car::{CableCarByte, Code, Identify, Join, Quit, Raw};
use crate::{Rule, messages};
use serde::{Deserialize, Serialize};
use std::vec::Vec;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    sensor: u8,
    celsius: f32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note<'a> {
    text: &'a str,
}

messages! {
    #[derive(Debug, PartialEq)]
    enum Words<'a> {
        Identify(Identify<'a>),
        Quit(Quit),
        Reading(Reading) = 0x10,
        Note(Note<'a>) = 0x11,
    }
}

type Fixed<const N: usize> = Messenger<CableCarByte, [u8; N]>;

fn messenger<const N: usize>() -> Fixed<N> {
    Messenger::new(CableCarByte, [0; N], [0; N])
}

/// Gives as many of `bytes` as there is room for and says how many that were.
fn give<const N: usize>(messenger: &mut Fixed<N>, bytes: &[u8]) -> usize {
    let room = messenger.input_room();
    let len = room.len().min(bytes.len());
    room[..len].copy_from_slice(&bytes[..len]);
    messenger.handle_input(len);
    len
}

/// Everything that a messenger makes of `bytes`, given in parts that end at `splits`.
fn events(bytes: &[u8], splits: &[usize]) -> Vec<std::string::String> {
    let mut messenger = messenger::<255>();
    let mut events = Vec::new();
    let mut start = 0;
    for &end in splits.iter().chain([&bytes.len()]) {
        while start < end {
            start += give(&mut messenger, &bytes[start..end]);
            while let Some(event) = messenger.recv::<Words<'_>>() {
                events.push(std::format!("{event:?}"));
            }
        }
    }
    messenger.handle_end();
    while let Some(event) = messenger.recv::<Words<'_>>() {
        events.push(std::format!("{event:?}"));
    }
    assert_eq!(messenger.is_over(), Some(Over::Ended));
    events
}

/// A stream with a message of every kind, an unknown one and one whose body does not decode.
fn stream() -> Vec<u8> {
    let mut ours = messenger::<255>();
    ours.send(&Identify::new("pilot", "pi")).unwrap();
    ours.send(&Reading {
        sensor: 3,
        celsius: 21.5,
    })
    .unwrap();
    ours.send(&Raw {
        code: Code(0x77),
        body: b"abc",
    })
    .unwrap();
    ours.send(&Note { text: "hello" }).unwrap();
    ours.send(&Raw {
        code: Code(0x11),
        body: &[9, b'x'],
    })
    .unwrap();
    ours.send(&Quit).unwrap();
    ours.poll_output().to_vec()
}

#[test]
fn delivers_everything_at_every_split() {
    let stream = stream();
    let whole = events(&stream, &[]);
    assert_eq!(whole.len(), 6);
    assert!(
        whole[2]
            .starts_with("Unknown(Envelope { kind: Message, key: Code(119), body: [97, 98, 99]")
    );
    assert!(whole[4].contains("Body(UnexpectedEnd)"), "{}", whole[4]);
    assert!(whole[5].contains("Quit"));
    let step = if cfg!(miri) { 5 } else { 1 };
    for first in (0..stream.len()).step_by(step) {
        assert_eq!(events(&stream, &[first]), whole);
    }
    let single: Vec<usize> = (1..stream.len()).collect();
    assert_eq!(events(&stream, &single), whole);
}

#[test]
fn reports_a_cut_off_frame_behind_all_that_arrived() {
    let stream = stream();
    let step = if cfg!(miri) { 7 } else { 1 };
    for end in (0..stream.len()).step_by(step) {
        let said = events(&stream[..end], &[]);
        let whole = events(&stream, &[]);
        let (last, complete) = said
            .split_last()
            .map_or((None, &[][..]), |(last, rest)| (Some(last), rest));
        match last {
            Some(last) if last.contains("Truncated") => {
                assert_eq!(complete, &whole[..complete.len()]);
            }
            _ => assert_eq!(said, whole[..said.len()]),
        }
    }
    let said = events(&[5, 0x10, 1], &[]);
    assert_eq!(
        said,
        ["Malformed(Malformed { rule: Framing(Truncated { len: 3 }), frame: 0, offset: 3 })"]
    );
}

#[test]
fn says_where_in_the_stream_a_rule_is_broken() {
    let mut messenger = messenger::<64>();
    give(&mut messenger, &[2, 4, 4, 0x11, 9, b'x', 2, 4]);
    assert!(matches!(
        messenger.recv(),
        Some(Event::Message(Words::Quit(Quit)))
    ));
    let Some(Event::Malformed(malformed)) = messenger.recv::<Words<'_>>() else {
        panic!("no report")
    };
    assert_eq!((malformed.frame, malformed.offset), (2, 3));
    assert!(!malformed.is_fatal());
    assert!(matches!(
        messenger.recv(),
        Some(Event::Message(Words::Quit(Quit)))
    ));
}

#[test]
fn goes_out_of_step_once_and_for_all() {
    let mut messenger = messenger::<64>();
    give(&mut messenger, &[2, 4, 0, 2, 4]);
    assert!(matches!(
        messenger.recv(),
        Some(Event::Message(Words::Quit(Quit)))
    ));
    let Some(Event::Malformed(malformed)) = messenger.recv::<Words<'_>>() else {
        panic!("no report")
    };
    assert_eq!(
        malformed.rule,
        Rule::Framing(framing::Rule::Length { len: 0 })
    );
    assert!(malformed.is_fatal());
    assert_eq!(messenger.is_over(), Some(Over::OutOfStep));
    give(&mut messenger, &[2, 4]);
    assert!(messenger.recv::<Words<'_>>().is_none());
}

#[test]
fn an_end_does_not_hide_that_the_framing_was_broken() {
    let mut messenger = messenger::<8>();
    give(&mut messenger, &[2, 4, 0]);
    messenger.handle_end();
    assert!(matches!(
        messenger.recv(),
        Some(Event::Message(Words::Quit(Quit)))
    ));
    assert!(matches!(
        messenger.recv::<Words<'_>>(),
        Some(Event::Malformed(_))
    ));
    assert_eq!(messenger.is_over(), Some(Over::OutOfStep));
}

#[test]
fn has_room_while_a_frame_is_passed_over() {
    let mut messenger = messenger::<8>();
    give(&mut messenger, &[200, 0x77]);
    assert!(matches!(
        messenger.recv::<Words<'_>>(),
        Some(Event::Malformed(_))
    ));
    for _ in 0..20 {
        assert_eq!(give(&mut messenger, &[0xff; 8]), 8);
    }
}

#[test]
fn passes_over_a_frame_longer_than_its_memory() {
    let mut long = std::vec![200, 0x77];
    long.resize(200, 0xff);
    let stream = [&[2, 4][..], &long, &[2, 4]].concat();
    let mut messenger = messenger::<16>();
    let mut events = Vec::new();
    let mut start = 0;
    while start < stream.len() {
        start += give(&mut messenger, &stream[start..]);
        while let Some(event) = messenger.recv::<Words<'_>>() {
            events.push(std::format!("{event:?}"));
        }
    }
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(events[1].contains("Limit { len: 200, limit: 16 }"));
    assert!(events[2].contains("Quit"));
}

#[test]
fn delivers_what_follows_a_skipped_frame_before_the_end() {
    let mut messenger = messenger::<8>();
    give(&mut messenger, &[10, 0x77, 1, 2]);
    assert!(matches!(
        messenger.recv::<Words<'_>>(),
        Some(Event::Malformed(_))
    ));
    give(&mut messenger, &[3, 4, 5, 6, 7, 8, 2, 4]);
    messenger.handle_end();
    assert!(matches!(
        messenger.recv(),
        Some(Event::Message(Words::Quit(Quit)))
    ));
    assert_eq!(messenger.is_over(), Some(Over::Ended));
}

#[test]
fn reports_a_full_outbox_and_loses_nothing() {
    let mut messenger = messenger::<8>();
    assert_eq!(messenger.send(&Note { text: "abcd" }), Ok(()));
    assert_eq!(messenger.send(&Quit), Err(SendError::Full));
    assert_eq!(messenger.poll_output(), b"\x07\x11\x04abcd");
    messenger.handle_written(2);
    assert_eq!(messenger.send(&Quit), Ok(()));
    assert_eq!(messenger.poll_output(), b"\x04abcd");
    messenger.handle_written(5);
    assert_eq!(messenger.poll_output(), [2, 4]);
}

#[test]
fn tells_too_long_from_full() {
    let text: std::string::String = "x".repeat(252);
    let mut small = messenger::<8>();
    assert_eq!(
        small.send(&Note { text: "abcdefgh" }),
        Err(SendError::TooLong { limit: 8 })
    );
    let mut large = messenger::<300>();
    assert_eq!(large.send(&Note { text: &text[..251] }), Ok(()));
    assert_eq!(large.send(&Note { text: &text }), Err(SendError::Full));
    let mut large = messenger::<300>();
    assert_eq!(
        large.send(&Note { text: &text }),
        Err(SendError::TooLong { limit: 253 })
    );
    assert!(large.poll_output().is_empty());
}

#[test]
fn takes_no_more_input_than_its_memory() {
    let mut messenger = messenger::<8>();
    assert_eq!(give(&mut messenger, &[2, 2, 2, 2, 2, 2, 2, 2, 2, 2]), 8);
    for taken in 1..4 {
        assert!(messenger.input_room().is_empty() || taken > 2);
        assert!(matches!(
            messenger.recv::<Raw<'_>>(),
            Some(Event::Message(_))
        ));
    }
    assert_eq!(messenger.input_room().len(), 6);
}

#[test]
fn hands_raw_messages_to_a_gateway() {
    let mut messenger = messenger::<64>();
    messenger.send(&Join).unwrap();
    let sent = messenger.poll_output().to_vec();
    give(&mut messenger, &sent);
    let Some(Event::Message(raw)) = messenger.recv::<Raw<'_>>() else {
        panic!("nothing")
    };
    assert_eq!(
        raw,
        Raw {
            code: Code(2),
            body: &[]
        }
    );
}

/// Says that it has written more than it was given.
struct Miscounted;

impl crate::Message for Miscounted {
    const NAME: &'static str = "Miscounted";
    const CODE: Option<u16> = Some(0x10);
}

impl crate::message::Encode for Miscounted {
    const MAX_SIZE: usize = 4;

    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        Ok(out.len() + 1)
    }
}

#[test]
fn an_encoding_that_miscounts_sends_nothing() {
    let mut messenger = messenger::<64>();
    assert_eq!(messenger.send(&Miscounted), Err(SendError::Unencodable));
    assert!(messenger.poll_output().is_empty());
}

#[test]
fn memory_grows_for_a_large_frame_and_not_for_many() {
    let mut messenger =
        Messenger::new(CableCarByte, crate::buf::tests::Growing::new(8, 64), [0; 8]);
    for _ in 0..4 {
        messenger.input_room()[..2].copy_from_slice(&[2, 4]);
        messenger.handle_input(2);
    }
    assert!(messenger.input_room().is_empty());
    while messenger.recv::<Words<'_>>().is_some() {}
    let mut filled = 0;
    while filled < 40 {
        let room = messenger.input_room();
        room.fill(40);
        let len = room.len().min(40 - filled);
        messenger.handle_input(len);
        filled += len;
    }
    assert!(matches!(
        messenger.recv::<Words<'_>>(),
        Some(Event::Unknown(_))
    ));
}

#[test]
fn memory_that_was_enlarged_is_kept_where_only_the_usual_is_given_back() {
    use crate::buf::tests::Growing;
    let mut messenger = Messenger::new(CableCarByte, Growing::new(8, 256), Growing::new(0, 256));
    let room = messenger.input_room().len();
    assert_eq!(room, 8);
    messenger.release_usual_memory();
    assert!(messenger.input.is_empty());
    messenger.input_room()[..2].copy_from_slice(&[100, 9]);
    messenger.handle_input(8);
    let room = messenger.input_room().len();
    assert!(room > 8, "a long frame takes more");
    messenger.input.consume(8);
    messenger.release_usual_memory();
    assert!(messenger.input.has_grown());
    messenger.release_memory();
    assert!(!messenger.input.has_grown());
}

#[test]
fn memory_that_was_given_back_is_taken_again() {
    use crate::buf::tests::Growing;
    let memory = || Growing::new(64, 256);
    let (mut a, mut b) = (
        Messenger::new(CableCarByte, memory(), memory()),
        Messenger::new(CableCarByte, memory(), memory()),
    );
    for _ in 0..3 {
        a.send(&Quit).unwrap();
        a.release_memory();
        let bytes = a.poll_output().to_vec();
        assert_eq!(bytes, [2, 4], "what waits stays");
        a.handle_written(bytes.len());
        b.input_room()[..2].copy_from_slice(&bytes);
        b.handle_input(1);
        b.release_memory();
        b.handle_input(1);
        assert!(matches!(
            b.recv::<Words<'_>>(),
            Some(Event::Message(Words::Quit(Quit)))
        ));
        a.release_memory();
        b.release_memory();
        assert!(a.poll_output().is_empty() && !b.has_event());
    }
}
