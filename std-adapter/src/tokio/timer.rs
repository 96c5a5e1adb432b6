use crate::clock::Clock;
use ::tokio::time::{Sleep, sleep};
use ropeway_core::Instant;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The runtime's time, and one alarm.
///
/// The alarm is set again only for an earlier time than it is set to: timers that are mostly put off, as deadlines of calls
/// are, cost next to nothing.
pub(super) struct Timer {
    clock: Clock,
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it goes off, if it is set.
    set_to: Instant,
}

impl Timer {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::of(|| ::tokio::time::Instant::now().into_std()),
            sleep: None,
            set_to: NEVER,
        }
    }

    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Whether whoever waits is woken by then.
    pub(super) fn wakes_by(&self, at: Instant) -> bool {
        self.set_to <= at
    }

    /// Has the task woken at `at`, or somewhat earlier; a millisecond from now if that is over: what is due and cannot be
    /// served must not keep the task busy.
    pub(super) fn wake_at(&mut self, at: Instant, context: &mut Context<'_>) {
        if self.set_to < NEVER && self.poll_sleep(context).is_ready() {
            self.set_to = NEVER;
        }
        if at < self.set_to {
            self.set(at);
            // A time that is at least a millisecond away has not come.
            let _ = self.poll_sleep(context);
        }
    }

    /// Waits until `at`.
    pub(super) fn until(&mut self, at: Option<Instant>) -> impl Future<Output = ()> {
        let at = at.unwrap_or(NEVER).max(self.now() + SHORTEST);
        poll_fn(move |context| {
            if at <= self.now() {
                return Poll::Ready(());
            }
            self.wake_at(at, context);
            Poll::Pending
        })
    }

    fn set(&mut self, at: Instant) {
        let now = self.now();
        let left = (at - now).clamp(SHORTEST, LONGEST);
        self.set_to = now + left;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(::tokio::time::Instant::now() + left),
            None => self.sleep = Some(Box::pin(sleep(left))),
        }
    }

    fn poll_sleep(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.as_mut();
        sleep.map_or(Poll::Pending, |sleep| sleep.as_mut().poll(context))
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("set_to", &self.set_to)
            .finish_non_exhaustive()
    }
}

/// As an unbounded deadline turns out.
pub(super) const NEVER: Instant = Instant::from_micros(u64::MAX);

const SHORTEST: Duration = Duration::from_millis(1);

/// It is set again after that: longer waits are none of the runtime's business.
const LONGEST: Duration = Duration::from_secs(3600);
