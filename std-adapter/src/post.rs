use crate::transport::Wake;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why something was not handed over to another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostError {
    /// As much waits there as its limit allows.
    Full,
    /// Who would have done it has ended.
    Gone,
}

/// What other threads want done in this one: a bounded queue, and a way to wake who empties it.
pub(crate) struct Posts<J> {
    state: Mutex<State<J>>,
    limit: usize,
    wake: Mutex<Wake>,
}

/// The end of a queue where things are done; when it goes, nobody will do them any more.
pub(crate) struct Office<J>(Arc<Posts<J>>);

struct State<J> {
    jobs: VecDeque<J>,
    is_gone: bool,
    stop: bool,
    wake: bool,
}

impl<J> Posts<J> {
    fn new(limit: usize, wake: Wake) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                is_gone: false,
                stop: false,
                wake: false,
            }),
            limit,
            wake: Mutex::new(wake),
        })
    }

    pub(crate) fn post(&self, job: J) -> Result<(), PostError> {
        let mut state = self.lock();
        if state.is_gone {
            return Err(PostError::Gone);
        }
        if state.jobs.len() >= self.limit {
            return Err(PostError::Full);
        }
        state.jobs.push_back(job);
        drop(state);
        self.call_wake();
        Ok(())
    }

    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.call_wake();
    }

    pub(crate) fn wake(&self) {
        self.lock().wake = true;
        self.call_wake();
    }

    /// Who does the things waits elsewhere from now on: to be told before it looks for some.
    pub(crate) fn set_wake(&self, wake: Wake) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = wake;
    }

    fn call_wake(&self) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
        let wake = Wake::clone(&wake);
        wake();
    }

    /// Takes back one wish to stop.
    pub(crate) fn take_stop(&self) -> bool {
        std::mem::take(&mut self.lock().stop)
    }

    /// Takes back one wish to be woken.
    pub(crate) fn take_wake(&self) -> bool {
        std::mem::take(&mut self.lock().wake)
    }

    pub(crate) fn has_some(&self) -> bool {
        let state = self.lock();
        state.stop || state.wake || !state.jobs.is_empty()
    }

    /// The same, but for wishes to stop or to be woken.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.lock().jobs.is_empty()
    }

    pub(crate) fn take(&self) -> Option<J> {
        self.lock().jobs.pop_front()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Nobody will do anything any more.
    fn end(&self) {
        let jobs = {
            let mut state = self.lock();
            state.is_gone = true;
            std::mem::take(&mut state.jobs)
        };
        drop(jobs);
    }

    /// Every step on the queue leaves it whole, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Office<J> {
    pub(crate) fn new(limit: usize, wake: Wake) -> Self {
        Self(Posts::new(limit, wake))
    }
}

impl<J> Deref for Office<J> {
    type Target = Arc<Posts<J>>;

    fn deref(&self) -> &Arc<Posts<J>> {
        &self.0
    }
}

impl<J> Drop for Office<J> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<J> fmt::Debug for Posts<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posts")
            .field("waiting", &self.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for PostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "as much waits to be done as there may",
            Self::Gone => "the one who would have done it has ended",
        })
    }
}

impl std::error::Error for PostError {}
