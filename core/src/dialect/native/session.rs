mod delivery;
mod ending;
mod naming;
mod opening;
mod saying;

use super::hello::Hello;
use super::keepalive::Keepalive;
use super::notice::Opening;
use super::{Name, Notice, Rule};
use crate::dialect::Keeping;
use ending::Bye;
use naming::Names;

/// The state of a session, and of the link that it has at the moment: `SPEC.md`, "Opening" and "Delivery".
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Session {
    pub(super) side: Side,
    pub(super) phase: Phase,
    /// The session that has begun, 0 for none.
    id: u64,
    /// The session that is to begin in its place, 0 for none.
    offered: u64,
    /// Whose session it is.
    peer_epoch: u64,
    /// What the peer said of itself on this link.
    pub(super) peer: Hello,
    /// What it calls itself, and whether that is still to be told.
    pub(super) name: Name,
    has_met: bool,
    /// Bytes of the peer's sequenced frames that have been taken, and as last acknowledged.
    taken: u32,
    told: u32,
    /// Bytes of ours that the peer has acknowledged.
    acked: u32,
    /// What was acknowledged and is not settled with the outbox yet.
    unsettled: u32,
    /// The outbox is to be settled with a fresh session.
    is_fresh: bool,
    /// The same, with one that goes on.
    is_resumed: bool,
    owes: Owes,
    ping: Ping,
    /// The first sign of a fresh session is to be acknowledged at once.
    confirms: bool,
    /// What remains in the outbox of an older session waits to be looked at.
    holds_in_doubt: bool,
    names: Names,
    bye: Option<Bye>,
    opening: Option<Opening>,
    /// Messages that were longer than the peer takes, to be told.
    pub(super) too_long: usize,
    broken: Option<Rule>,
    /// One side has ended the session for good.
    pub(super) is_final: bool,
    /// What ids of fresh sessions are drawn from.
    pub(super) seed: u64,
    /// Nothing but messages is to be seen to: it is [checked](Self::check) after all that may change it.
    pub(super) is_steady: bool,
    /// How far sequenced frames have been seen that wait to be taken, counted as [taken](Self::taken).
    seen: u32,
    /// The largest window that the peer was told on this link.
    granted: u32,
    /// The length of a sequenced frame that is being passed over; 0 for none.
    refused: u32,
    pub(super) keepalive: Keepalive,
    pub(super) keeping: Keeping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Side {
    Dialler,
    Listener,
    /// A listener that lets its holder look for the session.
    Lobby,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Phase {
    /// The opening of the other side is waited for.
    Opening,
    /// The holder looks for the session that the peer asks for.
    Claimed,
    /// Registries are compared.
    Naming,
    /// A fresh session has been offered, and no sign of it has come.
    Pending,
    Open,
    Over,
}

/// Small frames that are to be sent.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Owes {
    opening: bool,
    pong: bool,
    ack: bool,
}

/// How far the PING has come that the program wants answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Ping {
    None,
    Owed,
    Sent,
    /// One was sent to keep a promise of silence: the next PONG is its answer.
    Kept,
    Answered,
}

impl Session {
    pub(super) const fn new(side: Side) -> Self {
        Self {
            side,
            phase: Phase::Opening,
            id: 0,
            offered: 0,
            peer_epoch: 0,
            peer: Hello::NONE,
            name: Name::EMPTY,
            has_met: false,
            taken: 0,
            told: 0,
            acked: 0,
            unsettled: 0,
            is_fresh: false,
            is_resumed: false,
            owes: Owes {
                opening: matches!(side, Side::Dialler),
                pong: false,
                ack: false,
            },
            ping: Ping::None,
            confirms: false,
            holds_in_doubt: false,
            names: Names {
                next: 0,
                known: 0,
                same: [0; 32],
                is_sent: false,
                is_received: false,
            },
            bye: None,
            opening: None,
            too_long: 0,
            broken: None,
            is_final: false,
            seed: 0,
            is_steady: false,
            seen: 0,
            granted: 0,
            refused: 0,
            keepalive: Keepalive::NEW,
            keeping: Keeping::new(),
        }
    }

    /// A new transport; what began, or was offered, stays.
    pub(super) fn restart(&mut self) {
        self.phase = Phase::Opening;
        self.peer = Hello::NONE;
        self.owes = Owes {
            opening: self.side == Side::Dialler,
            ..Owes::default()
        };
        self.ping = Ping::None;
        self.confirms = false;
        self.names = Names::default();
        self.bye = None;
        self.opening.take_if(|opening| *opening == Opening::Resumed);
        self.seen = self.taken;
        self.granted = 0;
        self.refused = 0;
        self.has_met = false;
        self.broken = None;
        self.is_final = false;
        self.keepalive.restart();
        self.keeping.aside.clear();
        self.keeping.ahead = 0;
        self.check();
    }

    const fn check(&mut self) {
        self.is_steady = matches!(self.phase, Phase::Open)
            && self.unsettled == 0
            && !self.is_fresh
            && !self.is_resumed
            && !self.has_met
            && !self.confirms
            && !self.holds_in_doubt
            && self.opening.is_none()
            && self.too_long == 0
            && self.broken.is_none();
    }

    /// The session that has begun; 0 for none.
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) const fn offered(&self) -> u64 {
        self.offered
    }

    pub(super) const fn has_notice(&self) -> bool {
        self.has_met
            || (self.opening.is_some() && !self.is_fresh)
            || self.too_long > 0
            || self.broken.is_some()
    }

    pub(super) fn take_notice(&mut self) -> Option<Notice<'static>> {
        let notice = if core::mem::take(&mut self.has_met) {
            Some(Notice::Met(self.name))
        } else if let Some(opening) = self.opening.take() {
            Some(Notice::Opened(opening))
        } else if self.too_long > 0 {
            Some(Notice::TooLong(core::mem::take(&mut self.too_long)))
        } else {
            self.broken.take().map(Notice::Broken)
        };
        self.check();
        notice
    }
}

/// The version of the protocol.
pub(super) const VERSION: u8 = 1;
