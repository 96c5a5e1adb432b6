//! Many peers in one thread.

use crate::desk::{Desk, Mail};
use ropeway_core::dialect::Dialect;
use std::net::SocketAddr;

/// Which of a hub's peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId {
    slot: u32,
    generation: u32,
}
impl PeerId {
    pub(crate) const ALONE: Self = Self {
        slot: 0,
        generation: 0,
    };
}
/// x
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// x
    pub id: PeerId,
    /// x
    pub address: SocketAddr,
}
/// x
#[derive(Debug)]
pub enum Reason {
    /// x
    Closed,
}
/// x
pub struct Peers<D: Dialect> {
    all: Vec<(Mail<D>, Desk<D>)>,
}
impl<D: Dialect> Peers<D> {
    pub(crate) fn parts(&mut self, id: PeerId) -> Option<(&mut Mail<D>, &mut Desk<D>)> {
        self.all.get_mut(id.slot as usize).map(|(a, b)| (a, b))
    }
    pub(crate) fn desk(&self, id: PeerId) -> Option<&Desk<D>> {
        self.all.get(id.slot as usize).map(|(_, b)| b)
    }
}
/// x
pub struct Hub<D: Dialect> {
    /// x
    pub peers: Peers<D>,
}
