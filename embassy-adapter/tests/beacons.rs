//! What strangers can do to who hears beacons.

mod rig;

use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Ipv4Address, Stack};
use embassy_time::{Duration, Timer, with_timeout};
use rig::{OURS, at, move_to, with_stacks};
use ropeway_core::dialect::{cable_car, native};
use ropeway_embassy::Beacons;
use ropeway_embassy::discovery::{Beacon, Epoch, Name, Program};

const fn program(name: &str, port: u16, epoch: u64) -> Program {
    Program {
        name: Name::new(name),
        port,
        epoch: Epoch(epoch),
        fingerprint: 0,
    }
}

/// Says `datagram` to everyone on `port`.
async fn shout(stack: Stack<'_>, port: u16, datagram: &[u8]) {
    let (mut received, mut sent) = ([PacketMetadata::EMPTY; 1], [PacketMetadata::EMPTY; 1]);
    let (mut rx, mut tx) = ([0; 128], [0; 128]);
    let mut socket = UdpSocket::new(stack, &mut received, &mut rx, &mut sent, &mut tx);
    socket.bind(9).unwrap();
    socket
        .send_to(datagram, (Ipv4Address::BROADCAST, port))
        .await
        .unwrap();
    socket.flush().await;
    Timer::after_millis(5).await;
}

#[test]
fn who_cannot_be_answered_does_not_silence_a_program() {
    with_stacks(async |ours, theirs| {
        let hub = <Beacons>::native(program("hub", 1234, 1));
        let talk = async {
            // One has no way back, the other is gone before it is asked for its hardware address.
            for (address, epoch) in [
                ([192, 168, 7, 7], 2),
                ([10, 0, 0, 77], 3),
                ([10, 0, 0, 78], 4),
            ] {
                move_to(ours, address.into()).await;
                let beacon = Beacon {
                    is_answer: false,
                    program: program("lost", 1, epoch),
                };
                shout(
                    ours,
                    native::UDP_PORT,
                    beacon.emit(&mut [0; Beacon::MAX_LEN]),
                )
                .await;
            }
            move_to(ours, OURS).await;
            Timer::after_secs(20).await;
            let board = <Beacons>::native(program("board", 5678, 5));
            let both = join(
                board.find(|program| &*program.name == "hub"),
                hub.find(|program| &*program.name == "board"),
            );
            let found = select(board.run(ours), with_timeout(Duration::from_secs(5), both));
            let Either::Second(found) = found.await else {
                panic!("a runner has stopped")
            };
            let found = found.expect("in time");
            assert_eq!(found, (at(rig::THEIRS, 1234), at(OURS, 5678)));
        };
        match select(hub.run(theirs), talk).await {
            Either::First(_) => panic!("a runner has stopped"),
            Either::Second(()) => {}
        }
    });
}

#[test]
fn what_is_no_beacon_tells_of_no_host() {
    with_stacks(async |ours, theirs| {
        let hub = <Beacons>::cable_car();
        let talk = async {
            for datagram in [&b""[..], b"x", b"hello"] {
                shout(ours, cable_car::UDP_PORT, datagram).await;
            }
            assert_eq!(hub.with_peers(|peers| peers.count()), 0);
        };
        match select(hub.run(theirs), talk).await {
            Either::First(_) => panic!("a runner has stopped"),
            Either::Second(()) => {}
        }
    });
}
