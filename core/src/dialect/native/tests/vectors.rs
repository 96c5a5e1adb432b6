//! Every frame of a session, as `SPEC.md` has its bytes.

use super::rig::{Double, End, Number, Told, settle};
use super::{Config, Native};
use crate::dialect::native::{CallId, Policy, Reason};
use crate::message::{Answer, Call, Entry, FailureKind, Refusal};
use crate::time::Duration;
use std::string::String;
use std::vec::Vec;

const SPEC: &str = include_str!("../../../../SPEC.md");

/// The rows of the table under `### Session`: a name and bytes in hexadecimal.
fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let (_, section) = SPEC.split_once("### Session\n").expect("a section");
    let table = section.split("```").nth(1).expect("a table");
    let rows = table.lines().filter_map(|row| {
        let (name, bytes) = row.split_once("  ")?;
        let hex = bytes.split_whitespace();
        let bytes = hex.map(|byte| u8::from_str_radix(byte, 16).expect("a byte"));
        Some((name.trim(), bytes.collect()))
    });
    rows.collect()
}

const ENTRIES: &[Entry] = &[Entry {
    name: "Number",
    code: Some(0x10),
    schema: 0x0807_0605_0403_0201,
}];

const OTHERS: &[Entry] = &[Entry {
    name: "Number",
    code: Some(0x10),
    schema: 0,
}];

/// What one end writes next, all of it.
fn written(end: &mut End, other: &mut End) -> Vec<u8> {
    other.wire.clear();
    while end.write(other, usize::MAX) > 0 {}
    let bytes = other.wire.iter().copied().collect();
    while other.read(usize::MAX) > 0 {}
    bytes
}

/// Plays a session whose frames are all in the table, and returns them by name.
fn played() -> Vec<(&'static str, Vec<u8>)> {
    let mut frames = Vec::new();
    let dialler = Config::new(0x0102_0304_0506_0708)
        .name("board")
        .registry(ENTRIES, Policy::Enforce)
        .silence(Duration::from_secs(3));
    let listener = Config::new(0x1112_1314_1516_1718)
        .name("hub")
        .registry(OTHERS, Policy::Enforce);
    let mut a = End::dialling(dialler);
    let mut b = End::new(Native::listening(listener).seed(7), 1024, 1024);

    frames.push(("HELLO", written(&mut a, &mut b)));
    b.hear_all();
    let opening = written(&mut b, &mut a);
    let (welcome, names) = opening.split_at(opening[0].into());
    frames.push(("WELCOME, fresh", welcome.into()));
    let (name, last) = names.split_at(names[0].into());
    frames.push(("NAMES, no schema", name.into()));
    frames.push(("NAMES, the end", last.into()));
    a.hear_all();
    let names = written(&mut a, &mut b);
    frames.push(("NAMES", names[..names[0].into()].into()));
    let told = settle(&mut a, &mut b);
    assert!(
        told[0].iter().any(|told| matches!(told, Told::Opened(_))),
        "{told:?}"
    );

    a.messenger.send(&Number(300)).unwrap();
    frames.push(("a message", written(&mut a, &mut b)));
    assert_eq!(b.hear(), Some(Told::Number(300)));
    frames.push(("ACK", written(&mut b, &mut a)));

    let (id, request) = (CallId(0x0403_0201), &Double(21));
    a.messenger.send(&Call { id, request }).unwrap();
    frames.push(("REQUEST", written(&mut a, &mut b)));
    assert_eq!(b.hear(), Some(Told::Request(id.0, 21)));
    let answer: Answer<'_, '_, _, Double> = Answer { id, value: &42 };
    b.messenger.send(&answer).unwrap();
    let answered = written(&mut b, &mut a);
    frames.push(("RESPONSE", answered[..answered[0].into()].into()));
    let refusal = Refusal {
        kind: FailureKind::Refused,
        detail: &[9, 8],
        ..Refusal::new(id, "ValueError", "too far")
    };
    b.messenger.send(&refusal).unwrap();
    frames.push(("FAILURE", written(&mut b, &mut a)));
    settle(&mut a, &mut b);
    a.messenger.cancel(id).unwrap();
    frames.push(("CANCEL", written(&mut a, &mut b)));
    settle(&mut a, &mut b);

    a.at(1_500);
    frames.push(("PING", written(&mut a, &mut b)));
    b.hear_all();
    frames.push(("PONG", written(&mut b, &mut a)));
    a.hear_all();
    a.messenger.dialect_mut().close(Reason::Done);
    frames.push(("BYE", written(&mut a, &mut b)));
    frames
}

#[test]
fn every_frame_has_the_bytes_of_the_table() {
    let (played, vectors) = (played(), vectors());
    let table = |rows: &[(&str, Vec<u8>)]| {
        let row = |(name, bytes): &(&str, Vec<u8>)| {
            let hex: Vec<String> = bytes
                .iter()
                .map(|byte| std::format!("{byte:02x}"))
                .collect();
            std::format!("{name:18}{}\n", hex.join(" "))
        };
        rows.iter().map(row).collect::<String>()
    };
    assert_eq!(table(&vectors), table(&played), "\n{}", table(&played));
}
