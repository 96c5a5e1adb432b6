use mio::{Poll, Token, Waker};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    wakers: Mutex<Vec<Waker>>,
}

impl Cancel {
    /// A switch that has not been turned.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what waits, now and later.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::SeqCst);
        for waker in self.wakers().iter() {
            // A poll that is gone needs no waking.
            let _ = waker.wake();
        }
    }

    /// Whether the switch has been turned.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::SeqCst)
    }

    /// Makes a turn of the switch wake `poll` with `token`.
    pub(crate) fn wake(&self, poll: &Poll, token: Token) -> io::Result<()> {
        self.wakers().push(Waker::new(poll.registry(), token)?);
        Ok(())
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.shared
            .wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
