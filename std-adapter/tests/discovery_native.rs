//! Native programs on one machine that find each other over the loopback network.

use ropeway_std::dialect::cable_car::{CableCarByte, Code, Raw};
use ropeway_std::discovery::{
    CableCar, Connection, ConnectionId, Dials, Direction, Discovery, Epoch, Event, Native, Outcome,
    Peer, Refused, Settings, Speaks,
};
use ropeway_std::{Options, Pump};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(20);

/// A UDP port of which no other test knows.
fn port() -> u16 {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.local_addr().unwrap().port()
}

fn start(native: Native) -> Discovery {
    Settings::native(native).interval(SOON).start().unwrap()
}

/// A beacon as its bytes, flags, epoch and name told.
fn beacon(flags: u8, tcp: u16, epoch: u64, name: &str) -> Vec<u8> {
    let mut bytes = vec![22 + u8::try_from(name.len()).unwrap(), 0xfe, 1, flags];
    bytes.extend(tcp.to_le_bytes());
    bytes.extend(epoch.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(name.bytes());
    bytes
}

/// Polls until an event is what is looked for.
fn until<T>(discovery: &mut Discovery, found: impl Fn(Event) -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < LONG {
        if let Some(found) = discovery.poll(SOON).unwrap().and_then(&found) {
            return found;
        }
    }
    panic!("{:?}", discovery.peers().collect::<Vec<_>>());
}

fn found(event: Event) -> Option<Peer> {
    match event {
        Event::Found(peer) => Some(peer),
        _ => None,
    }
}

#[test]
fn two_programs_find_each_other() {
    let udp = port();
    let rover = Native::named("rover").udp_port(udp).port(8225);
    let mut rover = start(rover.fingerprint(5).epoch(Epoch(7)));
    let mut pilot = start(Native::named("pilot").udp_port(udp));
    assert!(rover.poll(Duration::ZERO).unwrap().is_none());
    let peer = until(&mut pilot, found);
    let program = peer.program().unwrap();
    assert_eq!(program, &rover.program());
    assert_eq!((program.name.as_str(), program.epoch), ("rover", Epoch(7)));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8225));
    assert_eq!(peer.address(), Some(address));
    let peer = until(&mut rover, found);
    assert_eq!(peer.program(), Some(&pilot.program()));
    assert_eq!(peer.address(), None);
    assert_eq!(pilot.peers().count(), 1);
}

#[test]
fn a_program_alone_never_finds_itself() {
    let mut alone = start(
        Native::named("alone")
            .udp_port(port())
            .dials(Dials::Everyone),
    );
    let end = Instant::now() + SOON * 20;
    while Instant::now() < end {
        let event = alone.poll(SOON).unwrap();
        assert!(event.is_none(), "{event:?}");
    }
    assert_eq!(alone.peers().count(), 0);
}

#[test]
fn hosts_that_speak_cable_car_are_in_the_same_table() {
    let (udp, cable_car) = (port(), port());
    let mut lists = Settings::native(Native::named("list").udp_port(udp))
        .cable_car(CableCar::Heard)
        .ports(cable_car, 8223)
        .interval(SOON)
        .start()
        .unwrap();
    let _rover = start(Native::named("rover").udp_port(udp))
        .spawn(drop)
        .unwrap();
    let host = UdpSocket::bind("127.0.0.1:0").unwrap();
    host.send_to(b"BROADCAST", ("127.0.0.1", cable_car))
        .unwrap();
    let mut speaks = [(); 2].map(|()| until(&mut lists, found).speaks);
    speaks.sort_by_key(|speaks| matches!(speaks, Speaks::Native(_)));
    assert!(
        matches!(speaks, [Speaks::CableCar, Speaks::Native(_)]),
        "{speaks:?}"
    );
    assert_eq!(lists.peers().count(), 2);
    assert!(!lists.is_listening());
}

#[test]
fn one_that_speaks_both_is_found_by_both() {
    let (udp, cable_car) = (port(), port());
    let tcp = port();
    let both = Settings::native(Native::named("both").udp_port(udp))
        .cable_car(CableCar::Spoken)
        .ports(cable_car, tcp)
        .interval(SOON)
        .start()
        .unwrap();
    let mut native = start(Native::named("native").udp_port(udp));
    let hears = Settings::default().cable_car(CableCar::Heard);
    let hears = hears.loopback(ropeway_std::discovery::Loopback::Included);
    let mut hears = hears.ports(cable_car, tcp).start().unwrap();
    let _both = both.spawn(drop).unwrap();
    until(&mut native, found);
    let host = until(&mut hears, found);
    assert_eq!(host.speaks, Speaks::CableCar);
}

#[test]
fn tells_when_a_program_is_started_anew_and_when_it_is_gone() {
    let udp = port();
    let settings = Settings::native(Native::named("pilot").udp_port(udp));
    let settings = settings.interval(SOON).expiry(Duration::from_secs(1));
    let mut pilot = settings.start().unwrap();
    let rover = Native::named("rover").udp_port(udp).port(8225);
    let first = start(rover.clone()).spawn(drop).unwrap();
    let before = until(&mut pilot, found);
    drop(first);
    let second = start(rover).spawn(drop).unwrap();
    let after = until(&mut pilot, |event| match event {
        Event::Restarted(peer) => Some(peer),
        Event::Lost(_) => panic!("{event:?}"),
        _ => None,
    });
    assert_ne!(
        before.program().unwrap().epoch,
        after.program().unwrap().epoch
    );
    drop(second);
    let lost = until(&mut pilot, |event| match event {
        Event::Lost(peer) => Some(peer),
        _ => None,
    });
    assert_eq!(lost.address(), after.address());
    assert_eq!(pilot.peers().count(), 0);
}

#[test]
fn answers_where_a_beacon_came_from_and_never_an_answer() {
    let udp = port();
    let mut rover = start(Native::named("rover").udp_port(udp).port(8225));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = ("127.0.0.1", udp);
    stranger.send_to(&beacon(1, 1, 1, "answers"), to).unwrap();
    stranger.send_to(&beacon(0, 2, 2, "asks"), to).unwrap();
    until(&mut rover, found);
    until(&mut rover, found);
    let mut room = [0; 64];
    let (len, _) = stranger.recv_from(&mut room).unwrap();
    let own = rover.program();
    assert_eq!(room[..len], beacon(1, 8225, own.epoch.0, "rover"));
    assert_eq!((rover.counts().heard, rover.counts().answered), (2, 1));
}

#[test]
fn names_the_rule_that_a_datagram_breaks() {
    let udp = port();
    let mut rover = start(Native::named("rover").udp_port(udp));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sent = [&b""[..], b"BROADCAST", &[0xfe; 3000]];
    for datagram in sent {
        stranger.send_to(datagram, ("127.0.0.1", udp)).unwrap();
        let (from, rule) = until(&mut rover, |event| match event {
            Event::Refused { from, rule } => Some((from, rule)),
            _ => None,
        });
        assert_eq!(from, stranger.local_addr().unwrap());
        assert_eq!(rover.counts().refused(rule), 1);
    }
    assert_eq!(rover.counts().refused(Refused::Code { code: 0 }), 1);
    assert_eq!(rover.counts().all_refused(), 3);
    assert_eq!(rover.peers().count(), 0);
}

#[test]
fn a_flood_of_beacons_fills_no_more_than_one_hosts_share() {
    let udp = port();
    let mut rover = start(Native::named("rover").udp_port(udp).dials(Dials::Everyone));
    let flood = UdpSocket::bind("127.0.0.1:0").unwrap();
    flood.set_nonblocking(true).unwrap();
    let start = Instant::now();
    for epoch in 0..5000 {
        let datagram = beacon(0, 0, epoch, &format!("name {epoch}"));
        // A full buffer of the receiver drops it, as it may.
        let _ = flood.send_to(&datagram, ("127.0.0.1", udp));
        if epoch % 50 == 0 {
            while rover.poll(Duration::ZERO).unwrap().is_some() {}
            assert!(rover.peers().count() <= 16);
        }
    }
    let seconds = u32::try_from(start.elapsed().as_secs()).unwrap() + 1;
    let counts = rover.counts();
    assert!(counts.heard > 1000, "{counts:?}");
    assert!(counts.answered <= 16 + 16 * seconds, "{counts:?}");
    assert!(counts.turned_away > 0, "{counts:?}");
    println!("{counts:?}");
}

#[test]
fn says_when_a_port_is_none() {
    let refused = Settings::native(Native::named("rover").udp_port(0)).start();
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
}

/// A program whose links say its epoch first, as those of the native protocol do.
struct Program {
    discovery: Discovery,
    links: Vec<Talk>,
}

struct Talk {
    id: ConnectionId,
    direction: Direction,
    pump: Pump<CableCarByte, Connection>,
    is_open: bool,
}

impl Program {
    fn start(udp: u16, name: &str) -> Self {
        let native = Native::named(name).udp_port(udp).listen(0);
        Self {
            discovery: start(native.dials(Dials::Everyone)),
            links: Vec::new(),
        }
    }

    fn say_epoch(&self, talk: &mut Talk) {
        let epoch = self.discovery.program().epoch.0.to_le_bytes();
        let hello = Raw {
            code: Code(9),
            body: &epoch[..],
        };
        talk.pump.send(&hello).unwrap();
    }

    fn turn(&mut self) {
        if let Some(Event::Connected(connection)) = self.discovery.poll(Duration::ZERO).unwrap() {
            let mut talk = Talk {
                id: connection.id(),
                direction: connection.direction(),
                pump: Pump::over(CableCarByte, connection, &Options::default()).unwrap(),
                is_open: false,
            };
            if talk.direction == Direction::Dialled {
                self.say_epoch(&mut talk);
            }
            self.links.push(talk);
        }
        for mut talk in std::mem::take(&mut self.links) {
            let ended = talk.pump.xfer().is_err();
            let heard = match talk.pump.get::<Raw<'_>>() {
                Some(ropeway_std::Event::Message(hello)) => {
                    Some(Epoch(u64::from_le_bytes(hello.body.try_into().unwrap())))
                }
                _ => None,
            };
            let outcome = heard.and_then(|epoch| self.discovery.opened(talk.id, epoch));
            match outcome {
                Some(Outcome::SupersededBy(_)) => continue,
                Some(Outcome::Supersedes(other)) => self.links.retain(|link| link.id != other),
                _ => {}
            }
            if outcome.is_some() && talk.direction == Direction::Accepted {
                self.say_epoch(&mut talk);
                talk.pump.xfer().unwrap();
            }
            talk.is_open |= outcome.is_some();
            if !ended {
                self.links.push(talk);
            }
        }
    }

    fn is_settled(&self) -> bool {
        matches!(self.links.as_slice(), [link] if link.is_open)
    }
}

#[test]
fn two_that_call_each_other_keep_one_connection() {
    for _ in 0..10 {
        let udp = port();
        let mut pair = ["one", "other"].map(|name| Program::start(udp, name));
        let start = Instant::now();
        while !pair.iter().all(Program::is_settled) {
            assert!(start.elapsed() < LONG);
            pair.iter_mut().for_each(Program::turn);
        }
        // It stays that way.
        let end = Instant::now() + SOON * 5;
        while Instant::now() < end {
            pair.iter_mut().for_each(Program::turn);
        }
        assert!(pair.iter().all(Program::is_settled));
        let directions = pair.each_ref().map(|program| program.links[0].direction);
        assert_ne!(directions[0], directions[1]);
        for program in &pair {
            let connected = program.discovery.peers().filter_map(|peer| peer.connection);
            assert_eq!(connected.count(), 1);
        }
    }
}

#[test]
fn calls_whom_the_application_wants() {
    let udp = port();
    let rover = start(Native::named("rover").udp_port(udp).listen(0));
    assert!(rover.is_listening());
    let _rover = rover.spawn(drop).unwrap();
    let mut pilot = start(Native::named("pilot").udp_port(udp).dials(Dials::Asked));
    let address = until(&mut pilot, found).address().unwrap();
    assert!(pilot.want(address));
    let connection = until(&mut pilot, |event| match event {
        Event::Connected(connection) => Some(connection),
        _ => None,
    });
    assert_eq!(connection.remote(), address);
    let mut list = start(Native::named("list").udp_port(udp));
    let address = until(&mut list, |event| found(event)?.address()).to_owned();
    assert!(!list.want(address), "it calls nobody");
}
