use super::{Ending, Random};
use ropeway_core::Instant;
use ropeway_core::time::Duration;

/// What goes wrong, and when.
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
    /// At that time.
    At(Instant),
    /// When this side has written so many bytes, over all transports.
    Written(usize, usize),
}

/// What can go wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The cable is pulled, and both sides learn of it.
    Cut(Ending),
    /// The cable is gone, and only this side learns of it.
    HalfOpen(usize),
    /// Nothing that this side writes arrives for so long.
    Stall(usize, Duration),
    /// What this side writes takes so long.
    Delay(usize, Duration),
    /// This side's program is started anew, and the other side learns of it, or not.
    Reboot(usize, PeerLearns),
}

/// How the other side learns that the transport is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerLearns {
    /// It is told.
    AtOnce,
    /// Nothing comes any more.
    BySilence,
}

impl Planned {
    /// A few that chance makes, within about `bytes` bytes of each side or `span` of time.
    pub fn random(random: &mut Random, bytes: usize, span: Duration) -> Vec<Self> {
        let count = random.below(7);
        let micros = usize::try_from(span.as_micros()).unwrap_or(usize::MAX);
        let planned = |random: &mut Random| Self {
            when: match random.once_in(3) {
                true => When::At(Instant::from_micros(random.below(micros) as u64)),
                false => When::Written(random.below(2), random.below(bytes)),
            },
            fault: Fault::random(random),
        };
        (0..count).map(|_| planned(random)).collect()
    }
}

impl Fault {
    /// One that chance makes.
    pub fn random(random: &mut Random) -> Self {
        let side = random.below(2);
        let ms = |random: &mut Random, some: &[u64]| Duration::from_millis(random.one_of(some));
        match random.below(10) {
            0..2 => Self::Cut(Ending::Eof),
            2..4 => Self::Cut(Ending::Reset),
            4 => Self::HalfOpen(side),
            5 | 6 => Self::Stall(side, ms(random, &[5, 200, 900, 5_000])),
            7 => Self::Delay(side, ms(random, &[0, 5, 150])),
            8 => Self::Reboot(side, PeerLearns::AtOnce),
            _ => Self::Reboot(side, PeerLearns::BySilence),
        }
    }
}
