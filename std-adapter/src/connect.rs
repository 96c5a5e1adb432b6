use crate::transport::transport_error;
use crate::waits::Deadline;
use crate::wire::End;
use crate::{Cancel, Error, Link, Options};
use mio::{Events, Interest, Poll, Token, Waker};
use ropeway_core::dialect::Dialect;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

/// How to reach a peer that may not listen yet.
///
/// Each address of the host is tried in turn; while all refuse, the round is repeated.
///
/// ```no_run
/// use ropeway_std::dialect::cable_car::CableCarByte;
/// use ropeway_std::{Connect, Options};
/// use std::time::Duration;
///
/// let link = Connect::new("raspberrypi.local:8223")
///     .deadline(Duration::from_secs(30))
///     .link(CableCarByte, &Options::default())?;
/// # Ok::<(), ropeway_std::ConnectError>(())
/// ```
#[derive(Debug)]
pub struct Connect {
    addresses: Result<Vec<SocketAddr>, io::Error>,
    attempt: Duration,
    retry: Duration,
    deadline: Duration,
    cancel: Cancel,
}

/// Why no connection came about.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host name has no address, or is none.
    UnknownHost(io::Error),
    /// The deadline passed; the last attempt ended so.
    Deadline {
        /// The address tried last.
        address: SocketAddr,
        /// What became of it.
        last: io::Error,
        /// How long the peer was tried for.
        tried: Duration,
    },
    /// The attempt failed in a way that trying again does not mend.
    Failed {
        /// The address tried last.
        address: SocketAddr,
        /// What became of it.
        error: io::Error,
    },
    /// The caller cancelled.
    Cancelled,
    /// The socket could not be set up.
    Setup(Error),
}

impl Connect {
    /// A connection to `address`, a host name or an address with a port; the name is looked up here, once.
    ///
    /// One attempt takes at most 2 s, a refused one is repeated every 0.5 s, for at most 10 s altogether.
    pub fn new(address: impl ToSocketAddrs) -> Self {
        Self {
            addresses: address.to_socket_addrs().map(Iterator::collect),
            attempt: Duration::from_secs(2),
            retry: Duration::from_millis(500),
            deadline: Duration::from_secs(10),
            cancel: Cancel::new(),
        }
    }

    /// How long one attempt at one address may take.
    #[must_use]
    pub const fn attempt(mut self, timeout: Duration) -> Self {
        self.attempt = timeout;
        self
    }

    /// How long to wait after a round of refusals.
    #[must_use]
    pub const fn retry(mut self, interval: Duration) -> Self {
        self.retry = interval;
        self
    }

    /// How long to go on trying; zero tries each address once, for as long as an attempt may take, [`Duration::MAX`] goes on for ever.
    #[must_use]
    pub const fn deadline(mut self, timeout: Duration) -> Self {
        self.deadline = timeout;
        self
    }

    /// Lets `cancel` end the waiting.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Connects, and makes a link of it.
    pub fn link<D: Dialect>(self, dialect: D, options: &Options) -> Result<Link<D>, ConnectError> {
        let stream = self.stream()?;
        Ok(Link::of_socket(dialect, stream, options, End::Dials)?)
    }

    /// Connects a blocking socket.
    pub fn stream(self) -> Result<TcpStream, ConnectError> {
        let deadline = Deadline::after(self.deadline);
        let addresses = self.addresses.map_err(ConnectError::UnknownHost)?;
        let mut waiting = Waiting::new(&self.cancel).map_err(transport_error)?;
        loop {
            let mut failure = None;
            for &address in &addresses {
                let timeout = match self.deadline {
                    Duration::ZERO => self.attempt,
                    _ => self.attempt.min(deadline.left()),
                };
                match waiting.connect(address, Deadline::after(timeout)) {
                    Ok(stream) => return Ok(stream),
                    Err(_) if self.cancel.is_cancelled() => return Err(ConnectError::Cancelled),
                    Err(error) => failure = telling(failure, (address, error)),
                }
            }
            let Some((address, last)) = failure else {
                return Err(ConnectError::UnknownHost(io::ErrorKind::NotFound.into()));
            };
            if !may_heal(&last) {
                let error = last;
                return Err(ConnectError::Failed { address, error });
            }
            if deadline.left() <= self.retry {
                let tried = self.deadline;
                return Err(ConnectError::Deadline {
                    address,
                    last,
                    tried,
                });
            }
            waiting
                .sleep(Deadline::after(self.retry))
                .map_err(transport_error)?;
        }
    }
}

type Failure = (SocketAddr, io::Error);

/// Of two failures the one to go by: the later, unless only the earlier can be mended by trying again.
fn telling(known: Option<Failure>, new: Failure) -> Option<Failure> {
    match known {
        Some(known) if may_heal(&known.1) && !may_heal(&new.1) => Some(known),
        _ => Some(new),
    }
}

/// Whether a peer that is only just starting, or far away, can be the reason.
fn may_heal(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
        TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionRefused
            | ConnectionReset
            | ConnectionAborted
            | TimedOut
            | HostUnreachable
            | NetworkUnreachable
    )
}

/// Waits for one socket or a cancel, whichever comes first.
pub(crate) struct Waiting<'a> {
    poll: Poll,
    events: Events,
    cancel: &'a Cancel,
    _waker: Arc<Waker>,
}

impl<'a> Waiting<'a> {
    pub(crate) fn new(cancel: &'a Cancel) -> io::Result<Self> {
        let poll = Poll::new()?;
        Ok(Self {
            _waker: cancel.wake(&poll, CANCELLED)?,
            poll,
            events: Events::with_capacity(4),
            cancel,
        })
    }

    fn connect(&mut self, address: SocketAddr, limit: Deadline) -> io::Result<TcpStream> {
        let mut stream = mio::net::TcpStream::connect(address)?;
        self.poll
            .registry()
            .register(&mut stream, SOCKET, Interest::WRITABLE)?;
        loop {
            self.until(limit)?;
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            match stream.peer_addr() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                Err(error) => return Err(error),
            }
        }
        self.poll.registry().deregister(&mut stream)?;
        let stream = TcpStream::from(stream);
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    /// Waits for the next event; an error when `limit` passes or the caller cancels first.
    fn until(&mut self, limit: Deadline) -> io::Result<()> {
        if self.cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if limit.has_passed() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let timeout = Some(limit.left()).filter(|left| *left < Duration::MAX);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn sleep(&mut self, end: Deadline) -> io::Result<()> {
        while !end.has_passed() && !self.cancel.is_cancelled() {
            match self.until(end) {
                Err(error) if error.kind() != io::ErrorKind::TimedOut => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Accepts one connection from a listener that does not block.
    pub(crate) fn accept(
        &mut self,
        listener: &mut mio::net::TcpListener,
        limit: Deadline,
    ) -> io::Result<(TcpStream, SocketAddr)> {
        self.poll
            .registry()
            .register(listener, SOCKET, Interest::READABLE)?;
        let accepted = loop {
            match listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.until(limit) {
                        break Err(error);
                    }
                }
                // A caller that is gone again by now is nobody's fault here.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                accepted => break accepted,
            }
        };
        self.poll.registry().deregister(listener)?;
        let (stream, address) = accepted?;
        let stream = TcpStream::from(stream);
        stream.set_nonblocking(false)?;
        Ok((stream, address))
    }
}

const CANCELLED: Token = Token(0);
const SOCKET: Token = Token(1);

impl From<Error> for ConnectError {
    fn from(error: Error) -> Self {
        Self::Setup(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(error) => {
                write!(f, "no such host, or no port in the address: {error}")
            }
            Self::Deadline {
                address,
                last,
                tried,
            } => {
                match last.kind() {
                    io::ErrorKind::ConnectionRefused => {
                        write!(f, "nobody listens at {address}: connection refused")
                    }
                    io::ErrorKind::TimedOut => write!(f, "{address} does not answer"),
                    _ => write!(f, "cannot connect to {address}: {last}"),
                }?;
                match tried.as_secs_f64() {
                    0.0 => f.write_str(", tried once"),
                    seconds => write!(f, ", tried for {seconds} s"),
                }
            }
            Self::Failed { address, error } => write!(f, "cannot connect to {address}: {error}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Setup(error) => write!(f, "cannot set up the link: {error}"),
        }
    }
}

/// It tells the whole of what happened, so it has no source.
impl std::error::Error for ConnectError {}
