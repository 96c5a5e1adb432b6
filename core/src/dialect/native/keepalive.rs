use crate::Instant;

/// The promises of both sides not to be silent for longer than they say.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Keepalive {
    now: Instant,
    heard: Instant,
    /// Something has been heard since the time was noted.
    has_heard: bool,
    spoken: Instant,
    /// What the peer promised, in milliseconds; 0 for nothing.
    theirs: u32,
}

impl Keepalive {
    pub(super) const NEW: Self = Self {
        now: Instant::from_micros(0),
        heard: Instant::from_micros(0),
        has_heard: false,
        spoken: Instant::from_micros(0),
        theirs: 0,
    };

    /// A new transport: nobody has been silent on it yet.
    pub(super) const fn restart(&mut self) {
        self.heard = self.now;
        self.has_heard = true;
        self.spoken = self.now;
        self.theirs = 0;
    }

    /// What was heard since the last time counts as heard now: who waits for bytes learns the time afterwards.
    pub(super) const fn handle_time(&mut self, now: Instant) {
        self.now = now;
        if self.has_heard {
            self.heard = now;
            self.has_heard = false;
        }
    }

    pub(super) const fn handle_heard(&mut self) {
        self.heard = self.now;
        self.has_heard = true;
    }

    pub(super) const fn handle_spoken(&mut self) {
        self.spoken = self.now;
    }

    pub(super) const fn promise(&mut self, millis: u32) {
        self.theirs = millis;
    }

    /// Whether the peer has broken its promise.
    pub(super) fn is_lost(&self) -> bool {
        self.lost_at().is_some_and(|at| at < self.now)
    }

    /// Whether something has to be said to keep ours, of `millis` milliseconds.
    pub(super) fn must_speak(&self, millis: u32) -> bool {
        self.speak_at(millis).is_some_and(|at| at <= self.now)
    }

    pub(super) fn next_timeout(&self, millis: u32) -> Option<Instant> {
        let lost = self.lost_at().map(|at| after(at, 1));
        lost.into_iter().chain(self.speak_at(millis)).min()
    }

    fn lost_at(&self) -> Option<Instant> {
        let promised = u64::from(self.theirs) * 1_000;
        (self.theirs > 0).then(|| after(self.heard, promised))
    }

    fn speak_at(&self, millis: u32) -> Option<Instant> {
        let half = u64::from(millis) * 500;
        (millis > 0).then(|| after(self.spoken, half))
    }
}

/// A [`Duration`](crate::time::Duration) would have it divided by a million first, which costs a small processor some hundred
/// instructions a frame.
const fn after(at: Instant, micros: u64) -> Instant {
    Instant::from_micros(at.as_micros().saturating_add(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    #[test]
    fn a_promise_is_kept_by_half_and_broken_past_the_whole() {
        let mut keepalive = Keepalive::default();
        keepalive.handle_time(at(100));
        keepalive.restart();
        keepalive.handle_time(at(100));
        assert_eq!(keepalive.next_timeout(0), None);
        keepalive.promise(1_000);
        assert_eq!(keepalive.next_timeout(600), Some(at(400)));
        keepalive.handle_time(at(400));
        assert!(keepalive.must_speak(600) && !keepalive.must_speak(0));
        keepalive.handle_spoken();
        assert!(!keepalive.must_speak(600));
        keepalive.handle_time(at(1_100));
        assert!(!keepalive.is_lost());
        keepalive.handle_time(at(1_101));
        assert!(keepalive.is_lost());
        keepalive.handle_heard();
        assert!(!keepalive.is_lost());
    }

    #[test]
    fn what_is_heard_during_a_long_wait_counts_until_its_end() {
        let mut keepalive = Keepalive::default();
        keepalive.handle_time(at(100));
        keepalive.restart();
        keepalive.promise(1_000);
        keepalive.handle_time(at(5_000));
        assert!(!keepalive.is_lost(), "the transport is new");
        keepalive.handle_heard();
        keepalive.handle_time(at(9_000));
        assert!(!keepalive.is_lost());
        keepalive.handle_time(at(10_001));
        assert!(keepalive.is_lost());
    }
}
