//! What the threads of a run share.

use super::ledger::Ledger;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The ledger of a run, and what ends it.
#[derive(Default)]
pub(super) struct Judge {
    ledger: Mutex<Ledger>,
    wakes: [Mutex<Option<Wake>>; 2],
    is_over: AtomicBool,
    /// Which side is to be started anew.
    reboots: [AtomicBool; 2],
}

type Wake = Box<dyn Fn() + Send>;

impl Judge {
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// How a side is woken from now on.
    pub(super) fn wake_by(&self, side: usize, wake: impl Fn() + Send + 'static) {
        *lock(&self.wakes[side]) = Some(Box::new(wake));
    }

    /// A side is to be started anew.
    pub(super) fn reboot(&self, side: usize) {
        self.reboots[side].store(true, Ordering::SeqCst);
        self.wake(side);
    }

    /// Whether a side is to be started anew, once.
    pub(super) fn takes_reboot(&self, side: usize) -> bool {
        self.reboots[side].swap(false, Ordering::SeqCst)
    }

    /// Whether a run that began at `start` has ended.
    pub(super) fn is_over(&self, start: Instant) -> bool {
        if start.elapsed() > super::LIMIT && !self.is_over.load(Ordering::SeqCst) {
            let mut ledger = self.ledger();
            let state = ledger.state();
            ledger.wrong(format!("it hangs: {state}"));
            drop(ledger);
            self.end();
        }
        self.is_over.load(Ordering::SeqCst)
    }

    /// How many bytes a side that has nothing else left to do still has queued.
    pub(super) fn idle(&self, side: usize, queued: Option<usize>) {
        let is_done = self.ledger().idle(side, queued);
        if is_done {
            self.end();
        }
    }

    /// Ends the run.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.wake(0);
        self.wake(1);
    }

    fn wake(&self, side: usize) {
        if let Some(wake) = &*lock(&self.wakes[side]) {
            wake();
        }
    }
}

/// Ends the run if a thread of it panics.
pub(super) struct Guard<'a>(pub(super) &'a Judge);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
