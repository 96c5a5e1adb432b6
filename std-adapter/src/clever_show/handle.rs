use crate::PostError;
use crate::post::{Office, Posts};
use mio::{Poll, Token, Waker};
use std::fmt;
use std::io;
use std::sync::Arc;

/// A server or drone, for other threads: wakes it, and has it do things in its own thread. Clones are the same.
pub struct Handle<T> {
    posts: Arc<Posts<Job<T>>>,
}

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

impl<T> Handle<T> {
    /// Has the thread that turns it do `job`, and wakes it.
    pub fn post(&self, job: impl FnOnce(&mut T) + Send + 'static) -> Result<(), PostError> {
        self.posts.post(Box::new(job))
    }

    /// Ends the present or next `run`.
    pub fn stop(&self) {
        self.posts.stop();
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self {
            posts: self.posts.clone(),
        }
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.posts).finish()
    }
}

/// Where the jobs of other threads are done.
pub(super) struct Jobs<T>(Office<Job<T>>);

impl<T> Jobs<T> {
    /// Jobs whose coming wakes `poll` with `token`.
    pub(super) fn new(poll: &Poll, token: Token) -> io::Result<Self> {
        let waker = Waker::new(poll.registry(), token)?;
        let wake = move || {
            // Who can no longer be woken no longer waits.
            let _ = waker.wake();
        };
        Ok(Self(Office::new(MOST_JOBS, Arc::new(wake))))
    }

    pub(super) fn handle(&self) -> Handle<T> {
        Handle {
            posts: (*self.0).clone(),
        }
    }

    /// The jobs that wait by now.
    pub(super) fn take(&self) -> Vec<Job<T>> {
        let waiting = self.0.len();
        (0..waiting).map_while(|_| self.0.take()).collect()
    }

    /// Whether another thread wants something by now.
    pub(super) fn has_some(&self) -> bool {
        self.0.has_some()
    }

    pub(super) fn take_stop(&self) -> bool {
        self.0.take_stop()
    }
}

impl<T> fmt::Debug for Jobs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jobs").field(&*self.0).finish()
    }
}

/// How many jobs may wait.
const MOST_JOBS: usize = 1024;
