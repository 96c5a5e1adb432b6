//! Who else is on the network: beacons out, peers in, who dials whom, and one connection a pair.
//!
//! It speaks cable_car's protocol, whose beacons say nothing but who sends them, the native one, whose beacons name a
//! program, or both: then both kinds of peers are in one table.
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
//!
//! A native program announces itself, and hears who answers:
//!
//! ```
//! use core::net::IpAddr;
//! use ropeway_core::discovery::{Action, Beacon, Discovery, Epoch, Name, News, Policy, Program, Slot};
//! use ropeway_core::Instant;
//!
//! let now = Instant::from_micros(0);
//! let own = Program { name: Name::new("pilot"), port: 8225, epoch: Epoch(7), fingerprint: 0 };
//! let mut discovery = Discovery::native([Slot::EMPTY; 8], Policy::default(), own, now);
//! assert_eq!(discovery.poll(now), Some(Action::Announce));
//! let mut room = [0; Beacon::MAX_LEN];
//! let to_everyone = discovery.announcement().emit(&mut room);
//! # assert_eq!(to_everyone.len(), 27);
//!
//! let rover = Program { name: Name::new("rover"), port: 8225, epoch: Epoch(9), fingerprint: 0 };
//! let answer = Beacon { is_answer: true, program: rover };
//! let mut room = [0; Beacon::MAX_LEN];
//! let host = IpAddr::from([10, 0, 0, 7]);
//! let heard = discovery.handle_datagram(now, host, answer.emit(&mut room))?;
//! assert!(matches!(heard.news, News::Found(_)));
//! assert_eq!(discovery.poll(now), Some(Action::Call((host, 8225).into())));
//! # Ok::<(), ropeway_core::discovery::Refused>(())
//! ```

mod beacon;
mod counts;
mod dealings;
mod native;
mod pace;
mod programs;
mod table;

use crate::Instant;
use crate::time::Duration;
use core::net::{IpAddr, SocketAddr};

pub use crate::name::Name;
pub use beacon::{Beacon, Epoch, Program, Refused};
pub use counts::Counts;
pub use native::{ANSWERS_PER_SECOND, CALLS_PER_SECOND, Hearing, News};
pub use table::{Connection, ConnectionId, Direction, Peer, Slot, Speaks};

use native::Native;
use table::Table;

/// What a beacon of cable_car says. Receivers look at its sender only.
pub const BEACON: &[u8] = b"BROADCAST";

/// Decides when to send beacons, whom to dial and which of two connections stays.
///
/// Whoever hears a host that it has no connection with dials it, so two hosts may dial each other at once. Of
/// two connections of cable_car with one host that come about so, the one dialled from the smaller address stays, which both
/// ends find out by themselves. The other is only *superseded*: each end says on it that nothing more will come
/// and reads it to its end, so nothing is lost even if the other end follows another rule.
///
/// Native programs are called only if the [`Policy`] says so, and of two openings in progress between the same pair
/// the one dialled by the smaller epoch stays: see [`handle_opened`](Self::handle_opened).
///
/// The table lives in slots that the caller lends; who is beyond them is turned away, unless a native program finds an
/// entry that has been silent for two intervals. Entries with a connection are never pushed out.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Discovery<S> {
    table: Table<S>,
    policy: Policy,
    /// When the next beacon of cable_car is due; without, none are sent or followed by a call.
    next_beacon: Option<Instant>,
    native: Native,
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
    /// The most native programs of one host in the table.
    pub per_host: usize,
    /// Which native programs are called.
    pub dials: Dials,
}

/// Which native programs are called when they are heard and have no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Dials {
    /// All that listen.
    #[default]
    Everyone,
    /// Those that the application [wants](Discovery::want).
    Asked,
    /// None.
    Nobody,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Action {
    /// Send a [beacon of cable_car](BEACON) to every network.
    Beacon,
    /// Connect to this host, and tell [`Discovery::handle_connected`] or [`Discovery::handle_dial_failed`].
    Dial(#[cfg_attr(feature = "defmt", defmt(Debug2Format))] IpAddr),
    /// Send the [native beacon](Discovery::announcement) to every network.
    Announce,
    /// Connect to this native program, and tell [`Discovery::handle_opening`] or [`Discovery::handle_call_failed`].
    Call(#[cfg_attr(feature = "defmt", defmt(Debug2Format))] SocketAddr),
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
    /// hosts are forgotten after 10 s. At most 16 native programs of a host, all of which are called.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            at_once: Duration::from_secs(2),
            expiry: Duration::from_secs(10),
            per_host: 16,
            dials: Dials::Everyone,
        }
    }
}

impl<S: AsRef<[Slot]> + AsMut<[Slot]>> Discovery<S> {
    /// A discovery that speaks cable_car's protocol and knows nobody yet. Its first beacon is due at once.
    pub const fn new(slots: S, policy: Policy, now: Instant) -> Self {
        Self {
            table: Table::new(slots),
            policy,
            next_beacon: Some(now),
            native: Native::silent(),
        }
    }

    /// A discovery that speaks no protocol: it has a table of whom it hears, and nothing to do.
    pub const fn silent(slots: S, policy: Policy) -> Self {
        Self {
            table: Table::new(slots),
            policy,
            next_beacon: None,
            native: Native::silent(),
        }
    }

    /// A discovery that speaks the native protocol as `own` and knows nobody yet. Its first beacon is due at once.
    ///
    /// cable_car's hosts are in its table, too, if it is told of their beacons.
    pub const fn native(slots: S, policy: Policy, own: Program, now: Instant) -> Self {
        Self {
            table: Table::new(slots),
            policy,
            next_beacon: None,
            native: Native::speaking(own, now),
        }
    }

    /// From `now` on, it speaks cable_car's protocol as well.
    #[must_use]
    pub fn with_cable_car(mut self, now: Instant) -> Self {
        self.next_beacon = Some(now);
        self
    }

    /// A beacon of a host that speaks cable_car was heard. Says `false` if it is unknown and no slot is free.
    pub fn handle_beacon(&mut self, now: Instant, from: IpAddr) -> bool {
        self.handle_host(now, from) != News::TableFull
    }

    /// The same, and says what is new.
    pub fn handle_host(&mut self, now: Instant, from: IpAddr) -> News {
        self.forget_silent(now);
        let Some(peer) = self.table.find_or_add(from) else {
            return News::TableFull;
        };
        let news = match peer.heard.replace(now) {
            Some(_) => News::Known,
            None => News::Found(*peer),
        };
        if self.next_beacon.is_some() && self.table.connection_with(from).is_none() {
            self.table.want_dial(from);
        }
        news
    }

    /// A connection with a host that speaks cable_car has come about.
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
        if self.next_beacon.is_some_and(|next| now >= next) {
            self.forget_silent(now);
            self.next_beacon = Some(now + self.policy.interval);
            return Some(Action::Beacon);
        }
        if self.is_silent() {
            self.forget_silent(now);
        }
        let dial = self.table.begin_dial().map(Action::Dial);
        dial.or_else(|| self.poll_native(now))
    }

    /// A peer that has left the table since it was asked last, until there is none: it has been silent for too long,
    /// or has given way to another.
    ///
    /// Who never asks has a table all the same. Who wants to know of every peer asks before and after it tells of
    /// each beacon and connection, with the same `now`.
    pub fn poll_lost(&mut self, now: Instant) -> Option<Peer> {
        loop {
            let gave_way = self.table.gave_way.take();
            let lost = gave_way.or_else(|| self.table.expire(now, self.policy.expiry))?;
            // Of whom only a connection was known, nobody was told.
            if lost.heard.is_some() {
                return Some(lost);
            }
        }
    }

    /// When to [`poll`](Self::poll) again, at the latest.
    pub fn next_timeout(&self) -> Instant {
        let next = [self.next_beacon, self.next_native_timeout()];
        let next = next.into_iter().flatten().min();
        // Beacons come often enough to see by the way who is lost.
        let next = next.or_else(|| self.table.next_expiry(self.policy.expiry));
        next.unwrap_or(Instant::from_micros(u64::MAX))
    }

    /// The peers heard and the connections with them: one entry a connection.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.table.peers()
    }

    const fn is_silent(&self) -> bool {
        self.next_beacon.is_none() && self.native.next_beacon.is_none()
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
