use super::Talks;
use super::talks::Job;
use crate::post::{PostError, Posts};
use crate::transport::Wakeable;
use crate::{Error, Polled};
use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A [`Talks`], for other threads: has it do things in its own, and wakes it. Clones are the same.
pub struct Handle<T: Wakeable = Polled> {
    posts: Arc<Posts<Job<T>>>,
}

/// A [`Talks`] that turns in a thread of its own.
pub struct Running<T: Wakeable = Polled> {
    handle: Handle<T>,
    thread: JoinHandle<(Talks<T>, Result<(), Error>)>,
}

impl<T: Wakeable> Handle<T> {
    pub(super) fn new(posts: &Arc<Posts<Job<T>>>) -> Self {
        let posts = posts.clone();
        Self { posts }
    }

    /// Has its thread do `job`, and wakes it.
    pub fn post(&self, job: impl FnOnce(&mut Talks<T>) + Send + 'static) -> Result<(), PostError> {
        self.posts.post(Box::new(job))
    }

    /// Ends its present or next [`run`](Talks::run).
    pub fn stop(&self) {
        self.posts.stop();
    }
}

impl<T: Wakeable + Send + 'static> Talks<T> {
    /// Has it turn in a thread of its own, which is started for that, so that the peer's calls are answered while
    /// the program does other things.
    pub fn in_background(mut self) -> Running<T>
    where
        T: Sync,
    {
        let handle = self.handle();
        let thread = thread::spawn(move || {
            let ran = self.run();
            (self, ran)
        });
        Running { handle, thread }
    }
}

impl<T: Wakeable> Running<T> {
    /// A handle, to have it call the peer.
    pub fn handle(&self) -> Handle<T> {
        self.handle.clone()
    }

    /// Stops it, and gives it back with what ended it, unless that was the peer's close. A panic of a handler goes on
    /// here.
    pub fn stop(self) -> (Talks<T>, Result<(), Error>) {
        self.handle.stop();
        match self.thread.join() {
            Ok((mut talks, ran)) => {
                // It may have ended by itself, before it was told to.
                talks.take_stop();
                (talks, ran)
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<T: Wakeable> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self::new(&self.posts)
    }
}

impl<T: Wakeable> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.posts).finish()
    }
}

impl<T: Wakeable> fmt::Debug for Running<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.handle).finish()
    }
}
