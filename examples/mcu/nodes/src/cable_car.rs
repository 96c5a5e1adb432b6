//! A node for programs of cable_car: it is found by their beacons, listens at their port, and gives back every message of the
//! byte transport.

use crate::{Board, Settings, link};
use core::cell::RefCell;
use embassy_futures::join::{join, join4};
use embassy_net::Stack;
use ropeway_core::Event;
use ropeway_core::dialect::cable_car::{CableCarByte, Code, Raw, TCP_PORT};
use ropeway_embassy::{Beacons, Heard, Peer, Resources};

/// The sockets that this opens: two links, and beacons.
pub const SOCKETS: usize = 3;

/// Echoes for ever.
pub async fn run(stack: Stack<'static>, board: impl Board, settings: &Settings<'_>) -> ! {
    let board = RefCell::new(board);
    let beacons = <Beacons>::cable_car();
    let mut resources = Resources::<CableCarByte, 2>::new();
    let (hub, mut listener) = resources.listener(|| CableCarByte);
    let [one, two] = *hub.peers();
    let port = settings
        .get("listen")
        .map_or(TCP_PORT, |port| port.parse().expect("listen=PORT"));
    let make = || (CableCarByte, Default::default());
    let random = || link::random(&board);
    let listening = listener.run(stack, port, Default::default(), make, random);
    let (ended, ..) = join4(
        listening,
        join(echo(one, &board), echo(two, &board)),
        async { beacons.run(stack).await.expect("a socket for beacons") },
        async { board.borrow_mut().say(format_args!("ready")) },
    )
    .await;
    panic!("it listens no more: {ended:?}")
}

/// Gives back what one peer after the other says.
async fn echo(peer: Peer<'_, CableCarByte>, board: &RefCell<impl Board>) -> ! {
    let mut body = [0; CableCarByte::MAX_BODY];
    loop {
        let heard = peer.recv_with(|heard| match heard {
            Heard::Said(said) => match said.read::<Raw<'_>>()? {
                Event::Message(raw) => {
                    let place = body.get_mut(..raw.body.len())?;
                    place.copy_from_slice(raw.body);
                    Some((raw.code, raw.body.len()))
                }
                other => {
                    board.borrow_mut().say(format_args!("{other:?}"));
                    None
                }
            },
            other => {
                board.borrow_mut().say(format_args!("{other:?}"));
                None
            }
        });
        if let Ok(Some((Code(code), len))) = heard.await {
            let raw = Raw {
                code: Code(code),
                body: &body[..len],
            };
            if let Err(error) = peer.send(&raw).await {
                board.borrow_mut().say(format_args!("{error}"));
            }
        }
    }
}
