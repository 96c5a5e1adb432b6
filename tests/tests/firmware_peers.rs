//! Firmware on emulated boards, in each dialect with its Python program: who listens, who dials, who comes again.

use ropeway_std::value::Value;
use ropeway_tests::firmware::{Board, alone, forwarded, free_port, with_wire};
use ropeway_tests::python::Python;
use ropeway_tests::vectors::{self, Malformed};
use std::fmt::Display;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// What the board and the program speak.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Speaks {
    CableCar,
    Packetmq,
    CleverShow,
    TcpTalks,
}

/// Every test in each of the dialects.
macro_rules! in_each {
    ($dialects:tt $($test:ident)*) => {$(
        in_each!(@ $test $dialects);
    )*};
    (@ $test:ident { $($name:ident: $speaks:ident),* }) => {
        mod $test {$(
            #[test]
            fn $name() {
                super::$test(super::Speaks::$speaks);
            }
        )*}
    };
}

in_each! {
    { cable_car: CableCar, packetmq: Packetmq, clever_show: CleverShow, tcptalks: TcpTalks }
    two_peers_at_once_have_all_their_words_back
    the_next_peer_is_served_when_one_was_killed
    bad_input_is_refused_and_the_next_peer_served
    no_recorded_bad_input_disturbs_who_is_there
}

in_each! {
    { packetmq: Packetmq, clever_show: CleverShow, tcptalks: TcpTalks }
    a_peer_that_is_dialled_has_all_its_words_back
    a_peer_is_dialled_again_when_it_was_killed
}

in_each! {
    { clever_show: CleverShow, tcptalks: TcpTalks }
    calls_are_answered
}

fn two_peers_at_once_have_all_their_words_back(speaks: Speaks) {
    let (_board, port) = speaks.listening_board();
    let [mut one, mut other] = [(); 2].map(|()| speaks.dialling(port, MANY));
    one.until("begun");
    other.until("begun");
    one.succeed(MANY);
    other.succeed(MANY);
}

fn the_next_peer_is_served_when_one_was_killed(speaks: Speaks) {
    let (mut board, port) = speaks.listening_board();
    // More often than the board has places. It may take its time with what was under way.
    for _ in 0..3 {
        let mut peer = speaks.dialling(port, ENDLESS);
        peer.until("begun");
        peer.python.kill();
        board.until("Lost");
    }
    speaks.dialling(port, FEW).succeed(FEW);
}

fn bad_input_is_refused_and_the_next_peer_served(speaks: Speaks) {
    let (mut board, port) = speaks.listening_board();
    for (bytes, refusal) in speaks.bad_input() {
        let mut stream = speaks.greeted(port);
        stream.write_all(&bytes).expect("there is room");
        board.until(refusal);
        until_closed(&mut stream);
        speaks.dialling(port, FEW).succeed(FEW);
    }
}

fn no_recorded_bad_input_disturbs_who_is_there(speaks: Speaks) {
    let (_board, port) = speaks.listening_board();
    let mut witness = speaks.dialling(port, MANY);
    witness.until("begun");
    let malformed = vectors::malformed(speaks.vectors());
    let ours = |entry: &&Malformed| entry.entry["transport"].as_str() != Some("json");
    for Malformed { bytes, .. } in malformed.iter().filter(ours) {
        let mut stream = speaks.greeted(port);
        // Fails where the board has heard enough before the end.
        let _ = stream.write_all(bytes);
        until_closed(&mut stream);
    }
    speaks.dialling(port, FEW).succeed(FEW);
    witness.succeed(MANY);
}

fn a_peer_that_is_dialled_has_all_its_words_back(speaks: Speaks) {
    let (mut peer, port) = speaks.listening(0, MANY);
    let _board = speaks.dialling_board(port);
    peer.until("begun");
    peer.succeed(MANY);
}

fn a_peer_is_dialled_again_when_it_was_killed(speaks: Speaks) {
    let (mut peer, port) = speaks.listening(0, ENDLESS);
    let _board = speaks.dialling_board(port);
    peer.until("begun");
    for _ in 0..2 {
        peer.python.kill();
        drop(peer);
        (peer, _) = speaks.listening(port, ENDLESS);
        peer.until("begun");
    }
    peer.python.kill();
    drop(peer);
    let (peer, _) = speaks.listening(port, FEW);
    peer.succeed(FEW);
}

fn calls_are_answered(speaks: Speaks) {
    let (_board, port) = speaks.listening_board();
    let mut peer = speaks.dialling(port, FEW);
    peer.until_said(FEW);
    ask(&mut peer);

    let (mut peer, port) = speaks.listening(0, FEW);
    let _board = speaks.dialling_board(port);
    peer.until_said(FEW);
    ask(&mut peer);
}

/// Has it ask for what the board knows, and for what it does not.
fn ask(peer: &mut Peer) {
    if peer.speaks == Speaks::CleverShow {
        peer.python.tell("double 1000");
        peer.until("doubled 1000");
        // The protocol has no word for that.
        peer.python.tell("nothing");
        peer.until("unanswered");
    } else {
        peer.python.tell(r#"{"do":"double","count":1000}"#);
        peer.until(r#"{"done":1000}"#);
        let commands = [
            r#"{"do":"execute","opcode":119}"#,
            r#"{"do":"execute","opcode":"nothing","args":[1]}"#,
        ];
        for command in commands {
            peer.python.tell(command);
            let said = peer.python.line();
            assert!(said.contains(r#""name":"KeyError""#), "{said}");
        }
        peer.python.tell(r#"{"do":"double","count":1}"#);
        peer.until(r#"{"done":1}"#);
    }
}

#[test]
fn a_wrong_password_is_refused_and_the_right_one_taken() {
    let (_board, port) = Speaks::TcpTalks.listening_board();
    let common: [&dyn Display; 4] = [&"--role", &"connect", &"--port", &port];
    for password in [r#""Secret""#, "null", "7"] {
        let password: [&dyn Display; 2] = [&"--password", &password];
        let mut peer = Python::start("tcptalks/peer.py", &[&common[..], &password].concat());
        assert_eq!(peer.line(), r#"{"opened":false}"#);
    }
    Speaks::TcpTalks.dialling(port, FEW).succeed(FEW);
}

#[test]
fn a_board_is_found_by_its_beacons_and_dialled() {
    with_wire(1, None, |wire| {
        let _board = Board::start("cable_car", wire.plug(), &["ip=10.0.0.2/24"]);
        let arguments: [&dyn Display; 8] = [
            &"--transport",
            &"byte",
            &"--interval",
            &0.25,
            &"--every",
            &0.01,
            &"--exit-after",
            &FEW,
        ];
        let peer = Python::start("cable_car/broadcast.py", &arguments);
        let lines = peer.succeed();
        let mut heard = lines.iter().map(|line| line.parse().expect("JSON"));
        let connected: Value = heard.next().expect("the connection");
        assert_eq!(connected["event"].as_str(), Some("connected"));
        assert_eq!(connected["address"].as_str(), Some("10.0.0.2"));
        // The first two are the library's own.
        let numbers: Vec<_> = heard
            .filter_map(|said: Value| said["attributes"]["id"].as_u64())
            .collect();
        assert_eq!(numbers, Vec::from_iter(0..u64::from(FEW) - 2));
    });
}

/// A Python program that says words to a board, and wants them back.
struct Peer {
    speaks: Speaks,
    python: Python,
}

impl Peer {
    /// Reads what it says until it is this line.
    #[track_caller]
    fn until(&mut self, line: &str) {
        loop {
            let said = self.python.line();
            if said == line {
                return;
            }
            assert!(!said.contains("error"), "{said}");
        }
    }

    /// Waits until it has so many words back.
    #[track_caller]
    fn until_said(&mut self, words: u32) {
        let line = match self.speaks {
            Speaks::TcpTalks => format!(r#"{{"done":{words}}}"#),
            _ => format!("said {words}"),
        };
        self.until(&line);
    }

    /// The same, and then it takes its leave.
    #[track_caller]
    fn succeed(mut self, words: u32) {
        self.until_said(words);
        self.python.close_stdin();
        self.python.succeed();
    }
}

impl Speaks {
    /// A board that listens, and the port of this machine where it does.
    fn listening_board(self) -> (Board, u16) {
        let (program, board) = match self {
            Self::CableCar => ("cable_car", 8223),
            Self::Packetmq => ("packetmq", 8080),
            Self::CleverShow => ("clever_show", 25_000),
            Self::TcpTalks => ("tcptalks", 25_565),
        };
        let port = free_port();
        let board = Board::start(program, forwarded(port, board), &["ip=dhcp"]);
        (board, port)
    }

    /// A board that dials this machine.
    fn dialling_board(self, port: u16) -> Board {
        let program = match self {
            Self::CableCar => panic!("its boards do not dial"),
            Self::Packetmq => "packetmq",
            Self::CleverShow => "clever_show",
            Self::TcpTalks => "tcptalks",
        };
        let hub = format!("hub=10.0.2.2:{port}");
        Board::start(program, alone(), &["ip=dhcp", &hub])
    }

    /// A program that dials, and says so many words.
    fn dialling(self, port: u16, words: u32) -> Peer {
        let transport: [&dyn Display; 4] = [&"--transport", &"byte", &"--mode", &"talk"];
        let cable_car: [&dyn Display; 6] =
            [&"--role", &"client", &"--port", &port, &"--count", &words];
        let cable_car = [&cable_car[..], &transport].concat();
        match self {
            Self::CableCar => self.start("cable_car/peer.py", &cable_car, words),
            Self::Packetmq => self.packetmq(&[&"--connect", &port, &"--adapt"], words),
            Self::CleverShow => self.clever_show("client", port, words),
            Self::TcpTalks => self.tcptalks("connect", port, words),
        }
    }

    /// A program that listens at this port, or at any, says so many words, and its port.
    fn listening(self, port: u16, words: u32) -> (Peer, u16) {
        let mut peer = match self {
            Self::CableCar => panic!("its boards do not dial"),
            Self::Packetmq => self.packetmq(&[&"--port", &port], words),
            Self::CleverShow => self.clever_show("server", port, words),
            Self::TcpTalks => self.tcptalks("listen", port, words),
        };
        let port = peer.python.port();
        (peer, port)
    }

    fn packetmq(self, arguments: &[&dyn Display], words: u32) -> Peer {
        let common: [&dyn Display; 6] = [
            &"--packets",
            &"board:say=40,board:double=41",
            &"--mode",
            &"talk",
            &"--count",
            &words,
        ];
        self.start("packetmq/peer.py", &[&common, arguments].concat(), words)
    }

    fn clever_show(self, role: &str, port: u16, words: u32) -> Peer {
        let root = env!("CARGO_TARGET_TMPDIR");
        let arguments: [&dyn Display; 7] = [
            &"--role", &role, &"--port", &port, &"--root", &root, &"--board",
        ];
        self.start("clever_show/peer.py", &arguments, words)
    }

    fn tcptalks(self, role: &str, port: u16, words: u32) -> Peer {
        let arguments: [&dyn Display; 6] = [
            &"--role",
            &role,
            &"--port",
            &port,
            &"--password",
            &r#""secret""#,
        ];
        self.start("tcptalks/peer.py", &arguments, words)
    }

    fn start(self, program: &str, arguments: &[&dyn Display], words: u32) -> Peer {
        let mut python = Python::start(program, arguments);
        match self {
            // It was told by its arguments.
            Self::CableCar | Self::Packetmq => {}
            Self::CleverShow => python.tell(&format!("say {words}")),
            Self::TcpTalks => python.tell(&format!(r#"{{"do":"say","count":{words}}}"#)),
        }
        Peer {
            speaks: self,
            python,
        }
    }

    /// A connection that the board has answered on.
    ///
    /// While it parts with the last one, TCP takes the next one and lets it go.
    fn greeted(self, port: u16) -> TcpStream {
        let end = Instant::now() + LONG;
        loop {
            assert!(Instant::now() < end, "the board takes no connection");
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the board is there");
            stream.set_read_timeout(Some(LONG)).expect("a duration");
            let greeting = stream.write_all(&self.greeting());
            if greeting.and_then(|()| stream.read_exact(&mut [0])).is_ok() {
                return stream;
            }
        }
    }

    /// What the board answers, unless it speaks first.
    fn greeting(self) -> Vec<u8> {
        match self {
            Self::CableCar => bytes("03 20 41"),
            Self::Packetmq => Vec::new(),
            Self::CleverShow => {
                let content = r#"{"args": [], "kwargs": {"number": 0, "text": "a"}}"#;
                clever_show(r#""action": "board:say""#, content)
            }
            // A call before the password.
            Self::TcpTalks => bytes("8003 284301527100 4b21 4b05 4b01 857101 7d7102 747103 2e"),
        }
    }

    /// What breaks a rule, and what the board says of it.
    fn bad_input(self) -> Vec<(Vec<u8>, &'static str)> {
        match self {
            Self::CableCar => vec![(bytes("00"), "Length"), (bytes("01 02"), "Length")],
            Self::Packetmq => vec![
                (bytes("000186a0 0000"), "TooLong"),
                (bytes("00000003 0000 c1"), "UnexpectedByte"),
                (bytes("00000001 00"), "Short"),
            ],
            Self::CleverShow => vec![
                (bytes("0008 7b2761273a20317d"), "Header"),
                (bytes("ffff"), "HeaderTooLong"),
                (clever_show(r#""action": "board:say""#, "{}"), "CleverShow"),
            ],
            Self::TcpTalks => vec![
                // c os system ( S 'id' t R .
                (
                    bytes("636f730a73797374656d0a 285327696427 0a74522e"),
                    "Forbidden",
                ),
                (bytes("ff"), "Pickle"),
                (bytes("8003 4e 2e"), "NotATuple"),
            ],
        }
    }

    fn vectors(self) -> &'static str {
        match self {
            Self::CableCar => include_str!("../vectors/cable_car.json"),
            Self::Packetmq => include_str!("../vectors/packetmq.json"),
            Self::CleverShow => include_str!("../vectors/clever_show.json"),
            Self::TcpTalks => include_str!("../vectors/tcptalks.json"),
        }
    }
}

/// A message of clever-show.
fn clever_show(fields: &str, content: &str) -> Vec<u8> {
    let header = format!(
        r#"{{"byteorder": "little", "content-type": "json", "content-encoding": "utf-8", "content-length": {}, "message-type": "message", {fields}}}"#,
        content.len()
    );
    let len = u16::try_from(header.len()).expect("it is short");
    [&len.to_be_bytes(), header.as_bytes(), content.as_bytes()].concat()
}

/// Waits until the other side has ended the connection, or reset it.
fn until_closed(stream: &mut TcpStream) {
    // Fails where that has happened already.
    let _ = stream.shutdown(Shutdown::Write);
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits: String = digits.split(' ').collect();
    let pairs = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).expect("ASCII"));
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"))
        .collect()
}

const MANY: u32 = 2_000;

const FEW: u32 = 100;

/// More words than anybody waits for.
const ENDLESS: u32 = 1_000_000;

const LONG: Duration = Duration::from_secs(30);
