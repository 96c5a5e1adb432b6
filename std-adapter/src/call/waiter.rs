use super::{CallError, Failure};
use crate::peer::Peer;
use ropeway_core::dialect::{Answers, Asks, Dialect, Envelope};
use ropeway_core::message::Request;
use std::marker::PhantomData;

/// Who waits for an answer while the link goes on.
///
/// The answer is read while it lies in the receive buffer, and acted on afterwards, when the peer can be spoken to.
pub(crate) trait Waiter<D: Dialect>: Send {
    fn take(&mut self, outcome: Result<Envelope<'_, D>, CallError>);

    fn run(self: Box<Self>, peer: &mut Peer<'_, D>);

    /// Whether anybody still cares.
    fn is_wanted(&self) -> bool {
        true
    }
}

/// Who waits for an answer in its own thread, and reads it where it lies.
pub(crate) trait Caller<D: Dialect> {
    fn id(&self) -> Option<D::CallId>;

    fn take(&mut self, answer: Envelope<'_, D>);

    /// There will be no answer.
    fn fail(&mut self, error: CallError);
}

/// Nobody.
impl<D: Dialect> Caller<D> for () {
    fn id(&self) -> Option<D::CallId> {
        None
    }

    fn take(&mut self, _: Envelope<'_, D>) {}

    fn fail(&mut self, _: CallError) {}
}

/// A closure that waits for an answer of type `A`.
pub(crate) struct Then<M, A, F> {
    outcome: Option<Result<A, CallError>>,
    then: F,
    request: PhantomData<fn() -> M>,
}

impl<M, A, F> Then<M, A, F> {
    pub(crate) const fn new(then: F) -> Self {
        Self {
            outcome: None,
            then,
            request: PhantomData,
        }
    }
}

impl<D, M, A, F> Waiter<D> for Then<M, A, F>
where
    M: for<'a> Request<Answer<'a> = A>,
    D: Asks<M>,
    for<'a> <D as Answers<'a, M>>::Failure: Failure,
    A: Send,
    F: FnOnce(&mut Peer<'_, D>, Result<A, CallError>) + Send,
{
    fn take(&mut self, outcome: Result<Envelope<'_, D>, CallError>) {
        self.outcome = Some(deliver::<D, M, A>(outcome));
    }

    fn run(self: Box<Self>, peer: &mut Peer<'_, D>) {
        if let Some(outcome) = self.outcome {
            (self.then)(peer, outcome);
        }
    }
}

/// Reads an answer that borrows nothing.
pub(crate) fn deliver<D, M, A>(outcome: Result<Envelope<'_, D>, CallError>) -> Result<A, CallError>
where
    M: for<'a> Request<Answer<'a> = A>,
    D: Asks<M>,
    for<'a> <D as Answers<'a, M>>::Failure: Failure,
{
    match D::read_answer(outcome?) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failure)) => Err(failure.keep().into()),
        Err(malformed) => Err(CallError::Malformed(malformed)),
    }
}
