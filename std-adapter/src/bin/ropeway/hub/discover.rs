//! Beacons: who is there, and that the hub is.

use super::happening::Kind;
use super::line::Line;
use super::state::Board;
use crate::fault::Fault;
use crate::protocol::Protocol;
use ropeway_std::discovery::{CableCar, Epoch, Event, Native, Running, Settings};
use ropeway_std::native::Config;
use std::sync::Arc;

/// Says by beacon that the hub is there, and, if it `tells`, who else is.
pub(crate) fn start(
    name: &str,
    config: &Config,
    lines: &[Arc<dyn Line>],
    tells: bool,
    board: &Arc<Board>,
) -> Result<Running, Fault> {
    let mut native = Native::named(name).epoch(Epoch(config.epoch()));
    if let Some(line) = lines
        .iter()
        .find(|line| line.words().protocol == Protocol::Native)
    {
        native = native.port(line.address().port());
    }
    let mut settings = Settings::native(native);
    if tells {
        settings = settings.cable_car(CableCar::Heard);
    }
    let failed = |error| Fault::failed(format!("beacons: {error}"));
    let discovery = settings.start().map_err(failed)?;
    let board = board.clone();
    let told = move |event| match event {
        Event::Found(peer) if tells => {
            let (name, address) = describe(&peer);
            board.beacon(Kind::Found, name, address);
        }
        Event::Lost(peer) if tells => {
            let (name, address) = describe(&peer);
            board.beacon(Kind::Lost, name, address);
        }
        _ => {}
    };
    discovery.spawn(told).map_err(failed)
}

fn describe(peer: &ropeway_std::discovery::Peer) -> (String, Option<std::net::SocketAddr>) {
    let name = peer
        .program()
        .map_or_else(String::new, |program| program.name.to_string());
    (name, peer.address())
}
