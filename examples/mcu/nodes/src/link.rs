//! How nodes reach their hub.

use crate::{Board, Settings};
use core::cell::RefCell;
use core::net::SocketAddr;
use embassy_net::Stack;
use ropeway_core::dialect::native::{Config, Native, Policy};
use ropeway_core::message::Entry;
use ropeway_core::time::Duration;
use ropeway_core::wire::Wire;
use ropeway_embassy::discovery::{Epoch, Name, Program};
use ropeway_embassy::{Beacons, Carry, Runner};

/// What peers are told of a node, drawn anew with every start.
pub(crate) fn config(
    board: &RefCell<impl Board>,
    settings: &Settings<'_>,
    entries: &'static [Entry],
) -> Config {
    let mut boot = [0; 8];
    board.borrow_mut().fill_random(&mut boot);
    Config::new(u64::from_le_bytes(boot))
        .name(settings.name)
        .registry(entries, Policy::Enforce)
        .silence(Duration::from_secs(3))
}

/// What beacons say of a node that listens at `port`, 0 for none.
pub(crate) fn beacons(config: &Config, settings: &Settings<'_>, port: u16) -> Beacons {
    Beacons::native(Program {
        name: Name::new(settings.name),
        port,
        epoch: Epoch(config.epoch()),
        fingerprint: config.fingerprint(),
    })
}

/// Dials the hub as long as the session lasts: at the address that the setting `hub` has, or wherever it is heard of. The
/// setting `retry` is the most milliseconds to wait before dialling again.
pub(crate) async fn dial<F, X>(
    runner: &mut Runner<'_, Native<Config>, F, X>,
    stack: Stack<'_>,
    board: &RefCell<impl Board>,
    settings: &Settings<'_>,
    beacons: &Beacons,
) where
    F: Carry<Native<Config>>,
    X: Wire,
{
    let hub = hub(settings);
    let find = async || match hub {
        Some(hub) => hub,
        None => beacons.find(|program| &*program.name == "hub").await,
    };
    let mut links = ropeway_embassy::Settings::default();
    if let Some(millis) = settings.get("retry") {
        let longest = Duration::from_millis(millis.parse().expect("retry=MILLISECONDS"));
        links.backoff = links.backoff.last(longest);
    }
    let random = || random(board);
    runner.run(stack, links, find, random).await;
}

/// Bytes that nobody can guess.
pub(crate) fn random(board: &RefCell<impl Board>) -> [u8; 32] {
    let mut bytes = [0; 32];
    board.borrow_mut().fill_random(&mut bytes);
    bytes
}

/// Where the peer is, if the setting `hub` says it.
pub(crate) fn hub(settings: &Settings<'_>) -> Option<SocketAddr> {
    settings
        .get("hub")
        .map(|hub| hub.parse().expect("hub=ADDRESS:PORT"))
}
