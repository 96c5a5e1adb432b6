use crate::transport::{Patience, Transport, Wake, Wakeable};
use crate::waits::Deadline;
use mio::{Events, Interest, Poll, Token, Waker};
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A TCP connection on which another thread can end the waiting: for a [`Node`](crate::Node) with a handle.
///
/// It waits by polling, which costs a system call more than a blocking socket does.
///
/// ```no_run
/// use ropeway_std::dialect::cable_car::{CableCarByte, Join};
/// use ropeway_std::{Connect, Handlers, Link, Node, Options, Polled};
///
/// let stream = Connect::new("raspberrypi.local:8223").stream()?;
/// let link = Link::over(CableCarByte, Polled::new(stream)?, &Options::default())?;
/// let mut node = Node::new(link, Handlers::new());
/// let handle = node.handle(64);
/// std::thread::spawn(move || handle.post(|peer| peer.send(&Join).unwrap_or_default()));
/// node.run(|| false)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Polled {
    stream: mio::net::TcpStream,
    waker: Arc<Waker>,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    poll: Poll,
    events: Events,
    reads: Patience,
    writes: Patience,
    /// Someone woke, and no read has ended of that yet.
    is_woken: bool,
}

impl Polled {
    /// The same connection, polled.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WOKEN)?);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, SOCKET, interest)?;
        Ok(Self {
            stream,
            waker,
            waiting: Mutex::new(Waiting {
                poll,
                events: Events::with_capacity(4),
                reads: Patience::Forever,
                writes: Patience::Forever,
                is_woken: false,
            }),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries `step` at every event until it is done, patience ends, or someone wakes who may.
    fn wait(
        &self,
        patience: impl Fn(&Waiting) -> Patience,
        may_wake: bool,
        mut step: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut end = None;
        loop {
            match step() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            let mut waiting = self.waiting();
            let end = *end.get_or_insert_with(|| match patience(&waiting) {
                Patience::None => Deadline::after(Duration::ZERO),
                Patience::Until(timeout) => Deadline::after(timeout),
                Patience::Forever => Deadline::after(Duration::MAX),
            });
            if may_wake && waiting.take_woken() || end.has_passed() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            waiting.until(end)?;
        }
    }
}

impl Waiting {
    /// Waits for the next event, which may be that someone woke.
    fn until(&mut self, end: Deadline) -> io::Result<()> {
        let timeout = Some(end.left()).filter(|left| *left < Duration::MAX);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        self.is_woken |= self.events.iter().any(|event| event.token() == WOKEN);
        Ok(())
    }

    const fn take_woken(&mut self) -> bool {
        std::mem::replace(&mut self.is_woken, false)
    }
}

impl Transport for Polled {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        self.wait(
            |waiting| waiting.reads,
            true,
            || io::Read::read(&mut &self.stream, room),
        )
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(
            |waiting| waiting.writes,
            false,
            || io::Write::write(&mut &self.stream, bytes),
        )
    }

    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()> {
        let mut waiting = self.waiting();
        let either = reads == Patience::None || writes == Patience::None;
        (waiting.reads, waiting.writes) = match either {
            true => (Patience::None, Patience::None),
            false => (reads, writes),
        };
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }
}

impl Wakeable for Polled {
    fn waker(&self) -> Wake {
        let waker = self.waker.clone();
        Arc::new(move || {
            // Who can no longer be woken no longer waits.
            let _ = waker.wake();
        })
    }
}

impl fmt::Debug for Polled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Polled").field(&self.stream).finish()
    }
}

const WOKEN: Token = Token(0);
const SOCKET: Token = Token(1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_wakes_a_blocked_write_ends_the_next_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_there, _) = listener.accept().unwrap();
        let polled = Polled::new(here).unwrap();
        let soon = Patience::Until(Duration::from_millis(20));
        polled.set_patience(Patience::Forever, soon).unwrap();
        let write_until_blocked = || while polled.write(&[0; 1 << 16]).is_ok() {};
        write_until_blocked();
        polled.waker()();
        write_until_blocked();
        let late = Deadline::after(Duration::from_secs(20));
        let patience = Patience::Until(late.left());
        polled.set_patience(patience, patience).unwrap();
        let read = polled.read(&mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(!late.has_passed());
    }
}
