use super::ListenerId;
use mio::{Interest, Registry, Token};
use ropeway_core::Instant;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// One port.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) id: ListenerId,
    pub(super) address: SocketAddr,
    listener: mio::net::TcpListener,
    /// Connections may wait.
    pub(super) is_ready: bool,
    /// When to try again after it could not take one.
    pub(super) again: Option<Instant>,
}

/// What came of looking for a connection.
pub(super) enum Accepted {
    Stream(TcpStream, SocketAddr),
    None,
    Failed(io::Error),
}

impl Listening {
    pub(super) fn bind(
        address: impl ToSocketAddrs,
        id: ListenerId,
        token: Token,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut last = io::ErrorKind::NotFound.into();
        for address in address.to_socket_addrs()? {
            match mio::net::TcpListener::bind(address) {
                Ok(mut listener) => {
                    registry.register(&mut listener, token, Interest::READABLE)?;
                    return Ok(Self {
                        id,
                        address: listener.local_addr()?,
                        listener,
                        is_ready: true,
                        again: None,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Whether connections may wait that can be taken now.
    pub(super) const fn may_accept(&self) -> bool {
        self.is_ready && self.again.is_none()
    }

    pub(super) fn accept(&mut self, now: Instant) -> Accepted {
        if !self.is_ready || self.again.is_some_and(|again| now < again) {
            return Accepted::None;
        }
        self.again = None;
        loop {
            match self.listener.accept() {
                Ok((stream, address)) => return Accepted::Stream(stream.into(), address),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_ready = false;
                    return Accepted::None;
                }
                // A caller that is gone again by now is nobody's fault here.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.again = Some(now + PAUSE);
                    return Accepted::Failed(error);
                }
            }
        }
    }
}

/// How long to leave a port alone that cannot take connections.
const PAUSE: Duration = Duration::from_millis(100);
