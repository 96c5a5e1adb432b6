use super::dialler::{Dialler, Lookup};
use super::{Backoff, Client, Config, Native, dialling};
use crate::files::Files;
use crate::transport::{Transport, transport_error};
use crate::wire::{End, Security};
use crate::{Error, Handlers, Link, Node, Options, Polled};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// How a [`Client`] reaches its peer, and reaches it again.
///
/// ```no_run
/// use ropeway_std::{Handlers, native};
/// use std::sync::Arc;
///
/// let config = Arc::new(native::config().name("panel"));
/// let mut handlers = Handlers::new();
/// handlers.standing(|_, standing| println!("{standing:?}"));
/// let mut client = native::Dial::new("raspberrypi.local:8225").client(&config, handlers)?;
/// client.run(|| false)?;
/// # Ok::<(), ropeway_std::Error>(())
/// ```
pub struct Dial {
    lookup: Lookup,
    options: Options,
    backoff: Backoff,
    attempt: Duration,
    opening: Duration,
    files: Option<Files>,
    security: Security,
}

impl Dial {
    /// A peer at `address`, a host name or an address with a port.
    ///
    /// Its addresses are tried in turn, each for at most 5 s; a peer that has been reached has 10 s to open the link. A name
    /// is looked up again in each round, by the system, however long that takes.
    pub fn new(address: impl ToSocketAddrs + Send + 'static) -> Self {
        Self {
            lookup: Box::new(move || Ok(address.to_socket_addrs()?.collect())),
            options: Options::default(),
            backoff: Backoff::default(),
            attempt: Duration::from_secs(5),
            opening: Duration::from_secs(10),
            files: None,
            security: Security::NONE,
        }
    }

    /// The memory of the link, and how its sockets behave. The window is fitted to the buffer.
    #[must_use]
    pub fn options(mut self, options: &Options) -> Self {
        self.options = options.clone();
        self
    }

    /// The link is secure: only a peer that has this key can read it, and who has not is refused for good.
    #[cfg(feature = "secure")]
    #[must_use]
    pub fn secure(mut self, key: super::Key) -> Self {
        self.security.dials = Some(key);
        self
    }

    /// Carries files as `files` says, in memory that is made large enough for them. Without, the peer gets and is given none,
    /// while the client may [offer](crate::Peer::offer) and [ask](crate::Peer::ask_for) all the same.
    #[must_use]
    pub fn files(mut self, files: Files) -> Self {
        self.files = Some(files);
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

    /// A client over blocking sockets. It dials when it is turned, for the first time at once.
    pub fn client(self, config: &Arc<Config>, handlers: Handlers<Native>) -> Result<Client, Error> {
        self.over(config, handlers, Ok)
    }

    /// A client over polled sockets, which has a [handle](Node::handle) for other threads.
    pub fn polled_client(
        self,
        config: &Arc<Config>,
        handlers: Handlers<Native>,
    ) -> Result<Client<Polled>, Error> {
        self.over(config, handlers, Polled::new)
    }

    fn over<T: Transport>(
        self,
        config: &Arc<Config>,
        handlers: Handlers<Native>,
        over: fn(TcpStream) -> io::Result<T>,
    ) -> Result<Client<T>, Error> {
        let options = match &self.files {
            Some(files) => files.widen(self.options),
            None => self.options,
        };
        let options = options.secured(self.security);
        let files = self.files.unwrap_or_default();
        let buffer = u32::try_from(options.initial()).unwrap_or(u32::MAX);
        let for_files = files.share(options.initial());
        let config = Arc::new(Config::clone(config).fit(buffer - for_files));
        let stand_in = stand_in().and_then(over).map_err(transport_error)?;
        let link = Link::at(dialling(&config), stand_in, &options, End::Dials)?;
        let dialler = Dialler::new(self.lookup, over, options)
            .map_err(transport_error)?
            .patience(self.attempt, self.opening, self.backoff);
        Ok(Node::new(link, handlers)
            .with_files(files)
            .dialled_by(dialler))
    }
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial")
            .field("options", &self.options)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

/// A socket that is connected to nobody: a link has a transport at all times.
fn stand_in() -> io::Result<TcpStream> {
    Ok(Socket::new(Domain::IPV4, Type::STREAM, None)?.into())
}
