use super::*;
use std::vec::Vec;

const SMALL: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 2));
const LARGE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 7));
const PORT: u16 = 8223;

type Host = Discovery<[Slot; 4]>;

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn host() -> Host {
    Discovery::new([Slot::EMPTY; 4], Policy::default(), at(0))
}

fn dialled(host: &mut Host, now: Instant, id: u32, from: IpAddr, to: IpAddr) -> Outcome {
    let (local, remote) = (SocketAddr::new(from, 40_000), SocketAddr::new(to, PORT));
    host.handle_connected(now, ConnectionId(id), Direction::Dialled, local, remote)
}

fn accepted(host: &mut Host, now: Instant, id: u32, from: IpAddr, to: IpAddr) -> Outcome {
    let (local, remote) = (SocketAddr::new(to, PORT), SocketAddr::new(from, 40_000));
    host.handle_connected(now, ConnectionId(id), Direction::Accepted, local, remote)
}

fn connections(host: &Host) -> Vec<u32> {
    host.peers()
        .filter_map(|peer| peer.connection)
        .map(|connection| connection.id.0)
        .collect()
}

#[test]
fn sends_beacons_at_its_interval() {
    let mut host = host();
    assert_eq!(host.poll(at(0)), Some(Action::Beacon));
    assert_eq!(host.poll(at(0)), None);
    assert_eq!(host.next_timeout(), at(1000));
    assert_eq!(host.poll(at(999)), None);
    assert_eq!(host.poll(at(1000)), Some(Action::Beacon));
}

#[test]
fn dials_once_whoever_it_hears() {
    let mut host = host();
    host.poll(at(0));
    for _ in 0..3 {
        assert!(host.handle_beacon(at(1), LARGE));
    }
    assert_eq!(host.poll(at(1)), Some(Action::Dial(LARGE)));
    host.handle_beacon(at(2), LARGE);
    assert_eq!(host.poll(at(2)), None);
    assert_eq!(dialled(&mut host, at(3), 1, SMALL, LARGE), Outcome::New);
    host.handle_beacon(at(4), LARGE);
    assert_eq!(host.poll(at(4)), None);
}

#[test]
fn dials_again_after_a_failure_or_a_loss_when_it_hears_the_host_again() {
    let mut host = host();
    host.poll(at(0));
    host.handle_beacon(at(1), LARGE);
    host.poll(at(1));
    host.handle_dial_failed(LARGE);
    assert_eq!(host.poll(at(1)), None);
    host.handle_beacon(at(2), LARGE);
    assert_eq!(host.poll(at(2)), Some(Action::Dial(LARGE)));
    dialled(&mut host, at(3), 1, SMALL, LARGE);
    host.handle_closed(ConnectionId(1));
    host.handle_beacon(at(4), LARGE);
    assert_eq!(host.poll(at(4)), Some(Action::Dial(LARGE)));
}

#[test]
fn does_not_dial_who_has_called_meanwhile() {
    let mut host = host();
    host.poll(at(0));
    host.handle_beacon(at(1), LARGE);
    assert_eq!(accepted(&mut host, at(1), 1, LARGE, SMALL), Outcome::New);
    assert_eq!(host.poll(at(1)), None);
}

#[test]
fn both_ends_keep_the_connection_dialled_from_the_smaller_address() {
    // Connection 1 was dialled by the small address, connection 2 by the large one; each end may see either first.
    for first in [1, 2] {
        let (mut small, mut large) = (host(), host());
        for id in [first, 3 - first] {
            let now = at(u64::from(id));
            if id == 1 {
                dialled(&mut small, now, id, SMALL, LARGE);
                accepted(&mut large, now, id, SMALL, LARGE);
            } else {
                accepted(&mut small, now, id, LARGE, SMALL);
                dialled(&mut large, now, id, LARGE, SMALL);
            }
        }
        assert_eq!(
            (connections(&small), connections(&large)),
            (std::vec![1], std::vec![1])
        );
    }
}

#[test]
fn says_which_connection_is_superseded() {
    let mut small = host();
    accepted(&mut small, at(1), 2, LARGE, SMALL);
    let superseded = Outcome::Supersedes(ConnectionId(2));
    assert_eq!(dialled(&mut small, at(2), 1, SMALL, LARGE), superseded);
    let mut small = host();
    dialled(&mut small, at(1), 1, SMALL, LARGE);
    let superseded = Outcome::SupersededBy(ConnectionId(1));
    assert_eq!(accepted(&mut small, at(2), 2, LARGE, SMALL), superseded);
}

#[test]
fn a_later_call_is_another_program_on_the_same_host() {
    let mut small = host();
    dialled(&mut small, at(1), 1, SMALL, LARGE);
    assert_eq!(
        accepted(&mut small, at(5000), 2, LARGE, SMALL),
        Outcome::New
    );
    assert_eq!(connections(&small), [1, 2]);
}

#[test]
fn two_programs_on_one_host_may_call_at_once() {
    let mut small = host();
    assert_eq!(accepted(&mut small, at(1), 1, LARGE, SMALL), Outcome::New);
    assert_eq!(accepted(&mut small, at(2), 2, LARGE, SMALL), Outcome::New);
    assert_eq!(connections(&small), [1, 2]);
}

#[test]
fn finds_itself_at_the_other_end() {
    let (a, b) = (SocketAddr::new(SMALL, 40_000), SocketAddr::new(LARGE, PORT));
    let dialled = (1, Direction::Dialled, a, b);
    let accepted = (2, Direction::Accepted, b, a);
    for ends in [[dialled, accepted], [accepted, dialled]] {
        let mut host = host();
        let outcomes = ends.map(|(id, direction, local, remote)| {
            host.handle_connected(at(1), ConnectionId(id), direction, local, remote)
        });
        let own = Outcome::Own(ConnectionId(ends[0].0));
        assert_eq!(outcomes, [Outcome::New, own]);
        assert!(connections(&host).is_empty());
    }
}

#[test]
fn turns_away_what_it_has_no_slot_for_and_forgets_the_silent() {
    let mut host = host();
    for n in 0..4 {
        assert!(host.handle_beacon(at(1), IpAddr::from([10, 0, 1, n])));
    }
    assert!(!host.handle_beacon(at(2), LARGE));
    for n in 0..4 {
        let peer = IpAddr::from([10, 0, 1, n]);
        accepted(&mut host, at(2), n.into(), peer, SMALL);
    }
    assert_eq!(
        accepted(&mut host, at(2), 9, LARGE, SMALL),
        Outcome::TableFull
    );
    for id in 0..4 {
        host.handle_closed(ConnectionId(id));
    }
    assert!(host.handle_beacon(at(10_002), LARGE));
    assert_eq!(host.peers().count(), 1);
}

#[test]
fn who_calls_takes_the_slot_of_one_that_was_only_heard() {
    let mut host = host();
    for n in 0..4 {
        host.handle_beacon(at(1), IpAddr::from([10, 0, 1, n]));
    }
    assert_eq!(accepted(&mut host, at(2), 9, LARGE, SMALL), Outcome::New);
    assert_eq!(connections(&host), [9]);
}

#[test]
fn a_socket_that_calls_itself_is_no_peer() {
    let mut host = host();
    let own = SocketAddr::new(SMALL, 40_000);
    let id = ConnectionId(1);
    let outcome = host.handle_connected(at(1), id, Direction::Dialled, own, own);
    assert_eq!(outcome, Outcome::Own(id));
    assert!(connections(&host).is_empty());
}

#[test]
fn two_programs_of_one_host_are_dialled_once() {
    let mut host = host();
    host.poll(at(0));
    for id in 1..3 {
        accepted(&mut host, at(1), id, LARGE, SMALL);
    }
    host.handle_beacon(at(2), LARGE);
    for id in 1..3 {
        host.handle_closed(ConnectionId(id));
    }
    host.handle_beacon(at(3), LARGE);
    assert_eq!(host.poll(at(3)), Some(Action::Dial(LARGE)));
    host.handle_beacon(at(4), LARGE);
    assert_eq!(host.poll(at(4)), None);
}
