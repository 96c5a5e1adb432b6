//! Calls that wait for an answer from whoever runs the command.

use crate::fault::Fault;
use ropeway_std::any::{Anything, Key};
use ropeway_std::hub::PeerId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The calls that have been printed with a number, and are answered by it.
pub(crate) struct Replies<D: Anything>(Arc<Mutex<Open<D>>>);

/// A call, as it is to be answered.
pub(crate) struct Waiting<D: Anything> {
    pub(crate) peer: PeerId,
    pub(crate) id: D::CallId,
    pub(crate) key: Key,
}

struct Open<D: Anything> {
    calls: BTreeMap<u64, Waiting<D>>,
    last: u64,
}

impl<D: Anything> Replies<D> {
    pub(crate) fn new() -> Self {
        let (calls, last) = (BTreeMap::new(), 0);
        Self(Arc::new(Mutex::new(Open { calls, last })))
    }

    /// The number of one more call; none if there are too many.
    pub(crate) fn open(&self, call: Waiting<D>) -> Option<u64> {
        let mut open = self.lock();
        if open.calls.len() >= MOST {
            return None;
        }
        open.last += 1;
        let number = open.last;
        open.calls.insert(number, call);
        Some(number)
    }

    /// Takes out the call of this number.
    pub(crate) fn take(&self, number: u64) -> Result<Waiting<D>, Fault> {
        let wrong = || {
            Fault::input(format!("no call {number} waits for a reply"))
                .hint("calls are printed with their number, once each")
        };
        self.lock().calls.remove(&number).ok_or_else(wrong)
    }

    /// Puts one back that could not be answered yet.
    pub(crate) fn put_back(&self, number: u64, call: Waiting<D>) {
        self.lock().calls.insert(number, call);
    }

    fn lock(&self) -> MutexGuard<'_, Open<D>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Anything> Clone for Replies<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// How many calls may wait.
const MOST: usize = 1024;
