use super::{CallError, Failure, Waiter, deliver};
use crate::peer::Peer;
use ropeway_core::dialect::{Answers, Asks, Envelope};
use ropeway_core::message::Request;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A call under way, to be looked at now and then.
///
/// Dropping it gives the call up: its answer is dropped when it comes.
#[derive(Debug)]
#[must_use = "dropping a ticket gives the call up"]
pub struct Ticket<A> {
    outcome: Arc<Mutex<Option<Result<A, CallError>>>>,
}

impl<A> Ticket<A> {
    /// The outcome, once: `None` before it is there and after it has been taken.
    pub fn poll(&self) -> Option<Result<A, CallError>> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.take()
    }
}

/// The other end of a ticket.
pub(crate) struct Stub<M, A> {
    outcome: Weak<Mutex<Option<Result<A, CallError>>>>,
    request: PhantomData<fn() -> M>,
}

impl<M, A> Stub<M, A> {
    pub(crate) fn new() -> (Ticket<A>, Self) {
        let outcome = Arc::new(Mutex::new(None));
        let stub = Self {
            outcome: Arc::downgrade(&outcome),
            request: PhantomData,
        };
        (Ticket { outcome }, stub)
    }
}

impl<D, M, A> Waiter<D> for Stub<M, A>
where
    M: for<'a> Request<Answer<'a> = A>,
    D: Asks<M>,
    for<'a> <D as Answers<'a, M>>::Failure: Failure,
    A: Send,
{
    fn take(&mut self, outcome: Result<Envelope<'_, D>, CallError>) {
        if let Some(ticket) = self.outcome.upgrade() {
            let outcome = deliver::<D, M, A>(outcome);
            *ticket.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        }
    }

    fn run(self: Box<Self>, _: &mut Peer<'_, D>) {}

    fn is_wanted(&self) -> bool {
        self.outcome.strong_count() > 0
    }
}
