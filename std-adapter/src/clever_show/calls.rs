//! Requests that wait for their answers.

use super::queue::Frame;
use super::{FileError, Talk};
use crate::call::CallError;
use crate::waits::Deadline;
use ropeway_core::dialect::clever_show::{CallId, Json};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::time::Duration;

/// The requests of one connection, which may outlast it.
pub(super) struct Calls {
    open: HashMap<CallId, Pending>,
    next: u32,
    /// How many have been made.
    count: u64,
}

/// A request that waits.
pub(super) struct Pending {
    /// The requested value, which an answer must name.
    pub(super) name: String,
    pub(super) frame: Frame,
    pub(super) deadline: Deadline,
    /// The longest silence.
    pub(super) timeout: Duration,
    pub(super) then: Then,
    /// In the order in which they were made.
    number: u64,
}

/// Who waits for it.
pub(super) enum Then {
    Value(Box<dyn Waiter>),
    File {
        path: String,
        target: PathBuf,
        then: FileThen,
    },
}

/// Gets the length of a file that has come.
pub(super) type FileThen = Box<dyn FnOnce(&mut Talk, Result<u64, FileError>) + Send>;

/// Reads an answer while it lies in the receive buffer, and acts on it afterwards.
pub(super) trait Waiter: Send {
    fn take(&mut self, outcome: Result<Json<'_>, CallError>);

    fn run(self: Box<Self>, talk: &mut Talk);
}

/// A closure that waits for a value.
pub(super) struct Closure<R, F> {
    outcome: Option<Result<R, CallError>>,
    then: F,
}

impl<R, F> Closure<R, F> {
    pub(super) const fn new(then: F) -> Self {
        Self {
            outcome: None,
            then,
        }
    }
}

impl<R, F> Waiter for Closure<R, F>
where
    R: DeserializeOwned + Send,
    F: FnOnce(&mut Talk, Result<R, CallError>) + Send,
{
    fn take(&mut self, outcome: Result<Json<'_>, CallError>) {
        self.outcome = Some(outcome.and_then(|json| json.read().map_err(CallError::Malformed)));
    }

    fn run(self: Box<Self>, talk: &mut Talk) {
        if let Some(outcome) = self.outcome {
            (self.then)(talk, outcome);
        }
    }
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            open: HashMap::new(),
            next: seed(),
            count: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// An id that no other request waits under.
    pub(super) fn unused(&mut self, limit: usize) -> Result<CallId, CallError> {
        if self.open.len() >= limit.min(CallId::COUNT as usize) {
            return Err(CallError::TooMany);
        }
        loop {
            self.next = (self.next + 1) % CallId::COUNT;
            let id = CallId::new(self.next);
            if !self.open.contains_key(&id) {
                return Ok(id);
            }
        }
    }

    pub(super) fn open(
        &mut self,
        id: CallId,
        name: &str,
        frame: Frame,
        timeout: Duration,
        then: Then,
    ) {
        self.count += 1;
        let pending = Pending {
            name: name.into(),
            frame,
            deadline: Deadline::after(timeout),
            timeout,
            then,
            number: self.count,
        };
        self.open.insert(id, pending);
    }

    /// Takes out the request that an answer belongs to; none if nobody waits for one of this id and name.
    pub(super) fn answered(&mut self, id: CallId, name: &str) -> Option<Pending> {
        let pending = self.open.get(&id)?;
        match pending.name == name {
            true => self.open.remove(&id),
            false => None,
        }
    }

    pub(super) fn get(&mut self, id: CallId) -> Option<&mut Pending> {
        self.open.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Pending> {
        self.open.remove(&id)
    }

    /// Takes out a request whose time has passed; ask until there is none.
    pub(super) fn expired(&mut self) -> Option<(CallId, Pending)> {
        let mut calls = self.open.iter();
        let (id, _) = calls.find(|(_, call)| call.deadline.has_passed())?;
        let id = *id;
        self.open.remove(&id).map(|call| (id, call))
    }

    /// How long until the next time passes.
    pub(super) fn left(&self) -> Duration {
        let left = self.open.values().map(|call| call.deadline.left());
        left.min().unwrap_or(Duration::MAX)
    }

    /// All requests, the oldest first.
    pub(super) fn frames(&self) -> Vec<(CallId, Frame)> {
        let mut calls: Vec<_> = self.open.iter().collect();
        calls.sort_by_key(|(_, call)| call.number);
        let frames = calls.into_iter();
        frames.map(|(id, call)| (*id, call.frame.clone())).collect()
    }

    /// Takes out all.
    pub(super) fn drain(&mut self) -> Vec<(CallId, Pending)> {
        self.open.drain().collect()
    }
}

/// Ids start at random, so that an answer to an older program finds no request of this one.
#[allow(
    clippy::cast_possible_truncation,
    reason = "any 32 bits of it are as random"
)]
fn seed() -> u32 {
    RandomState::new().hash_one(0) as u32 % CallId::COUNT
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.open.keys()).finish()
    }
}
