use crate::storage::Growable;
use crate::transport::{Half, Patience, Transport, halves};
use crate::{Connect, ConnectError, Error, Options, TransportError};
use ropeway_core::dialect::{Carries, Dialect};
use ropeway_core::registry::Registry;
use ropeway_core::{Event, Messenger, pump};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// A link to one peer, whose input and output happen in the caller's thread.
///
/// ```no_run
/// use ropeway_std::dialect::cable_car::{CableCarByte, Join};
/// use ropeway_std::{Event, Link, messages};
/// use std::time::Duration;
///
/// messages! { #[derive(Debug)] enum Words { Join(Join) } }
///
/// let mut link = Link::connect(CableCarByte, "raspberrypi.local:8223")?;
/// link.send(&Join)?;
/// match link.recv::<Words>(Duration::from_secs(1))? {
///     Some(Event::Message(words)) => println!("{words:?}"),
///     Some(other) => eprintln!("{other:?}"),
///     None => println!("nothing yet"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Link<D, T = TcpStream> {
    link: Inner<D, T>,
    waits: Waits,
}

type Inner<D, T> = pump::Link<D, Half<T>, Half<T>, Growable>;

/// How a link waits.
#[derive(Debug)]
struct Waits {
    /// How long the transport waits at present, so that it is told only of changes.
    patience: Patience,
    send_timeout: Patience,
}

impl<D: Dialect> Link<D> {
    /// Connects to `address`, a host name or an address with a port, as [`Connect`] does by default.
    pub fn connect(dialect: D, address: impl ToSocketAddrs) -> Result<Self, ConnectError> {
        let stream = Connect::new(address).stream()?;
        Ok(Self::new(dialect, stream, &Options::default())?)
    }

    /// A link over a connected socket.
    pub fn new(dialect: D, stream: TcpStream, options: &Options) -> Result<Self, Error> {
        options.apply(&stream).map_err(transport_error)?;
        Self::over(dialect, stream, options)
    }
}

impl<D: Dialect, T: Transport> Link<D, T> {
    /// A link over any transport.
    pub fn over(dialect: D, transport: T, options: &Options) -> Result<Self, Error> {
        let send_timeout = match Patience::of(options.patience_to_send()) {
            Patience::None => Patience::Until(SHORTEST),
            patience => patience,
        };
        transport
            .set_patience(Patience::Forever, send_timeout)
            .map_err(transport_error)?;
        let messenger = Messenger::new(dialect, options.memory(), options.memory());
        let (reader, writer) = halves(transport);
        let link = pump::Link::new(messenger, reader, writer);
        let waits = Waits {
            patience: Patience::Forever,
            send_timeout,
        };
        Ok(Self { link, waits })
    }

    /// Sends a message at once, with all that was queued before it.
    ///
    /// When the send timeout ends first, the message stays queued and goes out with the next call; a queue that
    /// is full is an error, and takes nothing.
    #[inline]
    pub fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        self.queue(message)?;
        self.flush()
    }

    /// Queues a message, to share a write with others: it goes out when the buffer is full, with the next
    /// [`send`](Self::send) or [`flush`](Self::flush), or before [`recv`](Self::recv) waits.
    #[inline]
    pub fn queue<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        self.link.queue(message)
    }

    /// Writes all that is queued, unless the send timeout ends first.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Error> {
        self.waits.flush(&mut self.link)
    }

    /// The next thing that the peer said; `None` means nothing yet, after `timeout`.
    ///
    /// [`Duration::ZERO`] only looks, [`Duration::MAX`] waits for ever. Fails with [`Error::Closed`] once the
    /// peer has closed and all before has been delivered.
    #[inline]
    pub fn recv<'a, R: Registry<'a, D>>(
        &'a mut self,
        timeout: Duration,
    ) -> Result<Option<Event<'a, D, R>>, Error> {
        let waits = &mut self.waits;
        self.link.recv_with(|link| waits.until_event(link, timeout))
    }

    /// How many bytes wait to be written.
    pub const fn queued(&self) -> usize {
        self.link.queued()
    }

    /// The transport underneath.
    pub fn transport(&mut self) -> &T {
        self.link.reader().transport()
    }

    /// Writes all that is queued and tells the peer that nothing more will come; it may still be read from.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.transport()
            .shutdown(Shutdown::Write)
            .map_err(transport_error)
    }

    /// Writes all that is queued, then waits at most `timeout` for the peer to close as well, and closes.
    ///
    /// What the peer still says is read and dropped, so that what was sent is not cut off by a reset. Says
    /// whether the peer closed in time.
    pub fn close(mut self, timeout: Duration) -> Result<bool, Error> {
        self.finish()?;
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let left = left(deadline);
            match self.waits.until_event(&mut self.link, left) {
                Err(Error::Closed | Error::OutOfStep) => return Ok(true),
                Err(error) => return Err(error),
                Ok(false) => return Ok(false),
                Ok(true) => self.link.drop_event(),
            }
        }
    }
}

impl Waits {
    fn flush<D: Dialect, T: Transport>(&mut self, link: &mut Inner<D, T>) -> Result<(), Error> {
        if self.patience == Patience::None {
            self.at_most(link, Patience::Forever)?;
        }
        link.flush()
    }

    /// Reads until there is something to say, and says whether there is.
    fn until_event<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        timeout: Duration,
    ) -> Result<bool, Error> {
        // A peer that is gone may have left last words: an error of writing is told only when none are to be read.
        let written = match link.queued() {
            0 => Ok(()),
            _ => self.flush(link),
        };
        match self.read_until_event(link, timeout) {
            Ok(true) => Ok(true),
            read => written.and(read),
        }
    }

    fn read_until_event<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        timeout: Duration,
    ) -> Result<bool, Error> {
        let deadline = Instant::now().checked_add(timeout);
        let mut patience = Patience::of(timeout);
        loop {
            self.at_most(link, patience)?;
            let came = link.read_once()?;
            if link.has_event() || !came {
                return Ok(link.has_event());
            }
            patience = match patience {
                Patience::Until(_) => Patience::of(left(deadline)),
                same => same,
            };
        }
    }

    fn at_most<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        patience: Patience,
    ) -> Result<(), Error> {
        if patience != self.patience {
            self.patience = patience;
            link.reader()
                .transport()
                .set_patience(patience, self.send_timeout)
                .map_err(transport_error)?;
        }
        Ok(())
    }
}

fn transport_error(error: std::io::Error) -> Error {
    Error::Transport(TransportError(error))
}

/// What is left until a deadline; for ever without one.
fn left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    })
}

/// Sockets take zero for "no timeout at all".
const SHORTEST: Duration = Duration::from_millis(1);
