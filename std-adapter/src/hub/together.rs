use super::{Hub, Peers};
use crate::waits::Deadline;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use ropeway_core::dialect::{Dialect, Refuses};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// Several hubs in one thread, each with a dialect of its own: one program that talks to all of them.
///
/// Their polls are watched by one, so that nothing is looked at before something happens there. On Unix only; elsewhere,
/// every hub needs a thread.
///
/// ```
/// use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson, Join};
/// use ropeway_std::hub::{Hub, Limits, Together};
/// use ropeway_std::{Connect, Handlers, Options};
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// let (said, heard) = mpsc::channel();
/// let mut handlers = Handlers::new();
/// handlers.on::<Join>(move |_, Join| said.send("a board is here").unwrap());
/// let mut boards = Hub::new(|_| CableCarByte, Options::default(), Limits::default())?.with_handlers(handlers);
/// let port = boards.listen("127.0.0.1:0")?;
/// let address = boards.address(port).unwrap();
/// let desks = Hub::new(|_| CableCarJson, Options::default(), Limits::default())?;
///
/// let mut link = Connect::new(address).link(CableCarByte, &Options::default())?;
/// link.send(&Join)?;
/// let mut hubs = Together::new()?.with(boards)?.with(desks)?;
/// let mut news = None;
/// hubs.run(|| {
///     news = heard.try_recv().ok();
///     news.is_some()
/// })?;
/// assert_eq!(news, Some("a board is here"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Together<'h> {
    poll: Poll,
    events: Events,
    hubs: Vec<Member<'h>>,
}

struct Member<'h> {
    hub: Box<dyn Turning + 'h>,
    /// There may be more to do at once.
    is_busy: bool,
}

/// A hub of any dialect.
trait Turning {
    fn fd(&self) -> RawFd;

    fn turn(&mut self) -> io::Result<bool>;

    /// How long nothing happens by time alone.
    fn idle_for(&self) -> Duration;

    fn take_stop(&self) -> bool;

    fn shutdown(&mut self, timeout: Duration) -> io::Result<usize>;
}

impl<'h> Together<'h> {
    /// No hubs yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(16),
            hubs: Vec::new(),
        })
    }

    /// One hub more, whose handlers do all there is to do.
    pub fn with<D: Refuses + 'h>(self, hub: Hub<D>) -> io::Result<Self> {
        self.with_boxed(Box::new(hub))
    }

    /// One hub more, which stays the program's own.
    pub fn with_borrowed<D: Refuses>(self, hub: &'h mut Hub<D>) -> io::Result<Self> {
        self.with_boxed(Box::new(hub))
    }

    fn with_boxed(mut self, hub: Box<dyn Turning + 'h>) -> io::Result<Self> {
        let token = Token(self.hubs.len());
        let fd = hub.fd();
        let registry = self.poll.registry();
        registry.register(&mut SourceFd(&fd), token, Interest::READABLE)?;
        self.hubs.push(Member { hub, is_busy: true });
        Ok(self)
    }

    /// Waits at most `timeout` for something to happen at any of them, and does what there is to do. Says whether
    /// anything happened.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<bool> {
        let happened = self.look(timeout)?;
        self.take_stops();
        Ok(happened)
    }

    fn look(&mut self, timeout: Duration) -> io::Result<bool> {
        let idle_for = self.hubs.iter().map(|member| match member.is_busy {
            true => Duration::ZERO,
            false => member.hub.idle_for(),
        });
        let timeout = idle_for.fold(timeout, Duration::min);
        let timeout = Some(timeout).filter(|timeout| *timeout < Duration::MAX);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            if let Some(member) = self.hubs.get_mut(event.token().0) {
                member.is_busy = true;
            }
        }
        let mut happened = false;
        for Member { hub, is_busy } in &mut self.hubs {
            if *is_busy || hub.idle_for().is_zero() {
                // It is turned until nothing is left: what waits in its poll is told once only.
                *is_busy = hub.turn()?;
                happened |= *is_busy;
            }
        }
        Ok(happened)
    }

    /// Turns until `until` says that it is enough or a [handle](super::Handle::stop) of one of them stops it.
    pub fn run(&mut self, mut until: impl FnMut() -> bool) -> io::Result<()> {
        while !until() && !self.take_stops() {
            self.look(Duration::MAX)?;
        }
        Ok(())
    }

    /// Takes back the wishes to stop of all hubs, and says whether there were any.
    fn take_stops(&self) -> bool {
        let stops = self.hubs.iter().map(|member| member.hub.take_stop());
        stops.fold(false, |any, stop| any | stop)
    }

    /// [Shuts down](Hub::shutdown) one hub after the other, within `timeout` in all.
    ///
    /// Says on how many links something was still queued then.
    pub fn shutdown(&mut self, timeout: Duration) -> io::Result<usize> {
        let deadline = Deadline::after(timeout);
        let hubs = self.hubs.iter_mut();
        let cut_off = hubs.map(|member| member.hub.shutdown(deadline.left()));
        cut_off.sum()
    }
}

impl<D: Refuses> Turning for Hub<D> {
    fn fd(&self) -> RawFd {
        self.peers.fd()
    }

    fn turn(&mut self) -> io::Result<bool> {
        let happened = self.look(Duration::ZERO)?;
        self.peers.forget_wake();
        Ok(happened)
    }

    fn idle_for(&self) -> Duration {
        self.peers.idle_for()
    }

    fn take_stop(&self) -> bool {
        self.peers.take_stop()
    }

    fn shutdown(&mut self, timeout: Duration) -> io::Result<usize> {
        Self::shutdown(self, timeout)
    }
}

impl<D: Refuses> Turning for &mut Hub<D> {
    fn fd(&self) -> RawFd {
        self.peers.fd()
    }

    fn turn(&mut self) -> io::Result<bool> {
        let happened = self.look(Duration::ZERO)?;
        self.peers.forget_wake();
        Ok(happened)
    }

    fn idle_for(&self) -> Duration {
        self.peers.idle_for()
    }

    fn take_stop(&self) -> bool {
        self.peers.take_stop()
    }

    fn shutdown(&mut self, timeout: Duration) -> io::Result<usize> {
        Hub::shutdown(self, timeout)
    }
}

impl<D: Dialect> Peers<D> {
    fn fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }
}

impl fmt::Debug for Together<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together")
            .field("hubs", &self.hubs.len())
            .finish_non_exhaustive()
    }
}
