//! The library cable_car itself as the peer: both transports, both roles, both directions.

use ropeway_core::dialect::cable_car::{CableCarByte, CableCarJson, Join, Quit, Retry};
use ropeway_std::value::{Map, Value};
use ropeway_std::{Connect, Error, Event, Link, Listener, Options};
use ropeway_tests::cable_car::{Decoded, Said, Vector, Wire, receiver, vectors};
use ropeway_tests::python::Python;
use socket2::SockRef;
use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dials {
    We,
    They,
}

/// Every test in both transports, and by each side's dialling.
macro_rules! both_ways {
    ($($test:ident)*) => {$(
        mod $test {
            use super::{CableCarByte, CableCarJson, Dials};

            #[test]
            fn byte_when_we_dial() {
                super::$test::<CableCarByte>(Dials::We);
            }

            #[test]
            fn byte_when_they_dial() {
                super::$test::<CableCarByte>(Dials::They);
            }

            #[test]
            fn json_when_we_dial() {
                super::$test::<CableCarJson>(Dials::We);
            }

            #[test]
            fn json_when_they_dial() {
                super::$test::<CableCarJson>(Dials::They);
            }
        }
    )*};
}

both_ways! {
    they_echo_ten_thousand
    we_echo_ten_thousand
    we_take_ten_thousand
    they_take_ten_thousand
    we_read_every_vector
    they_read_every_vector
    standard_messages_go_both_ways
    their_death_ends_the_link_behind_all_they_sent
    our_reset_ends_them_behind_all_we_sent
    our_end_within_a_message_leaves_them_all_before
}

#[test]
fn they_read_every_byte_vector_split_anywhere() {
    they_read_every_vector_split_anywhere::<CableCarByte>();
}

#[test]
fn they_read_every_json_vector_split_anywhere() {
    they_read_every_vector_split_anywhere::<CableCarJson>();
}

#[test]
fn they_read_every_byte_vector_byte_by_byte() {
    they_read_every_vector_byte_by_byte::<CableCarByte>();
}

#[test]
fn they_read_every_json_vector_byte_by_byte() {
    they_read_every_vector_byte_by_byte::<CableCarJson>();
}

fn they_echo_ten_thousand<W: Wire>(dials: Dials) {
    let (peer, mut link) = linked::<W>(dials, &[&"--mode", &"echo"]);
    let mut returned = 0;
    for number in 0..MANY {
        W::put_numbered(&mut link, number);
        if number % 64 == 0 {
            link.flush().unwrap();
            while let Some(number) = next_number(&mut link, Duration::ZERO) {
                assert_eq!(number, returned);
                returned += 1;
            }
        }
    }
    for wanted in returned..MANY {
        assert_eq!(next_number(&mut link, LONG), Some(wanted));
    }
    link.send(&Quit).unwrap();
    assert!(matches!(end_of(&mut link), Error::Closed));
    peer.succeed();
}

fn we_echo_ten_thousand<W: Wire>(dials: Dials) {
    let (peer, mut link) = linked::<W>(
        dials,
        &[&"--mode", &"source", &"--await", &"echo", &"--count", &MANY],
    );
    for wanted in 0..MANY {
        assert_eq!(next_number(&mut link, LONG), Some(wanted));
        W::put_numbered(&mut link, wanted);
    }
    link.flush().unwrap();
    assert_eq!(next(&mut link).class, "MsgQuit");
    assert_eq!(peer.succeed(), [format!("sent {MANY}")]);
}

fn we_take_ten_thousand<W: Wire>(dials: Dials) {
    let (peer, mut link) = linked::<W>(
        dials,
        &[
            &"--mode", &"source", &"--await", &"receipt", &"--count", &MANY,
        ],
    );
    for wanted in 0..MANY {
        assert_eq!(next_number(&mut link, LONG), Some(wanted));
    }
    assert_eq!(next(&mut link).class, "MsgQuit");
    link.send(&Join).unwrap();
    assert!(matches!(end_of(&mut link), Error::Closed));
    assert_eq!(peer.succeed(), [format!("sent {MANY}")]);
}

fn they_take_ten_thousand<W: Wire>(dials: Dials) {
    let (peer, mut link) = linked::<W>(dials, &[&"--mode", &"sink", &"--exact", &"--count", &MANY]);
    for number in 0..MANY {
        W::put_numbered(&mut link, number);
    }
    link.flush().unwrap();
    accepted(peer, &mut link, &format!("received {MANY}"));
}

fn we_read_every_vector<W: Wire>(dials: Dials) {
    let file = vector_file();
    let (peer, mut link) = linked::<W>(dials, &[&"--mode", &"vectors", &"--file", &file]);
    let messages = sendable::<W>()
        .into_iter()
        .flat_map(|vector| vector.messages);
    let messages: Vec<Decoded> = messages.collect();
    for wanted in &messages {
        assert_eq!(next(&mut link), *wanted);
    }
    assert_eq!(next(&mut link).class, "MsgQuit");
    assert!(matches!(end_of(&mut link), Error::Closed));
    assert_eq!(peer.succeed(), [format!("sent {}", messages.len())]);
}

fn they_read_every_vector<W: Wire>(dials: Dials) {
    let file = vector_file();
    let (peer, mut link) = linked::<W>(dials, &[&"--mode", &"check", &"--file", &file]);
    let mut count = 0;
    for message in sendable::<W>()
        .into_iter()
        .flat_map(|vector| vector.messages)
    {
        W::put(&mut link, &message);
        count += 1;
    }
    link.flush().unwrap();
    accepted(peer, &mut link, &format!("checked {count}"));
}

fn standard_messages_go_both_ways<W: Wire>(dials: Dials) {
    let known = sendable::<W>()
        .into_iter()
        .flat_map(|vector| vector.messages);
    let known: Vec<Decoded> = known
        .filter(|message| message.class.starts_with("Msg") && message.class != "MsgQuit")
        .collect();
    assert!(known.len() >= 3);

    let (peer, mut link) = linked::<W>(dials, &[&"--mode", &"echo"]);
    for message in &known {
        W::put(&mut link, message);
        let echo = next(&mut link);
        assert_eq!(
            (&echo.class, &echo.payload),
            (&message.class, &message.payload)
        );
        assert_eq!(sorted(&echo.attributes), sorted(&message.attributes));
    }
    link.send(&Quit).unwrap();
    assert!(matches!(end_of(&mut link), Error::Closed));
    peer.succeed();

    let (mut peer, mut link) = linked::<W>(dials, &[&"--mode", &"collect"]);
    for message in &known {
        W::put(&mut link, message);
    }
    link.queue(&Retry).unwrap();
    link.send(&Quit).unwrap();
    for message in &known {
        let line: Value = peer.line().parse().unwrap();
        assert_eq!(line["class"].as_str(), Some(&*message.class));
        let attributes = line.get("attributes").and_then(Value::as_map);
        assert_eq!(sorted(&attributes.cloned()), sorted(&message.attributes));
    }
    let rest = peer.succeed();
    assert!(
        rest[0].contains("MsgRetry") && rest[1].contains("MsgQuit"),
        "{rest:?}"
    );
}

fn their_death_ends_the_link_behind_all_they_sent<W: Wire>(dials: Dials) {
    let (mut peer, mut link) = linked::<W>(dials, &[&"--mode", &"source", &"--count", &1_000_000]);
    for wanted in 0..100 {
        assert_eq!(next_number(&mut link, LONG), Some(wanted));
    }
    peer.kill();
    let mut wanted = 100;
    let error = loop {
        match link.recv::<W::Typed<'_>>(LONG) {
            Ok(Some(Event::Message(message))) => {
                assert_eq!(W::number(&message), Some(wanted));
                wanted += 1;
            }
            // What was cut off by the end, if the end did not come between two messages.
            Ok(Some(Event::Malformed(malformed))) => {
                assert!(
                    malformed.to_string().starts_with("stream ends"),
                    "{malformed}"
                );
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Closed), "{error}");
    // The first send after the end provokes the reset that the next ones meet.
    let error = loop {
        if let Err(error) = link.send(&Join) {
            break error;
        }
    };
    assert!(matches!(error, Error::Transport(_)), "{error}");
}

fn our_reset_ends_them_behind_all_we_sent<W: Wire>(dials: Dials) {
    let (mut peer, mut stream) = connected::<W>(dials, &[&"--mode", &"collect"]);
    stream.write_all(&hundred_and_a_half::<W>()).unwrap();
    for number in 0..100 {
        is_numbered(&peer.line(), number);
    }
    reset(stream);
    assert!(peer.succeed().is_empty());

    let (mut peer, mut stream) = connected::<W>(dials, &[&"--mode", &"sink", &"--count", &101]);
    stream.write_all(&hundred_and_a_half::<W>()).unwrap();
    until_read(&stream);
    reset(stream);
    let (status, errors) = peer.end();
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("connection lost"), "{errors}");
}

fn our_end_within_a_message_leaves_them_all_before<W: Wire>(dials: Dials) {
    let (mut peer, mut stream) = connected::<W>(dials, &[&"--mode", &"collect"]);
    stream.write_all(&hundred_and_a_half::<W>()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    for number in 0..100 {
        is_numbered(&peer.line(), number);
    }
    peer.close_stdin();
    assert!(peer.succeed().is_empty());
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
}

/// Sends each vector as often as it has places to be split at, each time split at another one.
fn they_read_every_vector_split_anywhere<W: Wire>() {
    let mut parts = vec![Vec::new()];
    let mut entries = Vec::new();
    for vector in short::<W>() {
        let bytes = encoded::<W>(&vector);
        for split in 1..bytes.len() {
            let (first, second) = bytes.split_at(split);
            parts.last_mut().unwrap().extend(first);
            parts.push(second.to_vec());
            entries.push(entry(&vector));
        }
    }
    they_check_parts::<W>("split", entries, parts.iter().map(Vec::as_slice));
}

fn they_read_every_vector_byte_by_byte<W: Wire>() {
    let vectors = short::<W>();
    let stream: Vec<u8> = vectors.iter().flat_map(encoded::<W>).collect();
    they_check_parts::<W>(
        "bytes",
        vectors.iter().map(entry).collect(),
        stream.chunks(1),
    );
}

/// Sends `parts`, each after they have read the one before, and lets them check what comes of it.
fn they_check_parts<'a, W: Wire>(
    name: &str,
    entries: Vec<Value>,
    parts: impl Iterator<Item = &'a [u8]>,
) {
    let count: usize = entries
        .iter()
        .map(|entry| {
            entry["decoded"]["messages"]
                .as_array()
                .map_or(1, <[_]>::len)
        })
        .sum();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.json", W::TRANSPORT));
    let vectors = Value::from(Map::from([("vectors", entries)]));
    std::fs::write(&file, vectors.to_string()).unwrap();

    let arguments: [&dyn Display; 4] = [&"--mode", &"check", &"--file", &file.display()];
    let (peer, mut stream) = connected::<W>(Dials::We, &arguments);
    stream.set_nodelay(true).unwrap();
    for part in parts {
        stream.write_all(part).unwrap();
        until_read(&stream);
    }
    let mut link = Link::new(W::default(), stream, &Options::default()).unwrap();
    accepted(peer, &mut link, &format!("checked {count}"));
}

/// Waits until the program at the other end of a loopback connection has read all that was written.
fn until_read(stream: &TcpStream) {
    let hex = |port: u16| format!(":{port:04X}");
    let ours = hex(stream.local_addr().unwrap().port());
    let theirs = hex(stream.peer_addr().unwrap().port());
    loop {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let unread = table.lines().find_map(|row| {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let is_theirs = fields[1].ends_with(&theirs) && fields[2].ends_with(&ours);
            is_theirs.then(|| !fields[4].ends_with(":00000000"))
        });
        if unread != Some(true) {
            return;
        }
        std::thread::yield_now();
    }
}

/// The peer has printed `line`; takes its receipt and lets it go.
fn accepted<W: Wire>(mut peer: Python, link: &mut Link<W>, line: &str) {
    assert_eq!(peer.line(), line);
    assert_eq!(next(link).class, "MsgJoin");
    link.send(&Quit).unwrap();
    assert!(matches!(end_of(link), Error::Closed));
    peer.succeed();
}

fn linked<W: Wire>(dials: Dials, arguments: &[&dyn Display]) -> (Python, Link<W>) {
    let (peer, stream) = connected::<W>(dials, arguments);
    let link = Link::new(W::default(), stream, &Options::default()).unwrap();
    (peer, link)
}

fn connected<W: Wire>(dials: Dials, arguments: &[&dyn Display]) -> (Python, TcpStream) {
    let start = |role: &str, port: u16| {
        let common: [&dyn Display; 6] = [
            &"--role",
            &role,
            &"--transport",
            &W::TRANSPORT,
            &"--port",
            &port,
        ];
        Python::start("cable_car/peer.py", &[&common, arguments].concat())
    };
    match dials {
        Dials::We => {
            let mut peer = start("server", 0);
            let address = ("127.0.0.1", peer.port());
            (peer, Connect::new(address).stream().unwrap())
        }
        Dials::They => {
            let mut listener = Listener::bind("127.0.0.1:0").unwrap();
            let peer = start("client", listener.address().port());
            let (stream, _) = listener.stream(LONG).unwrap().expect("they dial");
            (peer, stream)
        }
    }
}

fn next<W: Wire>(link: &mut Link<W>) -> Decoded {
    match link.recv(LONG).unwrap().map(Said::of) {
        Some(Said::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn next_number<W: Wire>(link: &mut Link<W>, timeout: Duration) -> Option<u32> {
    match link.recv::<W::Typed<'_>>(timeout).unwrap()? {
        Event::Message(message) => Some(W::number(&message).expect("a numbered message")),
        other => panic!("{other:?}"),
    }
}

fn end_of<W: Wire>(link: &mut Link<W>) -> Error {
    match link.recv::<W::Any<'_>>(LONG) {
        Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

fn hundred_and_a_half<W: Wire>() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..100 {
        bytes.extend(numbered::<W>(number));
    }
    let last = numbered::<W>(100);
    bytes.extend(&last[..last.len() / 2]);
    bytes
}

fn numbered<W: Wire>(number: u32) -> Vec<u8> {
    let mut messenger = receiver::<W>(4096);
    W::put_numbered(&mut messenger, number);
    messenger.poll_output().to_vec()
}

fn is_numbered(line: &str, number: i64) {
    let message: Value = line.parse().unwrap();
    assert_eq!(message["attributes"]["id"].as_i64(), Some(number), "{line}");
}

/// Closes so that the other side's system learns of it as an error.
fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
}

/// The vectors that both sides can send.
fn sendable<W: Wire>() -> Vec<Vector> {
    let mut vectors = vectors(W::TRANSPORT);
    vectors.retain(|vector| !vector.is_decode_only);
    vectors
}

/// Those of them that can be sent as often as they have bytes.
fn short<W: Wire>() -> Vec<Vector> {
    let mut vectors = sendable::<W>();
    vectors.retain(|vector| vector.bytes.len() < 10_000);
    vectors
}

fn encoded<W: Wire>(vector: &Vector) -> Vec<u8> {
    vector.messages.iter().flat_map(W::encode).collect()
}

/// The vector in a file of vectors.
fn entry(vector: &Vector) -> Value {
    let mut entry = Map::from([("direction", "either")]);
    entry.insert("decoded", vector.decoded.clone());
    entry.into()
}

/// The attributes whatever their order: cable_car puts names first.
fn sorted(attributes: &Option<Map>) -> Vec<String> {
    let attributes = attributes.iter().flatten();
    let mut entries: Vec<String> = attributes
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    entries.sort();
    entries
}

fn vector_file() -> impl Display {
    concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/cable_car.json")
}

const MANY: u32 = 10_000;
const LONG: Duration = Duration::from_secs(50);
