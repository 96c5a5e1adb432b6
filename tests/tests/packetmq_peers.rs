//! The library packetmq itself as the peer, on Python 2.7, for which it was written, and on Python 3: both roles.

use ropeway_std::dialect::Carries;
use ropeway_std::hub::PeerId;
use ropeway_std::packetmq::Packetmq;
use ropeway_std::packetmq::{
    Client, Dynamic, Event, Lost, Notice, OpenError, Packets, Policy, Server, Side, reason,
};
use ropeway_std::value::Value;
use ropeway_std::{Error, Event as Said, SendError, messages};
use ropeway_tests::packetmq::as_meant;
use ropeway_tests::python::Python;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dials {
    We,
    They,
}

/// The Python that the peer runs on.
#[derive(Clone, Copy, Debug)]
enum On {
    Python2,
    Python3,
}

/// Every test on both Pythons, and by each side's dialling.
macro_rules! both_ways {
    ($($test:ident)*) => {$(
        mod $test {
            use super::{Dials, On};

            #[test]
            fn python_2_when_we_dial() {
                if super::has_python_2() {
                    super::$test(Dials::We, On::Python2);
                }
            }

            #[test]
            fn python_2_when_they_dial() {
                if super::has_python_2() {
                    super::$test(Dials::They, On::Python2);
                }
            }

            #[test]
            fn python_3_when_we_dial() {
                super::$test(Dials::We, On::Python3);
            }

            #[test]
            fn python_3_when_they_dial() {
                super::$test(Dials::They, On::Python3);
            }
        }
    )*};
}

both_ways! {
    we_take_ten_thousand
    they_take_ten_thousand
    they_echo_whatever_ids_they_had
    either_end_may_be_the_static_one
    another_version_is_refused
    the_same_policy_is_refused
    unequal_packets_are_refused
    their_farewell_comes_with_its_reason
    our_farewell_ends_them
    their_death_comes_behind_all_they_sent
    our_disconnect_ends_them_behind_all_we_sent
    the_largest_packet_goes_both_ways
    native_strings_are_text
    packets_we_do_not_know_end_nothing
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Echo {
    id: u32,
    text: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Print {
    id: u32,
    text: String,
}

messages! {
    enum Words {
        Echo(Echo) as "app:echo" = 17,
        Print(Print) as "app:print" = 18,
    }
}

fn echo(id: u32) -> Echo {
    let text = format!("number {id}");
    Echo { id, text }
}

fn print(id: u32) -> Print {
    let text = String::new();
    Print { id, text }
}

fn we_take_ten_thousand(dials: Dials, on: On) {
    let (peer, mut ours) = opened(dials, on, &[&"--mode", &"source", &"--count", &MANY]);
    for id in 0..MANY {
        assert_eq!(ours.packet(), dynamic(id));
    }
    ours.send(&print(MANY));
    assert_eq!(ours.next(), What::Quit(Side::Peer, "app.bye".into()));
    assert_eq!(ours.next(), What::Lost);
    peer.succeed();
}

fn they_take_ten_thousand(dials: Dials, on: On) {
    let (peer, mut ours) = opened(dials, on, &[&"--mode", &"sink", &"--count", &MANY]);
    for id in 0..MANY {
        ours.send(&echo(id));
    }
    let receipt = ours.packet();
    assert_eq!(receipt.name, "app:print");
    assert_eq!(receipt.value["id"].as_u64(), Some(MANY.into()));
    ours.quit("app.done");
    assert_eq!(ours.next(), What::Lost);
    peer.succeed();
}

fn they_echo_whatever_ids_they_had(dials: Dials, on: On) {
    for packets in ["app:echo=17,app:print=18", "app:echo=300,app:print=65535"] {
        let (peer, mut ours) = opened(dials, on, &[&"--mode", &"echo", &"--packets", &packets]);
        for id in 0..100 {
            ours.send(&echo(id));
            let Dynamic { name, value } = ours.packet();
            assert_eq!((&*name, value), ("app:print", dynamic(id).value));
        }
        ours.quit("app.done");
        assert_eq!(ours.next(), What::Lost);
        peer.succeed();
    }
}

fn either_end_may_be_the_static_one(dials: Dials, on: On) {
    let policy = match dials {
        Dials::We => Policy::Static,
        Dials::They => Policy::Adaptive,
    };
    let (peer, ours) = connected(dials, on, policy, &[&"--mode", &"echo"]);
    let mut ours = ours.unwrap();
    ours.send(&echo(1));
    assert_eq!(ours.packet().name, "app:print");
    ours.quit("app.done");
    assert_eq!(ours.next(), What::Lost);
    peer.succeed();
}

fn another_version_is_refused(dials: Dials, on: On) {
    let (mut peer, ours) = connected(dials, on, usual(dials), &[&"--version", &2]);
    assert_eq!(
        ours.unwrap_err(),
        (Some(Side::Us), reason::VERSION_MISMATCH.into())
    );
    assert!(peer.line().starts_with("lost"));
    peer.succeed();
}

fn the_same_policy_is_refused(dials: Dials, on: On) {
    for policy in [Policy::Static, Policy::Adaptive] {
        let adapts: &[&dyn Display] = match policy {
            Policy::Static => &[],
            Policy::Adaptive => &[&"--adapt"],
        };
        let (mut peer, ours) = connect(dials, on, policy, adapts);
        let (by, why) = ours.unwrap_err();
        assert!(by.is_some() && why == reason::SAME_ADAPTIVE_POLICY, "{why}");
        assert!(peer.line().starts_with("lost"));
        peer.succeed();
    }
}

fn unequal_packets_are_refused(dials: Dials, on: On) {
    for packets in ["app:echo=17", "app:echo=17,app:print=18,app:more=19", ""] {
        let (mut peer, ours) = connected(dials, on, usual(dials), &[&"--packets", &packets]);
        // Who adapts compares.
        let by = match dials {
            Dials::We => Side::Us,
            Dials::They => Side::Peer,
        };
        assert_eq!(
            ours.unwrap_err(),
            (Some(by), reason::NONEQUAL_PACKETS.into())
        );
        // The original consents even so, and thinks that it is active.
        let line = peer.line();
        assert!(line.starts_with("lost") || line == "active", "{line}");
        peer.succeed();
    }
}

fn their_farewell_comes_with_its_reason(dials: Dials, on: On) {
    let arguments: [&dyn Display; 4] = [&"--mode", &"quit", &"--reason", &"app.tired"];
    let (peer, mut ours) = opened(dials, on, &arguments);
    assert_eq!(ours.next(), What::Quit(Side::Peer, "app.tired".into()));
    assert_eq!(ours.next(), What::Lost);
    peer.succeed();
}

fn our_farewell_ends_them(dials: Dials, on: On) {
    let (peer, mut ours) = opened(dials, on, &[]);
    ours.send(&echo(1));
    ours.quit("app.tired");
    assert_eq!(ours.next(), What::Lost);
    let lines = peer.succeed();
    assert!(lines[0].starts_with("packet app:echo"), "{lines:?}");
    assert!(lines[1].starts_with("lost"), "{lines:?}");
}

fn their_death_comes_behind_all_they_sent(dials: Dials, on: On) {
    let (peer, mut ours) = opened(dials, on, &[&"--mode", &"die", &"--count", &100]);
    for id in 0..100 {
        assert_eq!(ours.packet(), dynamic(id));
    }
    ours.send(&print(1));
    assert_eq!(ours.next(), What::Lost);
    peer.succeed();
}

fn our_disconnect_ends_them_behind_all_we_sent(dials: Dials, on: On) {
    let (mut peer, mut ours) = opened(dials, on, &[]);
    for id in 0..10 {
        ours.send(&echo(id));
    }
    ours.disconnect();
    for id in 0..10 {
        let wanted = format!("packet app:echo {{\"id\": {id}, \"text\": \"number {id}\"}}");
        assert_eq!(peer.line(), wanted);
    }
    assert_eq!(peer.line(), "lost ConnectionDone");
    peer.succeed();
}

fn the_largest_packet_goes_both_ways(dials: Dials, on: On) {
    let (peer, mut ours) = opened(dials, on, &[&"--mode", &"large"]);
    let packet = ours.packet();
    assert_eq!(packet.value[0].as_bytes().unwrap().len(), 99_999 - 8);
    ours.send(&Dynamic::new("app:print", packet.value));
    assert_eq!(ours.next(), What::Quit(Side::Peer, "app.bye".into()));
    assert_eq!(ours.next(), What::Lost);
    assert_eq!(peer.succeed()[0], "same");
}

fn native_strings_are_text(dials: Dials, on: On) {
    let (peer, mut ours) = opened(dials, on, &[&"--mode", &"native"]);
    let native = ours.typed();
    let text = "native".into();
    assert_eq!(native, Echo { id: 7, text });
    ours.quit("app.done");
    assert_eq!(ours.next(), What::Lost);
    peer.succeed();
}

fn packets_we_do_not_know_end_nothing(dials: Dials, on: On) {
    let (peer, mut ours) = opened(dials, on, &[&"--mode", &"echo"]);
    ours.remove("app:print");
    ours.send(&echo(1));
    assert_eq!(ours.next(), What::Unknown);
    ours.add("app:print");
    ours.send(&echo(2));
    assert_eq!(ours.packet().value, dynamic(2).value);
    ours.quit("app.done");
    assert_eq!(ours.next(), What::Lost);
    peer.succeed();
}

/// What our end is told, but for how openings go.
#[derive(Debug, PartialEq)]
enum What {
    Packet(Dynamic),
    Unknown,
    Quit(Side, String),
    Lost,
}

/// Our end, in either role.
#[derive(Debug)]
enum Ours {
    Server {
        server: Box<Server>,
        peer: PeerId,
        /// What came while there was no room to send.
        waiting: VecDeque<What>,
    },
    Client(Box<Client>),
}

impl Ours {
    fn send<M>(&mut self, message: &M)
    where
        Packetmq: Carries<M>,
    {
        match self {
            Self::Client(client) => client.send(message).unwrap(),
            Self::Server {
                server,
                peer,
                waiting,
            } => loop {
                match server.send(*peer, message) {
                    Err(SendError::Full) => waiting.extend(look(server, MOMENT)),
                    sent => break sent.unwrap(),
                }
            },
        }
    }

    fn next(&mut self) -> What {
        match self {
            Self::Server {
                server, waiting, ..
            } => loop {
                if let Some(what) = waiting.pop_front() {
                    return what;
                }
                waiting.extend(look(server, LONG));
            },
            Self::Client(client) => match client.recv::<Dynamic>(LONG) {
                Ok(Some(Said::Message(packet))) => What::Packet(packet),
                Ok(Some(Said::Unknown(_))) => What::Unknown,
                Ok(Some(Said::Notice(Notice::Quit { by, reason }))) => {
                    What::Quit(by, reason.unwrap_or_default().into())
                }
                Err(Error::Closed | Error::Transport(_)) => What::Lost,
                other => panic!("{other:?}"),
            },
        }
    }

    fn packet(&mut self) -> Dynamic {
        match self.next() {
            // The entries of a Python 2 program come in any order.
            What::Packet(Dynamic { name, value }) => Dynamic::new(name, as_meant(value)),
            other => panic!("{other:?}"),
        }
    }

    /// The next packet, read as a type.
    fn typed(&mut self) -> Echo {
        match self {
            Self::Server { server, .. } => loop {
                match server.next::<Words>(LONG).unwrap().unwrap() {
                    Event::Packet(_, Words::Echo(echo)) => break echo,
                    Event::Notice(..) => {}
                    other => panic!("{:?}", std::mem::discriminant(&other)),
                }
            },
            Self::Client(client) => match client.recv::<Words>(LONG).unwrap() {
                Some(Said::Message(Words::Echo(echo))) => echo,
                _ => panic!("not an echo"),
            },
        }
    }

    fn quit(&mut self, reason: &str) {
        match self {
            Self::Server { server, peer, .. } => server.quit(*peer, reason).unwrap(),
            Self::Client(client) => assert!(client.quit(reason).unwrap(), "they close too"),
        }
    }

    fn disconnect(&mut self) {
        match self {
            Self::Server { server, peer, .. } => {
                assert!(server.close(*peer));
                while look(server, LONG) != Some(What::Lost) {}
            }
            Self::Client(client) => assert!(client.disconnect().unwrap(), "they close too"),
        }
    }

    fn remove(&mut self, name: &str) {
        assert!(match self {
            Self::Server { server, .. } => server.remove(name),
            Self::Client(client) => client.remove(name),
        });
    }

    /// Registers a packet under the id that the other side has for it.
    fn add(&mut self, name: &str) {
        match self {
            Self::Server { server, .. } => server.add(name, 18).unwrap(),
            Self::Client(client) => client.add(name, 41).unwrap(),
        }
    }
}

/// The next thing that a server is told that matters, if it comes in time.
fn look(server: &mut Server, timeout: Duration) -> Option<What> {
    match server.next::<Dynamic>(timeout).unwrap()? {
        Event::Packet(_, packet) => Some(What::Packet(packet)),
        Event::Unknown(..) => Some(What::Unknown),
        Event::Notice(_, Notice::Quit { by, reason }) => {
            Some(What::Quit(by, reason.unwrap_or_default().into()))
        }
        Event::Lost(..) => Some(What::Lost),
        Event::Notice(..) | Event::Made(_) => None,
        other => panic!("{other:?}"),
    }
}

fn dynamic(id: u32) -> Dynamic {
    let Echo { id, text } = echo(id);
    let entries = [("id", Value::from(id)), ("text", Value::from(&*text))];
    Dynamic::new("app:echo", ropeway_std::value::Map::from(entries))
}

/// Both ends of a link that has opened: the peer has said so too.
fn opened(dials: Dials, on: On, arguments: &[&dyn Display]) -> (Python, Ours) {
    let (mut peer, ours) = connected(dials, on, usual(dials), arguments);
    assert_eq!(peer.line(), "active");
    (peer, ours.unwrap())
}

/// Servers are static.
fn usual(dials: Dials) -> Policy {
    match dials {
        Dials::We => Policy::Adaptive,
        Dials::They => Policy::Static,
    }
}

/// A peer of the other policy, and our end if they agree.
fn connected(
    dials: Dials,
    on: On,
    policy: Policy,
    arguments: &[&dyn Display],
) -> (Python, Result<Ours, (Option<Side>, String)>) {
    let mut arguments = arguments.to_vec();
    if policy == Policy::Static {
        arguments.push(&"--adapt");
    }
    connect(dials, on, policy, &arguments)
}

fn connect(
    dials: Dials,
    on: On,
    policy: Policy,
    arguments: &[&dyn Display],
) -> (Python, Result<Ours, (Option<Side>, String)>) {
    let variable = match on {
        On::Python2 => PYTHON_2,
        On::Python3 => "ROPEWAY_PYTHON",
    };
    let packets = Packets::of(Words::ENTRIES).unwrap();
    match dials {
        Dials::We => {
            let mut peer = Python::start_in(variable, PROGRAM, arguments);
            let mut client = Client::new(packets).policy(policy);
            let ours = match client.connect(("127.0.0.1", peer.port())) {
                Ok(()) => Ok(Ours::Client(Box::new(client))),
                Err(OpenError::Refused { by, reason }) => {
                    Err((Some(by), reason.unwrap_or_default()))
                }
                Err(error) => panic!("{error}"),
            };
            (peer, ours)
        }
        Dials::They => {
            let mut server = Server::new(packets.clone()).unwrap();
            if policy == Policy::Adaptive {
                let options = ropeway_std::Options::default();
                let limits = ropeway_std::hub::Limits::default();
                server = Server::with(policy, packets, options, limits).unwrap();
            }
            let port = server.listen("127.0.0.1:0").unwrap().port();
            let arguments = [arguments, &[&"--connect", &port]].concat();
            let peer = Python::start_in(variable, PROGRAM, &arguments);
            let ours = loop {
                match server.next::<Dynamic>(LONG).unwrap().expect("they dial") {
                    Event::Made(info) => {
                        break Ok(Ours::Server {
                            server: Box::new(server),
                            peer: info.id,
                            waiting: VecDeque::new(),
                        });
                    }
                    Event::TurnedAway(_, Lost { by, reason, .. }) => {
                        break Err((by, reason.unwrap_or_default()));
                    }
                    Event::Notice(..) => {}
                    other => panic!("{other:?}"),
                }
            };
            (peer, ours)
        }
    }
}

/// Whether there is a Python 2.7; says so where there is none, past what holds back the output of tests.
fn has_python_2() -> bool {
    let has = std::env::var_os(PYTHON_2).is_some();
    if !has {
        let absent = "Python 2.7 is absent (ROPEWAY_PYTHON2 names none): not tested against it\n";
        std::io::stderr().write_all(absent.as_bytes()).unwrap();
    }
    has
}

const PROGRAM: &str = "packetmq/peer.py";
const PYTHON_2: &str = "ROPEWAY_PYTHON2";
const MANY: u32 = 10_000;
/// What is queued leaves meanwhile.
const MOMENT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(50);
