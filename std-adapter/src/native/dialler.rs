use super::Backoff;
use crate::random::random;
use crate::transport::{Wake, transport_error};
use crate::waits::Deadline;
use crate::{Error, Options};
use mio::{Events, Interest, Poll, Token, Waker};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Gets a client a transport, and another one whenever that is lost: in the client's thread, a step at a time.
pub(crate) struct Dialler<T> {
    lookup: Lookup,
    over: fn(TcpStream) -> io::Result<T>,
    options: Options,
    backoff: Backoff,
    attempt: Duration,
    opening: Duration,
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    state: State,
}

/// Finds the addresses of the peer.
pub(super) type Lookup = Box<dyn FnMut() -> io::Result<Vec<SocketAddr>> + Send>;

enum State {
    /// The next round begins then.
    Waiting(Deadline),
    Trying(Trying),
    Connected(Opening),
    /// No more is dialled.
    Over,
}

/// How far a link has come.
enum Opening {
    /// It must be open by then.
    Until(Deadline),
    /// It is open since then.
    DoneAt(Instant),
}

/// An attempt at one address.
struct Trying {
    stream: mio::net::TcpStream,
    address: SocketAddr,
    by: Deadline,
    /// The addresses to try next.
    left: std::vec::IntoIter<SocketAddr>,
}

/// What has become of dialling.
pub(crate) enum Progress<T> {
    Nothing,
    /// All addresses have been tried.
    Failed {
        why: Error,
        retry_in: Duration,
    },
    Connected(T),
}

impl<T> Dialler<T> {
    pub(super) fn new(
        lookup: Lookup,
        over: fn(TcpStream) -> io::Result<T>,
        options: Options,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        Ok(Self {
            lookup,
            over,
            options,
            backoff: Backoff::default(),
            attempt: Duration::MAX,
            opening: Duration::MAX,
            waker: Arc::new(Waker::new(poll.registry(), WOKEN)?),
            poll,
            events: Events::with_capacity(4),
            state: State::Waiting(Deadline::after(Duration::ZERO)),
        })
    }

    /// How long things may take.
    pub(super) const fn patience(
        mut self,
        attempt: Duration,
        opening: Duration,
        backoff: Backoff,
    ) -> Self {
        self.attempt = attempt;
        self.opening = opening;
        self.backoff = backoff;
        self
    }

    /// Whether there is no transport.
    pub(crate) const fn is_down(&self) -> bool {
        !matches!(self.state, State::Connected(_))
    }

    /// Whether there never will be one again.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// How long the link may still take to open.
    pub(crate) fn left_to_open(&self) -> Duration {
        match self.state {
            State::Connected(Opening::Until(by)) => by.left(),
            _ => Duration::MAX,
        }
    }

    /// Notes that the link is open.
    pub(crate) fn handle_opened(&mut self) {
        if let State::Connected(Opening::Until(_)) = self.state {
            self.state = State::Connected(Opening::DoneAt(Instant::now()));
        }
    }

    /// Notes that the transport is lost, and returns when another is dialled.
    pub(crate) fn handle_lost(&mut self) -> Duration {
        if let State::Connected(Opening::DoneAt(since)) = self.state {
            self.backoff.reset_after(since.elapsed());
        }
        let retry_in = self.backoff.next(random());
        self.state = State::Waiting(Deadline::after(retry_in));
        retry_in
    }

    /// Dials no more.
    pub(crate) fn end(&mut self) {
        self.state = State::Over;
    }

    /// What ends [`wait`](Self::wait) from another thread.
    pub(crate) fn waker(&self) -> Wake {
        let waker = self.waker.clone();
        Arc::new(move || {
            // Who can no longer be woken no longer waits.
            let _ = waker.wake();
        })
    }

    /// Waits at most `timeout` for something to come of it, or for somebody to wake it.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<Progress<T>> {
        let end = Deadline::after(timeout);
        loop {
            let until = match &mut self.state {
                State::Waiting(at) if at.has_passed() => match (self.lookup)() {
                    Ok(addresses) => {
                        let none = io::Error::new(io::ErrorKind::NotFound, "host without address");
                        if let Some(failed) = self.try_next(addresses.into_iter(), none) {
                            return Ok(failed);
                        }
                        continue;
                    }
                    Err(error) => return Ok(self.fail(error)),
                },
                State::Waiting(at) => *at,
                State::Trying(trying) => match trying.outcome() {
                    Some(Ok(())) => match self.connected() {
                        None => continue,
                        Some(progress) => return Ok(progress),
                    },
                    Some(Err(error)) => match self.give_up(error) {
                        None => continue,
                        Some(failed) => return Ok(failed),
                    },
                    None => trying.by,
                },
                State::Connected(_) | State::Over => return Ok(Progress::Nothing),
            };
            if end.has_passed() {
                return Ok(Progress::Nothing);
            }
            let timeout = Some(until.left().min(end.left())).filter(|left| *left < Duration::MAX);
            match self.poll.poll(&mut self.events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            if self.events.iter().any(|event| event.token() == WOKEN) {
                return Ok(Progress::Nothing);
            }
        }
    }

    /// Tries the next address that can be tried; tells if there is none.
    fn try_next(
        &mut self,
        mut left: std::vec::IntoIter<SocketAddr>,
        mut why: io::Error,
    ) -> Option<Progress<T>> {
        for address in left.by_ref() {
            match self.begin(address) {
                Ok(stream) => {
                    let by = Deadline::after(self.attempt);
                    self.state = State::Trying(Trying {
                        stream,
                        address,
                        by,
                        left,
                    });
                    return None;
                }
                Err(error) => why = at(address, &error),
            }
        }
        Some(self.fail(why))
    }

    fn begin(&self, address: SocketAddr) -> io::Result<mio::net::TcpStream> {
        let mut stream = mio::net::TcpStream::connect(address)?;
        let registry = self.poll.registry();
        registry.register(&mut stream, SOCKET, Interest::WRITABLE)?;
        Ok(stream)
    }

    /// The attempt under way has failed.
    fn give_up(&mut self, error: io::Error) -> Option<Progress<T>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Trying(trying) => self.try_next(trying.left, at(trying.address, &error)),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// The attempt under way has led to a connection.
    fn connected(&mut self) -> Option<Progress<T>> {
        let open_by = Opening::Until(Deadline::after(self.opening));
        match std::mem::replace(&mut self.state, State::Connected(open_by)) {
            State::Trying(trying) => match self.set_up(trying.stream) {
                Ok(transport) => Some(Progress::Connected(transport)),
                Err(error) => self.try_next(trying.left, at(trying.address, &error)),
            },
            state => {
                self.state = state;
                None
            }
        }
    }

    fn set_up(&self, mut stream: mio::net::TcpStream) -> io::Result<T> {
        self.poll.registry().deregister(&mut stream)?;
        let stream = TcpStream::from(stream);
        stream.set_nonblocking(false)?;
        self.options.apply(&stream)?;
        (self.over)(stream)
    }

    fn fail(&mut self, error: io::Error) -> Progress<T> {
        Progress::Failed {
            why: transport_error(error),
            retry_in: self.handle_lost(),
        }
    }
}

impl Trying {
    /// How it has ended, if it has.
    fn outcome(&self) -> Option<io::Result<()>> {
        match self.stream.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return Some(Err(error)),
        }
        match self.stream.peer_addr() {
            Ok(_) => Some(Ok(())),
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Some(Err(error)),
            Err(_) if self.by.has_passed() => Some(Err(io::ErrorKind::TimedOut.into())),
            Err(_) => None,
        }
    }
}

/// The error, with the address that it happened at.
fn at(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}

impl<T> fmt::Debug for Dialler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialler")
            .field("is_down", &self.is_down())
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

const WOKEN: Token = Token(0);
const SOCKET: Token = Token(1);
