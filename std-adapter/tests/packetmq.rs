//! Servers, clients and memory peers of packetmq, over sockets and without.

use ropeway_core::framing;
use ropeway_std::hub::{Limits, PeerId, Reason};
use ropeway_std::packetmq::{
    Client, Dynamic, Event, LENGTH_LIMIT, Lost, MemoryClient, MemoryEvent, MemoryServer, Notice,
    OpenError, Packets, Policy, Server, Side, reason,
};
use ropeway_std::{Error, Event as Said, Options, Rule, SendError, messages};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Msg {
    msg: String,
    from: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Blob(Vec<u8>);

messages! {
    #[derive(Debug, PartialEq)]
    enum Chat {
        Msg(Msg) as "chat:msg" = 17,
        Blob(Blob) as "chat:blob" = 18,
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct High;

messages! {
    enum Highest for ropeway_std::packetmq::Packetmq {
        High(High) as "chat:high" = 0xFF,
    }
}

#[test]
fn a_table_for_packetmq_has_ids_that_others_reserve() {
    let packets = Packets::of(Highest::ENTRIES).unwrap();
    assert_eq!(packets.id_of("chat:high"), Some(255));
}

fn packets() -> Packets {
    Packets::of(Chat::ENTRIES).unwrap()
}

fn server() -> (Server, SocketAddr) {
    let mut server = Server::new(packets()).unwrap();
    let address = server.listen("127.0.0.1:0").unwrap();
    (server, address)
}

/// What happens next at a server but for the steps of openings.
fn next(server: &mut Server) -> Happened {
    loop {
        let event = server.next::<Dynamic>(LONG).unwrap();
        return match event.expect("something happens") {
            Event::Notice(..) => continue,
            Event::Made(info) => Happened::Made(info.id),
            Event::Lost(info, lost) => Happened::Lost(info.id, lost),
            Event::TurnedAway(_, lost) => Happened::TurnedAway(lost),
            Event::Packet(peer, packet) => Happened::Packet(peer, packet),
            Event::Unknown(peer, key) => Happened::Unknown(peer, key.id),
            Event::Malformed(peer, malformed) => Happened::Malformed(peer, malformed.rule),
            other => panic!("{other:?}"),
        };
    }
}

#[derive(Debug)]
enum Happened {
    Made(PeerId),
    Lost(PeerId, Lost),
    TurnedAway(Lost),
    Packet(PeerId, Dynamic),
    Unknown(PeerId, u16),
    Malformed(PeerId, Rule),
}

fn made(server: &mut Server) -> PeerId {
    match next(server) {
        Happened::Made(peer) => peer,
        other => panic!("{other:?}"),
    }
}

type Job = Box<dyn FnOnce(&mut Client) + Send>;

/// A client in a thread of its own, which does what it is sent.
struct Remote {
    jobs: Sender<Job>,
    done: Receiver<()>,
}

impl Remote {
    fn new(mut client: Client) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (report, done) = channel();
        thread::spawn(move || {
            for job in todo {
                job(&mut client);
                report.send(()).unwrap();
            }
        });
        Self { jobs, done }
    }

    fn connected(address: SocketAddr) -> Self {
        let remote = Self::new(Client::new(packets()));
        remote.start(move |client| client.connect(address).unwrap());
        remote
    }

    fn start(&self, job: impl FnOnce(&mut Client) + Send + 'static) {
        self.jobs.send(Box::new(job)).unwrap();
    }

    /// Waits for the end of the oldest job.
    fn wait(&self) {
        self.done.recv_timeout(LONG).unwrap();
    }
}

fn msg(from: u32) -> Msg {
    Msg {
        msg: "hello".into(),
        from,
    }
}

#[test]
fn a_server_has_several_ports_and_any_number_of_peers() {
    let (mut server, first) = server();
    let second = server.listen("127.0.0.1:0").unwrap();
    assert_ne!(first, second);
    let remotes: Vec<Remote> = (0..20)
        .map(|number| Remote::connected([first, second][number % 2]))
        .collect();
    let mut peers: Vec<PeerId> = remotes.iter().map(|_| made(&mut server)).collect();
    for (remote, number) in remotes.iter().zip(0..) {
        remote.wait();
        remote.start(move |client| client.send(&msg(number)).unwrap());
    }
    let mut heard = Vec::new();
    for _ in &remotes {
        let Happened::Packet(peer, packet) = next(&mut server) else {
            panic!("no packet");
        };
        assert_eq!(packet.name, "chat:msg");
        heard.push(packet.value["from"].as_u64().unwrap());
        let at = peers.iter().position(|known| *known == peer).unwrap();
        peers.swap_remove(at);
        server.send(peer, &msg(99)).unwrap();
    }
    heard.sort_unstable();
    assert!(heard.into_iter().eq(0..20) && peers.is_empty());
    for remote in &remotes {
        remote.wait();
        remote.start(|client| {
            let answer = client.recv::<Chat>(LONG).unwrap().unwrap();
            assert!(matches!(
                answer,
                Said::Message(Chat::Msg(Msg { from: 99, .. }))
            ));
        });
    }
    // What was sent leaves with the next look.
    assert!(
        server
            .next::<Dynamic>(Duration::from_millis(1))
            .unwrap()
            .is_none()
    );
    for remote in remotes {
        remote.wait();
    }
}

#[test]
fn farewells_reach_the_other_side_with_their_reason_both_ways() {
    let (mut server, address) = server();
    let remote = Remote::connected(address);
    let peer = made(&mut server);
    remote.wait();
    server.send(peer, &msg(1)).unwrap();
    server.quit(peer, "chat.kicked").unwrap();
    assert_eq!(server.quit(peer, "again"), Err(SendError::NotOpen));
    remote.start(|client| {
        let packet = client.recv::<Chat>(LONG).unwrap().unwrap();
        assert!(matches!(packet, Said::Message(Chat::Msg(_))));
        match client.recv::<Chat>(LONG).unwrap().unwrap() {
            Said::Notice(Notice::Quit { by, reason }) => {
                assert_eq!((by, reason), (Side::Peer, Some("chat.kicked")));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(client.recv::<Chat>(LONG), Err(Error::Closed)));
        assert!(!client.is_connected());
        assert!(matches!(
            client.send(&msg(2)),
            Err(Error::Send(SendError::NotOpen))
        ));
    });
    match next(&mut server) {
        Happened::Lost(lost, Lost { by, reason, ending }) => {
            assert_eq!((lost, by), (peer, Some(Side::Us)));
            assert_eq!(reason.as_deref(), Some("chat.kicked"));
            assert!(matches!(ending, Reason::Quit), "{ending}");
        }
        other => panic!("{other:?}"),
    }
    remote.wait();

    remote.start(move |client| client.connect(address).unwrap());
    let peer = made(&mut server);
    remote.wait();
    remote.start(|client| assert!(client.quit("chat.bye").unwrap()));
    match next(&mut server) {
        Happened::Lost(lost, Lost { by, reason, .. }) => {
            assert_eq!((lost, by), (peer, Some(Side::Peer)));
            assert_eq!(reason.as_deref(), Some("chat.bye"));
        }
        other => panic!("{other:?}"),
    }
    remote.wait();
}

#[test]
fn a_disconnect_without_a_word_has_no_reason() {
    let (mut server, address) = server();
    let remote = Remote::connected(address);
    let peer = made(&mut server);
    remote.wait();
    remote.start(|client| {
        client.send(&msg(1)).unwrap();
        client.disconnect().unwrap();
    });
    assert!(matches!(next(&mut server), Happened::Packet(..)));
    match next(&mut server) {
        Happened::Lost(lost, Lost { by, reason, ending }) => {
            assert_eq!((lost, by, reason), (peer, None, None));
            assert!(matches!(ending, Reason::Closed), "{ending}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn refusals_are_told_on_both_sides() {
    for (client, why) in [
        (
            Client::new(packets()).policy(Policy::Static),
            reason::SAME_ADAPTIVE_POLICY,
        ),
        (Client::new(Packets::default()), reason::NONEQUAL_PACKETS),
    ] {
        let (mut server, address) = server();
        let remote = Remote::new(client);
        remote.start(move |client| match client.connect(address) {
            Err(OpenError::Refused { reason, .. }) => assert_eq!(reason.as_deref(), Some(why)),
            other => panic!("{other:?}"),
        });
        match next(&mut server) {
            Happened::TurnedAway(lost) => assert_eq!(lost.reason.as_deref(), Some(why)),
            other => panic!("{other:?}"),
        }
        remote.wait();
    }
}

#[test]
fn packets_come_and_go_while_connected() {
    let (mut server, address) = server();
    let remote = Remote::connected(address);
    let peer = made(&mut server);
    remote.wait();

    server.add("chat:extra", 40).unwrap();
    remote.start(|client| {
        client.add("chat:extra", 40).unwrap();
        client.send(&Dynamic::new("chat:extra", 1)).unwrap();
    });
    match next(&mut server) {
        Happened::Packet(_, packet) => assert_eq!(packet, Dynamic::new("chat:extra", 1)),
        other => panic!("{other:?}"),
    }
    remote.wait();

    assert!(server.remove("chat:extra") && !server.remove("chat:extra"));
    let gone = server.send(peer, &Dynamic::new("chat:extra", 1));
    assert_eq!(gone, Err(SendError::Unregistered));
    remote.start(|client| {
        client.send(&Dynamic::new("chat:extra", 2)).unwrap();
        client.send(&msg(3)).unwrap();
    });
    assert!(matches!(next(&mut server), Happened::Unknown(_, 40)));
    assert!(matches!(next(&mut server), Happened::Packet(..)));
    assert!(!server.packets().has("chat:extra"));
}

#[test]
fn sending_before_there_is_a_peer_is_an_error() {
    let mut client = Client::new(packets());
    let sent = client.send(&msg(1));
    assert!(matches!(sent, Err(Error::Send(SendError::NotOpen))));
    assert!(!client.is_connected() && client.address().is_err());
}

#[test]
fn bad_input_costs_its_sender_alone() {
    let limits = Limits::default().linger(SHORT);
    let mut server = Server::with(Policy::Static, packets(), Options::default(), limits).unwrap();
    let address = server.listen("127.0.0.1:0").unwrap();
    let honest = Remote::connected(address);
    let peer = made(&mut server);
    honest.wait();

    for (bytes, is_fatal) in [
        (&b"\x7f\xff\xff\xff"[..], true),
        (b"\0\x01\x86\xa0", true),
        (b"\0\0\0\x03\xff\xff\xc0", false),
        (b"\0\0\0\0", false),
        (b"\0\0\0\x03\0\x11\xc1", false),
    ] {
        let mut hostile = TcpStream::connect(address).unwrap();
        hostile.write_all(bytes).unwrap();
        let bad = match next(&mut server) {
            Happened::Malformed(bad, Rule::Framing(framing::Rule::TooLong { limit, .. })) => {
                assert!(is_fatal && limit == LENGTH_LIMIT);
                bad
            }
            Happened::Malformed(bad, rule) => {
                assert!(!is_fatal, "{rule}");
                bad
            }
            Happened::Unknown(bad, 65535) => bad,
            other => panic!("{other:?}"),
        };
        assert_ne!(bad, peer);
        if !is_fatal {
            drop(hostile);
        }
        assert!(matches!(next(&mut server), Happened::TurnedAway(_)));
        honest.start(|client| client.send(&msg(5)).unwrap());
        match next(&mut server) {
            Happened::Packet(from, _) => assert_eq!(from, peer),
            other => panic!("{other:?}"),
        }
        honest.wait();
    }
}

#[test]
fn who_does_not_open_in_time_is_turned_away() {
    let limits = Limits::default().opening(SHORT).linger(SHORT);
    let options = Options::default();
    let mut server = Server::with(Policy::Static, packets(), options, limits).unwrap();
    let address = server.listen("127.0.0.1:0").unwrap();
    let mut silent = TcpStream::connect(address).unwrap();
    match next(&mut server) {
        Happened::TurnedAway(lost) => assert!(matches!(lost.ending, Reason::NotOpened)),
        other => panic!("{other:?}"),
    }
    // It had named its version before.
    let mut said = Vec::new();
    silent.read_to_end(&mut said).unwrap();
    assert_eq!(said, b"\0\0\0\x0c\0\0\x81\xa7version\x01");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::new(packets()).opening(SHORT);
    let opened = client.connect(listener.local_addr().unwrap());
    assert!(matches!(opened, Err(OpenError::Deadline)));
}

#[test]
fn a_server_of_another_protocol_is_guessed_at() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let other = thread::spawn(move || drop(listener.accept().unwrap().0.read(&mut [0; 256])));
    let refused = Client::new(packets()).connect(address).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the peer has closed the link before the opening was done: is that a packetmq server?"
    );
    other.join().unwrap();
}

#[test]
fn the_largest_packet_goes_both_ways_and_no_larger_one() {
    let (mut server, address) = server();
    let remote = Remote::connected(address);
    let peer = made(&mut server);
    remote.wait();
    // Behind an id of two bytes and a head of three; each number below 128 takes one.
    let largest = || {
        Dynamic::new(
            "chat:blob",
            ropeway_std::value::Value::Bytes(vec![7; 99_992]),
        )
    };
    let larger = Dynamic::new(
        "chat:blob",
        ropeway_std::value::Value::Bytes(vec![7; 99_993]),
    );
    remote.start(move |client| {
        let limit = 99_997;
        let sent = client.send(&larger);
        assert!(matches!(sent, Err(Error::Send(SendError::TooLong { limit: l })) if l == limit));
        client.send(&largest()).unwrap();
        let back = client.recv::<Dynamic>(LONG).unwrap().unwrap();
        assert!(matches!(back, Said::Message(packet) if packet == largest()));
    });
    let Happened::Packet(_, packet) = next(&mut server) else {
        panic!("no packet");
    };
    server.send(peer, &packet).unwrap();
    remote.start(|client| client.quit("done").map(drop).unwrap());
    assert!(matches!(next(&mut server), Happened::Lost(..)));
    remote.wait();
}

#[test]
fn memory_peers_hand_over_the_very_same_value() {
    let mut server = MemoryServer::new(packets());
    let mut clients = [(); 2].map(|()| MemoryClient::new(packets()));
    assert_eq!(clients[0].send(msg(1)), Err(SendError::NotOpen));
    let numbers = clients
        .each_mut()
        .map(|client| client.connect(&server).unwrap());
    assert_ne!(numbers[0], numbers[1]);
    for number in numbers {
        let Some(MemoryEvent::Made(peer)) = server.next(Duration::ZERO) else {
            panic!("nobody");
        };
        assert_eq!(peer, number);
    }

    let blob = Blob(vec![1, 2, 3]);
    let place = blob.0.as_ptr();
    clients[1].send(blob).unwrap();
    let Some(MemoryEvent::Packet(from, packet)) = server.next(LONG) else {
        panic!("nothing");
    };
    assert_eq!((from, packet.name()), (numbers[1], "chat:blob"));
    let packet = packet.take::<Msg>().unwrap_err();
    let blob: Blob = packet.take().unwrap();
    assert_eq!(blob.0.as_ptr(), place);

    server.send(numbers[0], blob).unwrap();
    let Some(MemoryEvent::Packet(_, packet)) = clients[0].next(LONG) else {
        panic!("nothing");
    };
    assert!(packet.is::<Blob>());
    assert!(clients[1].next(Duration::ZERO).is_none());

    assert!(server.packets().remove("chat:msg"));
    clients[0].send(msg(1)).unwrap();
    let unknown = server.next(LONG);
    assert!(matches!(unknown, Some(MemoryEvent::Unknown(from, "chat:msg")) if from == numbers[0]));
    let sent = server.send(numbers[0], msg(1));
    assert_eq!(sent, Err(SendError::Unregistered));
}

#[test]
fn memory_peers_part_with_the_generic_reason() {
    let mut server = MemoryServer::new(packets());
    let mut client = MemoryClient::new(packets());
    let number = client.connect(&server).unwrap();
    assert!(matches!(server.next(LONG), Some(MemoryEvent::Made(_))));
    client.send(msg(1)).unwrap();
    client.disconnect();
    assert_eq!(client.send(msg(2)), Err(SendError::NotOpen));
    assert_eq!(server.send(number, msg(3)), Err(SendError::NotOpen));
    assert!(matches!(server.next(LONG), Some(MemoryEvent::Packet(..))));
    let lost = server.next(LONG);
    assert!(matches!(lost, Some(MemoryEvent::Lost(peer, reason::GENERIC)) if peer == number));
    assert_eq!(server.peers().count(), 0);

    let number = client.connect(&server).unwrap();
    assert!(matches!(server.next(LONG), Some(MemoryEvent::Made(_))));
    server.send(number, msg(4)).unwrap();
    assert!(server.disconnect(number) && !server.disconnect(number));
    assert_eq!(client.send(msg(5)), Err(SendError::NotOpen));
    assert!(matches!(client.next(LONG), Some(MemoryEvent::Packet(..))));
    let lost = client.next(LONG);
    assert!(matches!(lost, Some(MemoryEvent::Lost(_, reason::GENERIC))));
    assert!(client.next(Duration::ZERO).is_none() && !client.is_connected());
}

#[test]
fn a_memory_server_that_takes_nothing_pushes_back() {
    let mut server = MemoryServer::new(packets());
    let mut client = MemoryClient::new(packets());
    client.connect(&server).unwrap();
    let sent = (0..10_000)
        .map_while(|number| client.send(msg(number)).ok())
        .count();
    assert!((1..10_000).contains(&sent));
    assert_eq!(client.send(msg(0)), Err(SendError::Full));
    drop(client);
    let mut heard = 0;
    loop {
        match server.next(LONG) {
            Some(MemoryEvent::Packet(..)) => heard += 1,
            Some(MemoryEvent::Lost(..)) => break,
            Some(MemoryEvent::Made(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard, sent);
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);
