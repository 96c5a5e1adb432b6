use super::Outcome;
use ropeway_core::time::Duration;
use std::fmt;
use std::ops::AddAssign;

/// What there has been of everything in one run, or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exchanges from their start to their end.
    pub runs: usize,
    /// Bytes written, both ways.
    pub bytes: usize,
    /// Transports, and how many of them were cut.
    pub cables: usize,
    /// Transports that were pulled.
    pub cuts: usize,
    /// Transports that only one side knew to be gone.
    pub half_open: usize,
    /// Directions that stood still for a while, or became slow.
    pub stalls: usize,
    /// Programs started anew.
    pub reboots: usize,
    /// Sessions that went on.
    pub resumed: usize,
    /// Messages delivered.
    pub messages: usize,
    /// Requests, answers and cancels delivered.
    pub others: usize,
    /// Frames told to be in doubt.
    pub in_doubt: usize,
    /// Files received.
    pub files: usize,
    /// Files turned away since as many were under way as there was room for.
    pub busy: usize,
    /// Calls answered.
    pub answered: usize,
    /// Calls refused.
    pub refused: usize,
    /// Calls given up in time.
    pub expired: usize,
    /// Calls cancelled.
    pub cancelled: usize,
    /// Calls lost with their session.
    pub lost: usize,
    /// Requests withdrawn before they had gone out.
    pub withdrawn: usize,
    /// Answers that nobody waited for any more.
    pub stale: usize,
    /// The longest run, in virtual time.
    pub longest: Duration,
    /// Which run that was: its seed, or the place of its fault in bytes.
    pub longest_at: u64,
    /// How long after its deadline a call was given up at the latest.
    pub latest: Duration,
}

impl Counts {
    pub(super) const fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered => self.answered += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Expired => self.expired += 1,
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::Lost => self.lost += 1,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.bytes += other.bytes;
        self.cables += other.cables;
        self.cuts += other.cuts;
        self.half_open += other.half_open;
        self.stalls += other.stalls;
        self.reboots += other.reboots;
        self.resumed += other.resumed;
        self.messages += other.messages;
        self.others += other.others;
        self.in_doubt += other.in_doubt;
        self.files += other.files;
        self.busy += other.busy;
        self.answered += other.answered;
        self.refused += other.refused;
        self.expired += other.expired;
        self.cancelled += other.cancelled;
        self.lost += other.lost;
        self.withdrawn += other.withdrawn;
        self.stale += other.stale;
        if other.longest > self.longest {
            (self.longest, self.longest_at) = (other.longest, other.longest_at);
        }
        self.latest = self.latest.max(other.latest);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {} bytes over {} transports: {} cut, {} half open, {} stalled; {} reboots, {} resumed; ",
            self.runs,
            self.bytes,
            self.cables,
            self.cuts,
            self.half_open,
            self.stalls,
            self.reboots,
            self.resumed,
        )?;
        write!(
            f,
            "{} messages and {} others came, {} in doubt; {} files, {} turned away; calls: {} answered, {} refused, {} expired, {} cancelled, {} lost, ",
            self.messages,
            self.others,
            self.in_doubt,
            self.files,
            self.busy,
            self.answered,
            self.refused,
            self.expired,
            self.cancelled,
            self.lost,
        )?;
        write!(
            f,
            "{} withdrawn, {} stale answers; longest {:?} of virtual time, \
             at {}; latest end of a call {:?} after its deadline",
            self.withdrawn, self.stale, self.longest, self.longest_at, self.latest
        )
    }
}
