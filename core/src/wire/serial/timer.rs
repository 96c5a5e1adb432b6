//! When to send again: after how long a silence, and how that is learned.

use crate::time::{Duration, Instant};

/// The deadline for an answer, and how long one may take.
///
/// It is 200 ms, or twice what the slowest of the last answers took if that is more: at 9600 baud a packet alone takes
/// 260 ms. It doubles with each timeout until something gets through.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Timer {
    deadline: Option<Instant>,
    timeouts: u8,
    round_trip: Duration,
    sample: Option<Sample>,
}

/// A piece whose acknowledgement is timed.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Sample {
    round: u8,
    end: u16,
    sent: Instant,
}

impl Timer {
    pub(super) const fn new() -> Self {
        Self {
            deadline: None,
            timeouts: 0,
            round_trip: Duration::ZERO,
            sample: None,
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits for an answer from now on.
    pub(super) fn start(&mut self, now: Instant) {
        self.deadline = Some(now + self.patience());
    }

    /// The same, unless it waits already.
    pub(super) fn start_if_idle(&mut self, now: Instant) {
        if self.deadline.is_none() {
            self.start(now);
        }
    }

    pub(super) const fn stop(&mut self) {
        self.deadline = None;
    }

    /// Something got through.
    pub(super) const fn handle_progress(&mut self) {
        self.timeouts = 0;
    }

    /// Whether the deadline has passed; then it is further away next time.
    pub(super) fn poll_timeout(&mut self, now: Instant) -> bool {
        let is_due = self.deadline.is_some_and(|deadline| deadline <= now);
        if is_due {
            self.timeouts = self.timeouts.saturating_add(1).min(DOUBLINGS);
            self.start(now);
        }
        is_due
    }

    /// A piece that ends at `end` has been written in this round.
    pub(super) fn handle_sent(&mut self, round: u8, end: u16, now: Instant) {
        if self.sample.is_none_or(|sample| sample.round != round) {
            let sent = now;
            self.sample = Some(Sample { round, end, sent });
        }
        self.start(now);
    }

    /// The peer has all before `ack`, and saw a piece of the round `echo` last.
    ///
    /// An answer counts for the round of its echo alone, so none that is late is taken for a quick one to the same
    /// piece sent again.
    pub(super) fn handle_ack(&mut self, echo: u8, ack: u16, now: Instant) {
        let Some(sample) = self.sample else { return };
        let is_behind = ack.wrapping_sub(sample.end) <= u16::MAX >> 1;
        if sample.round == echo && is_behind {
            let took = (now - sample.sent).min(LONGEST);
            let decayed = self.round_trip - self.round_trip / 8;
            self.round_trip = took.max(decayed);
            self.sample = None;
        }
    }

    fn patience(&self) -> Duration {
        let first = SHORTEST.max(self.round_trip.saturating_mul(2));
        first
            .saturating_mul(1 << self.timeouts)
            .min(LONGEST.max(first))
    }
}

/// The first wait for an answer.
const SHORTEST: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST: Duration = Duration::from_millis(3200);
/// How often waiting doubles: from the shortest to the longest.
const DOUBLINGS: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn waits_twice_as_long_each_time_up_to_the_longest() {
        let mut timer = Timer::new();
        let mut now = 0;
        timer.start(at(now));
        for wait in [200, 400, 800, 1600, 3200, 3200, 3200] {
            assert!(!timer.poll_timeout(at(now + wait - 1)));
            now += wait;
            assert!(timer.poll_timeout(at(now)));
        }
        timer.handle_progress();
        timer.start(at(now));
        assert_eq!(timer.deadline(), Some(at(now + 200)));
    }

    #[test]
    fn a_slow_line_is_waited_for_longer() {
        let mut timer = Timer::new();
        timer.handle_sent(3, 10, at(0));
        timer.handle_ack(2, 10, at(50));
        timer.handle_ack(3, 9, at(100));
        timer.handle_ack(3, 10, at(300));
        timer.start(at(300));
        assert_eq!(timer.deadline(), Some(at(900)));
    }
}
