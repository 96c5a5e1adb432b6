use super::{CallError, Caller, Waiter};
use crate::desk::Mail;
use crate::random::random;
use ropeway_core::dialect::{Answers, Asks, Calling, Carries, Dialect, Envelope};
use ropeway_core::encoding::EncodeError;
use ropeway_core::message::{Call, Request};
use ropeway_core::rpc::{Calls, Open};
use ropeway_core::{Instant, SendError};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The calls under way with one peer, and who waits for each.
pub(crate) struct Table<D: Dialect> {
    calls: Calls<D::CallId, Vec<Open<D::CallId>>>,
    entries: Vec<Entry<D>>,
    limit: usize,
    /// Numbers go up from a random one: an answer to an older program, or to a call given up, finds none of its own.
    next: u32,
    stale: u64,
    /// How many requests were sent, until they have been counted.
    asked: u64,
    /// A ticket has been dropped since tickets were looked at.
    dropped: Arc<AtomicBool>,
    /// What is to be said of calls as soon as there is room.
    owed: VecDeque<Owed<D>>,
    /// Memory for copies of requests.
    spare: Vec<Vec<u8>>,
}

/// What is kept of a call beside its time.
struct Entry<D: Dialect> {
    id: D::CallId,
    /// None for the caller that waits in its own thread.
    waiter: Option<Box<dyn Waiter<D>>>,
    names_answer: fn(&D::Key<'_>) -> bool,
    forget: fn(&mut D, D::CallId),
    verbs: Verbs<D>,
    /// A copy of the request, to be asked again in a fresh session; empty where it must not be.
    request: Vec<u8>,
}

/// What is known of a request beside what is sent.
pub(crate) struct Sort<D: Dialect> {
    pub(crate) name: &'static str,
    /// It may be asked again in a fresh session.
    pub(crate) is_repeatable: bool,
    /// Whether an answer of this key can be one to it.
    pub(crate) names_answer: fn(&D::Key<'_>) -> bool,
}

/// What can be done about a call in a dialect that keeps sessions.
struct Verbs<D: Dialect> {
    cancel: fn(&mut Mail<D>, D::CallId) -> Result<(), SendError>,
    holds_request: fn(&mut Mail<D>, D::CallId) -> bool,
}

impl<D: Dialect> Clone for Verbs<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Dialect> Copy for Verbs<D> {}

enum Owed<D: Dialect> {
    Cancel(D::CallId, Verbs<D>),
    /// The request of this call once more.
    Again(D::CallId),
}

impl<D: Dialect> Table<D> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            calls: Calls::new(Vec::new()),
            entries: Vec::new(),
            limit,
            next: seed(),
            stale: 0,
            asked: 0,
            dropped: Arc::default(),
            owed: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// Sends a request and waits for its answer until `deadline`.
    pub(crate) fn begin<M: Request>(
        &mut self,
        mail: &mut Mail<D>,
        request: &M,
        deadline: Instant,
        waiter: Option<Box<dyn Waiter<D>>>,
    ) -> Result<D::CallId, CallError>
    where
        D: Asks<M>,
    {
        let sort = Sort {
            name: M::NAME,
            is_repeatable: M::IS_REPEATABLE,
            names_answer: <D as Answers<'static, M>>::names_answer,
        };
        self.begin_with(mail, sort, deadline, waiter, |id| Call { id, request })
    }

    /// The same, with what is sent made by `request`.
    pub(crate) fn begin_with<Q>(
        &mut self,
        mail: &mut Mail<D>,
        sort: Sort<D>,
        deadline: Instant,
        waiter: Option<Box<dyn Waiter<D>>>,
        request: impl FnOnce(D::CallId) -> Q,
    ) -> Result<D::CallId, CallError>
    where
        D: Calling + Carries<Q>,
    {
        if self.entries.len() >= self.limit {
            self.drop_unwanted(mail.dialect_mut());
        }
        if self.entries.len() >= self.limit {
            return Err(CallError::TooMany);
        }
        let id = self.unused(mail.dialect()).ok_or(CallError::Busy)?;
        let call = request(id);
        mail.send(&call)?;
        self.asked += 1;
        let copy = match sort.is_repeatable && mail.dialect().keeping().is_some() {
            true => copy(
                mail.dialect_mut(),
                &call,
                self.spare.pop().unwrap_or_default(),
            ),
            false => Vec::new(),
        };
        self.note(id, sort, deadline, waiter, copy);
        Ok(id)
    }

    fn note(
        &mut self,
        id: D::CallId,
        sort: Sort<D>,
        deadline: Instant,
        waiter: Option<Box<dyn Waiter<D>>>,
        request: Vec<u8>,
    ) where
        D: Calling,
    {
        if self.calls.open(id, sort.name, deadline).is_err() {
            // Slots are made as they are needed: a link that never calls has none.
            let mut slots = vec![Open::NONE; (self.entries.len() * 2).clamp(4, self.limit.max(4))];
            let mut calls = Calls::new(std::mem::take(&mut slots));
            for call in self.calls.iter() {
                let _ = calls.open(call.id, call.name, call.deadline);
            }
            let _ = calls.open(id, sort.name, deadline);
            self.calls = calls;
        }
        self.entries.push(Entry {
            id,
            waiter,
            names_answer: sort.names_answer,
            forget: D::forget,
            verbs: Verbs {
                cancel: Mail::cancel,
                holds_request: Mail::holds_request,
            },
            request,
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
        let entry = self.entries.swap_remove(at);
        self.keep_memory(entry.request);
        match entry.waiter {
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
        let mut waiter = self.give_up(entry, dialect);
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
            self.give_up(entry, dialect);
        }
    }

    /// Says what is to be said of calls that were given up or are asked again, as far as there is room.
    pub(crate) fn settle(&mut self, mail: &mut Mail<D>) {
        // Looked at for each message: only a change is worth the exchange.
        if self.dropped.load(Ordering::Relaxed) && self.dropped.swap(false, Ordering::Acquire) {
            self.drop_unwanted(mail.dialect_mut());
        }
        while let Some(owed) = self.owed.front() {
            let said = match *owed {
                Owed::Cancel(id, verbs) => (verbs.cancel)(mail, id),
                Owed::Again(id) => match self.entries.iter().find(|entry| entry.id == id) {
                    Some(entry) => mail.send_again(&entry.request),
                    None => Ok(()),
                },
            };
            if said == Err(SendError::Full) {
                return;
            }
            self.owed.pop_front();
        }
    }

    /// A session has begun anew: what the peer may have taken of the older one gets no answer. Requests that are
    /// repeatable are asked again, and those that have never gone out still will.
    pub(crate) fn begin_anew(
        &mut self,
        mail: &mut Mail<D>,
        caller: &mut dyn Caller<D>,
    ) -> Vec<Box<dyn Waiter<D>>> {
        self.owed.retain(|owed| matches!(owed, Owed::Cancel(..)));
        let mut lost = Vec::new();
        for at in (0..self.entries.len()).rev() {
            let Entry { id, verbs, .. } = self.entries[at];
            if (verbs.holds_request)(mail, id) {
                continue;
            }
            if !self.entries[at].request.is_empty() {
                self.owed.push_front(Owed::Again(id));
                continue;
            }
            self.calls.cancel(id);
            match self.entries.swap_remove(at).waiter {
                Some(mut waiter) => {
                    waiter.take(Err(CallError::InDoubt));
                    lost.push(waiter);
                }
                None if caller.id() == Some(id) => caller.fail(CallError::InDoubt),
                None => {}
            }
        }
        self.settle(mail);
        lost
    }

    /// Ends every call, since the link has ended.
    pub(crate) fn lose_all(&mut self) -> Vec<Box<dyn Waiter<D>>> {
        self.owed.clear();
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

    /// Whether no call waits, and nothing is to be told of any.
    pub(crate) fn is_blank(&self) -> bool {
        self.entries.is_empty() && self.owed.is_empty() && self.stale == 0
    }

    pub(crate) fn is_open(&self, id: D::CallId) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// How many calls wait for their answers.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn asked(&self) -> u64 {
        self.asked
    }

    pub(crate) const fn forget_asked(&mut self) {
        self.asked = 0;
    }

    /// How many answers came that nobody waited for.
    pub(crate) const fn stale(&self) -> u64 {
        self.stale
    }

    pub(crate) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// What tells the table that a ticket has been dropped.
    pub(crate) fn dropped(&self) -> Arc<AtomicBool> {
        self.dropped.clone()
    }

    fn take(&mut self, id: D::CallId) -> Option<Entry<D>> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        Some(self.entries.swap_remove(at))
    }

    /// Nobody waits for the answer to this call any more.
    fn give_up(&mut self, entry: Entry<D>, dialect: &mut D) -> Option<Box<dyn Waiter<D>>> {
        match dialect.keeping() {
            Some(_) => {
                let waits = |owed: &Owed<D>| matches!(owed, Owed::Again(id) if *id == entry.id);
                match self.owed.iter().position(waits) {
                    Some(at) => drop(self.owed.remove(at)),
                    None => self.owed.push_back(Owed::Cancel(entry.id, entry.verbs)),
                }
            }
            None => (entry.forget)(dialect, entry.id),
        }
        self.keep_memory(entry.request);
        entry.waiter
    }

    /// Gives up the calls whose tickets have been dropped.
    fn drop_unwanted(&mut self, dialect: &mut D) {
        let is_wanted = |entry: &Entry<D>| entry.waiter.as_ref().is_none_or(|w| w.is_wanted());
        while let Some(at) = self.entries.iter().position(|entry| !is_wanted(entry)) {
            let entry = self.entries.swap_remove(at);
            self.calls.cancel(entry.id);
            self.give_up(entry, dialect);
        }
    }

    fn keep_memory(&mut self, memory: Vec<u8>) {
        if memory.capacity() > 0 && memory.capacity() <= MOST_SPARE {
            self.spare.push(memory);
        }
    }
}

impl<D: Dialect> Drop for Table<D> {
    fn drop(&mut self) {
        drop(self.lose_all());
    }
}

/// A request as it goes out, in `memory`.
fn copy<Q, D: Carries<Q>>(dialect: &mut D, call: &Q, mut memory: Vec<u8>) -> Vec<u8> {
    memory.resize(memory.capacity().max(64), 0);
    loop {
        match dialect.emit(call, &mut memory) {
            Ok(len) => {
                memory.truncate(len);
                return memory;
            }
            Err(EncodeError::Full) => memory.resize(memory.len() * 2, 0),
            // It has just been sent, so it can be said.
            Err(_) => return Vec::new(),
        }
    }
}

/// Who waited, if not in its own thread.
pub(crate) type Expired<D> = Option<Box<dyn Waiter<D>>>;

fn seed() -> u32 {
    let [a, b, c, d, ..] = random().to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// A copy of a request that took more memory than that does not keep it.
const MOST_SPARE: usize = 4096;

impl<D: Dialect> fmt::Debug for Table<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("calls", &self.calls)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}
