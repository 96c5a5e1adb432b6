use crate::rig::Random;
use std::time::{Duration, Instant};

/// What goes wrong on a way through a proxy, and when.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// When.
    pub when: When,
    /// What.
    pub fault: Fault,
}

/// When something goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// Before this byte of what this side has said, counted over all connections, while there is a connection.
    Said(usize, usize),
    /// So long after the start.
    After(Duration),
}

/// What can go wrong. A side is that which dials, 0, or that which listens, 1.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Both connections end, and what was on the way is lost.
    Kill(Ending),
    /// Only the connection to this side ends; the other side hears nothing more and is not told.
    HalfOpen(usize),
    /// Nothing that this side says arrives for so long.
    Stall(usize, Duration),
    /// What this side says takes so long.
    Delay(usize, Duration),
    /// This side's program is to be started anew; nothing passes until it has been.
    Reboot(usize, Learns),
}

impl Fault {
    /// One that chance makes.
    pub fn random(random: &mut Random) -> Self {
        let side = random.below(2);
        let span = |random: &mut Random, some: &[u64]| Duration::from_millis(random.one_of(some));
        match random.below(12) {
            0..3 => Self::Kill(Ending::Fin),
            3..6 => Self::Kill(Ending::Reset),
            6 => Self::HalfOpen(side),
            7 | 8 => Self::Stall(side, span(random, &[2, 20, 90, 400])),
            9 => Self::Delay(side, span(random, &[0, 1, 15])),
            10 => Self::Reboot(side, Learns::AtOnce),
            _ => Self::Reboot(side, Learns::BySilence),
        }
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By FIN: what was said arrives, then the stream ends.
    Fin,
    /// By RST.
    Reset,
}

/// How the other side of a program that is started anew learns of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learns {
    /// Its connection ends.
    AtOnce,
    /// It hears nothing more.
    BySilence,
}

impl Planned {
    /// A few that chance makes, within about so many `bytes` of each side or `span` of time.
    pub fn random(random: &mut Random, bytes: usize, span: Duration) -> Vec<Self> {
        let micros = usize::try_from(span.as_micros()).unwrap_or(usize::MAX);
        let planned = |random: &mut Random| Self {
            when: match random.once_in(3) {
                true => When::After(Duration::from_micros(random.below(micros) as u64)),
                false => When::Said(random.below(2), random.below(bytes)),
            },
            fault: Fault::random(random),
        };
        (0..random.below(7)).map(|_| planned(random)).collect()
    }

    /// When it is due, if that is a matter of time.
    pub(super) fn at(&self, start: Instant) -> Option<Instant> {
        match self.when {
            When::After(span) => Some(start + span),
            When::Said(..) => None,
        }
    }

    /// How much more this side may say before it.
    pub(super) fn limit(&self, side: usize, said: usize) -> Option<usize> {
        match self.when {
            When::Said(of, at) if of == side => Some(at.saturating_sub(said)),
            _ => None,
        }
    }
}
