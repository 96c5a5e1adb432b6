use super::{News, Reason};
use crate::native::Parting;

/// How much a hub has refused since it was made, by kind: [`Peers::refusals`](super::Peers::refusals) has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusals {
    /// Connections that were [turned away](News::TurnedAway).
    pub openings: u64,
    /// Links that ended since the peer broke a rule: of the framing, of the native protocol, of a secure wire.
    pub rules: u64,
    /// Messages and requests that nobody here knows.
    pub unknown: u64,
    /// Frames that break a rule, whether the link went on after them or not.
    pub malformed: u64,
}

impl Refusals {
    pub(super) const fn add(&mut self, other: Self) {
        self.openings += other.openings;
        self.rules += other.rules;
        self.unknown += other.unknown;
        self.malformed += other.malformed;
    }

    pub(super) fn note(&mut self, news: &News) {
        let reason = match news {
            News::TurnedAway(_, reason) => {
                self.openings += 1;
                reason
            }
            News::Left(_, reason) | News::Away(_, reason) => reason,
            _ => return,
        };
        self.rules += u64::from(breaks_rule(reason));
    }
}

fn breaks_rule(reason: &Reason) -> bool {
    match reason {
        Reason::OutOfStep | Reason::Wire(_) => true,
        Reason::Parted(parting) => matches!(**parting, Parting::Broken(_)),
        _ => false,
    }
}
