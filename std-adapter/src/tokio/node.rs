mod redialling;
mod turning;

use super::dial::Source;
use super::events::{Events, Gate};
use super::{Link, Stream};
use crate::call::{CallError, Failure, Refused};
use crate::desk::{Desk, Requests, refusal};
use crate::hub::PeerId;
use crate::peer::Peer;
use crate::transport::transport_error;
use crate::{Error, Handlers};
use ::tokio::time::{Instant, timeout_at};
use embedded_io_async::Read;
use ropeway_core::SendError;
use ropeway_core::dialect::{Answers, Asks, Carries, Dialect, Refuses};
use ropeway_core::message::{Answer, Request};
use ropeway_core::registry::Registry;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use turning::{Under, Waiting};

/// One peer, served in one task: what it says goes to [`Handlers`], and it can be called.
///
/// Things happen in [`run`](Self::run), and while a [`call`](Self::call) waits for its answer: messages that come first go
/// to their handlers. Handlers are plain closures; what is to wait for other things is better done by who takes
/// [`events`](Self::events). To be used by several tasks, a node is [driven](Self::drive) in one of its own.
///
/// ```
/// use ropeway_std::{Handlers, Options, messages, native, tokio};
/// use serde::{Deserialize, Serialize};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// #[derive(Serialize, Deserialize)]
/// struct Sum(i32, i32);
///
/// messages! { enum Words { Sum(Sum) = 0x10 -> i64 } }
///
/// # #[::tokio::main(flavor = "current_thread", crate = "::tokio")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (config, options) = (Arc::new(native::config()), Options::default());
/// let (here, there) = ::tokio::io::duplex(4096);
/// let there = tokio::Link::over(native::listening(&config), tokio::Stream::new(there), &options)?;
/// let mut handlers = Handlers::new();
/// handlers.answer::<Sum>(|_, Sum(a, b)| Ok(i64::from(a) + i64::from(b)));
/// ::tokio::spawn(async move { tokio::Node::new(there, handlers).run().await });
///
/// let here = tokio::Link::over(native::dialling(&config), tokio::Stream::new(here), &options)?;
/// let mut node = tokio::Node::new(here, Handlers::new());
/// assert_eq!(node.call(&Sum(2, 3), Duration::from_secs(20)).await?, 5);
/// # Ok(())
/// # }
/// ```
pub struct Node<D: Dialect> {
    pub(super) link: Link<D>,
    pub(super) handlers: Handlers<D>,
    pub(super) desk: Desk<D>,
    /// What gets another stream when one is lost.
    pub(super) source: Option<Source>,
    /// Who must have room before the peer is heard on.
    gates: Vec<Arc<Gate>>,
    /// What ended the link, until everything has been delivered.
    ended: Option<Error>,
    /// What there is to write waits until then for more.
    holds_back: Option<ropeway_core::Instant>,
    /// The session is to end once all is said.
    is_leaving: bool,
    /// The peer has been told that nothing more comes.
    is_finished: bool,
}

impl<D: Dialect> Node<D> {
    /// Serves the peer of a link.
    pub fn new(link: Link<D>, handlers: Handlers<D>) -> Self {
        let clock = link.timer.clock();
        let mut desk = Desk::new(PeerId::ALONE, link.address, clock, MAX_CALLS);
        desk.requests = Some(Requests::new(MAX_REQUESTS));
        Self {
            link,
            handlers,
            desk,
            source: None,
            gates: Vec::new(),
            ended: None,
            holds_back: None,
            is_leaving: false,
            is_finished: false,
        }
    }

    /// How many calls may wait for their answers at once, 64 by default.
    #[must_use]
    pub const fn max_calls(mut self, calls: usize) -> Self {
        self.desk.calls.set_limit(calls);
        self
    }

    /// How many requests may be [answered later](Handlers::answer_later) at once, 1024 by default; more are refused, and the
    /// peer is told that this one is busy.
    #[must_use]
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.desk.requests = Some(Requests::new(requests));
        self
    }

    /// What the peer says of a table, and how the link stands, to be awaited.
    ///
    /// While `capacity` events wait, nothing more is taken from the peer, which has to wait in the end, and neither are
    /// answers that come behind them: who takes events and calls does so in different tasks. It takes the place of handlers
    /// for [standing](Handlers::standing), for [cancelled](Handlers::cancelled) requests and for what is
    /// [unknown](Handlers::otherwise).
    pub fn events<T>(&mut self, capacity: usize) -> Events<T, D::CallId>
    where
        D: Refuses,
        T: for<'a> Registry<'a, D> + Send + 'static,
    {
        let (events, gate) = Events::of(&mut self.handlers, capacity);
        self.gates.push(gate);
        events
    }

    /// Serves the peer until the link ends.
    ///
    /// A [client](super::Client) dials again instead, and ends with [`Error::Ended`] alone, when trying again would not
    /// help. Where a session outlives its link, calls wait until their deadlines for [another](Self::reconnect).
    ///
    /// Cancel-safe: a node whose run was dropped can be run again.
    pub async fn run(&mut self) -> Result<(), Error>
    where
        D: Refuses,
    {
        loop {
            poll_fn(|context| self.poll_turn(context, &mut (), &mut false)).await?;
        }
    }

    /// Waits until something happens, and does all that there is to do.
    pub async fn step(&mut self) -> Result<(), Error>
    where
        D: Refuses,
    {
        poll_fn(|context| self.poll_step(context, &mut ())).await
    }

    /// Serves the peer until the link is open for messages.
    ///
    /// A peer that refuses, for a wrong password, say, ends the link with [`Error::Closed`]; see
    /// [`Node::open`](crate::Node::open).
    pub async fn open(&mut self) -> Result<(), Error>
    where
        D: Refuses,
    {
        while self.is_down() || !self.link.dialect().is_open() {
            self.step().await?;
        }
        Ok(())
    }

    /// Calls the peer and waits for the answer, while everything else goes to its handlers.
    ///
    /// Waits for the opening too, if that is not done, and for a link, if a [client](super::Client) has none. A future that
    /// is dropped gives the call up, and the peer is told so where the protocol has a word for that.
    pub async fn call<M, A>(&mut self, request: &M, timeout: Duration) -> Result<A, CallError>
    where
        M: for<'r> Request<Answer<'r> = A>,
        D: Asks<M> + Refuses,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
    {
        let called = self.call_with(request, timeout, |answer| match answer {
            Ok(answer) => Ok(answer),
            Err(failure) => Err(failure.keep().into()),
        });
        called.await?
    }

    /// Calls the peer and has `then` look at the answer where it lies: for one that borrows, or a failure as the
    /// dialect gives it.
    pub async fn call_with<M, R>(
        &mut self,
        request: &M,
        timeout: Duration,
        then: impl for<'r> FnOnce(Result<M::Answer<'r>, <D as Answers<'r, M>>::Failure>) -> R,
    ) -> Result<R, CallError>
    where
        M: Request,
        D: Asks<M> + Refuses,
    {
        let deadline = self.link.timer.now() + timeout;
        let id = self.begin(request, deadline).await?;
        let call = Under { node: self, id };
        let mut waiting = Waiting::<M, _, R, _>::new(id, then);
        if !call.node.is_down() {
            call.node.flush_at_once();
        }
        loop {
            let step = poll_fn(|context| call.node.poll_step(context, &mut waiting));
            let stepped = step.await;
            if let Some(outcome) = waiting.take() {
                call.node.ended = stepped.err().or(call.node.ended.take());
                return outcome;
            }
            if let Err(error) = stepped {
                call.node.ended = Some(error);
                return Err(CallError::LinkLost);
            }
            if !call.node.desk.calls.is_open(id) {
                return Err(CallError::Deadline);
            }
        }
    }

    async fn begin<M: Request>(
        &mut self,
        request: &M,
        deadline: ropeway_core::Instant,
    ) -> Result<D::CallId, CallError>
    where
        D: Asks<M> + Refuses,
    {
        loop {
            let mail = self.link.link.messenger();
            match self.desk.calls.begin(mail, request, deadline, None) {
                Err(CallError::Send(SendError::NotOpen)) if !mail.dialect().is_open() => {}
                Err(CallError::Send(SendError::Full)) => {}
                begun => return begun,
            }
            if deadline <= self.link.timer.now() {
                return Err(CallError::Deadline);
            }
            if let Err(error) = self.step_until(deadline).await {
                self.ended = Some(error);
                return Err(CallError::LinkLost);
            }
        }
    }

    /// Sends a message, and waits until the stream has taken it or, for a [client](super::Client) without a stream, until it
    /// is queued.
    ///
    /// What the peer says meanwhile goes to its handlers.
    pub async fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M> + Refuses,
    {
        self.queue(message).await?;
        self.flush().await
    }

    /// Queues a message, once older ones have made room for it; what the peer says meanwhile goes to its handlers.
    pub async fn queue<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M> + Refuses,
    {
        loop {
            match self.link.try_queue(message) {
                Err(SendError::Full) => self.step().await?,
                queued => return queued.map_err(Error::Send),
            }
        }
    }

    /// Writes all that is queued, as far as the peer has room for it.
    pub async fn flush(&mut self) -> Result<(), Error>
    where
        D: Refuses,
    {
        while !self.is_down() && !self.flush_at_once() {
            self.step().await?;
        }
        Ok(())
    }

    /// Answers a request that was put off.
    pub async fn answer<'v, M: Request>(
        &mut self,
        id: D::CallId,
        value: &M::Answer<'v>,
    ) -> Result<(), Error>
    where
        D: for<'x> Carries<Answer<'x, 'v, <D as Dialect>::CallId, M>> + Refuses,
    {
        self.send(&Answer::<'_, 'v, _, M> { id, value }).await?;
        self.desk.answered(id);
        Ok(())
    }

    /// Refuses a request that was put off.
    pub async fn refuse(&mut self, id: D::CallId, refused: &Refused) -> Result<(), Error>
    where
        D: Refuses,
    {
        self.send(&refusal(id, refused)).await?;
        self.desk.answered(id);
        Ok(())
    }

    /// The peer, as handlers meet it.
    pub fn peer(&mut self) -> Peer<'_, D> {
        Peer::alone(self.link.link.messenger(), &mut self.desk)
    }

    /// The handlers, to add more.
    pub const fn handlers(&mut self) -> &mut Handlers<D> {
        &mut self.handlers
    }

    /// Goes on over another stream to the same peer, in a dialect whose sessions outlive their transports: what the peer
    /// has not taken is sent again, and calls go on.
    pub fn reconnect(&mut self, stream: Stream) {
        if !self.keeps_sessions() {
            self.fail();
        }
        self.desk.address = stream.address;
        self.desk.parting = None;
        self.ended = None;
        self.is_finished = false;
        self.holds_back = None;
        self.link.reconnect(stream);
    }

    /// Writes what is queued, closes the link, and waits at most `timeout` for the peer to close as well; says whether it
    /// did in time. Calls under way end with [`CallError::LinkLost`].
    ///
    /// Where sessions are kept, what is queued is sent first, over a new link if need be, and the session ends once the
    /// peer has taken all of it: says whether that was in time.
    pub async fn close(mut self, timeout: Duration) -> Result<bool, Error>
    where
        D: Refuses,
    {
        self.fail();
        let far = Instant::now() + FAR;
        let deadline = Instant::now().checked_add(timeout).unwrap_or(far);
        match timeout_at(deadline, self.take_leave()).await {
            Err(_) => return Ok(false),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Leave::Gone)) => return Ok(true),
            Ok(Ok(Leave::Said)) => {}
        }
        // What the peer still says must not cut off the last word.
        let has_closed = timeout_at(deadline, self.end()).await;
        match self.keeps_sessions() {
            true => Ok(self.link.queued() == 0),
            false => match has_closed {
                Err(_) => Ok(false),
                Ok(ended) => ended.map(|()| true).map_err(transport_error),
            },
        }
    }

    /// Ends the stream, and drops what the peer still says.
    async fn end(&mut self) -> std::io::Result<()> {
        self.link.link.writer().shutdown().await?;
        let stream = Stream::none();
        let (mut reader, _writer) = self.link.link.replace(stream.reader, stream.writer);
        let mut dropped = [0; 1024];
        while reader.read(&mut dropped).await.map_err(|error| error.0)? > 0 {}
        Ok(())
    }
}

/// What has become of leaving.
enum Leave {
    /// The last word has been said.
    Said,
    /// There is nobody to say it to.
    Gone,
}

impl<D: Dialect> fmt::Debug for Node<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("desk", &self.desk)
            .field("timer", &self.link.timer)
            .finish_non_exhaustive()
    }
}

const MAX_CALLS: usize = 64;

const MAX_REQUESTS: usize = 1024;

/// Longer than any program runs.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
