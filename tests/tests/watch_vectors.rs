//! Recorded bytes of every protocol, watched and guessed.

use ropeway_std::value::Value;
use ropeway_std::watch::{Body, Direction, Guess, Protocol, Seen, Watcher, guess};
use ropeway_tests::vectors::{Vector, malformed, untagged, vectors};
use std::collections::BTreeMap;

const CABLE_CAR: &str = include_str!("../vectors/cable_car.json");
const CLEVER_SHOW: &str = include_str!("../vectors/clever_show.json");
const PACKETMQ: &str = include_str!("../vectors/packetmq.json");
const TCPTALKS: &str = include_str!("../vectors/tcptalks.json");

/// All vectors with the protocols they are of.
fn all() -> Vec<(Protocol, Vector)> {
    let of = |file, protocol| {
        vectors(file)
            .into_iter()
            .map(move |vector| (protocol, vector))
    };
    let cable_car = vectors(CABLE_CAR).into_iter().filter_map(|vector| {
        match vector.decoded["transport"]
            .as_str()
            .or(vector.messages()[0]["transport"].as_str())
        {
            Some("byte") => Some((Protocol::CableCarByte, vector)),
            Some("json") => Some((Protocol::CableCarJson, vector)),
            _ => None,
        }
    });
    cable_car
        .chain(of(CLEVER_SHOW, Protocol::CleverShow))
        .chain(of(PACKETMQ, Protocol::Packetmq))
        .chain(of(TCPTALKS, Protocol::TcpTalks))
        .collect()
}

/// What is seen of bytes that come in pieces of so many.
fn seen(protocol: Protocol, bytes: &[u8], piece: usize) -> Vec<Seen> {
    let mut watcher = Watcher::new(protocol).limit(4 << 20);
    let mut seen = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        watcher.see(Direction::Forth, piece, &mut |one| seen.push(one));
    }
    watcher.end(Direction::Forth, &mut |one| seen.push(one));
    seen
}

/// Roles are bytes, which pickles below protocol 3 have to call for.
fn is_readable(vector: &Vector) -> bool {
    let protocol = vector.entry["pickle_protocol"].as_u64();
    protocol.is_none_or(|protocol| protocol >= 3)
}

#[test]
fn every_recorded_message_is_read() {
    let mut counts = BTreeMap::new();
    for (protocol, vector) in all().iter().filter(|(_, vector)| is_readable(vector)) {
        let seen = seen(*protocol, &vector.bytes, usize::MAX);
        let is_frame = |seen: &Seen| matches!(seen, Seen::Frame(_));
        assert!(
            !seen.is_empty() && seen.iter().all(is_frame),
            "{} of {protocol}: {seen:?}",
            vector.name
        );
        *counts.entry(protocol.to_string()).or_insert(0) += seen.len();
    }
    println!("{counts:?}");
    assert_eq!(counts.len(), 5);
    assert!(counts.values().all(|count| *count > 20), "{counts:?}");
}

#[test]
fn names_bodies_and_calls_are_those_of_the_recording() {
    let all = all();
    let find = |name: &str| {
        let (protocol, vector) = all.iter().find(|(_, vector)| vector.name == name).unwrap();
        match seen(*protocol, &vector.bytes, usize::MAX).remove(0) {
            Seen::Frame(frame) => frame,
            Seen::Malformed(malformed) => panic!("{name}: {malformed}"),
        }
    };
    let identify = find("byte-identify");
    assert_eq!(identify.key.to_string(), "MsgIdentify 0x01");
    assert_eq!(identify.body, Body::Bytes(b"pilot@raspberrypi".to_vec()));
    assert_eq!(find("byte-join").body, Body::Empty);
    for (protocol, vector) in &all {
        if *protocol != Protocol::CableCarJson {
            continue;
        }
        for (seen, message) in seen(*protocol, &vector.bytes, 1)
            .iter()
            .zip(vector.messages())
        {
            let Seen::Frame(frame) = seen else {
                panic!("{}", vector.name)
            };
            assert_eq!(
                frame.key.name.as_deref(),
                message["class"].as_str(),
                "{}",
                vector.name
            );
            let Body::Value(body) = &frame.body else {
                panic!("{}", vector.name)
            };
            assert_eq!(
                body.to_string(),
                untagged(&message["attributes"]).to_string(),
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn pieces_change_nothing() {
    let small = |bytes: &[u8]| bytes.len() < 3000;
    let vectors = all();
    let good = vectors
        .iter()
        .map(|(protocol, vector)| (*protocol, &vector.bytes));
    let bad = [
        (Protocol::CableCarByte, malformed(CABLE_CAR)),
        (Protocol::CableCarJson, malformed(CABLE_CAR)),
        (Protocol::CleverShow, malformed(CLEVER_SHOW)),
        (Protocol::Packetmq, malformed(PACKETMQ)),
        (Protocol::TcpTalks, malformed(TCPTALKS)),
    ];
    let bad = bad
        .iter()
        .flat_map(|(protocol, all)| all.iter().map(|one| (*protocol, &one.bytes)));
    let mut count = 0;
    for (protocol, bytes) in good.chain(bad).filter(|(_, bytes)| small(bytes)) {
        let whole = format!("{:?}", seen(protocol, bytes, usize::MAX));
        for piece in [1, 7] {
            assert_eq!(
                format!("{:?}", seen(protocol, bytes, piece)),
                whole,
                "{protocol}"
            );
        }
        count += 1;
    }
    println!("{count} streams");
    assert!(count > 1000);
}

/// The exchanges of a file in the order in which they were seen: who says which vector.
fn exchanges(file: &str) -> Vec<(String, Vec<(Direction, Vector)>)> {
    let vectors = vectors(file);
    let file: Value = file.parse().unwrap();
    let exchange = |exchange: &Value| {
        let steps = exchange["steps"].as_array().unwrap_or_default();
        let steps = steps.iter().map(|step| &step["vector"]);
        let order = exchange["one_observed_order"]
            .as_array()
            .unwrap_or_default();
        let names = steps.chain(order).filter_map(Value::as_str);
        let said = names.filter_map(|name| {
            let vector = vectors.iter().find(|vector| vector.name == name)?;
            let is_client = name
                .rsplit('/')
                .next()
                .is_some_and(|end| end.starts_with("client"));
            let direction = if is_client {
                Direction::Forth
            } else {
                Direction::Back
            };
            Some((direction, vector.clone()))
        });
        (exchange["name"].to_string(), said.collect())
    };
    file["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(exchange)
        .collect()
}

#[test]
fn whole_exchanges_are_named_and_passwords_are_not_shown() {
    let mut count = 0;
    for (protocol, file) in [
        (Protocol::Packetmq, PACKETMQ),
        (Protocol::CleverShow, CLEVER_SHOW),
        (Protocol::TcpTalks, TCPTALKS),
    ] {
        for (name, said) in exchanges(file) {
            let mut watcher = Watcher::new(protocol);
            for (direction, vector) in said.iter().filter(|(_, vector)| is_readable(vector)) {
                let mut frames = Vec::new();
                watcher.see(*direction, &vector.bytes, &mut |seen| match seen {
                    Seen::Frame(frame) => frames.push(frame),
                    Seen::Malformed(malformed) => panic!("{name}, {}: {malformed}", vector.name),
                });
                for (frame, message) in frames.iter().zip(vector.messages()) {
                    count += 1;
                    if protocol == Protocol::Packetmq {
                        assert_eq!(
                            frame.key.name.as_deref(),
                            message["name"].as_str(),
                            "{name}, {}",
                            vector.name
                        );
                    }
                    if frame.title == "password" {
                        assert_eq!(frame.body, Body::Value("***".into()), "{name}");
                    }
                    assert!(
                        frame.title != "verdict" || *direction == Direction::Back,
                        "{name}"
                    );
                }
            }
        }
    }
    println!("{count} messages");
    assert!(count > 100, "{count}");
}

#[test]
fn every_protocol_is_guessed() {
    // What Python never writes, and reads all the same, need not look like what it writes.
    let recorded = all()
        .into_iter()
        .filter(|(_, vector)| !vector.name.starts_with("accept/"));
    for (protocol, vector) in recorded {
        let guessed = guess(&vector.bytes);
        assert_eq!(guessed, Some(Guess::Protocol(protocol)), "{}", vector.name);
        // A dozen bytes will do, but for codes that mean nothing by themselves.
        if protocol != Protocol::CableCarByte {
            let start = &vector.bytes[..vector.bytes.len().min(12)];
            assert_eq!(guess(start), guessed, "{}", vector.name);
        }
    }
}
