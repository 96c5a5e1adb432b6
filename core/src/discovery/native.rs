use super::beacon::{Beacon, Epoch, Program, Refused};
use super::counts::{Counts, add_one};
use super::pace::Pace;
use super::programs::Room;
use super::table::{Connection, Dial, Direction, Peer, Slot, Speaks};
use super::{Action, Dials, Discovery, Outcome, Policy};
use crate::Instant;
use crate::name::Name;
use core::net::{IpAddr, SocketAddr};

/// What a native beacon said, and what it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hearing {
    /// What is new.
    pub news: News,
    /// What is to be sent back to where the beacon came from.
    pub answer: Option<Beacon>,
}

/// What is new about who was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum News {
    /// It has not been heard before.
    Found(Peer),
    /// It was started anew: the same address and port, another epoch.
    Restarted(Peer),
    /// Nothing.
    Known,
    /// The beacon is one of this program's own.
    Own,
    /// No slot is free for it.
    TableFull,
}

/// What only the native protocol needs.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Native {
    /// This program.
    pub(super) own: Program,
    /// When the next beacon is due; without, none are sent, answered or followed by a call.
    pub(super) next_beacon: Option<Instant>,
    answers: Pace,
    calls: Pace,
    counts: Counts,
}

/// The native protocol.
impl<S: AsRef<[Slot]> + AsMut<[Slot]>> Discovery<S> {
    /// What to send to every network upon [`Action::Announce`].
    pub const fn announcement(&self) -> Beacon {
        Beacon {
            is_answer: false,
            program: self.native.own,
        }
    }

    /// How many native beacons came, and what became of them.
    pub const fn counts(&self) -> &Counts {
        &self.native.counts
    }

    /// A datagram came from this host to the port of native beacons.
    ///
    /// A broadcast beacon is answered, but the same run of a program every 3 s only, and all of them together no more
    /// than [`ANSWERS_PER_SECOND`]: nobody can make this program flood anyone.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: IpAddr,
        datagram: &[u8],
    ) -> Result<Hearing, Refused> {
        let native = &mut self.native;
        let beacon = Beacon::parse(datagram).inspect_err(|rule| native.counts.refuse(*rule))?;
        if native.is_own(beacon.program.epoch) {
            return Ok(Hearing::of(News::Own));
        }
        add_one(&mut native.counts.heard);
        let room = self.policy.room();
        let Some(entry) = self.table.hear(now, from, beacon.program, room) else {
            add_one(&mut native.counts.turned_away);
            return Ok(Hearing::of(News::TableFull));
        };
        let peer = entry.peer;
        let is_new = peer.heard.replace(now).is_none();
        peer.speaks = Speaks::Native(beacon.program);
        if entry.is_restarted {
            peer.native.restart();
        }
        let answer = native.answer(now, beacon, peer);
        if native.next_beacon.is_some() {
            self.policy.consider_call(now, peer);
        }
        let news = match (entry.is_restarted, is_new) {
            (true, _) => News::Restarted(*peer),
            (false, true) => News::Found(*peer),
            (false, false) => News::Known,
        };
        Ok(Hearing { news, answer })
    }

    /// The application wants a connection with the program that listens at this address, now and, as long as it is
    /// heard, whenever there is none. Says `false` if none was heard there, or if nobody is to be called.
    pub fn want(&mut self, now: Instant, address: SocketAddr) -> bool {
        let may_call = self.policy.dials != Dials::Nobody && self.native.next_beacon.is_some();
        let Some(peer) = self.table.listening_at(address).filter(|_| may_call) else {
            return false;
        };
        peer.native.is_wanted = true;
        self.policy.consider_call(now, peer);
        true
    }

    /// A call has reached its program, and the opening of this connection begins.
    ///
    /// Unless the outcome is [`Outcome::New`], the program has called meanwhile, or is this one: say nothing on this
    /// connection and close it. Calls of others are told of by [`handle_opened`](Self::handle_opened) only.
    pub fn handle_opening(&mut self, connection: Connection) -> Outcome {
        let called = self.table.called_at(connection.remote);
        let Some(program) = called.and_then(|peer| peer.program().copied()) else {
            return Outcome::New;
        };
        let other = self.table.connection_of(program.epoch);
        let Some(peer) = self.table.called_at(connection.remote) else {
            return Outcome::New;
        };
        peer.dial = Dial::No;
        if connection.local == connection.remote {
            peer.native.fail();
            return Outcome::Own(connection.id);
        }
        if let Some(other) = other {
            return Outcome::SupersededBy(other.id);
        }
        peer.connection = Some(connection);
        Outcome::New
    }

    /// The peer's opening has named its epoch: the HELLO on a connection that it dialled, the WELCOME on one that
    /// this program dialled.
    ///
    /// Of two openings in progress between the same pair, the one dialled by the smaller epoch stays: the other
    /// connection, which the outcome names, is to be closed. A call that has not reached its program yet gives way
    /// to one of that program, since nobody has heard of it. What is open already is never to be closed. The
    /// connection counts until [`handle_closed`](Self::handle_closed), unless the outcome says otherwise.
    pub fn handle_opened(&mut self, now: Instant, connection: Connection, epoch: Epoch) -> Outcome {
        let id = connection.id;
        if self.native.is_own(epoch) {
            self.table.remove(id);
            return Outcome::Own(id);
        }
        if let Some(peer) = self.table.find(|peer| peer.has(id)) {
            if let Speaks::Native(program) = &mut peer.speaks {
                program.epoch = epoch;
            }
            peer.native.open(now);
            return Outcome::New;
        }
        let rival = match connection.direction {
            Direction::Accepted => self.table.rival_of_accepted(&connection, epoch),
            Direction::Dialled => None,
        };
        let outcome = match rival {
            Some(ours) if self.native.own.epoch < epoch => return Outcome::SupersededBy(ours.id),
            Some(ours) if !ours.is_open => Outcome::Supersedes(ours.id),
            _ => Outcome::New,
        };
        let room = self.policy.room();
        let Some(peer) = self.table.meet(now, connection.remote.ip(), epoch, room) else {
            return Outcome::TableFull;
        };
        peer.connection = Some(connection);
        peer.native.open(now);
        if let Outcome::Supersedes(ours) = outcome {
            self.table.forget(ours);
        }
        outcome
    }

    /// A call to this address came to nothing. Its program is called again when it is heard again, after a pause
    /// that doubles each time.
    pub fn handle_call_failed(&mut self, address: SocketAddr) {
        if let Some(peer) = self.table.called_at(address) {
            peer.dial = Dial::No;
            peer.native.fail();
        }
    }

    pub(super) fn poll_native(&mut self, now: Instant) -> Option<Action> {
        let native = &mut self.native;
        let next_beacon = native.next_beacon.as_mut()?;
        if now >= *next_beacon {
            *next_beacon = now + self.policy.interval;
            return Some(Action::Announce);
        }
        if !self.table.wants_call() || !native.calls.take(now) {
            return None;
        }
        self.table.begin_call(now).map(Action::Call)
    }

    pub(super) fn next_native_timeout(&self) -> Option<Instant> {
        let next_beacon = self.native.next_beacon?;
        let call = self.table.wants_call().then(|| self.native.calls.next());
        Some(call.map_or(next_beacon, |call| call.min(next_beacon)))
    }
}

impl Hearing {
    const fn of(news: News) -> Self {
        Self { news, answer: None }
    }
}

impl Native {
    /// A program that is heard of by nobody.
    pub(super) const fn silent() -> Self {
        let own = Program {
            name: Name::EMPTY,
            port: 0,
            epoch: Epoch(0),
            fingerprint: 0,
        };
        Self {
            next_beacon: None,
            ..Self::speaking(own, Instant::from_micros(0))
        }
    }

    pub(super) const fn speaking(own: Program, now: Instant) -> Self {
        Self {
            own,
            next_beacon: Some(now),
            answers: Pace::new(ANSWERS_PER_SECOND),
            calls: Pace::new(CALLS_PER_SECOND),
            counts: Counts::NONE,
        }
    }

    fn is_own(&self, epoch: Epoch) -> bool {
        self.next_beacon.is_some() && epoch == self.own.epoch
    }

    fn answer(&mut self, now: Instant, beacon: Beacon, peer: &mut Peer) -> Option<Beacon> {
        self.next_beacon?;
        if beacon.is_answer || !is_one_host(peer.host) || !peer.native.may_be_answered(now) {
            return None;
        }
        if !self.answers.take(now) {
            add_one(&mut self.counts.unanswered);
            return None;
        }
        add_one(&mut self.counts.answered);
        peer.native.answer(now);
        Some(Beacon {
            is_answer: true,
            program: self.own,
        })
    }
}

impl Policy {
    const fn room(&self) -> Room {
        Room {
            per_host: self.per_host,
            silence: self.interval.saturating_mul(2),
        }
    }

    fn consider_call(&self, now: Instant, peer: &mut Peer) {
        let is_wanted = match self.dials {
            Dials::Everyone => true,
            Dials::Asked => peer.native.is_wanted,
            Dials::Nobody => false,
        };
        let may_be_called = peer.native.may_be_called(now, self.interval);
        if is_wanted && may_be_called && peer.is_idle() && peer.address().is_some() {
            peer.dial = Dial::Wanted;
        }
    }
}

fn is_one_host(address: IpAddr) -> bool {
    let is_everyone = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || is_everyone)
}

/// The most beacons that are answered in a second, however many come.
pub const ANSWERS_PER_SECOND: u32 = 16;

/// The most programs that are called in a second, however many are heard.
pub const CALLS_PER_SECOND: u32 = 16;

#[cfg(test)]
mod tests;
