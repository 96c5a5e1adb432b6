//! Programs on one machine that find each other over the loopback network.

use ropeway_std::dialect::cable_car::{CableCarByte, Code, Raw};
use ropeway_std::discovery::{Connection, Direction, Discovery, Event, Loopback, Settings};
use ropeway_std::{Cancel, Link, Listener, Options};
use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(20);

/// Settings with ports of which no other test knows.
fn settings() -> Settings {
    let udp = UdpSocket::bind("0.0.0.0:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let tcp = Listener::bind("0.0.0.0:0").unwrap().address().port();
    Settings::default()
        .ports(udp, tcp)
        .interval(SOON)
        .loopback(Loopback::Included)
}

/// Drives every discovery until each has `wanted` connections, and nothing else happens.
fn meet(discoveries: &mut [Discovery], wanted: &[usize]) -> Vec<Vec<Connection>> {
    drive(discoveries, wanted, |event| panic!("{event:?}"))
}

/// The same, while calls may fail.
fn connected(discoveries: &mut [Discovery], wanted: &[usize]) -> Vec<Vec<Connection>> {
    drive(discoveries, wanted, drop)
}

fn drive(
    discoveries: &mut [Discovery],
    wanted: &[usize],
    other: impl Fn(Event),
) -> Vec<Vec<Connection>> {
    let mut found: Vec<Vec<Connection>> = discoveries.iter().map(|_| Vec::new()).collect();
    let start = Instant::now();
    while found.iter().map(Vec::len).ne(wanted.iter().copied()) {
        assert!(start.elapsed() < LONG, "{found:?}");
        for (discovery, found) in discoveries.iter_mut().zip(&mut found) {
            match discovery.poll(Duration::from_millis(1)).unwrap() {
                Some(Event::Connected(connection)) => found.push(connection),
                Some(event) => other(event),
                None => {}
            }
        }
    }
    found
}

#[test]
fn the_first_listens_and_the_others_call() {
    let settings = settings();
    let mut programs =
        [settings.clone(), settings.clone(), settings].map(|one| one.start().unwrap());
    let listening = programs.iter().map(Discovery::is_listening);
    assert!(listening.eq([true, false, false]));
    let found = meet(&mut programs, &[2, 1, 1]);
    assert_eq!(found[0][0].direction(), Direction::Accepted);
    let callers = [&found[1][0], &found[2][0]];
    for accepted in &found[0] {
        let ends = (accepted.remote(), accepted.local());
        assert!(
            callers
                .iter()
                .any(|caller| (caller.local(), caller.remote()) == ends)
        );
    }
    assert_eq!(found[1][0].direction(), Direction::Dialled);
    assert_eq!(
        programs[1]
            .peers()
            .filter(|peer| peer.connection.is_some())
            .count(),
        1
    );
}

#[test]
fn a_program_alone_never_finds_itself() {
    let mut alone = settings().start().unwrap();
    let end = Instant::now() + SOON * 20;
    while Instant::now() < end {
        let event = alone.poll(SOON).unwrap();
        assert!(event.is_none(), "{event:?}");
    }
    assert_eq!(alone.peers().count(), 0);
}

#[test]
fn a_lost_peer_is_called_again() {
    let settings = settings();
    let mut programs = [settings.clone(), settings].map(|one| one.start().unwrap());
    for _ in 0..3 {
        let found = meet(&mut programs, &[1, 1]);
        drop(found);
    }
}

#[test]
fn messages_travel_over_what_was_found() {
    let settings = settings();
    let mut programs = [settings.clone(), settings].map(|one| one.start().unwrap());
    let mut found = meet(&mut programs, &[1, 1]);
    let mut link = |at: usize| {
        Link::over(CableCarByte, found[at].pop().unwrap(), &Options::default()).unwrap()
    };
    let (mut here, mut there) = (link(0), link(1));
    here.send(&Raw {
        code: Code(9),
        body: b"hello",
    })
    .unwrap();
    let event = there.recv::<Raw<'_>>(LONG).unwrap().unwrap();
    assert!(matches!(
        event,
        ropeway_std::Event::Message(Raw { body: b"hello", .. })
    ));
}

#[test]
fn a_thread_of_its_own_calls_back_until_it_is_stopped() {
    let settings = settings();
    let (sender, receiver) = mpsc::channel();
    let listening = settings.clone().start().unwrap();
    let running = listening
        .spawn(move |event| sender.send(event).unwrap())
        .unwrap();
    let mut caller = [settings.cancel(&Cancel::new()).start().unwrap()];
    let _found = meet(&mut caller, &[1]);
    assert!(matches!(
        receiver.recv_timeout(LONG),
        Ok(Event::Connected(_))
    ));
    running.stop().unwrap();
    assert!(receiver.recv().is_err());
}

#[test]
fn says_when_the_port_of_beacons_is_not_shared() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = Settings::default().ports(port, port).start().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
    let refused = Settings::default().ports(port, 0).start().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn who_remains_takes_the_port_of_the_one_that_is_gone() {
    let settings = settings();
    let mut programs =
        [settings.clone(), settings.clone(), settings].map(|one| one.start().unwrap());
    drop(meet(&mut programs, &[2, 1, 1]));
    let [first, second, third] = programs;
    drop(first);
    let mut remaining = [second, third];
    let start = Instant::now();
    while !remaining.iter().any(Discovery::is_listening) {
        assert!(start.elapsed() < LONG);
        let _ = remaining[0].poll(SOON).unwrap();
    }
    let found = connected(&mut remaining, &[1, 1]);
    assert_eq!(found[0][0].direction(), Direction::Accepted);
}

#[test]
fn stopping_a_thread_leaves_the_callers_switch_alone() {
    let cancel = Cancel::new();
    let discovery = settings().cancel(&cancel).start().unwrap();
    discovery.spawn(drop).unwrap().stop().unwrap();
    assert!(!cancel.is_cancelled());
}
