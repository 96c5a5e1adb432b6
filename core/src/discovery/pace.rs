use crate::Instant;
use crate::time::Duration;

/// How often something may be done: so many times in one go, and as many each second.
///
/// The generic cell rate algorithm (ITU-T I.371, annex A): one point in time stands for the whole bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Pace {
    /// When the bucket will be full again.
    full: Instant,
    /// The time that one takes to come back.
    period: Duration,
}

impl Pace {
    /// As many as `per_second`, from now on; 0 counts as 1.
    pub(super) const fn new(per_second: u32) -> Self {
        let micros = match SECOND.checked_div(per_second as u64) {
            Some(micros) => micros,
            None => SECOND,
        };
        Self {
            full: Instant::from_micros(0),
            period: Duration::from_micros(micros),
        }
    }

    /// Does it once, unless it was done too often.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let may = now >= self.next();
        if may {
            self.full = self.full.max(now) + self.period;
        }
        may
    }

    /// When it may be done next.
    pub(super) fn next(&self) -> Instant {
        let spare = Duration::from_micros(SECOND).saturating_sub(self.period);
        let spare = u64::try_from(spare.as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(self.full.as_micros().saturating_sub(spare))
    }
}

const SECOND: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn lets_a_second_s_worth_pass_in_one_go() {
        for start in [0, 7, 100_000] {
            let mut pace = Pace::new(4);
            let taken = (0..10).filter(|_| pace.take(at(start))).count();
            assert_eq!(taken, 4);
            assert_eq!(pace.next(), at(start + 250));
        }
    }

    #[test]
    fn gives_back_one_at_a_time() {
        let mut pace = Pace::new(4);
        while pace.take(at(0)) {}
        assert!(!pace.take(at(249)));
        assert!(pace.take(at(250)));
        assert!(!pace.take(at(250)));
        let taken = (0..10).filter(|_| pace.take(at(5000))).count();
        assert_eq!(taken, 4);
    }

    #[test]
    fn never_passes_more_than_its_rate_in_the_long_run() {
        let mut pace = Pace::new(16);
        let taken = (0..10_000).filter(|millis| pace.take(at(*millis))).count();
        assert!((160..=176).contains(&taken), "{taken}");
    }
}
