use mio::{Poll, Token, Waker};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Ends, from any thread, what another thread waits for: a connect, a listen, a discovery.
///
/// Clones are the same switch; it cannot be turned back.
///
/// ```
/// use ropeway_std::{Cancel, Connect, ConnectError};
///
/// let cancel = Cancel::new();
/// cancel.cancel();
/// let refused = Connect::new("127.0.0.1:9").cancel(&cancel).stream();
/// assert!(matches!(refused, Err(ConnectError::Cancelled)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    parent: Option<Cancel>,
    /// Of those who wait at present.
    wakers: Mutex<Vec<Weak<Waker>>>,
}

impl Cancel {
    /// A switch that has not been turned.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what waits, now and later.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::SeqCst);
        for waker in self.wakers().iter().filter_map(Weak::upgrade) {
            // Who can no longer be woken no longer waits.
            let _ = waker.wake();
        }
    }

    /// Whether the switch has been turned.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::SeqCst)
            || self.shared.parent.as_ref().is_some_and(Self::is_cancelled)
    }

    /// A switch of its own that this one turns too.
    pub(crate) fn child(&self) -> Self {
        let shared = Shared {
            parent: Some(self.clone()),
            ..Shared::default()
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Makes a turn of the switch wake `poll` with `token`, as long as the result is kept.
    pub(crate) fn wake(&self, poll: &Poll, token: Token) -> io::Result<Arc<Waker>> {
        let waker = Arc::new(Waker::new(poll.registry(), token)?);
        self.keep(&waker);
        Ok(waker)
    }

    fn keep(&self, waker: &Arc<Waker>) {
        let mut wakers = self.wakers();
        wakers.retain(|waker| waker.strong_count() > 0);
        wakers.push(Arc::downgrade(waker));
        if let Some(parent) = &self.shared.parent {
            parent.keep(waker);
        }
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Weak<Waker>>> {
        self.shared
            .wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_wakers_of_those_who_wait_only() {
        let cancel = Cancel::new();
        for _ in 0..100 {
            let poll = Poll::new().unwrap();
            let _waker = cancel.wake(&poll, Token(0)).unwrap();
        }
        assert_eq!(cancel.wakers().len(), 1);
    }

    #[test]
    fn a_child_is_turned_with_its_parent_and_not_the_other_way_round() {
        let parent = Cancel::new();
        let (first, second) = (parent.child(), parent.child());
        first.cancel();
        assert!(first.is_cancelled() && !parent.is_cancelled() && !second.is_cancelled());
        parent.cancel();
        assert!(second.is_cancelled());
    }
}
