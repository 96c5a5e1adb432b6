use std::time::Duration;

/// How long to wait before a peer is dialled again: twice as long each time, up to a limit, and any time up to that at
/// random, so that many who lost the same peer do not all come back at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    tries: u8,
}

impl Backoff {
    /// The next wait; `random` is any number.
    pub(super) fn next(&mut self, random: u64) -> Duration {
        let longest = (FIRST * (1 << self.tries.min(10))).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(random % micros)
    }

    /// Whether nothing has failed since the peer was reached.
    pub(super) const fn is_new(self) -> bool {
        self.tries == 0
    }
}

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_and_longer_and_never_too_long() {
        let mut backoff = Backoff::default();
        let longest = |backoff: &mut Backoff| {
            let tries = *backoff;
            (0..500).fold(Duration::ZERO, |longest, random| {
                *backoff = tries;
                longest.max(backoff.next(u64::wrapping_mul(random, 0x9E37_79B9_7F4A_7C15)))
            })
        };
        let mut limit = FIRST;
        for _ in 0..300 {
            let longest = longest(&mut backoff);
            assert!(
                longest < limit && longest > limit / 2,
                "{longest:?} of {limit:?}"
            );
            limit = (limit * 2).min(LONGEST);
        }
    }
}
