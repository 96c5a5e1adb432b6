use super::{Client, Link, Node, Stream};
use crate::native::{Backoff, Config, Native, dialling};
use crate::random::random;
use crate::wire::End;
use crate::{Handlers, Options};
use ::tokio::net::{TcpStream, ToSocketAddrs, lookup_host};
use ::tokio::time::timeout;
use ropeway_core::Instant;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How a [`Client`] reaches its peer, and reaches it again.
///
/// ```no_run
/// use ropeway_std::{Handlers, native, tokio};
/// use std::sync::Arc;
///
/// # #[::tokio::main(flavor = "current_thread", crate = "::tokio")]
/// # async fn main() -> Result<(), ropeway_std::Error> {
/// let config = Arc::new(native::config().name("panel"));
/// let mut handlers = Handlers::new();
/// handlers.standing(|_, standing| println!("{standing:?}"));
/// let mut client = tokio::Dial::new("raspberrypi.local:8225").client(&config, handlers)?;
/// client.run().await
/// # }
/// ```
pub struct Dial {
    dial: Begin,
    options: Options,
    backoff: Backoff,
    attempt: Duration,
    opening: Duration,
}

/// Gets a node a stream, and another one whenever that is lost.
pub(super) struct Source {
    dial: Box<dyn FnMut() -> Dialling + Send>,
    backoff: Backoff,
    opening: Duration,
    state: State,
}

/// Begins an attempt, with sockets as the options say and so long for each address.
type Begin = Box<dyn FnMut(&Options, Duration) -> Dialling + Send>;

type Dialling = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

enum State {
    /// It is dialled again then.
    Waiting(Instant),
    Dialling(Dialling),
    Connected(Opening),
    /// No more is dialled.
    Over,
}

/// How far a link has come.
enum Opening {
    /// It must be open by then.
    Until(Instant),
    /// It is open since then.
    DoneAt(Instant),
}

/// What has become of dialling.
pub(super) enum Progress {
    Connected(Stream),
    Failed { why: io::Error, retry_in: Duration },
}

impl Dial {
    /// A peer at `address`, a host name or an address with a port.
    ///
    /// Its addresses are tried in turn, each for at most 5 s; a peer that has been reached has 10 s to open the link. A name
    /// is looked up again each time.
    pub fn new(address: impl ToSocketAddrs + Clone + Send + Sync + 'static) -> Self {
        Self::with(Box::new(move |options, attempt| {
            Box::pin(connect(address.clone(), options.clone(), attempt))
        }))
    }

    /// A peer that `dial` gets streams to: over TLS, or in memory.
    pub fn over<F>(mut dial: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<Stream>> + Send + 'static,
    {
        Self::with(Box::new(move |_, attempt| {
            let dialling = dial();
            Box::pin(async move { within(attempt, dialling).await })
        }))
    }

    fn with(dial: Begin) -> Self {
        Self {
            dial,
            options: Options::default(),
            backoff: Backoff::default(),
            attempt: Duration::from_secs(5),
            opening: Duration::from_secs(10),
        }
    }

    /// The memory of the link, and how its sockets behave. The window is fitted to the buffer.
    #[must_use]
    pub fn options(mut self, options: &Options) -> Self {
        self.options = options.clone();
        self
    }

    /// How long to wait before dialling again.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long one attempt at one address may take.
    #[must_use]
    pub const fn attempt(mut self, timeout: Duration) -> Self {
        self.attempt = timeout;
        self
    }

    /// How long the peer may take to open the link once there is a connection.
    #[must_use]
    pub const fn opening(mut self, timeout: Duration) -> Self {
        self.opening = timeout;
        self
    }

    /// A client, which dials when it is run, for the first time at once.
    ///
    /// Fails where the options have keys to listen with, and none to dial with.
    pub fn client(
        self,
        config: &Arc<Config>,
        handlers: Handlers<Native>,
    ) -> Result<Client, crate::Error> {
        let Self {
            mut dial,
            options,
            backoff,
            attempt,
            opening,
        } = self;
        let buffer = u32::try_from(options.initial()).unwrap_or(u32::MAX);
        let config = Arc::new(Config::clone(config).fit(buffer));
        let link = Link::at(dialling(&config), Stream::none(), &options, End::Dials)?;
        let source = Source {
            dial: Box::new(move || dial(&options, attempt)),
            backoff,
            opening,
            state: State::Waiting(Instant::from_micros(0)),
        };
        Ok(Node::new(link, handlers).dialled_by(source))
    }
}

impl Source {
    /// Whether there is no stream.
    pub(super) const fn is_down(&self) -> bool {
        !matches!(self.state, State::Connected(_))
    }

    /// Whether there never will be one again.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// When it is dialled again, or the link must be open.
    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(at) => Some(at),
            State::Connected(Opening::Until(by)) => Some(by),
            State::Connected(Opening::DoneAt(_)) | State::Dialling(_) | State::Over => None,
        }
    }

    /// Notes that the link is open.
    pub(super) fn handle_opened(&mut self, now: Instant) {
        if let State::Connected(Opening::Until(_)) = self.state {
            self.state = State::Connected(Opening::DoneAt(now));
        }
    }

    /// Notes that the stream is lost, and returns when another is dialled.
    pub(super) fn handle_lost(&mut self, now: Instant) -> Duration {
        if let State::Connected(Opening::DoneAt(since)) = self.state {
            self.backoff.reset_after(now - since);
        }
        let retry_in = self.backoff.next(random());
        self.state = State::Waiting(now + retry_in);
        retry_in
    }

    /// Dials no more.
    pub(super) fn end(&mut self) {
        self.state = State::Over;
    }

    /// Ready when something has come of dialling; who polls sees to the [time](Self::next_timeout).
    pub(super) fn poll(&mut self, now: Instant, context: &mut Context<'_>) -> Poll<Progress> {
        loop {
            match &mut self.state {
                State::Waiting(at) if *at <= now => self.state = State::Dialling((self.dial)()),
                State::Dialling(dialling) => {
                    return dialling
                        .as_mut()
                        .poll(context)
                        .map(|dialled| match dialled {
                            Ok(stream) => {
                                self.state = State::Connected(Opening::Until(now + self.opening));
                                Progress::Connected(stream)
                            }
                            Err(why) => {
                                let retry_in = self.handle_lost(now);
                                Progress::Failed { why, retry_in }
                            }
                        });
                }
                State::Waiting(_) | State::Connected(_) | State::Over => return Poll::Pending,
            }
        }
    }
}

async fn connect(
    address: impl ToSocketAddrs,
    options: Options,
    attempt: Duration,
) -> io::Result<Stream> {
    let mut why = io::Error::new(io::ErrorKind::NotFound, "host without address");
    for address in lookup_host(address).await? {
        let connected = within(attempt, TcpStream::connect(address)).await;
        match connected.and_then(|stream| Stream::tcp(stream, &options)) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(why)
}

async fn within<T>(limit: Duration, attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let outcome = timeout(limit, attempt).await;
    outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial")
            .field("options", &self.options)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}
