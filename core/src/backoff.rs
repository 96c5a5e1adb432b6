use crate::time::Duration;

/// How long to wait before dialling again: at random, up to a bound that doubles with every failure.
///
/// The first bound is 100 ms, the last 5 s. That the whole of it is left to chance spreads clients out that all lost the
/// same hub. Source: "Exponential Backoff And Jitter", full jitter, AWS Architecture Blog, 2015.
///
/// ```
/// use ropeway_core::Backoff;
/// use ropeway_core::time::Duration;
///
/// let mut backoff = Backoff::default().last(Duration::from_millis(300));
/// let highest = u64::MAX;
/// assert_eq!(backoff.next(highest), Duration::from_millis(100));
/// assert_eq!(backoff.next(highest), Duration::from_millis(200));
/// assert_eq!(backoff.next(highest), Duration::from_millis(300));
/// assert_eq!(backoff.next(0), Duration::ZERO);
/// backoff.reset();
/// assert_eq!(backoff.next(highest), Duration::from_millis(100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    first: Duration,
    factor: u32,
    last: Duration,
    steady: Duration,
    /// The bound of the next wait; none before the first failure.
    bound: Option<Duration>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            factor: 2,
            last: Duration::from_secs(5),
            steady: Duration::from_secs(5),
            bound: None,
        }
    }
}

impl Backoff {
    /// The most to wait after the first failure.
    #[must_use]
    pub const fn first(mut self, bound: Duration) -> Self {
        self.first = bound;
        self
    }

    /// By what the bound grows with every failure.
    #[must_use]
    pub const fn factor(mut self, factor: u32) -> Self {
        self.factor = factor;
        self
    }

    /// The most to wait ever.
    #[must_use]
    pub const fn last(mut self, bound: Duration) -> Self {
        self.last = bound;
        self
    }

    /// How long a link must have been open before the next failure counts as the first; 5 s by default.
    #[must_use]
    pub const fn steady(mut self, at_least: Duration) -> Self {
        self.steady = at_least;
        self
    }

    /// How long to wait after a failure, for `random`, a number of all sizes.
    pub fn next(&mut self, random: u64) -> Duration {
        let bound = self.bound.unwrap_or(self.first).min(self.last);
        self.bound = Some(bound.saturating_mul(self.factor));
        let nanos = u128::from(u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX));
        let drawn = (nanos * (u128::from(random) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(u64::MAX))
    }

    /// A link is lost that was open for so long: the next failure is the first, unless that was too short. A peer that takes
    /// links and ends them at once must not be dialled without end.
    pub fn reset_after(&mut self, open: Duration) {
        if open >= self.steady {
            self.reset();
        }
    }

    /// All is well: the next failure is the first.
    pub const fn reset(&mut self) {
        self.bound = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_bound_doubles_up_to_the_last() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.next(u64::MAX).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.next(u64::MAX).as_millis(), 100);
    }

    #[test]
    fn only_a_link_that_lasted_makes_the_next_failure_the_first() {
        let mut backoff = Backoff::default();
        backoff.next(0);
        backoff.reset_after(Duration::from_millis(4999));
        assert_eq!(backoff.next(u64::MAX).as_millis(), 200);
        backoff.reset_after(Duration::from_secs(5));
        assert_eq!(backoff.next(u64::MAX).as_millis(), 100);
    }

    #[test]
    fn every_wait_below_the_bound_is_as_likely() {
        for (part, millis) in [(0, 0), (u64::MAX / 4, 25), (u64::MAX / 2, 50)] {
            assert_eq!(Backoff::default().next(part).as_millis(), millis);
        }
    }

    #[test]
    fn the_longest_settings_do_not_overflow() {
        let mut backoff = Backoff::default()
            .first(Duration::MAX)
            .factor(u32::MAX)
            .last(Duration::MAX);
        let years = Duration::from_secs(365 * 24 * 3600 * 500);
        assert!(backoff.next(u64::MAX) > years && backoff.next(u64::MAX) > years);
    }
}
