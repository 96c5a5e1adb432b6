//! The recorded bytes of packetmq: read and written, whole conversations in both roles, and what must be refused.

use ropeway_core::dialect::packetmq::Rule as Own;
use ropeway_core::encoding::Fault;
use ropeway_core::encoding::msgpack::Reader;
use ropeway_core::{Rule, framing};
use ropeway_std::packetmq::{BUILT_IN, Dynamic, Policy, Side, State, reason};
use ropeway_std::value::Value;
use ropeway_tests::packetmq::{End, Said, as_meant, as_read, end, feed, policy, sent};
use ropeway_tests::vectors::{Malformed, Vector, malformed, text, untagged, vectors};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn reads_every_vector_however_it_is_split() {
    let vectors = vectors(FILE);
    assert_eq!(vectors.len(), 202);
    for vector in vectors {
        let wanted = wanted(&vector);
        let whole = read(&vector, [&vector.bytes[..]]);
        assert_eq!(whole, wanted, "{}", vector.name);
        for split in splits(vector.bytes.len()) {
            let (first, second) = vector.bytes.split_at(split);
            assert_eq!(read(&vector, [first, second]), wanted, "{}", vector.name);
        }
        let bytewise = read(&vector, vector.bytes.chunks(1));
        assert_eq!(bytewise, wanted, "{}", vector.name);
    }
}

#[test]
fn writes_every_packet_of_programs_byte_for_byte() {
    let mut vectors = vectors(FILE);
    vectors.retain(|vector| !vector.is_decode_only && id(vector) >= 16);
    assert_eq!(vectors.len(), 91);
    for vector in vectors {
        let mut end = open(&vector);
        sent(&mut end);
        end.send(&packet(&vector)).unwrap();
        assert!(sent(&mut end) == [&vector.bytes[..]], "{}", vector.name);
    }
}

/// What a packet of a vector makes of an end that waits for it.
fn wanted(vector: &Vector) -> Vec<Said> {
    let payload = payload(vector);
    vec![match id(vector) {
        0 if payload["version"].as_u64() == Some(2) => {
            Said::Quit(Side::Us, Some(reason::VERSION_MISMATCH.into()))
        }
        0 => Said::State(State::IdCheck),
        1 => Said::Quit(Side::Peer, Some(text(&payload["reason"]).into())),
        2 => Said::State(State::Active),
        3 => Said::Made,
        _ => {
            let Dynamic { name, value } = packet(vector);
            Said::Packet(Dynamic::new(name, as_read(value)))
        }
    }]
}

/// What the end that waits for a vector makes of its bytes.
fn read<'a>(vector: &Vector, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Said> {
    let mut end = open(vector);
    let mut said = Vec::new();
    for part in parts {
        said.extend(feed(&mut end, part));
    }
    if id(vector) == 2 && end.dialect().policy() == Policy::Adaptive {
        for (name, id) in programs(&payload(vector)["idmap"]) {
            assert_eq!(end.dialect().packets().id_of(&name), Some(id), "{name}");
        }
    }
    said
}

/// An end that waits for the packet of a vector.
fn open(vector: &Vector) -> End {
    let payload = payload(vector);
    match id(vector) {
        0 | 1 => end(Policy::Static, []),
        2 if payload["adapt"] == Value::Bool(true) => in_state("idcheck", false),
        2 => {
            let programs = programs(&payload["idmap"]);
            let names = programs.keys().map(String::as_str);
            // Ids that change hands, and that are nowhere near.
            let others = programs.values().rev().copied();
            let mut end = end(Policy::Adaptive, names.zip(others));
            feed(&mut end, INIT);
            end
        }
        3 => {
            let mut end = in_state("idcheck", false);
            feed(&mut end, ADAPTIVE);
            end
        }
        id => {
            let name = text(&vector.decoded["name"]);
            active(end(Policy::Static, [(name, id)]))
        }
    }
}

/// An end of the kind that was fed with malformed entries.
fn in_state(state: &str, adapts: bool) -> End {
    let policy = [Policy::Static, Policy::Adaptive][usize::from(adapts)];
    let mut end = end(policy, PACKETS);
    match state {
        "connMade" => {}
        "idcheck" => drop(feed(&mut end, INIT)),
        "active" => end = active(end),
        "softquitted" => end.dialect_mut().quit(reason::UNKNOWN).unwrap(),
        other => panic!("state {other}"),
    }
    end
}

fn active(mut end: End) -> End {
    feed(&mut end, INIT);
    feed(&mut end, ADAPTIVE);
    assert_eq!(feed(&mut end, FINISH), [Said::Made]);
    end
}

#[test]
fn says_in_both_roles_what_the_original_says() {
    let file: Value = FILE.parse().unwrap();
    let exchanges = file["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 18);
    let mut different = BTreeSet::new();
    let mut played = 0;
    for exchange in exchanges {
        for (role, peer) in [("server", "client"), ("client", "server")] {
            let name = format!("{} {role}", text(&exchange["name"]));
            let said = play(exchange, role, peer);
            let wanted = recorded(&exchange[&*format!("{role}_sends")]);
            let is_python_3 = number(&exchange[role]["python"]) == 3;
            let is_same = if is_python_3 {
                said.iter().eq(wanted.iter().map(|vector| &vector.bytes))
            } else {
                let wanted = wanted.iter().map(|vector| meaning(&vector.bytes));
                said.iter().map(|frame| meaning(frame)).eq(wanted)
            };
            played += 1;
            if !is_same {
                different.insert((name, said.iter().map(|frame| frame[5]).collect::<Vec<_>>()));
            }
        }
    }
    assert_eq!(played, 36);
    let wanted = DIFFERENT.map(|(name, ids)| (name.into(), ids.to_vec()));
    assert_eq!(different, wanted.into());
}

/// Where this end says something else than the original on purpose: the ids of what it says.
const DIFFERENT: [(&str, &[u8]); 7] = [
    // It speaks version 1 and so neither says 2 nor refuses 1.
    ("client-version-2 client", &[0, 2]),
    ("both-check-different-versions client", &[0, 2]),
    // It sends no consent behind a refusal.
    ("nonequal-names client", &[0, 2, 1]),
    // The order of names does not matter to it.
    ("nonequal-order client", &[0, 2, 3]),
    // Nor does it matter which ids it had before.
    ("swapped-ids client", &[0, 2, 3]),
    // It understands Pythons of both versions.
    ("py3-server-py2-client server", &[0, 2, 3]),
    ("py2-server-py3-client client", &[0, 2]),
];

/// What our end says, when the other says what was recorded.
fn play(exchange: &Value, role: &str, peer: &str) -> Vec<Vec<u8>> {
    let ours = &exchange[role];
    let packets = ours["packets"].as_array().unwrap();
    let packets = packets
        .iter()
        .map(|packet| (text(&packet[0]), number(&packet[1])));
    let mut end = end(policy(&ours["adapt"]), packets);
    let wanted = recorded(&exchange[&*format!("{role}_sends")]);
    let mut own = wanted
        .iter()
        .filter(|vector| id(vector) >= 16 || is_farewell_of_a_program(exchange, role, vector));
    let mut said = sent(&mut end);
    for vector in recorded(&exchange[&*format!("{peer}_sends")]) {
        feed(&mut end, &vector.bytes);
        said.extend(sent(&mut end));
        let is_answer =
            id(&vector) >= 16 || role == "client" || own.clone().all(|own| id(own) < 16);
        if end.dialect().is_made() && is_answer {
            for vector in own.by_ref() {
                match id(vector) {
                    1 => {
                        let reason = &payload(vector)["reason"];
                        end.dialect_mut().quit(text(reason)).unwrap();
                    }
                    _ => end.send(&packet(vector)).unwrap(),
                }
            }
            said.extend(sent(&mut end));
        }
    }
    said
}

fn is_farewell_of_a_program(exchange: &Value, role: &str, vector: &Vector) -> bool {
    id(vector) == 1 && text(&exchange["name"]) == format!("softquit-by-{role}")
}

fn recorded(names: &Value) -> Vec<Vector> {
    let all = vectors(FILE);
    let names = names.as_array().unwrap().iter().map(text);
    names
        .map(|name| {
            let mut all = all.iter();
            all.find(|vector| vector.name == name).unwrap().clone()
        })
        .collect()
}

/// A frame but for what a Python 2 program says otherwise.
fn meaning(frame: &[u8]) -> (u8, String) {
    let value = Value::read(&mut Reader::new(&frame[6..])).unwrap();
    (frame[5], format!("{:?}", as_meant(value)))
}

#[test]
fn refuses_every_malformed_entry_by_name_however_it_is_split() {
    let entries = malformed(FILE);
    assert_eq!(entries.len(), 74);
    for entry in entries {
        let whole = refuse(&entry, [&entry.bytes[..]]);
        check(&entry, &whole);
        for split in splits(entry.bytes.len()) {
            let (first, second) = entry.bytes.split_at(split);
            assert_eq!(refuse(&entry, [first, second]), whole, "{}", entry.name);
        }
        let bytewise = refuse(&entry, entry.bytes.chunks(1));
        assert_eq!(bytewise, whole, "{}", entry.name);
    }
}

#[test]
fn a_length_beyond_the_limit_costs_no_memory() {
    for length in [100_000, u32::MAX] {
        let mut end = in_state("active", false);
        let room = end.input_room().len();
        let said = feed(&mut end, &length.to_be_bytes());
        assert!(matches!(said[..], [Said::Malformed(malformed)] if malformed.is_fatal()));
        let longer = vec![0; 4096];
        assert!(feed(&mut end, &longer).is_empty());
        assert!(end.input_room().len() <= room);
    }
}

/// What an end of the entry's kind makes of its bytes, what it says then, and whether it goes on.
fn refuse<'a>(
    entry: &Malformed,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Said>, Vec<u8>, bool) {
    let receiver = &entry.entry["receiver"];
    let adapts = receiver["adapt"] == Value::Bool(true);
    let mut end = in_state(text(&receiver["state"]), adapts);
    sent(&mut end);
    let mut said = Vec::new();
    for part in parts {
        said.extend(feed(&mut end, part));
    }
    let answers = sent(&mut end).iter().map(|frame| frame[5]).collect();
    (said, answers, end.is_over().is_none())
}

/// That what was made of an entry is what its kind of error asks for.
fn check(entry: &Malformed, (said, answers, goes_on): &(Vec<Said>, Vec<u8>, bool)) {
    let expect = match DELIBERATE.iter().find(|(name, _)| *name == entry.name) {
        Some((_, kind)) => kind,
        None => &*entry.expect[0],
    };
    let first = said.first();
    let rule = match first {
        Some(Said::Malformed(malformed)) => Some(malformed.rule),
        _ => None,
    };
    let refusal = |reason: &str| Some(Said::Quit(Side::Us, Some(reason.into())));
    let is_right = match expect {
        "need-more" | "nothing" => said.is_empty(),
        "ignored" => matches!(first, Some(Said::Ignored(_))),
        "accept" => matches!(first, Some(Said::State(_))),
        "unknown-packet" => matches!(first, Some(Said::Unknown(_))),
        "short-frame" => matches!(rule, Some(Rule::Packetmq(Own::ShortFrame { .. }))),
        "too-long" => matches!(rule, Some(Rule::Framing(framing::Rule::TooLong { .. }))),
        "bad-msgpack" => matches!(rule, Some(Rule::Body(_))),
        "refused" => matches!(rule, Some(Rule::Body(rule)) if rule.fault() == Fault::Limit),
        "bad-handshake" => {
            matches!(
                rule,
                Some(Rule::Packetmq(
                    Own::Handshake(_) | Own::DuplicateId { .. } | Own::ReservedId { .. }
                ))
            )
        }
        "version-mismatch" => first == refusal(reason::VERSION_MISMATCH).as_ref(),
        "same-policy" => first == refusal(reason::SAME_ADAPTIVE_POLICY).as_ref(),
        "nonequal-packets" => first == refusal(reason::NONEQUAL_PACKETS).as_ref(),
        "closed" => matches!(first, Some(Said::Quit(Side::Peer, _))),
        other => panic!("{other}"),
    };
    assert!(is_right, "{}: wants {expect}, got {said:?}", entry.name);
    let (farewell, ends) = match expect {
        "bad-handshake" | "version-mismatch" | "same-policy" | "nonequal-packets" => (true, true),
        "too-long" | "closed" | "nothing" => (false, true),
        _ => (false, false),
    };
    assert_eq!(
        answers.contains(&1),
        farewell,
        "{}: {answers:?}",
        entry.name
    );
    assert_eq!(!goes_on, ends, "{}", entry.name);
    let count = if entry.name == "bad-then-good" { 2 } else { 1 };
    assert!(said.len() <= count, "{}: {said:?}", entry.name);
    if count == 2 {
        assert!(matches!(said[1], Said::Packet(_)), "the good one comes too");
    }
}

/// Where this end does something else than the original on purpose: what it does.
const DELIBERATE: [(&str, &str); 4] = [
    ("pubids-idmap-reordered", "accept"),
    ("finish-in-connmade", "ignored"),
    ("finish-after-softquit", "nothing"),
    // It has left, and reads no more.
    ("user-packet-after-softquit", "nothing"),
];

fn id(vector: &Vector) -> u16 {
    number(&vector.decoded["packet_id"])
}

fn number(value: &Value) -> u16 {
    let number = value.as_u64().expect("a number");
    number.try_into().expect("a number of 16 bits")
}

fn packet(vector: &Vector) -> Dynamic {
    let value = untagged(&vector.decoded["payload"]);
    Dynamic::new(text(&vector.decoded["name"]), value)
}

/// What a vector says, with the text that Python 2 sends as bytes.
fn payload(vector: &Vector) -> Value {
    as_meant(untagged(&vector.decoded["payload"]))
}

/// The packets of programs in a table.
fn programs(table: &Value) -> BTreeMap<String, u16> {
    let Value::Map(table) = table else {
        panic!("{table} is no table");
    };
    let entries = table.iter().map(|(name, id)| (text(name), number(id)));
    entries
        .filter(|(name, _)| !BUILT_IN.contains(name))
        .map(|(name, id)| (name.into(), id))
        .collect()
}

/// Every place to split `len` bytes; of more than some thousands a sample, dense at both ends.
fn splits(len: usize) -> Vec<usize> {
    if len < 2_000 {
        return (0..=len).collect();
    }
    let sampled = (1..6).map(|i| i * len / 6 + i);
    (0..18).chain(sampled).chain(len - 4..=len).collect()
}

const PACKETS: [(&str, u16); 2] = [("app:echo", 17), ("app:print", 18)];

const INIT: &[u8] = b"\0\0\0\x0c\0\0\x81\xa7version\x01";
const ADAPTIVE: &[u8] = b"\0\0\0\x0a\0\x02\x81\xa5adapt\xc3";
const FINISH: &[u8] = b"\0\0\0\x03\0\x03\xc0";

const FILE: &str = include_str!("../vectors/packetmq.json");
