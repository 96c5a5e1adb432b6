use crate::desk::Mail;
use crate::storage::Growable;
use crate::transport::transport_error;
use crate::transport::{Half, Patience, Transport, halves};
use crate::waits::{Deadline, Waits};
use crate::wire::{self, AnyWire, End};
use crate::{Connect, ConnectError, Error, Options};
use ropeway_core::dialect::{Carries, Dialect};
use ropeway_core::registry::Registry;
use ropeway_core::{Event, Messenger, SendError, pump};
use std::io;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A link to one peer, whose input and output happen in the caller's thread.
///
/// One thread owns it; others hand it what to send through a channel, which it looks at between calls of
/// [`recv`](Self::recv) with a short timeout. Dropping a link drops what is queued: [`flush`](Self::flush) or
/// [`close`](Self::close) it first.
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
    /// The size of each of its two buffers before they have grown.
    buffer: usize,
}

pub(crate) type Inner<D, T> = pump::Link<D, Half<T>, Half<T>, Growable, Growable, AnyWire>;

impl<D: Dialect> Link<D> {
    /// Connects to `address`, a host name or an address with a port, as [`Connect`] does by default.
    pub fn connect(dialect: D, address: impl ToSocketAddrs) -> Result<Self, ConnectError> {
        Connect::new(address).link(dialect, &Options::default())
    }

    /// A link over a connected socket.
    pub fn new(dialect: D, stream: TcpStream, options: &Options) -> Result<Self, Error> {
        Self::of_socket(dialect, stream, options, End::Either)
    }

    pub(crate) fn of_socket(
        dialect: D,
        stream: TcpStream,
        options: &Options,
        end: End,
    ) -> Result<Self, Error> {
        options.apply(&stream).map_err(transport_error)?;
        Self::at(dialect, stream, options, end)
    }
}

impl<D: Dialect, T: Transport> Link<D, T> {
    /// A link over any transport.
    ///
    /// Where `options` have keys, it is secure: the end that dials if they have a key to dial with, else the one that
    /// listens. Keys for both are an error here.
    pub fn over(dialect: D, transport: T, options: &Options) -> Result<Self, Error> {
        Self::at(dialect, transport, options, End::Either)
    }

    pub(crate) fn at(dialect: D, transport: T, options: &Options, end: End) -> Result<Self, Error> {
        let wire = options.wire(end).map_err(transport_error)?;
        let waits = Waits::new(&transport, options)?;
        let messenger = Messenger::new(dialect, options.memory(), options.memory());
        let mut messenger = messenger.with_wire(wire);
        wire::start(&mut messenger);
        let (reader, writer) = halves(transport);
        let link = pump::Link::new(messenger, reader, writer);
        Ok(Self {
            link,
            waits,
            buffer: options.initial(),
        })
    }

    /// Sends a message at once, with all that was queued before it.
    ///
    /// While the peer does not read, the link takes in what the peer says, as far as its buffer goes: two links
    /// that send to each other do not lock each other. When the send timeout ends first, this is still `Ok`: the
    /// message stays queued, as [`queued`](Self::queued) tells, and goes out with the next call. A queue that is
    /// full is an error, and takes nothing.
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
        loop {
            match self.link.try_queue(message) {
                Err(SendError::Full) if self.make_room(Deadline::NEVER, || false)? => {}
                queued => return queued.map_err(Error::Send),
            }
        }
    }

    /// Writes all that is queued, unless the send timeout ends first.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Error> {
        self.flush_until(Deadline::NEVER, || false)
    }

    /// The same, until `limit` at most and only before `stop` says so.
    #[inline]
    pub(crate) fn flush_until(
        &mut self,
        limit: Deadline,
        stop: impl Fn() -> bool,
    ) -> Result<(), Error> {
        while self.link.has_output() && self.waits.write(&mut self.link, limit, &stop)? {}
        Ok(())
    }

    /// The next thing that the peer said; `None` means nothing yet, after `timeout`.
    ///
    /// What is queued is written meanwhile. [`Duration::ZERO`] only looks, [`Duration::MAX`] waits for ever. Fails
    /// with [`Error::Closed`] once the peer has closed and all before has been delivered.
    #[inline]
    pub fn recv<'a, R: Registry<'a, D>>(
        &'a mut self,
        timeout: Duration,
    ) -> Result<Option<Event<'a, D, R>>, Error> {
        let waits = &mut self.waits;
        self.link
            .recv_with(|link| waits.read(link, timeout, |_| false))
    }

    /// Waits for something to be said, for `timeout` or until `stop`, and says whether there is.
    pub(crate) fn wait(
        &mut self,
        timeout: Duration,
        stop: impl Fn(&mut Inner<D, T>) -> bool,
    ) -> Result<bool, Error> {
        Ok(self.link.has_event() || self.waits.read(&mut self.link, timeout, stop)?)
    }

    /// Makes room in a full outbox, and says whether there could be made some within the send timeout, until `limit` and
    /// before `stop` says so.
    pub(crate) fn make_room(
        &mut self,
        limit: Deadline,
        stop: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        match self.link.messenger().dialect().keeping() {
            Some(_) => self.waits.wait_for_room(&mut self.link, limit, stop),
            None => self.waits.write(&mut self.link, limit, stop),
        }
    }

    pub(crate) fn has_output(&self) -> bool {
        self.link.has_output()
    }

    pub(crate) fn has_event(&mut self) -> bool {
        self.link.has_event()
    }

    /// Queues a message if there is room, and writes nothing.
    pub(crate) fn try_queue<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        self.link.try_queue(message)
    }

    pub(crate) const fn buffer(&self) -> usize {
        self.buffer
    }

    pub(crate) const fn send_timeout(&self) -> Duration {
        self.waits.send_timeout()
    }

    /// Goes on over another transport to the same peer, in a dialect whose sessions outlive their transports: what was
    /// received and not taken is dropped, and what the peer has not taken is written again.
    pub fn reconnect(&mut self, transport: T) -> Result<(), Error> {
        self.waits.restart(&transport)?;
        (*self.link.reader(), *self.link.writer()) = halves(transport);
        wire::restart(self.link.messenger());
        self.waits.note_time(&mut self.link);
        Ok(())
    }

    pub(crate) const fn messenger(&mut self) -> &mut Mail<D> {
        self.link.messenger()
    }

    /// The dialect, to see how the link stands, or to have it say something of its own.
    pub const fn dialect(&mut self) -> &mut D {
        self.link.messenger().dialect_mut()
    }

    /// How many bytes wait to be written or, in a dialect that keeps sessions, to be taken by the peer.
    pub const fn queued(&self) -> usize {
        self.link.queued()
    }

    /// The transport underneath.
    pub fn transport(&mut self) -> &T {
        self.link.reader().transport()
    }

    /// Writes all that is queued and tells the peer that nothing more will come; it may still be read from.
    ///
    /// When the send timeout passes first, nothing is ended and the error is an [`Error::Transport`] of kind
    /// [`TimedOut`](io::ErrorKind::TimedOut).
    pub fn finish(&mut self) -> Result<(), Error> {
        self.flush()?;
        if self.link.has_output() {
            return Err(transport_error(io::ErrorKind::TimedOut.into()));
        }
        self.transport()
            .shutdown(Shutdown::Write)
            .map_err(transport_error)
    }

    /// Finishes, then waits at most `timeout` for the peer to close as well, and closes.
    ///
    /// What the peer still says is read and dropped, so that what was sent is not cut off by a reset. Says
    /// whether the peer closed in time, which it does by closing or dropping its own link.
    pub fn close(mut self, timeout: Duration) -> Result<bool, Error> {
        self.finish()?;
        let deadline = Deadline::after(timeout);
        let mut dropped = [0; 4096];
        while !deadline.has_passed() {
            let patience = Patience::of(deadline.left());
            let transport = self.transport();
            let read = transport
                .set_patience(patience, patience)
                .and_then(|()| transport.read(&mut dropped));
            match read {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(transport_error(error)),
            }
        }
        Ok(false)
    }
}
