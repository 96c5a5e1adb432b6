use crate::connect::Waiting;
use crate::transport::transport_error;
use crate::waits::Deadline;
use crate::wire::End;
use crate::{Cancel, Error, Link, Options};
use ropeway_core::dialect::Dialect;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Waits for peers at a port.
///
/// ```
/// use ropeway_std::dialect::cable_car::{CableCarByte, Join};
/// use ropeway_std::{Connect, Listener, Options};
/// use std::time::Duration;
///
/// let mut listener = Listener::bind("127.0.0.1:0")?;
/// let address = listener.address();
/// std::thread::scope(|scope| {
///     scope.spawn(move || Connect::new(address).link(CableCarByte, &Options::default()));
///     let accepted = listener.accept(CableCarByte, &Options::default(), Duration::from_secs(10));
///     assert!(matches!(accepted, Ok(Some(_))));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    listener: mio::net::TcpListener,
    address: SocketAddr,
    cancel: Cancel,
}

impl Listener {
    /// Listens at `address`; port 0 takes any that is free.
    ///
    /// The port can be taken again at once after the program has ended.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = io::ErrorKind::NotFound.into();
        for address in address.to_socket_addrs()? {
            match mio::net::TcpListener::bind(address) {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    return Ok(Self {
                        listener,
                        address,
                        cancel: Cancel::new(),
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Lets `cancel` end the waiting.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// The address it listens at, with the port that was free.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next peer as a link, or `None` when none came within `timeout` or the caller cancelled.
    pub fn accept<D: Dialect>(
        &mut self,
        dialect: D,
        options: &Options,
        timeout: Duration,
    ) -> Result<Option<Link<D>>, Error> {
        match self.stream(timeout).map_err(transport_error)? {
            Some((stream, _)) => Link::of_socket(dialect, stream, options, End::Listens).map(Some),
            None => Ok(None),
        }
    }

    /// The next peer as a blocking socket, or `None` when none came within `timeout` or the caller cancelled.
    pub fn stream(&mut self, timeout: Duration) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        let limit = Deadline::after(timeout);
        let mut waiting = Waiting::new(&self.cancel)?;
        match waiting.accept(&mut self.listener, limit) {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
            Err(_) if self.cancel.is_cancelled() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
