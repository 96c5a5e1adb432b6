//! Bytes that cable_car's decoders must not take, in front of and behind good ones.

use ropeway_core::dialect::Carries;
use ropeway_core::dialect::cable_car::{CableCarByte, CableCarJson, Identify, Join, Quit, Retry};
use ropeway_core::encoding::Fault;
use ropeway_core::{Messenger, Over, Rule, framing, messages};
use ropeway_std::Growable;
use ropeway_std::json::Dynamic;
use ropeway_tests::cable_car::{Bytes, Malformed, Said, Wire, feed, malformed, receiver};
use serde::{Deserialize, Serialize};

/// Takes any attributes, so that all of them are checked and none is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Telemetry;

#[derive(Debug, Serialize, Deserialize)]
struct Blob;

messages! {
    /// The classes that the original had when the entries were recorded.
    #[derive(Debug)]
    enum Classes<'a> {
        Identify(Identify<'a>),
        Join(Join),
        Retry(Retry),
        Quit(Quit),
        Telemetry(Telemetry) as "Telemetry",
        Blob(Blob) as "Blob",
    }
}

#[test]
fn malformed_bytes_are_named_and_passed_over() {
    let entries = malformed(CableCarByte::TRANSPORT);
    assert_eq!(entries.len(), 30);
    for entry in entries {
        survives::<CableCarByte>(&entry, |messenger| {
            let event = messenger.recv::<Bytes<'_>>()?;
            Some(Said::from_event(event, |message| match message {
                Bytes::Retry(_) => Good::Before,
                Bytes::Quit(_) => Good::Behind,
                Bytes::Join(_) => Good::Within,
                other => panic!("{}: {other:?}", entry.name),
            }))
        });
    }
}

#[test]
fn malformed_lines_are_named_and_passed_over() {
    let entries = malformed(CableCarJson::TRANSPORT);
    assert_eq!(entries.len(), 37);
    for entry in entries {
        survives::<CableCarJson>(&entry, |messenger| {
            let event = messenger.recv::<Classes<'_>>()?;
            Some(Said::from_event(event, |message| match message {
                Classes::Retry(_) => Good::Before,
                Classes::Quit(_) => Good::Behind,
                Classes::Join(_) => Good::Within,
                other => panic!("{}: {other:?}", entry.name),
            }))
        });
    }
}

#[test]
fn malformed_lines_are_no_dynamic_messages_either() {
    for entry in malformed(CableCarJson::TRANSPORT) {
        if entry.expect == ["unknown-class"] {
            continue;
        }
        survives::<CableCarJson>(&entry, |messenger| {
            let event = messenger.recv::<Dynamic>()?;
            Some(Said::from_event(event, |message| match &*message.name {
                "MsgRetry" => Good::Before,
                "MsgQuit" => Good::Behind,
                "MsgJoin" => Good::Within,
                other => panic!("{}: {other:?}", entry.name),
            }))
        });
    }
}

#[test]
fn a_line_without_end_costs_no_more_than_its_limit() {
    let entry = malformed(CableCarJson::TRANSPORT)
        .into_iter()
        .find(|entry| entry.name == "json-no-newline-64k")
        .unwrap();
    let mut messenger = receiver::<CableCarJson>(SMALL);
    let mut said = feed(&mut messenger, &entry.bytes, next_class);
    for _ in 0..100 {
        said.extend(feed(&mut messenger, &entry.bytes, next_class));
        assert!(messenger.input_room().len() <= SMALL);
    }
    said.extend(feed(&mut messenger, b"\n[\"MsgQuit\",{}]\n", next_class));
    assert_eq!(kinds::<CableCarJson>(&said), ["refused", "good"]);
}

/// Where a good message stood.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Good {
    Before,
    Within,
    Behind,
}

type Next<'n, W> = &'n dyn Fn(&mut Messenger<W, Growable>) -> Option<Said<Good>>;

fn survives<W: Wire>(
    entry: &Malformed,
    next: impl Fn(&mut Messenger<W, Growable>) -> Option<Said<Good>>,
) {
    let before = frame::<W, _>(&Retry);
    let behind = frame::<W, _>(&Quit);
    let need_more = entry.expect == ["need-more"];
    let is_fatal = entry.expect == ["bad-length"];
    let mut stream = [&before[..], &entry.bytes].concat();
    if !need_more {
        stream.extend(&behind);
    }
    let check = |said: &[Said<Good>], messenger: &mut Messenger<W, Growable>| {
        let name = &entry.name;
        assert_eq!(said.first(), Some(&Said::Message(Good::Before)), "{name}");
        let kinds = kinds::<W>(&said[1..]);
        if need_more {
            assert!(kinds.is_empty(), "{name}: {said:?}");
            messenger.handle_end();
            let cut = entry.bytes.len();
            match next(messenger) {
                None => assert_eq!(cut, 0, "{name}"),
                Some(Said::Malformed(malformed)) => {
                    let rule = framing::Rule::Truncated { len: cut };
                    assert_eq!(malformed.rule, Rule::Framing(rule), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
            assert_eq!(messenger.is_over(), Some(Over::Ended), "{name}");
            return;
        }
        let bad = kinds.first().expect("an error");
        assert!(
            entry.expect.iter().any(|kind| kind == bad),
            "{name}: {said:?}"
        );
        match &said[1] {
            Said::Malformed(malformed) => {
                assert_eq!(malformed.frame, before.len() as u64, "{name}");
                assert!(malformed.offset <= entry.bytes.len(), "{name}");
                assert_eq!(malformed.is_fatal(), is_fatal, "{name}");
            }
            other => assert!(matches!(other, Said::Unknown(_)), "{name}"),
        }
        if is_fatal {
            assert_eq!(said.len(), 2, "{name}: {said:?}");
            assert_eq!(messenger.is_over(), Some(Over::OutOfStep), "{name}");
            return;
        }
        assert_eq!(said.last(), Some(&Said::Message(Good::Behind)), "{name}");
        let within = &said[2..said.len() - 1];
        let good = within
            .iter()
            .all(|said| *said == Said::Message(Good::Within));
        assert!(good, "{name}: {said:?}");
        let has_good_inside =
            entry.name.ends_with("-then-good") || entry.name.ends_with("-with-payload");
        assert_eq!(within.len(), usize::from(has_good_inside), "{name}");
        assert_eq!(messenger.is_over(), None, "{name}");
    };
    let run = |parts: &[&[u8]], next: Next<'_, W>| {
        let mut messenger = receiver::<W>(MEMORY);
        let mut said = Vec::new();
        for part in parts {
            said.extend(feed(&mut messenger, part, next));
        }
        check(&said, &mut messenger);
    };
    run(&[&stream], &next);
    run(&stream.chunks(1).collect::<Vec<_>>(), &next);
    let step = 1 + stream.len() / 2000;
    for split in (0..stream.len()).step_by(step) {
        let (first, second) = stream.split_at(split);
        run(&[first, second], &next);
    }
}

fn frame<W: Wire + Carries<M>, M>(message: &M) -> Vec<u8> {
    let mut messenger = receiver::<W>(256);
    messenger.send(message).unwrap();
    messenger.poll_output().to_vec()
}

/// The error kinds of the protocol's SPEC.
fn kinds<W: Wire>(said: &[Said<Good>]) -> Vec<&'static str> {
    let unknown = match W::TRANSPORT {
        "byte" => "unknown-code",
        _ => "unknown-class",
    };
    let kind = |said: &Said<Good>| match said {
        Said::Message(_) => "good",
        Said::Unknown(_) => unknown,
        Said::Malformed(malformed) => match malformed.rule {
            Rule::Framing(framing::Rule::Length { .. }) => "bad-length",
            Rule::Framing(framing::Rule::Limit { .. }) => "refused",
            Rule::Body(_) if W::TRANSPORT == "byte" => "bad-payload",
            Rule::Body(rule) => match rule.fault() {
                Fault::Syntax => "bad-json",
                Fault::Utf8 => "bad-utf8",
                Fault::Limit => "refused",
                Fault::Shape => "bad-shape",
            },
            other => panic!("{other}"),
        },
    };
    said.iter().map(kind).collect()
}

fn next_class(messenger: &mut Messenger<CableCarJson, Growable>) -> Option<Said<Good>> {
    let event = messenger.recv::<Classes<'_>>()?;
    Some(Said::from_event(event, |_| Good::Behind))
}

/// Holds the longest entry.
const MEMORY: usize = 1 << 17;
const SMALL: usize = 1 << 12;
