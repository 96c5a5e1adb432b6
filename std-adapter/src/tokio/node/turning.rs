use super::Node;
use crate::Error;
use crate::call::{CallError, Caller};
use crate::desk::Ending;
use crate::handlers::dispatch;
use crate::peer::Peer;
use crate::tokio::timer::NEVER;
use crate::transport::transport_error;
use ropeway_core::Instant;
use ropeway_core::dialect::{Answers, Asks, Dialect, Envelope, Refuses};
use ropeway_core::message::Request;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// What happens in a step.
impl<D: Dialect> Node<D> {
    /// Does what there is to do; ready when something happened, and to be polled again before anything is waited for.
    pub(super) fn poll_step(
        &mut self,
        context: &mut Context<'_>,
        caller: &mut dyn Caller<D>,
    ) -> Poll<Result<(), Error>>
    where
        D: Refuses,
    {
        let mut happened = false;
        match self.poll_turn(context, caller, &mut happened) {
            Poll::Pending if happened => Poll::Ready(Ok(())),
            turned => turned,
        }
    }

    /// Does what there is to do, and says whether anything happened; pending once there is nothing more, so that the task
    /// is woken for the next thing. Ready if the caller has its answer, or others have waited long enough.
    pub(in crate::tokio) fn poll_turn(
        &mut self,
        context: &mut Context<'_>,
        caller: &mut dyn Caller<D>,
        happened: &mut bool,
    ) -> Poll<Result<(), Error>>
    where
        D: Refuses,
    {
        let now = self.link.note_time();
        *happened |= self.expire(now);
        self.desk.settle(self.link.link.messenger());
        for _ in 0..STEPS {
            let stepped = match self.is_down() {
                true => self.poll_without_link(now, context),
                false => self.poll_link(now, context, caller),
            };
            match stepped {
                Poll::Ready(Ok(())) => *happened = true,
                Poll::Ready(Err(error)) => {
                    *happened = true;
                    self.lose(error)?;
                }
                Poll::Pending => {
                    let at = self.next_timeout();
                    self.link.timer.wake_at(at, context);
                    return Poll::Pending;
                }
            }
            if self.is_answered(caller) {
                break;
            }
        }
        Poll::Ready(Ok(()))
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
        now: Instant,
        context: &mut Context<'_>,
        caller: &mut dyn Caller<D>,
    ) -> Poll<Result<(), Error>>
    where
        D: Refuses,
    {
        let (calls, queued) = (self.desk.calls.len(), self.link.queued());
        let heard = self.hear(context, caller);
        self.note_open(now)?;
        self.check_ending(context)?;
        if heard > 0 {
            let answered = calls.saturating_sub(self.desk.calls.len());
            // What the peer has taken has left the queue as well.
            let only_answers = heard == answered && self.link.queued() <= queued;
            self.note_heard(only_answers, now, caller);
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = self.ended.take() {
            if !self.link.link.has_event() {
                return Poll::Ready(Err(error));
            }
            self.ended = Some(error);
            return Poll::Pending;
        }
        self.holds_back.take_if(|until| *until <= now);
        let moved = match self.holds_back {
            Some(_) => pin!(self.link.link.receive()).poll(context),
            None => pin!(self.link.link.transfer()).poll(context),
        };
        match moved {
            Poll::Ready(Err(error)) if !self.keeps_sessions() && self.link.link.has_event() => {
                // What came before is delivered first.
                self.ended = Some(error);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => match self.link.link.writer().poll_flush(context) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(transport_error(error))),
                _ => Poll::Pending,
            },
            moved => moved,
        }
    }

    /// Writes what came of what was heard. That mere answers were taken is said with the next request, which whoever had
    /// one may well make now, or else a moment later.
    fn note_heard(&mut self, only_answers: bool, now: Instant, caller: &dyn Caller<D>) {
        if !only_answers || !self.keeps_sessions() {
            self.flush_at_once();
        } else if !self.is_answered(caller) {
            self.holds_back.get_or_insert(now + MOMENT);
        }
    }

    /// Writes what the stream takes at once, and says whether that was all.
    pub(in crate::tokio) fn flush_at_once(&mut self) -> bool {
        self.holds_back = None;
        self.link.link.try_flush() && self.link.link.writer().try_flush()
    }

    fn is_answered(&self, caller: &dyn Caller<D>) -> bool {
        caller.id().is_some_and(|id| !self.desk.calls.is_open(id))
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
            if self.is_answered(caller) {
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
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let mut happened = false;
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
        let timers = [calls, link, source, self.holds_back];
        let timers = timers.into_iter().flatten();
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

/// The most steps before others have their turn.
const STEPS: usize = 16;

/// How long a mere acknowledgement waits for company.
const MOMENT: Duration = Duration::from_millis(1);

/// So many bytes are written without waiting for the end of the step.
const PLENTY: usize = 16 << 10;
