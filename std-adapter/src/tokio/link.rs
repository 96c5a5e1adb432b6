use super::Stream;
use super::stream::{Reader, Writer};
use super::timer::Timer;
use crate::storage::Growable;
use crate::transport::transport_error;
use crate::wire::{self, AnyWire, End};
use crate::{Error, Handlers, Options};
use ::tokio::net::{TcpStream, ToSocketAddrs};
use ropeway_core::dialect::{Carries, Dialect, Refuses};
use ropeway_core::pump::{AsyncLink, CancelledWrite};
use ropeway_core::registry::Registry;
use ropeway_core::{Event, Instant, Messenger, SendError};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

/// A link to one peer, in one task.
///
/// Every method is cancel-safe: a future that is dropped loses nothing and says nothing twice. Dropping a link drops what
/// is queued: [`flush`](Self::flush) or [`close`](Self::close) it first.
///
/// ```
/// use ropeway_std::dialect::cable_car::{CableCarByte, Join};
/// use ropeway_std::{Event, Options, messages, tokio};
///
/// messages! { #[derive(Debug)] enum Words { Join(Join) } }
///
/// # #[::tokio::main(flavor = "current_thread", crate = "::tokio")]
/// # async fn main() -> Result<(), ropeway_std::Error> {
/// let (here, there) = ::tokio::io::duplex(4096);
/// let options = Options::default();
/// let mut here = tokio::Link::over(CableCarByte, tokio::Stream::new(here), &options)?;
/// let mut there = tokio::Link::over(CableCarByte, tokio::Stream::new(there), &options)?;
/// here.send(&Join).await?;
/// assert!(matches!(there.recv().await?, Event::Message(Words::Join(Join))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Link<D> {
    pub(super) link: Inner<D>,
    pub(super) timer: Timer,
    pub(super) address: Option<SocketAddr>,
}

pub(super) type Inner<D> = AsyncLink<D, Reader, Writer, Growable, Growable, AnyWire>;

impl<D: Dialect> Link<D> {
    /// Connects to `address`, a host name or an address with a port, with [`Options::default`].
    pub async fn connect(dialect: D, address: impl ToSocketAddrs) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.map_err(transport_error)?;
        Self::new(dialect, stream, &Options::default())
    }

    /// A link over a connected socket.
    pub fn new(dialect: D, stream: TcpStream, options: &Options) -> Result<Self, Error> {
        let stream = Stream::tcp(stream, options).map_err(transport_error)?;
        Self::over(dialect, stream, options)
    }

    /// A link over any stream, with the buffers that the options say.
    ///
    /// Where they have keys, it is secure: the end that dials if they have a key to dial with, else the one that
    /// listens. Keys for both are an error here.
    pub fn over(dialect: D, stream: Stream, options: &Options) -> Result<Self, Error> {
        Self::at(dialect, stream, options, End::Either)
    }

    pub(super) fn at(
        dialect: D,
        stream: Stream,
        options: &Options,
        end: End,
    ) -> Result<Self, Error> {
        let Stream {
            reader,
            writer,
            address,
        } = stream;
        let wire = options.wire(end).map_err(transport_error)?;
        let messenger = Messenger::new(dialect, options.memory(), options.memory());
        let mut messenger = messenger.with_wire(wire);
        wire::start(&mut messenger);
        Ok(Self {
            link: AsyncLink::new(messenger, reader, writer, CancelledWrite::TookNothing),
            timer: Timer::new(),
            address,
        })
    }

    /// Sends a message, with all that was queued before it, and waits until the stream has taken them.
    ///
    /// The link takes in what the peer says meanwhile, as far as its buffer goes: two links that send to each other do not
    /// lock each other. A future dropped before it is ready may have queued the message, which then goes out with the next
    /// call.
    pub async fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        self.queue(message).await?;
        self.flush().await
    }

    /// Queues a message, once older ones have made room for it, to share a write with others.
    ///
    /// Where sessions are kept, room comes once the peer has taken something. It is [`SendError::Full`] when the link can
    /// take in no more of what the peer says before something is [received](Self::recv). A future dropped before it is
    /// ready has not queued the message.
    pub async fn queue<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        loop {
            match self.link.try_queue(message) {
                Err(SendError::Full) => self.write_once().await?,
                queued => return queued.map_err(Error::Send),
            }
        }
    }

    /// Queues a message if there is room, and writes nothing.
    pub fn try_queue<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        self.link.try_queue(message)
    }

    /// Writes all that is queued, as far as the peer has room for it.
    pub async fn flush(&mut self) -> Result<(), Error> {
        while self.link.has_output() {
            self.write_once().await?;
        }
        let flushed = poll_fn(|context| self.link.writer().poll_flush(context)).await;
        flushed.map_err(transport_error)
    }

    /// The next thing that the peer said; what is queued is written meanwhile, and promises of silence are kept.
    ///
    /// Fails with [`Error::Closed`] once the peer has closed and all before has been delivered. A future that is dropped
    /// has taken nothing.
    pub async fn recv<'a, T: Registry<'a, D>>(&'a mut self) -> Result<Event<'a, D, T>, Error> {
        loop {
            self.note_time();
            let timer = self.timer.until(self.link.next_timeout());
            if self.link.wait(timer).await? {
                break;
            }
        }
        self.link.poll().ok_or(Error::Closed)
    }

    /// The next thing that the peer said, if it is here already.
    pub fn poll<'a, T: Registry<'a, D>>(&'a mut self) -> Option<Event<'a, D, T>> {
        self.link.poll()
    }

    /// Goes on over another stream to the same peer, in a dialect whose sessions outlive their transports: what was
    /// received and not taken is dropped, and what the peer has not taken is written again.
    pub fn reconnect(&mut self, stream: Stream) {
        self.address = stream.address;
        self.link.replace(stream.reader, stream.writer);
        wire::restart(self.link.messenger());
        self.note_time();
    }

    /// The dialect, to see how the link stands, or to have it say something of its own.
    pub const fn dialect(&mut self) -> &mut D {
        self.link.messenger().dialect_mut()
    }

    /// How many bytes wait to be written or, in a dialect that keeps sessions, to be taken by the peer.
    pub const fn queued(&self) -> usize {
        self.link.queued()
    }

    /// The address of the peer, if the stream has addresses.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Closes the link, as [`Node::close`](super::Node::close) does.
    pub async fn close(self, timeout: Duration) -> Result<bool, Error>
    where
        D: Refuses,
    {
        let node = super::Node::new(self, Handlers::new());
        node.close(timeout).await
    }

    /// Notes the time, where the dialect has timers.
    pub(super) fn note_time(&mut self) -> Instant {
        let now = self.timer.now();
        if self.link.messenger().dialect().keeping().is_some() {
            self.link.handle_time(now);
        }
        now
    }

    async fn write_once(&mut self) -> Result<(), Error> {
        self.note_time();
        let timer = self.timer.until(self.link.next_timeout());
        self.link.write_until(timer).await.map(drop)
    }
}
