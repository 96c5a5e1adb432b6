//! What there has been of everything.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

/// In one run, or in many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) runs: usize,
    /// Bytes, by the side that said them.
    pub(super) said: [usize; 2],
    pub(super) connections: usize,
    pub(super) faults: usize,
    pub(super) reboots: usize,
    pub(super) resumed: usize,
    pub(super) fresh: usize,
    pub(super) messages: usize,
    pub(super) requests: usize,
    pub(super) in_doubt: usize,
    pub(super) left: usize,
    pub(super) answered: usize,
    pub(super) refused: usize,
    pub(super) expired: usize,
    pub(super) cancelled: usize,
    pub(super) told_cancelled: usize,
    pub(super) calls_in_doubt: usize,
    pub(super) lost: usize,
    pub(super) stale: u64,
    /// Files that came whole.
    pub(super) files: usize,
    /// Files that were given up with their session.
    pub(super) files_stopped: usize,
    /// The longest run.
    pub(super) longest: Duration,
    /// The longest time by which a call ended after its deadline.
    pub(super) latest: Duration,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        for (said, more) in self.said.iter_mut().zip(other.said) {
            *said += more;
        }
        self.connections += other.connections;
        self.faults += other.faults;
        self.reboots += other.reboots;
        self.resumed += other.resumed;
        self.fresh += other.fresh;
        self.messages += other.messages;
        self.requests += other.requests;
        self.in_doubt += other.in_doubt;
        self.left += other.left;
        self.answered += other.answered;
        self.refused += other.refused;
        self.expired += other.expired;
        self.cancelled += other.cancelled;
        self.told_cancelled += other.told_cancelled;
        self.calls_in_doubt += other.calls_in_doubt;
        self.lost += other.lost;
        self.stale += other.stale;
        self.files += other.files;
        self.files_stopped += other.files_stopped;
        self.longest = self.longest.max(other.longest);
        self.latest = self.latest.max(other.latest);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {:?} bytes over {} connections, {} faults, {} reboots; ",
            self.runs, self.said, self.connections, self.faults, self.reboots,
        )?;
        write!(
            f,
            "openings heard of: {} resumed, {} fresh; {} messages and {} requests came, {} frames in doubt, {} peers gone; ",
            self.resumed, self.fresh, self.messages, self.requests, self.in_doubt, self.left,
        )?;
        write!(
            f,
            "calls: {} answered, {} refused, {} expired, {} cancelled ({} told), {} in doubt, {} lost with the peer, ",
            self.answered,
            self.refused,
            self.expired,
            self.cancelled,
            self.told_cancelled,
            self.calls_in_doubt,
            self.lost,
        )?;
        write!(
            f,
            "{} stale answers; files: {} whole, {} stopped; longest run {:?}, latest end of a call {:?} after its deadline",
            self.stale, self.files, self.files_stopped, self.longest, self.latest
        )
    }
}
