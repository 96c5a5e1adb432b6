//! Streams that a link can run over, and their halves in embedded-io's terms.
//!
//! ```
//! use ropeway_std::memory;
//! use ropeway_std::transport::{Patience, Transport};
//! use std::io::ErrorKind;
//!
//! let (here, there) = memory::ends(64);
//! there.set_patience(Patience::None, Patience::Forever)?;
//! let mut room = [0; 8];
//! assert_eq!(there.read(&mut room).unwrap_err().kind(), ErrorKind::WouldBlock);
//! here.write(b"news")?;
//! assert_eq!(there.read(&mut room)?, 4);
//! assert_eq!(&room[..4], b"news");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A stream of bytes both ways whose waiting can be bounded: TCP, or memory within one process.
pub trait Transport {
    /// Reads some bytes, waiting for the first as [`set_patience`](Self::set_patience) says; zero at the end.
    fn read(&self, room: &mut [u8]) -> io::Result<usize>;

    /// Writes some bytes, waiting for room as [`set_patience`](Self::set_patience) says.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// How long reads and writes wait from now on.
    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()>;

    /// Ends one or both directions.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// The address of the peer's end, if the transport has addresses.
    fn peer(&self) -> Option<SocketAddr> {
        None
    }
}

/// A transport whose waiting reads another thread can end.
pub trait Wakeable: Transport {
    /// What ends the waiting read, or the next one: it fails with [`WouldBlock`](io::ErrorKind::WouldBlock).
    fn waker(&self) -> Wake;
}

/// Ends a wait from another thread.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// How long an operation on a [`Transport`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all. Holds for both directions as soon as it is asked for one.
    None,
    /// At most so long.
    Until(Duration),
    /// As long as it takes.
    Forever,
}

/// One half of a transport, for the pump in the core.
#[derive(Debug)]
pub struct Half<T>(Arc<T>);

/// An error of a transport.
#[derive(Debug)]
pub struct TransportError(pub io::Error);

/// Both halves of a transport, the reading one first.
pub(crate) fn halves<T: Transport>(transport: T) -> (Half<T>, Half<T>) {
    let transport = Arc::new(transport);
    (Half(transport.clone()), Half(transport))
}

/// An error of the transport itself, as that of a link.
pub(crate) fn transport_error(error: io::Error) -> crate::Error {
    crate::Error::Transport(TransportError(error))
}

impl<T> Half<T> {
    /// The transport itself.
    pub fn transport(&self) -> &T {
        &self.0
    }
}

impl Transport for TcpStream {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &*self, room)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut &*self, bytes)
    }

    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()> {
        self.set_nonblocking(reads == Patience::None || writes == Patience::None)?;
        self.set_read_timeout(reads.timeout())?;
        self.set_write_timeout(writes.timeout())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Self::shutdown(self, how)
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }
}

impl Patience {
    /// What a duration means where zero is "not at all" and the longest is "for ever".
    pub const fn of(timeout: Duration) -> Self {
        match timeout {
            Duration::ZERO => Self::None,
            Duration::MAX => Self::Forever,
            _ => Self::Until(timeout),
        }
    }

    const fn timeout(self) -> Option<Duration> {
        match self {
            Self::Until(timeout) => Some(timeout),
            Self::None | Self::Forever => None,
        }
    }
}

impl<T> embedded_io::ErrorType for Half<T> {
    type Error = TransportError;
}

impl<T: Transport> embedded_io::Read for Half<T> {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, TransportError> {
        self.0.read(room).map_err(TransportError)
    }
}

impl<T: Transport> embedded_io::Write for Half<T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, TransportError> {
        self.0.write(bytes).map_err(TransportError)
    }

    fn flush(&mut self) -> Result<(), TransportError> {
        Ok(())
    }
}

impl embedded_io::Error for TransportError {
    /// embedded-io calls a socket's timeout `Other`, since it arrives as [`io::ErrorKind::WouldBlock`]; here it
    /// is what it is. The other way round, a peer that TCP has given up arrives as a timeout, and is a lost peer.
    fn kind(&self) -> embedded_io::ErrorKind {
        match self.0.kind() {
            io::ErrorKind::WouldBlock => embedded_io::ErrorKind::TimedOut,
            io::ErrorKind::TimedOut if cfg!(windows) => embedded_io::ErrorKind::TimedOut,
            io::ErrorKind::TimedOut => embedded_io::ErrorKind::ConnectionAborted,
            kind => kind.into(),
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// It says what the error of the system says, which is therefore no source of it.
impl std::error::Error for TransportError {}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_io::Error as _;

    #[test]
    fn tells_nothing_yet_from_a_peer_that_was_given_up() {
        let nothing_yet = TransportError(io::ErrorKind::WouldBlock.into());
        assert_eq!(nothing_yet.kind(), embedded_io::ErrorKind::TimedOut);
        #[cfg(unix)]
        {
            let given_up = TransportError(io::ErrorKind::TimedOut.into());
            assert_eq!(given_up.kind(), embedded_io::ErrorKind::ConnectionAborted);
        }
    }
}
