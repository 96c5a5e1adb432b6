use super::server::MAX_FRAME;
use super::{Notice, Packetmq, Packets, Policy, RegisterError, Side};
use crate::waits::Deadline;
use crate::{Connect, ConnectError, Error, Event, Link, Malformed, Options, SendError};
use ropeway_core::dialect::Carries;
use ropeway_core::registry::Registry;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;
use std::{fmt, io};

/// A client of packetmq, whose packets all go to the peer that it is connected to.
///
/// It [connects](Self::connect) as often as is wanted, to one server after the other.
///
/// ```no_run
/// use ropeway_std::packetmq::{Client, Dynamic, Packets};
/// use ropeway_std::Event;
/// use std::time::Duration;
///
/// let mut packets = Packets::default();
/// packets.add("chat:msg", 17)?;
/// let mut client = Client::new(packets);
/// client.connect("raspberrypi.local:8080")?;
/// client.send(&Dynamic::new("chat:msg", "hello"))?;
/// if let Some(Event::Message(packet)) = client.recv::<Dynamic>(Duration::from_secs(1))? {
///     println!("{}: {}", packet.name, packet.value);
/// }
/// client.quit("chat.bye")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client {
    packets: Packets,
    policy: Policy,
    options: Options,
    opening: Duration,
    link: Option<Link<Packetmq>>,
}

/// Why no opening came about.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// No connection came about.
    Connect(ConnectError),
    /// One side has refused the other.
    Refused {
        /// Which.
        by: Side,
        /// Why, if it has said so.
        reason: Option<String>,
    },
    /// The peer broke a rule of the protocol.
    Malformed(Malformed),
    /// The opening was not done in time.
    Deadline,
    /// The connection broke.
    Link(Error),
}

ropeway_core::messages! { enum Nothing {} }

impl Client {
    /// An adaptive client of these packets, as clients usually are.
    pub fn new(packets: Packets) -> Self {
        Self {
            packets,
            policy: Policy::Adaptive,
            options: Options::default().max_message(MAX_FRAME),
            opening: Duration::from_secs(10),
            link: None,
        }
    }

    /// A client of another policy.
    #[must_use]
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// A client with memory of its own.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// How long the peer may take for its opening, 10 s by default; the original has no such time.
    #[must_use]
    pub const fn opening(mut self, timeout: Duration) -> Self {
        self.opening = timeout;
        self
    }

    /// Connects and opens: from then on the server is the peer.
    ///
    /// A link that there was is dropped.
    pub fn connect(&mut self, address: impl ToSocketAddrs) -> Result<(), OpenError> {
        self.link = None;
        let stream = Connect::new(address).stream().map_err(OpenError::Connect)?;
        self.open(stream)
    }

    /// Opens on a connected socket.
    pub fn open(&mut self, stream: TcpStream) -> Result<(), OpenError> {
        self.link = None;
        let dialect = Packetmq::new(self.policy, self.packets.clone());
        let mut link = Link::new(dialect, stream, &self.options).map_err(OpenError::Link)?;
        let deadline = Deadline::after(self.opening);
        loop {
            match link.recv::<Nothing>(deadline.left()) {
                Ok(Some(Event::Notice(Notice::Made))) => break,
                Ok(Some(Event::Notice(Notice::Quit { by, reason }))) => {
                    let reason = reason.map(Into::into);
                    let _ = link.close(FAREWELL);
                    return Err(OpenError::Refused { by, reason });
                }
                Ok(Some(Event::Malformed(malformed))) => {
                    let _ = link.close(FAREWELL);
                    return Err(OpenError::Malformed(malformed));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(OpenError::Deadline),
                Err(error) => return Err(OpenError::Link(error)),
            }
        }
        // The consent to a peer that was quick to give its own.
        link.flush().map_err(OpenError::Link)?;
        self.link = Some(link);
        Ok(())
    }

    /// Sends a packet at once; while there is no peer, that is [`NotOpen`](SendError::NotOpen).
    pub fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        Packetmq: Carries<M>,
    {
        self.peer()?.send(message)
    }

    /// The next thing that the peer said; `None` after `timeout`.
    ///
    /// Fails once the peer is gone, after all that it said, and disconnects: with [`Error::Closed`] if it has closed
    /// or taken its leave, which was an [`Event::Notice`] before.
    pub fn recv<'a, R: Registry<'a, Packetmq>>(
        &'a mut self,
        timeout: Duration,
    ) -> Result<Option<Event<'a, Packetmq, R>>, Error> {
        let link = self.link.as_mut().ok_or(Error::Closed)?;
        match link.wait(timeout, |_| false) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                // Who hears a farewell closes.
                self.link = None;
                return Err(error);
            }
        }
        match &mut self.link {
            Some(link) => link.recv(Duration::ZERO),
            None => Err(Error::Closed),
        }
    }

    /// Takes leave of the peer, with a reason of at most [`MAX_LEN`](super::reason::MAX_LEN) bytes, after all that
    /// was sent, and disconnects.
    ///
    /// Says whether the peer closed too, for which it has 2 s.
    pub fn quit(&mut self, reason: &str) -> Result<bool, Error> {
        let quit = self.peer()?.dialect().quit(reason);
        quit.map_err(|error| Error::Send(error.into()))?;
        self.disconnect()
    }

    /// Disconnects without a word, after all that was sent. Says whether the peer closed too, for which it has 2 s.
    pub fn disconnect(&mut self) -> Result<bool, Error> {
        match self.link.take() {
            Some(link) => link.close(FAREWELL),
            None => Ok(true),
        }
    }

    /// Whether there is a peer, as far as this end knows.
    pub fn is_connected(&mut self) -> bool {
        let link = self.link.as_mut();
        link.is_some_and(|link| link.dialect().is_made())
    }

    /// The peer's address.
    pub fn address(&mut self) -> io::Result<SocketAddr> {
        match &mut self.link {
            Some(link) => link.transport().peer_addr(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The link to the peer, for what else can be done with one.
    pub const fn link(&mut self) -> Option<&mut Link<Packetmq>> {
        self.link.as_mut()
    }

    /// Registers a packet, on the link that there is and for those to come.
    pub fn add(&mut self, name: &str, id: u16) -> Result<(), RegisterError> {
        self.packets.add(name, id)?;
        match &mut self.link {
            Some(link) => link.dialect().packets_mut().add(name, id),
            None => Ok(()),
        }
    }

    /// Removes a packet, from the link that there is and for those to come; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        if let Some(link) = &mut self.link {
            link.dialect().packets_mut().remove(name);
        }
        self.packets.remove(name)
    }

    /// The packets that are registered, for links to come.
    pub const fn packets(&self) -> &Packets {
        &self.packets
    }

    fn peer(&mut self) -> Result<&mut Link<Packetmq>, Error> {
        self.link.as_mut().ok_or(Error::Send(SendError::NotOpen))
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Refused { by, reason } => {
                let reason = reason.as_deref().unwrap_or("no reason given");
                match by {
                    Side::Us => write!(f, "the peer was refused: {reason}"),
                    Side::Peer => write!(f, "the peer refuses: {reason}"),
                }
            }
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Deadline => f.write_str("the opening was not done in time"),
            Self::Link(Error::Closed) => f.write_str(
                "the peer has closed the link before the opening was done: is that a packetmq server?",
            ),
            Self::Link(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

/// How long a peer has to close after a farewell.
const FAREWELL: Duration = Duration::from_secs(2);
