use crate::native::Backoff;
use ropeway_core::Instant;
use std::time::Duration;

/// How often a peer has been dialled in vain.
#[derive(Default)]
pub(super) struct Redials {
    backoff: Backoff,
    has_failed: bool,
    /// Since when the link has been open, if it is.
    open_since: Option<Instant>,
}

impl Redials {
    /// The peer has been reached.
    pub(super) const fn handle_opened(&mut self, now: Instant) {
        self.has_failed = false;
        self.open_since = Some(now);
    }

    /// How long to wait before the next attempt; `random` is any number.
    ///
    /// A link that was lost as soon as it was open counts as another failure.
    pub(super) fn next(&mut self, now: Instant, random: u64) -> Duration {
        if let Some(opened) = self.open_since.take() {
            self.backoff.reset_after(now - opened);
        }
        self.has_failed = true;
        self.backoff.next(random)
    }

    /// Whether no attempt has failed since the peer was reached.
    pub(super) const fn is_new(&self) -> bool {
        !self.has_failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_peer_that_opens_and_ends_at_once_is_dialled_ever_more_rarely() {
        let mut redials = Redials::default();
        let waits = (0..8).map(|n| {
            redials.handle_opened(at(n));
            redials.next(at(n + 1), u64::MAX).as_millis()
        });
        assert!(waits.eq([100, 200, 400, 800, 1600, 3200, 5000, 5000]));
    }

    #[test]
    fn a_link_that_was_open_for_a_while_is_dialled_again_soon() {
        let mut redials = Redials::default();
        redials.next(at(0), u64::MAX);
        redials.next(at(1), u64::MAX);
        redials.handle_opened(at(2));
        assert!(redials.is_new());
        assert_eq!(redials.next(at(7), u64::MAX).as_millis(), 100);
        assert_eq!(redials.next(at(99), u64::MAX).as_millis(), 200);
    }
}
