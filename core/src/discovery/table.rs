use super::beacon::Program;
use super::dealings::Dealings;
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

/// Who was heard or has a connection: a native program, or a host that speaks cable_car.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Peer {
    /// The host.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub host: IpAddr,
    /// Which protocol it speaks, and what its beacons say.
    pub speaks: Speaks,
    /// When it was last heard, unless only its connection is known.
    pub heard: Option<Instant>,
    /// The connection with it, if there is one.
    pub connection: Option<Connection>,
    pub(super) dial: Dial,
    pub(super) native: Dealings,
}

/// The protocol of a [`Peer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Speaks {
    /// cable_car's, whose beacons say nothing but who sends them.
    CableCar,
    /// The native one.
    Native(Program),
}

/// Room for one [`Peer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slot(pub(super) Option<Peer>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Dial {
    No,
    Wanted,
    UnderWay,
}

/// The peers, in slots that are lent.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Table<S> {
    pub(super) slots: S,
    /// Who has given way to another last.
    pub(super) gave_way: Option<Peer>,
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
    /// What its beacons say, if it is a native program.
    pub const fn program(&self) -> Option<&Program> {
        match &self.speaks {
            Speaks::Native(program) => Some(program),
            Speaks::CableCar => None,
        }
    }

    /// Where it can be called, if it is a native program that listens.
    pub fn address(&self) -> Option<SocketAddr> {
        let program = self.program()?;
        (program.port != 0).then_some(SocketAddr::new(self.host, program.port))
    }

    pub(super) const fn new(host: IpAddr, speaks: Speaks) -> Self {
        Self {
            host,
            speaks,
            heard: None,
            connection: None,
            dial: Dial::No,
            native: Dealings::NONE,
        }
    }

    /// Whether it may give way to others: nothing is under way with it.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_none() && self.dial != Dial::UnderWay
    }

    /// Whether it is a native program that waits to be called.
    pub(super) const fn wants_call(&self) -> bool {
        matches!((self.speaks, self.dial), (Speaks::Native(_), Dial::Wanted))
    }

    fn is_cable_car_at(&self, host: IpAddr) -> bool {
        self.host == host && matches!(self.speaks, Speaks::CableCar)
    }

    pub(super) fn has(&self, connection: ConnectionId) -> bool {
        self.connection.is_some_and(|one| one.id == connection)
    }
}

impl<S: AsRef<[Slot]> + AsMut<[Slot]>> Table<S> {
    pub(super) const fn new(slots: S) -> Self {
        Self {
            slots,
            gave_way: None,
        }
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
            .position(|slot| slot.0.is_some_and(|peer| peer.is_cable_car_at(host)));
        let at = known.or_else(|| slots.iter().position(|slot| slot.0.is_none()))?;
        slots
            .get_mut(at)
            .map(|slot| slot.0.get_or_insert(Peer::new(host, Speaks::CableCar)))
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
            peer.is_some_and(|peer| peer.is_cable_car_at(host) && peer.connection.is_none())
        };
        let is_heard_only = |peer: Option<&Peer>| peer.is_some_and(Peer::is_idle);
        let known = place(&waits);
        let Some(at) = known
            .or_else(|| place(&|peer| peer.is_none()))
            .or_else(|| place(&is_heard_only))
        else {
            return false;
        };
        if let Some(slot) = slots.get_mut(at) {
            let new = Peer::new(host, Speaks::CableCar);
            let peer = match known {
                Some(_) => slot.0.get_or_insert(new),
                None => {
                    self.gave_way = slot.0;
                    slot.0.insert(new)
                }
            };
            peer.connection = Some(connection);
        }
        true
    }

    pub(super) fn replace(&mut self, old: ConnectionId, new: Connection) {
        if let Some(peer) = self.find(|peer| peer.has(old)) {
            peer.connection = Some(new);
        }
    }

    /// Takes a connection out. Its host stays as long as it is heard.
    pub(super) fn remove(&mut self, id: ConnectionId) {
        if let Some(peer) = self.find(|peer| peer.has(id)) {
            peer.connection = None;
            peer.native.end();
        }
    }

    /// Keeps peers that are connected, that are being dialled, or that `keep` says.
    pub(super) fn retain(&mut self, keep: impl Fn(&Peer) -> bool) {
        for slot in self.slots.as_mut() {
            if slot
                .0
                .as_ref()
                .is_some_and(|peer| peer.is_idle() && !keep(peer))
            {
                slot.0 = None;
            }
        }
    }

    pub(super) fn connection_with(&self, host: IpAddr) -> Option<&Connection> {
        let mut peers = self.peers().filter(|peer| peer.is_cable_car_at(host));
        peers.find_map(|peer| peer.connection.as_ref())
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
        let host = connection.remote.ip();
        let rivals = |other: &&Connection| {
            other.direction != connection.direction && connection.since - other.since < at_once
        };
        let peers = self.peers().filter(|peer| peer.is_cable_car_at(host));
        peers
            .filter_map(|peer| peer.connection.as_ref())
            .find(rivals)
            .copied()
    }

    /// Notes that `host` is to be dialled, unless it is already.
    pub(super) fn want_dial(&mut self, host: IpAddr) {
        let is_dialled = |peer: &Peer| peer.is_cable_car_at(host) && peer.dial != Dial::No;
        if self.peers().any(is_dialled) {
            return;
        }
        if let Some(peer) = self.find(|peer| peer.is_cable_car_at(host)) {
            peer.dial = Dial::Wanted;
        }
    }

    /// The next host to dial.
    pub(super) fn begin_dial(&mut self) -> Option<IpAddr> {
        loop {
            let wanted = |peer: &Peer| peer.dial == Dial::Wanted && peer.program().is_none();
            let peer = self.find(wanted)?;
            let host = peer.host;
            peer.dial = Dial::UnderWay;
            if self.connection_with(host).is_none() {
                return Some(host);
            }
            self.end_dial(host);
        }
    }

    pub(super) fn end_dial(&mut self, host: IpAddr) {
        if let Some(peer) = self.find(|peer| peer.is_cable_car_at(host) && peer.dial != Dial::No) {
            peer.dial = Dial::No;
        }
    }

    fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.peers().filter_map(|peer| peer.connection.as_ref())
    }

    pub(super) fn find(&mut self, which: impl Fn(&Peer) -> bool) -> Option<&mut Peer> {
        self.slots
            .as_mut()
            .iter_mut()
            .filter_map(|slot| slot.0.as_mut())
            .find(|peer| which(peer))
    }
}
