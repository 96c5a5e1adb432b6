use super::Node;
use crate::Error;
use crate::call::{CallError, Failure, Refused, Waiter, deliver};
use crate::desk::refusal;
use crate::peer::Peer;
use ::tokio::sync::{Notify, oneshot};
use ::tokio::time::timeout;
use ropeway_core::dialect::{Answers, Asks, Carries, Dialect, Envelope, Refuses};
use ropeway_core::message::{Answer, Request};
use ropeway_core::{Instant, SendError};
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

/// Serves a node in a task of its own, for those who have a [`Handle`].
///
/// ```
/// use ropeway_std::{Handlers, Options, messages, native, tokio};
/// use serde::{Deserialize, Serialize};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Sum(i32, i32);
///
/// messages! { #[derive(Debug)] enum Words { Sum(Sum) = 0x10 -> i64 } }
///
/// # #[::tokio::main(flavor = "current_thread", crate = "::tokio")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (config, options) = (Arc::new(native::config()), Options::default());
/// let (here, there) = ::tokio::io::duplex(4096);
/// let there = tokio::Link::over(native::listening(&config), tokio::Stream::new(there), &options)?;
/// let mut there = tokio::Node::new(there, Handlers::new());
/// let mut events = there.events::<Words>(16);
/// let (driver, handle) = there.drive();
/// ::tokio::spawn(driver.run());
/// ::tokio::spawn(async move {
///     while let Some(event) = events.recv().await {
///         if let tokio::Event::Request(id, Words::Sum(Sum(a, b))) = event {
///             let _ = handle.answer::<Sum>(id, &(i64::from(a) + i64::from(b))).await;
///         }
///     }
/// });
///
/// let here = tokio::Link::over(native::dialling(&config), tokio::Stream::new(here), &options)?;
/// let (driver, handle) = tokio::Node::new(here, Handlers::new()).drive();
/// ::tokio::spawn(driver.run());
/// assert_eq!(handle.call(&Sum(2, 3), Duration::from_secs(20)).await?, 5);
/// assert!(handle.close(Duration::from_secs(20)).await?);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens unless it is run"]
pub struct Driver<D: Dialect> {
    shared: Arc<Shared<D>>,
}

/// One peer, for any number of tasks. Clones are the same.
///
/// Futures here are cancel-safe: one that is dropped before it is ready has sent nothing, and a call is given up. They are
/// not for [handlers](crate::Handlers), which speak to the peer that they are given.
pub struct Handle<D: Dialect> {
    shared: Arc<Shared<D>>,
}

struct Shared<D: Dialect> {
    state: Mutex<State<D>>,
    /// Something has happened: there may be room.
    changed: Notify,
}

struct State<D: Dialect> {
    /// None once it is no longer served.
    node: Option<Node<D>>,
    /// What wakes the driver.
    waker: Option<Waker>,
    closing: Option<Closing>,
}

/// Somebody wants the link closed.
struct Closing {
    timeout: Duration,
    outcome: oneshot::Sender<Result<bool, Error>>,
}

/// The node, if it is to be closed.
type Ended<D> = Option<(Node<D>, Closing)>;

impl<D: Dialect> Node<D> {
    /// Has the node served in a task of its own, and by others used through a handle.
    pub fn drive(self) -> (Driver<D>, Handle<D>) {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                node: Some(self),
                waker: None,
                closing: None,
            }),
            changed: Notify::new(),
        });
        let handle = Handle {
            shared: shared.clone(),
        };
        (Driver { shared }, handle)
    }
}

impl<D: Refuses> Driver<D> {
    /// Serves the node until its link ends, as [`Node::run`] says, or somebody [closes](Handle::close) it.
    pub async fn run(self) -> Result<(), Error> {
        let Some((node, closing)) = poll_fn(|context| self.poll(context)).await? else {
            return Ok(());
        };
        self.shared.changed.notify_waiters();
        let closed = node.close(closing.timeout).await;
        // Nobody has to wait for it.
        let _ = closing.outcome.send(closed);
        Ok(())
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Result<Ended<D>, Error>> {
        let mut state = self.shared.lock();
        if let Some(closing) = state.closing.take() {
            return Poll::Ready(Ok(state.node.take().map(|node| (node, closing))));
        }
        let Some(node) = &mut state.node else {
            return Poll::Ready(Ok(None));
        };
        let mut happened = false;
        let turned = node.poll_turn(context, &mut (), &mut happened);
        if happened {
            self.shared.changed.notify_waiters();
        }
        match turned {
            Poll::Ready(Ok(())) => context.waker().wake_by_ref(),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {}
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => state.waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl<D: Dialect> Handle<D> {
    /// Queues a message, once older ones have made room for it, and writes it if the stream takes it at once.
    ///
    /// Fails with [`Error::Closed`] once the node is no longer served.
    pub async fn send<M: ?Sized>(&self, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        let sent = self.attempt(Duration::MAX, |node| match node.link.try_queue(message) {
            Err(SendError::Full) => None,
            sent => Some(sent),
        });
        let sent = sent.await.map_err(|_| Error::Closed)?;
        sent.map_err(Error::Send)
    }

    /// Calls the peer and waits for the answer.
    ///
    /// Waits for room first, and for the opening where nothing can be asked before. A future that is dropped gives the call
    /// up, and the peer is told so where the protocol has a word for that.
    pub async fn call<M, A>(&self, request: &M, timeout: Duration) -> Result<A, CallError>
    where
        M: for<'r> Request<Answer<'r> = A> + 'static,
        D: Asks<M>,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
        A: Send + 'static,
    {
        let mut deadline = None;
        let begun = self.attempt(timeout, |node| {
            let deadline: Instant =
                *deadline.get_or_insert_with(|| node.link.timer.now() + timeout);
            let (outcome, answer) = oneshot::channel();
            let waiter = Box::new(Asked::<M, A> {
                outcome: Some(outcome),
                request: PhantomData,
            });
            let mail = node.link.link.messenger();
            match node.desk.calls.begin(mail, request, deadline, Some(waiter)) {
                Err(CallError::Send(SendError::Full)) => None,
                Err(CallError::Send(SendError::NotOpen)) if !mail.dialect().is_open() => None,
                Err(error) => Some(Err(error)),
                Ok(_) => Some(Ok((answer, node.desk.calls.dropped()))),
            }
        });
        let (answer, dropped) = begun.await??;
        let asking = Asking {
            shared: &self.shared,
            answer,
            dropped,
            is_done: false,
        };
        asking.await
    }

    /// Answers a request, once there is room.
    pub async fn answer<'v, M: Request>(
        &self,
        id: D::CallId,
        value: &M::Answer<'v>,
    ) -> Result<(), Error>
    where
        D: for<'x> Carries<Answer<'x, 'v, <D as Dialect>::CallId, M>>,
    {
        self.send(&Answer::<'_, 'v, _, M> { id, value }).await?;
        self.answered(id);
        Ok(())
    }

    /// Refuses a request, once there is room.
    pub async fn refuse(&self, id: D::CallId, refused: &Refused) -> Result<(), Error>
    where
        D: Refuses,
    {
        self.send(&refusal(id, refused)).await?;
        self.answered(id);
        Ok(())
    }

    /// Waits until nothing is queued: all of it has been written or, where sessions are kept, taken by the peer.
    pub async fn flush(&self) -> Result<(), Error> {
        let flushed = self.attempt(Duration::MAX, |node| {
            (node.link.queued() == 0).then_some(())
        });
        flushed.await.map_err(|_| Error::Closed)
    }

    /// Closes the link, as [`Node::close`] does, and ends the driver. Nothing can be sent from then on.
    pub async fn close(&self, timeout: Duration) -> Result<bool, Error> {
        let (outcome, closed) = oneshot::channel();
        {
            let mut state = self.shared.lock();
            if state.node.is_none() || state.closing.is_some() {
                return Err(Error::Closed);
            }
            state.closing = Some(Closing { timeout, outcome });
            state.wake();
        }
        closed.await.unwrap_or(Err(Error::Closed))
    }

    /// Whether the link is open for messages.
    pub fn is_open(&self) -> bool {
        let mut state = self.shared.lock();
        let node = state.node.as_mut();
        node.is_some_and(|node| !node.is_down() && node.link.dialect().is_open())
    }

    /// How many bytes wait to be written or, where sessions are kept, to be taken by the peer.
    pub fn queued(&self) -> usize {
        let state = self.shared.lock();
        state.node.as_ref().map_or(0, |node| node.link.queued())
    }

    /// Tries something again whenever anything has happened, until it comes to something.
    async fn attempt<T>(
        &self,
        limit: Duration,
        mut attempt: impl FnMut(&mut Node<D>) -> Option<T>,
    ) -> Result<T, CallError> {
        if let Some(done) = self.shared.attempt(&mut attempt)? {
            return Ok(done);
        }
        let waiting = async {
            loop {
                let mut changed = pin!(self.shared.changed.notified());
                changed.as_mut().enable();
                if let Some(done) = self.shared.attempt(&mut attempt)? {
                    return Ok(done);
                }
                changed.await;
            }
        };
        match limit {
            Duration::MAX => waiting.await,
            limit => {
                let waited = timeout(limit, waiting).await;
                waited.unwrap_or(Err(CallError::Deadline))
            }
        }
    }

    fn answered(&self, id: D::CallId) {
        if let Some(node) = &mut self.shared.lock().node {
            node.desk.answered(id);
        }
    }
}

impl<D: Dialect> Shared<D> {
    /// Tries something, and has what was queued by it written.
    fn attempt<T>(
        &self,
        attempt: &mut impl FnMut(&mut Node<D>) -> Option<T>,
    ) -> Result<Option<T>, CallError> {
        let mut state = self.lock();
        let Some(node) = &mut state.node else {
            return Err(CallError::LinkLost);
        };
        let done = attempt(node);
        let queued = node.link.queued();
        let is_written = node.is_down() || node.flush_at_once();
        let next = node.next_timeout();
        if node.link.queued() < queued {
            self.changed.notify_waiters();
        }
        if !is_written || !node.link.timer.wakes_by(next) {
            state.wake();
        }
        Ok(done)
    }

    /// Every step leaves a node whole, so a panic of a handler spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Dialect> State<D> {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl<D: Dialect> Drop for Driver<D> {
    fn drop(&mut self) {
        let node = self.shared.lock().node.take();
        if let Some(mut node) = node {
            node.fail();
        }
        self.shared.changed.notify_waiters();
    }
}

/// Who waits for an answer in another task.
struct Asked<M, A> {
    outcome: Option<oneshot::Sender<Result<A, CallError>>>,
    request: PhantomData<fn() -> M>,
}

impl<D, M, A> Waiter<D> for Asked<M, A>
where
    M: for<'a> Request<Answer<'a> = A>,
    D: Asks<M>,
    for<'a> <D as Answers<'a, M>>::Failure: Failure,
    A: Send,
{
    fn take(&mut self, outcome: Result<Envelope<'_, D>, CallError>) {
        if let Some(waiting) = self.outcome.take() {
            // Who no longer waits needs no answer.
            let _ = waiting.send(deliver::<D, M, A>(outcome));
        }
    }

    fn run(self: Box<Self>, _: &mut Peer<'_, D>) {}

    fn is_wanted(&self) -> bool {
        self.outcome
            .as_ref()
            .is_some_and(|outcome| !outcome.is_closed())
    }
}

/// A call under way.
struct Asking<'h, D: Dialect, A> {
    shared: &'h Shared<D>,
    answer: oneshot::Receiver<Result<A, CallError>>,
    dropped: Arc<AtomicBool>,
    is_done: bool,
}

impl<D: Dialect, A> Future for Asking<'_, D, A> {
    type Output = Result<A, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        self.is_done = true;
        Poll::Ready(answer.unwrap_or(Err(CallError::LinkLost)))
    }
}

impl<D: Dialect, A> Drop for Asking<'_, D, A> {
    fn drop(&mut self) {
        if !self.is_done {
            self.answer.close();
            self.dropped.store(true, Ordering::Release);
            self.shared.lock().wake();
        }
    }
}

impl<D: Dialect> Clone for Handle<D> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<D: Dialect> fmt::Debug for Driver<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl<D: Dialect> fmt::Debug for Handle<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
