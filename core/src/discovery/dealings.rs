use crate::Instant;
use crate::time::Duration;

/// What this program has had to do with a native one: answers given, calls tried, the opening of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Dealings {
    /// When the opening of its connection was done; it is under way without.
    pub(super) opened: Option<Instant>,
    /// The application wants a connection whenever there is none.
    pub(super) is_wanted: bool,
    /// The port of the call under way, whatever port it has named since.
    pub(super) called_port: u16,
    called: Option<Instant>,
    answered: Option<Instant>,
    /// How many calls in a row have come to nothing.
    failures: u8,
}

impl Dealings {
    pub(super) const NONE: Self = Self {
        opened: None,
        is_wanted: false,
        called_port: 0,
        called: None,
        answered: None,
        failures: 0,
    };

    /// The connection has ended; that is a failure if its opening was never done.
    pub(super) fn end(&mut self) {
        if self.opened.take().is_none() {
            self.fail();
        }
    }

    pub(super) fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) fn open(&mut self, now: Instant) {
        self.opened = Some(now);
        self.failures = 0;
    }

    pub(super) fn call(&mut self, now: Instant, port: u16) {
        self.called = Some(now);
        self.called_port = port;
    }

    /// Whether it may be called now: an interval after the last call, twice as long after each failure.
    pub(super) fn may_be_called(&self, now: Instant, interval: Duration) -> bool {
        let doublings = u32::from(self.failures.min(MOST_DOUBLINGS));
        let pause = interval.saturating_mul(1 << doublings);
        self.called.is_none_or(|called| now - called >= pause)
    }

    pub(super) fn may_be_answered(&self, now: Instant) -> bool {
        let answered = self.answered;
        answered.is_none_or(|answered| now - answered >= ANSWER_AGAIN)
    }

    pub(super) fn answer(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// Another run of the program has not been answered yet.
    pub(super) fn restart(&mut self) {
        self.answered = None;
    }
}

/// A call that comes to nothing is repeated after 32 intervals at the latest.
const MOST_DOUBLINGS: u8 = 5;

/// No run of a program is answered more often: see core/SPEC.md.
const ANSWER_AGAIN: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn waits_longer_after_each_failure_but_not_for_ever() {
        let second = Duration::from_secs(1);
        let mut dealings = Dealings::NONE;
        assert!(dealings.may_be_called(at(0), second));
        dealings.call(at(100), 1);
        for pause in [1, 2, 4, 8, 16, 32, 32, 32] {
            assert!(!dealings.may_be_called(at(100 + pause - 1), second));
            assert!(dealings.may_be_called(at(100 + pause), second));
            dealings.fail();
        }
        dealings.open(at(101));
        dealings.end();
        assert!(dealings.may_be_called(at(101), second));
        dealings.end();
        assert!(!dealings.may_be_called(at(101), second));
        assert!(!dealings.may_be_called(at(101), Duration::MAX));
    }

    #[test]
    fn answers_a_run_of_a_program_every_three_seconds() {
        let mut dealings = Dealings::NONE;
        assert!(dealings.may_be_answered(at(5)));
        dealings.answer(at(5));
        assert!(!dealings.may_be_answered(at(7)) && dealings.may_be_answered(at(8)));
        dealings.restart();
        assert!(dealings.may_be_answered(at(5)));
    }
}
