use super::Node;
use crate::Error;
use crate::call::Caller;
use crate::desk::Ending;
use crate::handlers::dispatch;
use crate::peer::Peer;
use crate::transport::{Transport, transport_error};
use crate::waits::Deadline;
use ropeway_core::dialect::{Answers, Asks, Dialect, Envelope, Refuses};
use ropeway_core::message::Request;
use ropeway_core::{Instant, Malformed};
use std::marker::PhantomData;
use std::net::Shutdown;
use std::time::Duration;

/// What happens in a turn.
impl<D: Dialect, T: Transport> Node<D, T> {
    /// Waits once, until `deadline` or something happens, and does what there is to do.
    pub(super) fn step(
        &mut self,
        deadline: Deadline,
        caller: &mut dyn Caller<D>,
    ) -> Result<bool, Error>
    where
        D: Refuses,
    {
        let stepped = self.try_step(deadline, caller);
        if stepped.is_err() {
            self.fail();
        }
        stepped
    }

    fn try_step(&mut self, deadline: Deadline, caller: &mut dyn Caller<D>) -> Result<bool, Error>
    where
        D: Refuses,
    {
        let mut happened = self.do_posts() | self.expire();
        let timeout = match happened {
            true => Duration::ZERO,
            false => deadline.left().min(self.next_timeout()),
        };
        let posts = self.posts.as_deref();
        if self
            .link
            .wait(timeout, || posts.is_some_and(|posts| posts.has_some()))?
        {
            for _ in 0..BURST {
                let mut peer = Peer::alone(self.link.messenger(), &mut self.desk);
                if !dispatch(&mut peer, &mut self.handlers, caller) {
                    break;
                }
                happened = true;
                // What handlers say must find room.
                if self.link.queued() >= PLENTY {
                    self.link.flush()?;
                }
                if caller.id().is_some_and(|id| !self.desk.calls.is_open(id)) {
                    break;
                }
            }
        }
        happened |= self.do_posts() | self.expire();
        self.let_out()?;
        Ok(happened)
    }

    /// Writes what is queued, answers that found no room before included, and ends what is to be ended.
    fn let_out(&mut self) -> Result<(), Error> {
        if self.desk.ending == Some(Ending::AtOnce) {
            let ended = self.link.transport().shutdown(Shutdown::Both);
            ended.map_err(transport_error)?;
            return Err(Error::Closed);
        }
        self.link.flush()?;
        while !self.desk.owes_nothing() {
            self.desk.settle(self.link.messenger());
            if !self.desk.owes_nothing() && !self.link.make_room()? {
                break;
            }
        }
        self.link.flush()?;
        if self.desk.ending == Some(Ending::Gracefully) && !self.is_finished {
            self.link.finish()?;
            self.is_finished = true;
        }
        Ok(())
    }

    /// Does what other threads have asked for by now.
    fn do_posts(&mut self) -> bool {
        let Some(posts) = self.posts.as_deref().cloned() else {
            return false;
        };
        let waiting = posts.len();
        for job in (0..waiting).map_while(|_| posts.take()) {
            job(&mut self.peer());
        }
        waiting > 0
    }

    /// Ends the calls whose time has passed.
    fn expire(&mut self) -> bool {
        let mut happened = false;
        if self.desk.calls.next_timeout().is_none() {
            return false;
        }
        let now = self.desk.now();
        while let Some(expired) = {
            let dialect = self.link.messenger().dialect_mut();
            self.desk.calls.poll_timeout(now, dialect)
        } {
            happened = true;
            if let Some(waiter) = expired {
                waiter.run(&mut self.peer());
            }
        }
        happened
    }

    fn next_timeout(&self) -> Duration {
        match self.desk.calls.next_timeout() {
            Some(next) if next < NEVER => next - self.desk.now(),
            _ => Duration::MAX,
        }
    }

    /// The link has ended: so have its calls.
    pub(super) fn fail(&mut self) {
        for waiter in self.desk.calls.lose_all() {
            waiter.run(&mut self.peer());
        }
    }
}

/// A call that waits in the caller's thread.
pub(super) struct Waiting<M, F, R, C> {
    id: C,
    then: Option<F>,
    outcome: Option<Result<R, Malformed>>,
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

    pub(super) fn take(&mut self) -> Option<Result<R, Malformed>> {
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
            self.outcome = Some(D::read_answer(answer).map(then));
        }
    }
}

/// As an unbounded deadline turns out.
const NEVER: Instant = Instant::from_micros(u64::MAX);

/// The most messages of one turn.
const BURST: usize = 64;

/// So many bytes are written without waiting for the end of the turn.
const PLENTY: usize = 16 << 10;
