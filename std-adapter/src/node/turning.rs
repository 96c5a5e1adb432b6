use super::Node;
use crate::Error;
use crate::call::{CallError, Caller};
use crate::desk::Ending;
use crate::handlers::dispatch;
use crate::peer::Peer;
use crate::transport::{Transport, transport_error};
use crate::waits::Deadline;
use ropeway_core::Instant;
use ropeway_core::dialect::{Answers, Asks, Dialect, Envelope, Refuses};
use ropeway_core::message::Request;
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
        self.step_for_room(deadline, 0, caller)
    }

    /// The same, until fewer than `full` bytes are queued.
    fn step_for_room(
        &mut self,
        deadline: Deadline,
        full: usize,
        caller: &mut dyn Caller<D>,
    ) -> Result<bool, Error>
    where
        D: Refuses,
    {
        let stepped = match self.is_down() {
            true => self.step_without_link(deadline),
            false => self.try_step(deadline, full, caller),
        };
        stepped.or_else(|error| self.lose(error))
    }

    /// Waits for room in a full outbox, until `deadline` at most.
    pub(super) fn make_room(&mut self, deadline: Deadline) -> Result<(), Error>
    where
        D: Refuses,
    {
        if !self.keeps_sessions() {
            let made = self.link.make_room(deadline, || false);
            return made.or_else(|error| self.lose(error)).map(drop);
        }
        // What came must be taken by its handlers before the peer takes more.
        let full = self.link.queued();
        self.step_for_room(deadline, full, &mut ()).map(drop)
    }

    fn try_step(
        &mut self,
        deadline: Deadline,
        full: usize,
        caller: &mut dyn Caller<D>,
    ) -> Result<bool, Error>
    where
        D: Refuses,
    {
        let mut happened = self.do_posts() | self.expire();
        let has_files = self.move_files(deadline)?;
        let timeout = match happened || has_files {
            true => Duration::ZERO,
            false => deadline.left().min(self.next_timeout()),
        };
        // Files that wait for room go on when something has been taken.
        let full = match self.desk.has_files_waiting() {
            true => full.max(self.link.queued()),
            false => full,
        };
        let (posts, heeds) = (self.posts.as_deref(), self.heeds);
        let mut heard = 0;
        if self.link.wait(timeout, |link| {
            posts.is_some_and(|posts| heeds(posts)) || link.queued() < full
        })? {
            while heard < BURST {
                let mut peer = Peer::alone(self.link.messenger(), &mut self.desk);
                if !dispatch(&mut peer, &mut self.handlers, caller) {
                    break;
                }
                heard += 1;
                // What handlers say must find room. What a session begins with is told before it goes on.
                if self.link.queued() >= PLENTY && !self.link.dialect().has_notice() {
                    let limit = Deadline::after(timeout);
                    self.link
                        .flush_until(limit, || posts.is_some_and(|posts| heeds(posts)))?;
                    if self.link.has_output() {
                        break;
                    }
                }
                if caller.id().is_some_and(|id| !self.desk.calls.is_open(id)) {
                    break;
                }
            }
        }
        self.note_open()?;
        let others = happened | self.do_posts() | self.expire();
        happened = others | (heard > 0);
        let is_answered = caller.id().is_some_and(|id| !self.desk.calls.is_open(id));
        // That an answer was taken is said with the next request.
        if others || heard != 1 || !is_answered {
            self.let_out(deadline)?;
            self.move_files(deadline)?;
        }
        happened |= self.tell_files();
        Ok(happened)
    }

    /// Writes what there is to say of files, a chunk at a time, as long as nothing else is to be done; says whether there
    /// is more.
    fn move_files(&mut self, deadline: Deadline) -> Result<bool, Error> {
        for _ in 0..CHUNKS {
            if !self.desk.move_files(self.link.messenger()) {
                break;
            }
            self.flush_until(deadline)?;
            let posts = self.posts.as_deref();
            if posts.is_some_and(|posts| (self.heeds)(posts)) || self.link.has_event() {
                break;
            }
        }
        Ok(self.desk.has_files_to_move())
    }

    fn tell_files(&mut self) -> bool {
        let mut peer = Peer::alone(self.link.messenger(), &mut self.desk);
        self.handlers.tell_files(&mut peer)
    }

    /// Writes what is queued, until `deadline` at most and as long as nothing else is to be done.
    fn flush_until(&mut self, deadline: Deadline) -> Result<(), Error> {
        let limit = Deadline::after(deadline.left().min(self.next_timeout()));
        let (posts, heeds) = (self.posts.as_deref(), self.heeds);
        self.link
            .flush_until(limit, || posts.is_some_and(|posts| heeds(posts)))
    }

    /// Writes what is queued, answers that found no room before included, and ends what is to be ended.
    fn let_out(&mut self, deadline: Deadline) -> Result<(), Error> {
        if self.desk.ending == Some(Ending::AtOnce) {
            let ended = self.link.transport().shutdown(Shutdown::Both);
            ended.map_err(transport_error)?;
            return Err(Error::Closed);
        }
        self.desk.settle(self.link.messenger());
        self.flush_until(deadline)?;
        let limit = Deadline::after(deadline.left().min(self.next_timeout()));
        while !self.desk.owes_nothing() {
            self.desk.settle(self.link.messenger());
            let (posts, heeds) = (self.posts.as_deref(), self.heeds);
            let stop = || posts.is_some_and(|posts| heeds(posts));
            if !self.desk.owes_nothing() && !self.link.make_room(limit, stop)? {
                // Nothing is taken before they are out, and they never will be on this link.
                if self.link.messenger().has_ended() {
                    return Err(Error::Closed);
                }
                break;
            }
        }
        self.flush_until(deadline)?;
        if self.desk.ending == Some(Ending::Gracefully) && !self.is_finished {
            self.link.finish()?;
            self.is_finished = true;
        }
        Ok(())
    }

    /// Does what other threads have asked for by now.
    pub(super) fn do_posts(&mut self) -> bool {
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
    pub(super) fn expire(&mut self) -> bool {
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

    /// How long nothing has to be done of its own accord.
    pub(super) fn next_timeout(&self) -> Duration {
        let calls = match self.desk.calls.next_timeout() {
            Some(next) if next < NEVER => next - self.desk.now(),
            _ => Duration::MAX,
        };
        let opening = self.dialler.as_ref().map(|dialler| dialler.left_to_open());
        calls.min(opening.unwrap_or(Duration::MAX))
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

/// As an unbounded deadline turns out.
const NEVER: Instant = Instant::from_micros(u64::MAX);

/// The most messages of one turn.
const BURST: usize = 64;

/// The most chunks of files that are written before the peer is listened to.
const CHUNKS: usize = 16;

/// So many bytes are written without waiting for the end of the turn.
const PLENTY: usize = 16 << 10;
