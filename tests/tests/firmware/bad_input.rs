//! What dials a board that listens and is no peer, and does its peers no harm.

use crate::LONG;
use ropeway_core::Messenger;
use ropeway_core::dialect::native::{Config, Native};
use ropeway_std::{Handlers, native};
use ropeway_tests::firmware::{Board, forwarded, free_port};
use ropeway_tests::rig::Random;
use ropeway_words::{Double, Trial};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::Arc;

#[test]
fn a_board_refuses_what_is_no_peer_and_goes_on_with_who_is_one() {
    let port = free_port();
    let _board = Board::start("trial", forwarded(port, PORT), &["name=spirit", LISTEN]);
    let mut pilot = Guest::new(port, "pilot");
    pilot.is_served();
    for (what, bytes) in bad_input() {
        let mut stream = connect(port);
        // The board may close the link before it has taken all of it.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let ended = stream.read_to_end(&mut Vec::new());
        let is_over = |kind| matches!(kind, ErrorKind::ConnectionReset | ErrorKind::NotConnected);
        let is_over = ended
            .as_ref()
            .map_or_else(|error| is_over(error.kind()), |_| true);
        assert!(is_over, "{what}: {ended:?}");
        pilot.is_served();
    }
    Guest::new(port, "another").is_served();
    pilot.is_served();
}

#[test]
fn a_board_gives_up_who_never_says_who_they_are() {
    let port = free_port();
    let _board = Board::start("trial", forwarded(port, PORT), &["name=spirit", LISTEN]);
    let mut silent = connect(port);
    let mut halfway = connect(port);
    halfway.write_all(&hello()[..20]).expect("a link");
    // There is room for two, so the third waits until they are given up.
    Guest::new(port, "pilot").is_served();
    for stream in [&mut silent, &mut halfway] {
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

/// A program that behaves.
struct Guest(native::Client);

impl Guest {
    fn new(port: u16, name: &str) -> Self {
        let config = native::config().registry(Trial::ENTRIES, native::Policy::Enforce);
        let dial = native::Dial::new((Ipv4Addr::LOCALHOST, port));
        let client = dial.client(&Arc::new(config.name(name)), Handlers::new());
        Self(client.expect("memory"))
    }

    #[track_caller]
    fn is_served(&mut self) {
        assert_eq!(self.0.call(&Double(21), LONG), Ok(42));
    }
}

/// What it is, and the bytes.
fn bad_input() -> Vec<(&'static str, Vec<u8>)> {
    let mut random = Random::new(3);
    let garbage: Vec<u8> = (0..512).flat_map(|_| random.bytes()).collect();
    let ack = [10, 0xE5, 0, 0, 0, 0, 0, 4, 0, 0];
    let opened = |then: &[u8]| [&hello()[..], &ack, then].concat();
    let long = |len: u32| [&[0][..], &len.to_le_bytes(), &[0x10, 1, 2, 3]].concat();
    let mut version = hello();
    (version[2], version[3]) = (9, 9);
    vec![
        ("nothing", Vec::new()),
        ("garbage", garbage.clone()),
        ("a frame before the opening", vec![3, 0x10, 5]),
        ("a long frame before the opening", long(u32::MAX)),
        ("half an opening", hello()[..30].to_vec()),
        ("another version", version),
        ("a secure opening", [&[1][..], &garbage[..100]].concat()),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: spirit\r\n\r\n".to_vec()),
        (
            "TLS",
            [
                &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3][..],
                &garbage[..502],
            ]
            .concat(),
        ),
        ("cable_car", vec![2, 2, 2, 3]),
        (
            "cable_car JSON",
            b"\x21{\"type\": \"Join\", \"attributes\": {}}".to_vec(),
        ),
        ("packetmq", [&[0x96, 1, 0xA5][..], b"hello"].concat()),
        (
            "TCPTalks",
            b"\x80\x03}q\x00(X\x06\x00\x00\x00opcodeq\x01K\x01u.".to_vec(),
        ),
        ("garbage in a session", opened(&garbage)),
        (
            "a frame that is too long",
            opened(&[&long(1 << 20)[..], &garbage].concat()),
        ),
        ("a frame of 4 GiB", opened(&long(u32::MAX))),
        ("an unknown control code", opened(&[2, 0xE7])),
        ("a second opening", opened(&hello())),
        ("an unknown message", opened(&[3, 0x55, 1])),
        ("a message without its body", opened(&[2, 0x10])),
        ("an answer to no call", opened(&[7, 0xE9, 1, 0, 0, 0, 4])),
        (
            "what acknowledges too much",
            opened(&[10, 0xE5, 255, 255, 0, 0, 0, 4, 0, 0]),
        ),
    ]
}

/// How a program opens a link.
fn hello() -> Vec<u8> {
    let native = Native::dialling(Config::new(1).name("odd"));
    let mut messenger = Messenger::new(native, [0; 256], [0; 256]);
    messenger.poll_output().to_vec()
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("QEMU listens");
    stream.set_read_timeout(Some(LONG)).expect("a time");
    stream
}

/// Where the board listens.
const PORT: u16 = 8225;
const LISTEN: &str = "listen=8225";
