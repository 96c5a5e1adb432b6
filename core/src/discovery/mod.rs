//! Who else is on the network: beacons out, hosts in, who dials whom, and one connection a pair.
//!
//! [`Discovery`] decides; whoever holds the sockets does. It is told what was heard and what became of each
//! dial, and says by [`poll`](Discovery::poll) what to do next and by [`next_timeout`](Discovery::next_timeout)
//! when to ask again.
//!
//! ```
//! use core::net::IpAddr;
//! use ropeway_core::discovery::{Action, Direction, Discovery, Outcome, Policy, Slot};
//! use ropeway_core::{Instant, discovery::ConnectionId};
//!
//! let now = Instant::from_micros(0);
//! let mut discovery = Discovery::new([Slot::EMPTY; 8], Policy::default(), now);
//! assert_eq!(discovery.poll(now), Some(Action::Beacon));
//!
//! let rover = IpAddr::from([10, 0, 0, 7]);
//! discovery.handle_beacon(now, rover);
//! assert_eq!(discovery.poll(now), Some(Action::Dial(rover)));
//!
//! let (ours, theirs) = (([10, 0, 0, 2], 40_000).into(), (rover, 8223).into());
//! let outcome = discovery.handle_connected(now, ConnectionId(1), Direction::Dialled, ours, theirs);
//! assert_eq!(outcome, Outcome::New);
//! ```

mod table;

use crate::Instant;
use crate::time::Duration;
use core::net::{IpAddr, SocketAddr};

pub use table::{Connection, ConnectionId, Direction, Peer, Slot};

use table::Table;

/// What a beacon of cable_car says. Receivers look at its sender only.
pub const BEACON: &[u8] = b"BROADCAST";

/// Decides when to send beacons, whom to dial and which of two connections stays.
///
/// Whoever hears a host that it has no connection with dials it, so two hosts may dial each other at once. Of
/// two connections with one host that come about so, the one dialled from the smaller address stays, which both
/// ends find out by themselves. The other is only *superseded*: each end says on it that nothing more will come
/// and reads it to its end, so nothing is lost even if the other end follows another rule.
///
/// The table lives in slots that the caller lends; hosts and connections beyond them are turned away.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Discovery<S> {
    table: Table<S>,
    policy: Policy,
    next_beacon: Instant,
}

/// How a program discovers others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy {
    /// The time from one beacon to the next.
    pub interval: Duration,
    /// Two connections with one host, one dialled from each side, within this time of each other count as
    /// dialled at once. A later one is another program on that host, or one that has lost the first.
    pub at_once: Duration,
    /// A host that has no connection and has not been heard for this time leaves the table.
    pub expiry: Duration,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Action {
    /// Send a beacon to every network.
    Beacon,
    /// Connect to this host, and tell [`Discovery::handle_connected`] or [`Discovery::handle_dial_failed`].
    Dial(#[cfg_attr(feature = "defmt", defmt(Debug2Format))] IpAddr),
}

/// What a new connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Outcome {
    /// A connection with a new peer.
    New,
    /// A connection with a peer whose older one it supersedes.
    Supersedes(ConnectionId),
    /// A connection that is superseded by an older one with the same peer.
    SupersededBy(ConnectionId),
    /// Both of its ends belong to this program, which has the other end by this connection, or by the same one if
    /// a socket called itself: close both.
    Own(ConnectionId),
    /// No slot is free: close it.
    TableFull,
}

impl Default for Policy {
    /// cable_car's: a beacon each second. Connections within 2 s of each other count as dialled at once, and
    /// hosts are forgotten after 10 s.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            at_once: Duration::from_secs(2),
            expiry: Duration::from_secs(10),
        }
    }
}

impl<S: AsRef<[Slot]> + AsMut<[Slot]>> Discovery<S> {
    /// A discovery that knows nobody yet, whose first beacon is due at once.
    pub const fn new(slots: S, policy: Policy, now: Instant) -> Self {
        Self {
            table: Table::new(slots),
            policy,
            next_beacon: now,
        }
    }

    /// A beacon of another host was heard. Says `false` if it is unknown and no slot is free.
    pub fn handle_beacon(&mut self, now: Instant, from: IpAddr) -> bool {
        self.forget_silent(now);
        let Some(peer) = self.table.find_or_add(from) else {
            return false;
        };
        peer.heard = Some(now);
        if self.table.connection_with(from).is_none() {
            self.table.want_dial(from);
        }
        true
    }

    /// A connection has come about.
    ///
    /// `local` and `remote` are the addresses of its two ends. The connection stays in the table until
    /// [`handle_closed`](Self::handle_closed), unless the outcome says otherwise.
    pub fn handle_connected(
        &mut self,
        now: Instant,
        id: ConnectionId,
        direction: Direction,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Outcome {
        let connection = Connection {
            id,
            direction,
            local,
            remote,
            since: now,
        };
        if direction == Direction::Dialled {
            self.table.end_dial(remote.ip());
        }
        if local == remote {
            return Outcome::Own(id);
        }
        if let Some(other) = self.table.other_end_of(&connection) {
            self.table.remove(other);
            return Outcome::Own(other);
        }
        let rival = self.table.rival_of(&connection, self.policy.at_once);
        match rival {
            Some(rival) if rival.dialler() < connection.dialler() => {
                Outcome::SupersededBy(rival.id)
            }
            Some(rival) => {
                self.table.replace(rival.id, connection);
                Outcome::Supersedes(rival.id)
            }
            None if self.table.insert(connection) => Outcome::New,
            None => Outcome::TableFull,
        }
    }

    /// A dial came to nothing; the host is dialled again when it is heard again.
    pub fn handle_dial_failed(&mut self, host: IpAddr) {
        self.table.end_dial(host);
    }

    /// A connection has ended. Its host is dialled again when it is heard again.
    pub fn handle_closed(&mut self, id: ConnectionId) {
        self.table.remove(id);
    }

    /// What to do now, until there is nothing.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        if now >= self.next_beacon {
            self.forget_silent(now);
            self.next_beacon = now + self.policy.interval;
            return Some(Action::Beacon);
        }
        self.table.begin_dial().map(Action::Dial)
    }

    /// When to [`poll`](Self::poll) again, at the latest.
    pub const fn next_timeout(&self) -> Instant {
        self.next_beacon
    }

    /// The hosts heard and the connections with them: one entry a connection.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.table.peers()
    }

    fn forget_silent(&mut self, now: Instant) {
        let expiry = self.policy.expiry;
        self.table.retain(|peer| match peer.heard {
            Some(heard) => now - heard < expiry,
            None => false,
        });
    }
}

#[cfg(test)]
mod tests;
