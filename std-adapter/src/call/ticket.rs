use super::{CallError, Failure, Waiter, deliver};
use crate::peer::Peer;
use ropeway_core::dialect::{Answers, Asks, Envelope};
use ropeway_core::message::Request;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A call under way, to be looked at now and then.
///
/// Dropping it gives the call up: its answer is dropped when it comes. The peer is told so, where the protocol has a word
/// for that, with the next turn of whoever serves the link.
#[derive(Debug)]
#[must_use = "dropping a ticket gives the call up"]
pub struct Ticket<A> {
    /// None once the ticket is being dropped.
    outcome: Option<Arc<Outcome<A>>>,
    dropped: Arc<AtomicBool>,
}

type Outcome<A> = Mutex<Option<Result<A, CallError>>>;

impl<A> Ticket<A> {
    /// The outcome, once: `None` before it is there and after it has been taken.
    pub fn poll(&self) -> Option<Result<A, CallError>> {
        let mut outcome = self
            .outcome
            .as_ref()?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.take()
    }
}

impl<A> Drop for Ticket<A> {
    fn drop(&mut self) {
        // Whoever sees the flag must find the other end unwanted.
        self.outcome = None;
        self.dropped.store(true, Ordering::Release);
    }
}

/// The other end of a ticket.
pub(crate) struct Stub<M, A> {
    outcome: Weak<Outcome<A>>,
    request: PhantomData<fn() -> M>,
}

impl<M, A> Stub<M, A> {
    /// Both ends; `dropped` will tell that the first is no longer wanted.
    pub(crate) fn new(dropped: Arc<AtomicBool>) -> (Ticket<A>, Self) {
        let outcome = Arc::new(Mutex::new(None));
        let stub = Self {
            outcome: Arc::downgrade(&outcome),
            request: PhantomData,
        };
        let outcome = Some(outcome);
        (Ticket { outcome, dropped }, stub)
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
