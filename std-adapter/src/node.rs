mod redialling;
mod saying;
mod turning;

use crate::call::{CallError, Failure, Ticket};
use crate::clock::Clock;
use crate::desk::{Desk, Requests};
use crate::files::{Carrier, Files};
use crate::hub::PeerId;
use crate::native::Dialler;
use crate::peer::Peer;
use crate::post::{Office, PostError, Posts};
use crate::transport::{Transport, Wake, Wakeable};
use crate::waits::Deadline;
use crate::{Error, Handlers, Link};
use ropeway_core::SendError;
use ropeway_core::dialect::{Answers, Asks, Calling, Dialect, Filing, Refuses};
use ropeway_core::message::Request;
use std::fmt;
use std::net::TcpStream;

use std::sync::Arc;
use std::time::Duration;
use turning::Waiting;

/// One peer, served in the caller's thread: what it says goes to [`Handlers`], and it can be called.
///
/// Things happen in [`turn`](Self::turn), and while a [`call`](Self::call) waits for its answer: messages that come
/// first go to their handlers. Handlers may send, answer and start calls, and must not wait for an answer.
///
/// A node over a [`Wakeable`] transport, such as [`Polled`](crate::Polled) TCP, has a [handle](Self::handle) for
/// other threads.
///
/// ```
/// use ropeway_std::tcptalks::{Dialect, Values};
/// use ropeway_std::{Handlers, Link, Node, Options, memory, messages};
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// #[derive(Serialize, Deserialize)]
/// struct Drive { meters: f64 }
///
/// messages! { enum Robot { Drive(Drive) = 0x10 -> bool } }
///
/// let (here, there) = memory::ends(4096);
/// let mut handlers = Handlers::new();
/// handlers.answer::<Drive>(|_, drive| Ok(drive.meters < 5.0));
/// let robot = Dialect::listening(Values::new(1000), 1);
/// let mut robot = Node::new(Link::over(robot, there, &Options::default())?, handlers);
/// let robot = std::thread::spawn(move || robot.run(|| false));
///
/// let controller = Dialect::dialling(Values::new(1000), 2);
/// let controller = Link::over(controller, here, &Options::default())?;
/// let mut controller = Node::new(controller, Handlers::new());
/// assert!(controller.call(&Drive { meters: 1.5 }, Duration::from_secs(5))?);
/// # drop(controller);
/// # assert!(robot.join().unwrap().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Node<D: Dialect, T = TcpStream> {
    link: Link<D, T>,
    handlers: Handlers<D>,
    desk: Desk<D>,
    posts: Option<Office<Job<D>>>,
    /// What ends a wait, of all that other threads may want.
    heeds: fn(&Posts<Job<D>>) -> bool,
    /// What ended the link, until someone has been told.
    lost: Option<Error>,
    is_finished: bool,
    /// The session is to end once the peer has taken all.
    is_leaving: bool,
    /// What gets another transport when one is lost.
    dialler: Option<Box<Dialler<T>>>,
    /// How a transport is woken, once somebody has a handle.
    waker: Option<fn(&T) -> Wake>,
}

/// A node, for other threads: wakes it, and has it do things in its own thread. Clones are the same.
pub struct NodeHandle<D: Dialect> {
    posts: Arc<Posts<Job<D>>>,
}

type Job<D> = Box<dyn FnOnce(&mut Peer<'_, D>) + Send>;

impl<D: Dialect, T: Transport> Node<D, T> {
    /// Serves the peer of a link.
    pub fn new(mut link: Link<D, T>, handlers: Handlers<D>) -> Self {
        let address = link.transport().peer();
        let mut desk = Desk::new(PeerId::ALONE, address, Clock::new(), MAX_CALLS);
        let keeps_sessions = link.dialect().keeping().is_some();
        desk.requests = keeps_sessions.then(|| Requests::new(MAX_REQUESTS));
        Self {
            link,
            handlers,
            desk,
            posts: None,
            heeds: Posts::has_jobs,
            lost: None,
            is_finished: false,
            is_leaving: false,
            dialler: None,
            waker: None,
        }
    }

    /// How many calls may wait for their answers at once, 64 by default.
    #[must_use]
    pub const fn max_calls(mut self, calls: usize) -> Self {
        self.desk.calls.set_limit(calls);
        self
    }

    /// How many requests may be [answered later](Handlers::answer_later) at once; more are refused, and the peer is told that
    /// this one is busy. 1024 by default where sessions are kept; unless it is given, any number in other dialects, whose
    /// programs may leave requests without an answer.
    #[must_use]
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.desk.requests = Some(Requests::new(requests));
        self
    }

    /// Carries files as `files` says; without, none are carried.
    ///
    /// Half of the link's receive [buffer](crate::Options::buffer) is for them: make it large.
    #[must_use]
    pub fn with_files(mut self, files: Files) -> Self
    where
        D: Filing,
    {
        let buffer = self.link.buffer();
        self.link.dialect().keep_room(files.room(buffer));
        self.desk.carrier = Some(Carrier::new(files, buffer, buffer));
        self
    }

    /// How long a call waits that does not say it, such as [`ask`](Self::ask): 5 s by default.
    #[must_use]
    pub const fn patience(mut self, timeout: Duration) -> Self {
        self.desk.patience = timeout;
        self
    }

    /// Waits at most `timeout` for something to happen, and does all that there is to do: hands what came to its
    /// handlers, ends calls whose time has passed, writes what is queued.
    ///
    /// Says whether anything happened. [`Duration::ZERO`] only looks, [`Duration::MAX`] waits for ever. An error
    /// ends the link, and with it the calls under way; [`Error::Closed`] when the peer has closed, after all that
    /// it said. Where a session outlives its link, calls wait until their deadlines for [another](Self::reconnect), and a
    /// [client](crate::native::Client) gets that itself: it fails only with [`Error::Ended`], when trying again would not
    /// help.
    pub fn turn(&mut self, timeout: Duration) -> Result<bool, Error>
    where
        D: Refuses,
    {
        let turned = self.look(timeout);
        if let Some(posts) = &self.posts {
            posts.take_stop();
        }
        turned
    }

    fn look(&mut self, timeout: Duration) -> Result<bool, Error>
    where
        D: Refuses,
    {
        self.heeds = Posts::has_some;
        let stepped = self.step_unless_lost(Deadline::after(timeout));
        self.heeds = Posts::has_jobs;
        stepped
    }

    fn step_unless_lost(&mut self, deadline: Deadline) -> Result<bool, Error>
    where
        D: Refuses,
    {
        match self.lost.take() {
            Some(lost) => Err(lost),
            None => self.step(deadline, &mut ()),
        }
    }

    /// Turns until `until` says that it is enough, a [handle](NodeHandle::stop) stops it, or the link ends.
    pub fn run(&mut self, mut until: impl FnMut() -> bool) -> Result<(), Error>
    where
        D: Refuses,
    {
        while !until() && !self.posts.as_ref().is_some_and(|posts| posts.take_stop()) {
            self.look(Duration::MAX)?;
        }
        Ok(())
    }

    /// Turns until the link is open for messages; says whether that was in time.
    ///
    /// A peer that refuses, for a wrong password, say, ends the link with [`Error::Closed`]. Why is told by a notice,
    /// such as TCPTalks's `Refused`, to [`otherwise`](Handlers::otherwise).
    pub fn open(&mut self, timeout: Duration) -> Result<bool, Error>
    where
        D: Refuses,
    {
        let deadline = Deadline::after(timeout);
        while self.is_down() || !self.link.dialect().is_open() {
            if deadline.has_passed() {
                return Ok(false);
            }
            self.step_unless_lost(deadline)?;
        }
        Ok(true)
    }

    /// Calls the peer and waits for the answer as long as is [usual](Self::patience).
    pub fn ask<M, A>(&mut self, request: &M) -> Result<A, CallError>
    where
        M: for<'r> Request<Answer<'r> = A>,
        D: Asks<M> + Refuses,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
    {
        self.call(request, self.desk.patience)
    }

    /// Calls the peer and waits for the answer, while everything else goes to its handlers.
    ///
    /// Waits for the opening too, if that is not done, and for a link, if a [client](crate::native::Client) has none.
    pub fn call<M, A>(&mut self, request: &M, timeout: Duration) -> Result<A, CallError>
    where
        M: for<'r> Request<Answer<'r> = A>,
        D: Asks<M> + Refuses,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
    {
        self.call_with(request, timeout, |answer| match answer {
            Ok(answer) => Ok(answer),
            Err(failure) => Err(failure.keep().into()),
        })?
    }

    /// Calls the peer and has `then` look at the answer where it lies: for one that borrows, or a failure as the
    /// dialect gives it.
    pub fn call_with<M, R>(
        &mut self,
        request: &M,
        timeout: Duration,
        then: impl for<'r> FnOnce(Result<M::Answer<'r>, <D as Answers<'r, M>>::Failure>) -> R,
    ) -> Result<R, CallError>
    where
        M: Request,
        D: Asks<M> + Refuses,
    {
        let deadline = Deadline::after(timeout);
        let id = self.begin(request, timeout, deadline)?;
        let mut call = Waiting::<M, _, R, _>::new(id, then);
        loop {
            let stepped = self.step(deadline, &mut call);
            if let Err(error) = stepped {
                self.lost = Some(error);
            }
            if let Some(outcome) = call.take() {
                return outcome;
            }
            if self.lost.is_some() {
                self.cancel(id);
                return Err(CallError::LinkLost);
            }
            if !self.desk.calls.is_open(id) {
                return Err(CallError::Deadline);
            }
        }
    }

    fn begin<M: Request>(
        &mut self,
        request: &M,
        timeout: Duration,
        deadline: Deadline,
    ) -> Result<D::CallId, CallError>
    where
        D: Asks<M> + Refuses,
    {
        let until = self.desk.deadline(timeout);
        loop {
            let mail = self.link.messenger();
            let waited = match self.desk.calls.begin(mail, request, until, None) {
                Err(CallError::Send(SendError::NotOpen)) if !mail.dialect().is_open() => {
                    self.step(deadline, &mut ()).map(drop)
                }
                Err(CallError::Send(SendError::Full)) => self.make_room(deadline),
                begun => return begun,
            };
            if let Err(error) = waited {
                self.lost = Some(error);
                return Err(CallError::LinkLost);
            }
            if deadline.has_passed() {
                return Err(CallError::Deadline);
            }
        }
    }

    /// Sends a request and goes on; the ticket will have the outcome, after a [`turn`](Self::turn).
    pub fn start<M, A>(&mut self, request: &M, timeout: Duration) -> Result<Ticket<A>, CallError>
    where
        M: for<'r> Request<Answer<'r> = A> + 'static,
        D: Asks<M>,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
        A: Send + 'static,
    {
        self.peer().start(request, timeout)
    }

    /// Sends a request and goes on; `then` gets the outcome in a later [`turn`](Self::turn).
    pub fn call_then<M, A>(
        &mut self,
        request: &M,
        timeout: Duration,
        then: impl FnOnce(&mut Peer<'_, D>, Result<A, CallError>) + Send + 'static,
    ) -> Result<D::CallId, CallError>
    where
        M: for<'r> Request<Answer<'r> = A> + 'static,
        D: Asks<M>,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
        A: Send + 'static,
    {
        self.peer().call_then(request, timeout, then)
    }

    /// Gives a call up.
    pub fn cancel(&mut self, id: D::CallId)
    where
        D: Calling,
    {
        self.peer().cancel(id);
    }

    /// The peer, as handlers meet it.
    pub fn peer(&mut self) -> Peer<'_, D> {
        Peer::alone(self.link.messenger(), &mut self.desk)
    }

    /// The handlers, to add more.
    pub const fn handlers(&mut self) -> &mut Handlers<D> {
        &mut self.handlers
    }

    /// The link underneath.
    pub const fn link(&mut self) -> &mut Link<D, T> {
        &mut self.link
    }

    /// Goes on over another transport to the same peer, in a dialect whose sessions outlive their transports: what the peer
    /// has not taken is sent again, and calls go on.
    pub fn reconnect(&mut self, transport: T) -> Result<(), Error> {
        if !self.keeps_sessions() {
            self.fail();
        }
        self.desk.address = transport.peer();
        self.desk.parting = None;
        self.lost = None;
        self.is_finished = false;
        self.desk.handle_lost();
        self.link.reconnect(transport)?;
        if let (Some(posts), Some(waker)) = (&self.posts, self.waker) {
            posts.set_wake(waker(self.link.transport()));
        }
        Ok(())
    }

    /// Closes the link, as [`Link::close`] does; calls under way end with [`CallError::LinkLost`].
    ///
    /// Where sessions are kept, what is queued is sent first, over a new link if need be, and the session ends once the
    /// peer has taken all of it: says whether that was in time.
    pub fn close(mut self, timeout: Duration) -> Result<bool, Error>
    where
        D: Refuses,
    {
        self.fail();
        match self.keeps_sessions() {
            true => self.take_leave(Deadline::after(timeout)),
            false => self.link.close(timeout),
        }
    }
}

impl<D: Dialect, T: Wakeable> Node<D, T> {
    /// A handle for other threads, through which at most `limit` things wait to be done; the first limit holds.
    pub fn handle(&mut self, limit: usize) -> NodeHandle<D> {
        let (link, dialler) = (&mut self.link, &self.dialler);
        self.waker = Some(T::waker);
        let posts = self.posts.get_or_insert_with(|| {
            let wake = match dialler {
                Some(dialler) if dialler.is_down() => dialler.waker(),
                _ => link.transport().waker(),
            };
            Office::new(limit, wake)
        });
        NodeHandle {
            posts: posts.clone(),
        }
    }
}

impl<D: Dialect> NodeHandle<D> {
    /// Has the node's thread do `job`, and wakes it.
    pub fn post(
        &self,
        job: impl FnOnce(&mut Peer<'_, D>) + Send + 'static,
    ) -> Result<(), PostError> {
        self.posts.post(Box::new(job))
    }

    /// Ends the node's present or next [`run`](Node::run).
    pub fn stop(&self) {
        self.posts.stop();
    }
}

impl<D: Dialect> Clone for NodeHandle<D> {
    fn clone(&self) -> Self {
        Self {
            posts: self.posts.clone(),
        }
    }
}

impl<D: Dialect + fmt::Debug, T: fmt::Debug> fmt::Debug for Node<D, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("link", &self.link)
            .field("desk", &self.desk)
            .finish_non_exhaustive()
    }
}

impl<D: Dialect> fmt::Debug for NodeHandle<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NodeHandle").field(&self.posts).finish()
    }
}

const MAX_CALLS: usize = 64;

const MAX_REQUESTS: usize = 1024;
