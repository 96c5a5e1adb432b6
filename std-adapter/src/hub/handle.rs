use super::{News, PeerId, PeerInfo, Peers};
use crate::post::{PostError, Posts};
use ropeway_core::dialect::{Carries, Dialect};
use std::fmt;
use std::sync::Arc;

/// A hub, for other threads: has it do things in its own, and wakes it. Clones are the same.
///
/// What waits is bounded: when there is too much, that is an error here and nothing is lost.
pub struct Handle<D: Dialect> {
    pub(super) posts: Arc<Posts<Job<D>>>,
}

pub(super) type Job<D> = Box<dyn FnOnce(&mut Peers<D>) + Send>;

impl<D: Dialect> Handle<D> {
    /// Has the hub's thread do `job`.
    pub fn post(&self, job: impl FnOnce(&mut Peers<D>) + Send + 'static) -> Result<(), PostError> {
        self.posts.post(Box::new(job))
    }

    /// Sends a message to a peer; if the hub cannot, that becomes [`News::Unsent`].
    pub fn send<M: Send + 'static>(&self, peer: PeerId, message: M) -> Result<(), PostError>
    where
        D: Carries<M>,
    {
        self.post(move |peers| {
            if let Err(error) = peers.send(peer, &message) {
                peers.tell(News::Unsent(peer, error));
            }
        })
    }

    /// Sends a message to every peer; to whom the hub cannot, becomes [`News::Unsent`].
    pub fn broadcast<M: Send + 'static>(&self, message: M) -> Result<(), PostError>
    where
        D: Carries<M>,
    {
        self.post(move |peers| {
            for (peer, error) in peers.broadcast(&message) {
                peers.tell(News::Unsent(peer, error));
            }
        })
    }

    /// Sends a message to those peers that `to` picks; to whom the hub cannot, becomes [`News::Unsent`].
    pub fn broadcast_to<M: Send + 'static>(
        &self,
        to: impl FnMut(&PeerInfo) -> bool + Send + 'static,
        message: M,
    ) -> Result<(), PostError>
    where
        D: Carries<M>,
    {
        self.post(move |peers| {
            for (peer, error) in peers.broadcast_to(to, &message) {
                peers.tell(News::Unsent(peer, error));
            }
        })
    }

    /// Ends the hub's present or next [`run`](super::Hub::run) or [`next`](super::Hub::next).
    pub fn stop(&self) {
        self.posts.stop();
    }

    /// Ends the hub's present or next wait.
    pub fn wake(&self) {
        self.posts.wake();
    }
}

impl<D: Dialect> Clone for Handle<D> {
    fn clone(&self) -> Self {
        Self {
            posts: self.posts.clone(),
        }
    }
}

impl<D: Dialect> fmt::Debug for Handle<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.posts).finish()
    }
}
