use super::*;
use crate::{Keepalive, Options};
use ropeway_core::discovery::Direction;
use socket2::SockRef;
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const TURN: Duration = Duration::from_millis(50);

/// A discovery that calls `peer` on this machine, as if it were another host that has been heard.
fn calling(peer: &TcpListener, options: &Options) -> Discovery {
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap();
    let tcp = peer.local_addr().unwrap();
    let settings = Settings::default()
        .ports(udp.port(), tcp.port())
        .options(options);
    let mut discovery = settings.start().unwrap();
    let now = discovery.clock.now();
    assert!(discovery.state.handle_beacon(now, LOCALHOST));
    discovery
}

/// A listener whose every `accept` fails.
fn broken_listener() -> mio::net::TcpListener {
    let listener = mio::net::TcpListener::bind((LOCALHOST, 0).into()).unwrap();
    SockRef::from(&listener).shutdown(Shutdown::Both).unwrap();
    listener
}

#[test]
fn finishes_its_calls_while_the_listener_fails() {
    let peer = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let mut discovery = calling(&peer, &Options::default());
    discovery.listener = Some(broken_listener());
    let turns = (0..10).map(|_| discovery.poll(TURN));
    let connected = |turn| matches!(turn, Ok(Some(Event::Connected(_))));
    assert!(turns.into_iter().any(connected));
}

#[test]
fn a_caller_that_cannot_be_set_up_does_not_end_the_call_to_its_host() {
    let peer = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let never = Keepalive {
        idle: Duration::ZERO,
        interval: Duration::ZERO,
        tries: 0,
    };
    let mut discovery = calling(&peer, &Options::default().keepalive(never));
    discovery.do_what_is_due();
    assert_eq!(discovery.dials.len(), 1);
    let caller = TcpStream::connect(peer.local_addr().unwrap()).unwrap();
    let remote = caller.peer_addr().unwrap();
    discovery.connected(caller, Direction::Accepted, remote);
    let now = discovery.clock.now();
    discovery.state.handle_beacon(now, LOCALHOST);
    discovery.do_what_is_due();
    assert_eq!(discovery.dials.len(), 1);
}
