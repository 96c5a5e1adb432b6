use crate::Instant;
use crate::time::Duration;
use core::net::{IpAddr, SocketAddr};

/// A connection, as whoever holds the sockets numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConnectionId(pub u32);

/// Which end of a connection called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Direction {
    /// This program did.
    Dialled,
    /// The peer did.
    Accepted,
}

/// A connection with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Which end called.
    pub direction: Direction,
    /// The address of the end here.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub local: SocketAddr,
    /// The address of the peer's end.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub remote: SocketAddr,
    /// When it came about.
    pub since: Instant,
}

/// A host that was heard or that there is a connection with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Peer {
    /// The host.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub host: IpAddr,
    /// When it was last heard, unless only its connection is known.
    pub heard: Option<Instant>,
    /// The connection with it, if there is one.
    pub connection: Option<Connection>,
    dial: Dial,
}

/// Room for one [`Peer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slot(Option<Peer>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Dial {
    No,
    Wanted,
    UnderWay,
}

/// The peers, in slots that are lent.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Table<S> {
    slots: S,
}

impl Slot {
    /// A free slot.
    pub const EMPTY: Self = Self(None);
}

impl Connection {
    /// The address of the end that called: both ends know it.
    pub const fn dialler(&self) -> SocketAddr {
        match self.direction {
            Direction::Dialled => self.local,
            Direction::Accepted => self.remote,
        }
    }
}

impl Peer {
    const fn new(host: IpAddr) -> Self {
        Self {
            host,
            heard: None,
            connection: None,
            dial: Dial::No,
        }
    }
}

impl<S: AsRef<[Slot]> + AsMut<[Slot]>> Table<S> {
    pub(super) const fn new(slots: S) -> Self {
        Self { slots }
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.slots
            .as_ref()
            .iter()
            .filter_map(|slot| slot.0.as_ref())
    }

    pub(super) fn find_or_add(&mut self, host: IpAddr) -> Option<&mut Peer> {
        let slots = self.slots.as_mut();
        let known = slots
            .iter()
            .position(|slot| slot.0.is_some_and(|peer| peer.host == host));
        let at = known.or_else(|| slots.iter().position(|slot| slot.0.is_none()))?;
        slots
            .get_mut(at)
            .map(|slot| slot.0.get_or_insert(Peer::new(host)))
    }

    /// Enters a connection with its host, in a slot of its own if the host has one already.
    ///
    /// A host that was only heard gives way: who calls is certainly there.
    pub(super) fn insert(&mut self, connection: Connection) -> bool {
        let host = connection.remote.ip();
        let slots = self.slots.as_mut();
        let place = |takes: &dyn Fn(Option<&Peer>) -> bool| {
            slots.iter().position(|slot| takes(slot.0.as_ref()))
        };
        let waits = |peer: Option<&Peer>| {
            peer.is_some_and(|peer| peer.host == host && peer.connection.is_none())
        };
        let is_heard_only = |peer: Option<&Peer>| {
            peer.is_some_and(|peer| peer.connection.is_none() && peer.dial != Dial::UnderWay)
        };
        let known = place(&waits);
        let Some(at) = known
            .or_else(|| place(&|peer| peer.is_none()))
            .or_else(|| place(&is_heard_only))
        else {
            return false;
        };
        if let Some(slot) = slots.get_mut(at) {
            let peer = match known {
                Some(_) => slot.0.get_or_insert(Peer::new(host)),
                None => slot.0.insert(Peer::new(host)),
            };
            peer.connection = Some(connection);
        }
        true
    }

    pub(super) fn replace(&mut self, old: ConnectionId, new: Connection) {
        if let Some(peer) = self.find(|peer| {
            peer.connection
                .is_some_and(|connection| connection.id == old)
        }) {
            peer.connection = Some(new);
        }
    }

    /// Takes a connection out. Its host stays as long as it is heard.
    pub(super) fn remove(&mut self, id: ConnectionId) {
        if let Some(peer) = self.find(|peer| {
            peer.connection
                .is_some_and(|connection| connection.id == id)
        }) {
            peer.connection = None;
        }
    }

    /// Keeps peers that are connected, that are being dialled, or that `keep` says.
    pub(super) fn retain(&mut self, keep: impl Fn(&Peer) -> bool) {
        for slot in self.slots.as_mut() {
            let busy = |peer: &Peer| peer.connection.is_some() || peer.dial == Dial::UnderWay;
            if slot
                .0
                .as_ref()
                .is_some_and(|peer| !busy(peer) && !keep(peer))
            {
                slot.0 = None;
            }
        }
    }

    pub(super) fn connection_with(&self, host: IpAddr) -> Option<&Connection> {
        self.connections()
            .find(|connection| connection.remote.ip() == host)
    }

    /// The connection that has the same two ends the other way round: this program is at both.
    pub(super) fn other_end_of(&self, connection: &Connection) -> Option<ConnectionId> {
        let mirrored = |other: &&Connection| {
            (other.local, other.remote) == (connection.remote, connection.local)
                && other.direction != connection.direction
        };
        self.connections().find(mirrored).map(|other| other.id)
    }

    /// The connection with the same host that was dialled from the other side at about the same time.
    pub(super) fn rival_of(
        &self,
        connection: &Connection,
        at_once: Duration,
    ) -> Option<Connection> {
        let rivals = |other: &&Connection| {
            other.remote.ip() == connection.remote.ip()
                && other.direction != connection.direction
                && connection.since - other.since < at_once
        };
        self.connections().find(rivals).copied()
    }

    /// Notes that `host` is to be dialled, unless it is already.
    pub(super) fn want_dial(&mut self, host: IpAddr) {
        let is_dialled = |peer: &Peer| peer.host == host && peer.dial != Dial::No;
        if self.peers().any(is_dialled) {
            return;
        }
        if let Some(peer) = self.find(|peer| peer.host == host) {
            peer.dial = Dial::Wanted;
        }
    }

    /// The next host to dial.
    pub(super) fn begin_dial(&mut self) -> Option<IpAddr> {
        loop {
            let peer = self.find(|peer| peer.dial == Dial::Wanted)?;
            let host = peer.host;
            peer.dial = Dial::UnderWay;
            if self.connection_with(host).is_none() {
                return Some(host);
            }
            self.end_dial(host);
        }
    }

    pub(super) fn end_dial(&mut self, host: IpAddr) {
        if let Some(peer) = self.find(|peer| peer.host == host && peer.dial != Dial::No) {
            peer.dial = Dial::No;
        }
    }

    fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.peers().filter_map(|peer| peer.connection.as_ref())
    }

    fn find(&mut self, which: impl Fn(&Peer) -> bool) -> Option<&mut Peer> {
        self.slots
            .as_mut()
            .iter_mut()
            .filter_map(|slot| slot.0.as_mut())
            .find(|peer| which(peer))
    }
}
