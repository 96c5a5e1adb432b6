use super::{CallError, Caller, Waiter};
use crate::storage::Growable;
use ropeway_core::dialect::{Answers, Asks, Calling, Dialect, Envelope};
use ropeway_core::message::{Call, Request};
use ropeway_core::rpc::{Calls, Open};
use ropeway_core::{Instant, Messenger};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;

/// The calls under way on one link, and who waits for each.
pub(crate) struct Table<D: Dialect> {
    calls: Calls<D::CallId, Vec<Open<D::CallId>>>,
    entries: Vec<Entry<D>>,
    limit: usize,
    /// Numbers go up from a random one: an answer to an older program, or to a call given up, finds none of its own.
    next: u32,
    stale: u64,
}

/// What is kept of a call beside its time.
struct Entry<D: Dialect> {
    id: D::CallId,
    /// None for the caller that waits in its own thread.
    waiter: Option<Box<dyn Waiter<D>>>,
    names_answer: fn(&D::Key<'_>) -> bool,
    forget: fn(&mut D, D::CallId),
}

impl<D: Dialect> Table<D> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            calls: Calls::new(Vec::new()),
            entries: Vec::new(),
            limit,
            next: seed(),
            stale: 0,
        }
    }

    /// Sends a request and waits for its answer until `deadline`.
    pub(crate) fn begin<M: Request>(
        &mut self,
        messenger: &mut Messenger<D, Growable>,
        request: &M,
        deadline: Instant,
        waiter: Option<Box<dyn Waiter<D>>>,
    ) -> Result<D::CallId, CallError>
    where
        D: Asks<M>,
    {
        self.drop_unwanted(messenger.dialect_mut());
        if self.entries.len() >= self.limit {
            return Err(CallError::TooMany);
        }
        let id = self.unused(messenger.dialect()).ok_or(CallError::Busy)?;
        messenger.send(&Call { id, request })?;
        self.note::<M>(id, deadline, waiter);
        Ok(id)
    }

    fn note<M: Request>(
        &mut self,
        id: D::CallId,
        deadline: Instant,
        waiter: Option<Box<dyn Waiter<D>>>,
    ) where
        D: Asks<M>,
    {
        if self.calls.open(id, M::NAME, deadline).is_err() {
            // Slots are made as they are needed: a link that never calls has none.
            let mut slots = vec![Open::NONE; (self.entries.len() * 2).clamp(4, self.limit.max(4))];
            let mut calls = Calls::new(std::mem::take(&mut slots));
            for call in self.calls.iter() {
                let _ = calls.open(call.id, call.name, call.deadline);
            }
            let _ = calls.open(id, M::NAME, deadline);
            self.calls = calls;
        }
        self.entries.push(Entry {
            id,
            waiter,
            names_answer: <D as Answers<'static, M>>::names_answer,
            forget: D::forget,
        });
    }

    /// An id that no open call has; none if all are taken.
    fn unused(&mut self, dialect: &D) -> Option<D::CallId>
    where
        D: Calling,
    {
        let ids = (0..=self.entries.len()).map(|_| {
            self.next = self.next.wrapping_add(1);
            dialect.call_id(self.next)
        });
        let entries = &self.entries;
        let mut ids = ids;
        ids.find(|id| entries.iter().all(|entry| entry.id != *id))
    }

    /// Gives an answer to whoever waits for it, and returns those that want to go on in the peer's presence.
    pub(crate) fn answer(
        &mut self,
        id: D::CallId,
        answer: Envelope<'_, D>,
        caller: &mut dyn Caller<D>,
    ) -> Option<Box<dyn Waiter<D>>> {
        let at = self
            .entries
            .iter()
            .position(|entry| entry.id == id && (entry.names_answer)(&answer.key));
        let Some(at) = at else {
            self.stale += 1;
            return None;
        };
        self.calls.cancel(id);
        match self.entries.swap_remove(at).waiter {
            Some(mut waiter) => {
                waiter.take(Ok(answer));
                Some(waiter)
            }
            None => {
                if caller.id() == Some(id) {
                    caller.take(answer);
                }
                None
            }
        }
    }

    /// Ends a call whose time has passed; ask until there is none.
    pub(crate) fn poll_timeout(&mut self, now: Instant, dialect: &mut D) -> Option<Expired<D>> {
        let call = self.calls.poll_timeout(now)?;
        let entry = self.take(call.id)?;
        (entry.forget)(dialect, call.id);
        let mut waiter = entry.waiter;
        if let Some(waiter) = &mut waiter {
            waiter.take(Err(CallError::Deadline));
        }
        Some(waiter)
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.calls.next_timeout()
    }

    /// Nobody waits for this call any more.
    pub(crate) fn cancel(&mut self, id: D::CallId, dialect: &mut D) {
        self.calls.cancel(id);
        if let Some(entry) = self.take(id) {
            (entry.forget)(dialect, id);
        }
    }

    /// Ends every call, since the link has ended.
    pub(crate) fn lose_all(&mut self) -> Vec<Box<dyn Waiter<D>>> {
        let lost = std::mem::take(&mut self.entries);
        for entry in &lost {
            self.calls.cancel(entry.id);
        }
        let waiters = lost.into_iter().filter_map(|entry| entry.waiter);
        let told = waiters.map(|mut waiter| {
            waiter.take(Err(CallError::LinkLost));
            waiter
        });
        told.collect()
    }

    pub(crate) fn is_open(&self, id: D::CallId) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// How many calls wait for their answers.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many answers came that nobody waited for.
    pub(crate) const fn stale(&self) -> u64 {
        self.stale
    }

    pub(crate) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    fn take(&mut self, id: D::CallId) -> Option<Entry<D>> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        Some(self.entries.swap_remove(at))
    }

    /// Makes room by giving up the calls whose tickets have been dropped.
    fn drop_unwanted(&mut self, dialect: &mut D) {
        if self.entries.len() < self.limit {
            return;
        }
        let is_wanted = |entry: &Entry<D>| entry.waiter.as_ref().is_none_or(|w| w.is_wanted());
        while let Some(at) = self.entries.iter().position(|entry| !is_wanted(entry)) {
            let entry = self.entries.swap_remove(at);
            self.calls.cancel(entry.id);
            (entry.forget)(dialect, entry.id);
        }
    }
}

/// Who waited, if not in its own thread.
pub(crate) type Expired<D> = Option<Box<dyn Waiter<D>>>;

#[allow(
    clippy::cast_possible_truncation,
    reason = "any 32 bits of it are as random"
)]
fn seed() -> u32 {
    RandomState::new().hash_one(0) as u32
}

impl<D: Dialect> fmt::Debug for Table<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("calls", &self.calls)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}
