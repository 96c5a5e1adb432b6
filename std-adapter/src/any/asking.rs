//! Calls of any kind.

use super::{Anything, Body, Content, Key};
use crate::call::{CallError, Refused, Sort, Waiter};
use crate::peer::Peer;
use ropeway_core::SendError;
use ropeway_core::dialect::{Calling, Dialect, Envelope};
use std::time::Duration;

/// A request under way, as it is sent.
#[derive(Debug)]
pub struct Asked<'a, C> {
    /// What its answer comes back with.
    pub id: C,
    /// The request.
    pub request: &'a Content,
}

/// The answer to a request, as it is sent.
#[derive(Debug)]
pub struct Replied<'a, C> {
    /// The id that the request came with.
    pub id: C,
    /// What named the request.
    pub key: &'a Key,
    /// The answer.
    pub body: &'a Body,
}

/// A request that is to be made.
#[derive(Clone, Debug)]
pub struct Question {
    request: Content,
    timeout: Duration,
    is_repeatable: bool,
}

/// Gets the outcome of a call, and the peer.
pub type Then<D> = Box<dyn FnOnce(&mut Peer<'_, D>, Result<Body, CallError>) + Send>;

impl Question {
    /// Makes this request, and waits for the answer so long.
    pub const fn new(request: Content, timeout: Duration) -> Self {
        Self {
            request,
            timeout,
            is_repeatable: false,
        }
    }

    /// The same, asked again in a fresh session if the peer was started anew before it answered.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    pub(super) fn put<D: Anything + Calling>(
        &self,
        peer: &mut Peer<'_, D>,
        then: Then<D>,
    ) -> Result<D::CallId, CallError> {
        let (mail, desk) = peer.parts();
        let deadline = desk.deadline(self.timeout);
        let sort = Sort {
            name: "",
            is_repeatable: self.is_repeatable,
            names_answer: |_| true,
        };
        let outcome = None;
        let waiter = Some(Box::new(Waiting { outcome, then }) as Box<dyn Waiter<D>>);
        let request = &self.request;
        let asked = |id| Asked { id, request };
        desk.calls.begin_with(mail, sort, deadline, waiter, asked)
    }
}

impl<D: Anything> Peer<'_, D> {
    /// Sends a request of any kind; `then` gets its outcome, and the peer again, when it is there.
    ///
    /// Fails with [`CallError::NoCalls`] where the protocol has none.
    pub fn ask_any(
        &mut self,
        question: &Question,
        then: impl FnOnce(&mut Peer<'_, D>, Result<Body, CallError>) + Send + 'static,
    ) -> Result<D::CallId, CallError> {
        D::ask(self, question, Box::new(then))
    }

    /// Answers a request of any kind, which came under `id` and was named by `key`; a full queue takes nothing, so that this
    /// can be tried again.
    pub fn answer_any(&mut self, id: D::CallId, key: &Key, body: &Body) -> Result<(), SendError> {
        let (mail, desk) = self.parts();
        mail.send(&Replied { id, key, body })?;
        desk.count_sent();
        desk.answered(id);
        Ok(())
    }

    /// The same, as soon as there is room; until then nothing more is taken from the peer. What cannot be said in this
    /// protocol at all becomes a refusal.
    pub fn answer_any_soon(&mut self, id: D::CallId, key: Key, body: Body) {
        let (mail, desk) = self.parts();
        desk.answer_any(mail, id, key, body);
        desk.answered(id);
    }
}

/// Who waits for an answer.
struct Waiting<D: Dialect> {
    outcome: Option<Result<Body, CallError>>,
    then: Then<D>,
}

impl<D: Anything> Waiter<D> for Waiting<D> {
    fn take(&mut self, outcome: Result<Envelope<'_, D>, CallError>) {
        self.outcome = Some(outcome.and_then(read));
    }

    fn run(self: Box<Self>, peer: &mut Peer<'_, D>) {
        if let Some(outcome) = self.outcome {
            (self.then)(peer, outcome);
        }
    }
}

fn read<D: Anything>(answer: Envelope<'_, D>) -> Result<Body, CallError> {
    match D::hear_answer(answer) {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(refused)) => Err(Refused::into(refused)),
        Err(malformed) => Err(CallError::Malformed(malformed)),
    }
}
