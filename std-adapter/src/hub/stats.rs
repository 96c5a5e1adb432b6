use super::connection::Connection;
use super::redials::Redials;
use super::{PeerId, Peers};
use crate::desk::Counts;
use ropeway_core::Instant;
use ropeway_core::dialect::Dialect;
use std::time::Duration;

/// What has passed between a hub and one of its peers since it joined: [`Peers::stats`] has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How long ago the peer joined.
    pub age: Duration,
    /// Bytes that were read from the peer's sockets, openings included.
    pub bytes_in: u64,
    /// Bytes that were written to the peer's sockets.
    pub bytes_out: u64,
    /// Messages, requests and answers that were taken from the peer.
    pub messages_in: u64,
    /// Messages, requests and answers that were queued for the peer.
    pub messages_out: u64,
    /// Bytes that wait to be written or, where they are kept so long, to be taken by the peer.
    pub queued: usize,
    /// How often the peer came back over another connection.
    pub resumed: u64,
    /// How long the peer took to answer the last [`ping`](Peers::ping); none before it has.
    pub round_trip: Option<Duration>,
}

/// What few connections have, so that the others need no room for it.
#[derive(Default)]
pub(super) struct Beside {
    /// How it is dialled again, if it is this side that dials.
    pub(super) redials: Option<Redials>,
    pub(super) tally: Option<Tally>,
}

/// What is counted of a peer.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) joined: Instant,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    counts: Counts,
    pub(super) resumed: u64,
    pinged: Instant,
    round_trip: Option<Duration>,
}

impl<D: Dialect> Peers<D> {
    /// What has passed between the hub and a peer that has joined; none where it is [not counted](super::Hub::with_stats).
    ///
    /// ```
    /// use ropeway_std::dialect::cable_car::{CableCarByte, Join};
    /// use ropeway_std::hub::{Hub, Limits};
    /// use ropeway_std::{Connect, Handlers, Options};
    /// use std::time::Duration;
    ///
    /// let mut handlers = Handlers::new();
    /// handlers.on::<Join>(|_, Join| ());
    /// let hub = Hub::new(|_| CableCarByte, Options::default(), Limits::default())?;
    /// let mut hub = hub.with_stats().with_handlers(handlers);
    /// let port = hub.listen("127.0.0.1:0")?;
    /// let mut link = Connect::new(hub.address(port).unwrap()).link(CableCarByte, &Options::default())?;
    /// link.send(&Join)?;
    /// let stats = loop {
    ///     hub.turn(Duration::from_secs(10))?;
    ///     let peer = hub.ids().next();
    ///     if let Some(stats) = peer.and_then(|peer| hub.stats(peer)).filter(|stats| stats.messages_in > 0) {
    ///         break stats;
    ///     }
    /// };
    /// assert_eq!((stats.messages_in, stats.bytes_in, stats.bytes_out), (1, 2, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self, peer: PeerId) -> Option<Stats> {
        let mut all = self.connections_at(peer);
        let connection = all.next().filter(|there| there.is_joined())?;
        let tally = connection.beside.as_ref()?.tally.as_ref()?;
        let desk = connection.desk.as_ref();
        // What has been said since the hub last looked at it still lies on its desk.
        let counts = desk.map_or(Counts::default(), |desk| desk.counts());
        Some(Stats {
            age: self.clock.now() - tally.joined,
            bytes_in: tally.bytes_in,
            bytes_out: tally.bytes_out,
            messages_in: tally.counts.taken + counts.taken,
            messages_out: tally.counts.sent + counts.sent,
            queued: connection.mail.queued(),
            resumed: tally.resumed,
            round_trip: tally.round_trip,
        })
    }

    /// Has the time measured that a peer takes to answer, for [`Stats::round_trip`], and says whether it is: where the
    /// protocol has no word for that it never is, and elsewhere not while the peer is away, has not answered the last, or is
    /// not counted.
    pub fn ping(&mut self, peer: PeerId) -> bool {
        let now = self.clock.now();
        let Some(connection) = self.connection(peer) else {
            return false;
        };
        let tally = connection.beside.as_mut().and_then(|it| it.tally.as_mut());
        let Some(tally) = tally.filter(|_| connection.mail.dialect_mut().ping()) else {
            return false;
        };
        tally.pinged = now;
        self.activate(peer);
        true
    }
}

impl<D: Dialect> Connection<D> {
    /// Counts what passes from now on.
    pub(super) fn begin_tally(&mut self) {
        let beside = self.beside.get_or_insert_default();
        beside.tally.get_or_insert_default();
    }

    #[inline]
    pub(super) fn tally(&mut self) -> Option<&mut Tally> {
        self.beside.as_mut()?.tally.as_mut()
    }

    /// Counts what has been said since the last look, and notes an answer to a ping that is there by now.
    pub(super) fn tally_look(&mut self, now: Instant) {
        let Some(tally) = self.beside.as_mut().and_then(|it| it.tally.as_mut()) else {
            return;
        };
        if let Some(desk) = &mut self.desk {
            tally.counts.add(desk.take_counts());
        }
        if self.mail.dialect_mut().take_pong() {
            tally.round_trip = Some(now - tally.pinged);
        }
    }
}

impl Tally {
    /// What came and went over a connection before it turned out to be this peer's.
    pub(super) fn add_opening(&mut self, other: &Self) {
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }
}
