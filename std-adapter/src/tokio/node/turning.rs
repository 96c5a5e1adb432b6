use super::Node;
use crate::Error;
use crate::call::{CallError, Caller};
use crate::desk::Ending;
use crate::handlers::dispatch;
use crate::peer::Peer;
use crate::tokio::timer::NEVER;
use ropeway_core::Instant;
use ropeway_core::dialect::{Answers, Asks, Dialect, Envelope, Refuses};
use ropeway_core::message::Request;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context, Poll};

/// What happens in a step.
impl<D: Dialect> Node<D> {
    /// Does what there is to do; ready when something happened, and to be polled again then before anything is waited for.
    pub(in crate::tokio) fn poll_step(
        &mut self,
        context: &mut Context<'_>,
        caller: &mut dyn Caller<D>,
    ) -> Poll<Result<(), Error>>
    where
        D: Refuses,
    {
        let stepped = match self.is_down() {
            true => self.poll_without_link(context),
            false => self.poll_link(context, caller),
        };
        match stepped {
            Poll::Ready(Err(error)) => Poll::Ready(self.lose(error)),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Pending => {
                let at = self.next_timeout();
                self.link.timer.wake_at(at, context);
                Poll::Pending
            }
        }
    }

    /// Steps, or waits until `deadline`.
    pub(super) async fn step_until(&mut self, deadline: Instant) -> Result<(), Error>
    where
        D: Refuses,
    {
        poll_fn(|context| {
            if deadline <= self.link.timer.now() {
                return Poll::Ready(Ok(()));
            }
            let stepped = self.poll_step(context, &mut ());
            if stepped.is_pending() {
                self.link.timer.wake_at(deadline, context);
            }
            stepped
        })
        .await
    }

    fn poll_link(
        &mut self,
        context: &mut Context<'_>,
        caller: &mut dyn Caller<D>,
    ) -> Poll<Result<(), Error>>
    where
        D: Refuses,
    {
        self.link.note_time();
        let waited_for_others = std::mem::take(&mut self.waits_for_others);
        let expired = self.expire();
        self.desk.settle(self.link.link.messenger());
        let calls = self.desk.calls.len();
        let heard = self.hear(context, caller);
        self.note_open()?;
        self.check_ending(context)?;
        if caller.id().is_some_and(|id| !self.desk.calls.is_open(id)) {
            // That an answer was taken is said with the next request.
            if heard != 1 {
                self.link.link.try_flush();
            }
            return Poll::Ready(Ok(()));
        }
        if self.desk.calls.len() < calls && heard < BURST && !waited_for_others {
            // Who has got an answer may ask again: both go out together.
            self.waits_for_others = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if heard > 0 || expired {
            self.link.link.try_flush();
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = self.ended.take() {
            if !self.link.link.has_event() {
                return Poll::Ready(Err(error));
            }
            self.ended = Some(error);
            return Poll::Pending;
        }
        let moved = pin!(self.link.link.transfer()).poll(context);
        match moved {
            Poll::Ready(Err(error)) if !self.keeps_sessions() && self.link.link.has_event() => {
                // What came before is delivered first.
                self.ended = Some(error);
                Poll::Ready(Ok(()))
            }
            moved => moved,
        }
    }

    /// Hands what the peer said to whoever is to get it, and says how much.
    fn hear(&mut self, context: &mut Context<'_>, caller: &mut dyn Caller<D>) -> usize
    where
        D: Refuses,
    {
        let mut heard = 0;
        while heard < BURST && self.gates.iter().all(|gate| gate.poll_room(context)) {
            let mut peer = Peer::alone(self.link.link.messenger(), &mut self.desk);
            if !dispatch(&mut peer, &mut self.handlers, caller) {
                break;
            }
            heard += 1;
            // What handlers say must find room. What a session begins with is told before it goes on.
            if self.link.queued() >= PLENTY && !self.link.dialect().has_notice() {
                self.link.link.try_flush();
            }
            if caller.id().is_some_and(|id| !self.desk.calls.is_open(id)) {
                break;
            }
        }
        heard
    }

    /// Ends what a handler wants ended.
    fn check_ending(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        match self.desk.ending {
            Some(Ending::AtOnce) => Err(Error::Closed),
            Some(Ending::Gracefully) if !self.is_finished => {
                self.is_finished = self.desk.owes_nothing() && self.link.link.try_flush();
                if self.is_finished {
                    // A stream that takes its time for that does it when it is dropped.
                    let _ = pin!(self.link.link.writer().shutdown()).poll(context);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Ends the calls whose time has passed.
    pub(super) fn expire(&mut self) -> bool {
        if self.desk.calls.next_timeout().is_none() {
            return false;
        }
        let mut happened = false;
        let now = self.link.timer.now();
        while let Some(expired) = {
            let dialect = self.link.dialect();
            self.desk.calls.poll_timeout(now, dialect)
        } {
            happened = true;
            if let Some(waiter) = expired {
                waiter.run(&mut self.peer());
            }
        }
        happened
    }

    /// When something has to be done of the node's own accord.
    pub(in crate::tokio) fn next_timeout(&self) -> Instant {
        let calls = self.desk.calls.next_timeout();
        let link = match self.is_down() {
            true => None,
            false => self.link.link.next_timeout(),
        };
        let source = self
            .source
            .as_ref()
            .and_then(|source| source.next_timeout());
        let timers = [calls, link, source].into_iter().flatten();
        timers.min().unwrap_or(NEVER)
    }

    /// The link has ended: so have its calls.
    pub(in crate::tokio) fn fail(&mut self) {
        for waiter in self.desk.calls.lose_all() {
            waiter.run(&mut self.peer());
        }
    }
}

/// A call that waits in the node's own task.
pub(super) struct Waiting<M, F, R, C> {
    id: C,
    then: Option<F>,
    outcome: Option<Result<R, CallError>>,
    request: PhantomData<fn() -> M>,
}

impl<M, F, R, C> Waiting<M, F, R, C> {
    pub(super) const fn new(id: C, then: F) -> Self {
        Self {
            id,
            then: Some(then),
            outcome: None,
            request: PhantomData,
        }
    }

    pub(super) fn take(&mut self) -> Option<Result<R, CallError>> {
        self.outcome.take()
    }
}

impl<D, M, F, R> Caller<D> for Waiting<M, F, R, D::CallId>
where
    M: Request,
    D: Asks<M>,
    F: for<'r> FnOnce(Result<M::Answer<'r>, <D as Answers<'r, M>>::Failure>) -> R,
{
    fn id(&self) -> Option<D::CallId> {
        Some(self.id)
    }

    fn take(&mut self, answer: Envelope<'_, D>) {
        if let Some(then) = self.then.take() {
            let answer = D::read_answer(answer).map_err(CallError::Malformed);
            self.outcome = Some(answer.map(then));
        }
    }

    fn fail(&mut self, error: CallError) {
        self.outcome = Some(Err(error));
    }
}

/// A node while a call waits in its task: the call is given up with the future that waits.
pub(super) struct Under<'n, D: Dialect> {
    pub(super) node: &'n mut Node<D>,
    pub(super) id: D::CallId,
}

impl<D: Dialect> Drop for Under<'_, D> {
    fn drop(&mut self) {
        let Node { link, desk, .. } = &mut *self.node;
        if desk.calls.is_open(self.id) {
            let mail = link.link.messenger();
            desk.calls.cancel(self.id, mail.dialect_mut());
            desk.settle(mail);
            link.link.try_flush();
        }
    }
}

/// The most messages of one step.
const BURST: usize = 64;

/// So many bytes are written without waiting for the end of the step.
const PLENTY: usize = 16 << 10;
