use super::{Key, Notice, Packetmq, Packets, Policy, RegisterError, Side};
use crate::hub::{self, Hub, Limits, ListenerId, News, PeerId, PeerInfo, Reason};
use crate::{Malformed, Options, SendError};
use ropeway_core::Event as Said;
use ropeway_core::dialect::Carries;
use ropeway_core::registry::Registry;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A server of packetmq: any number of ports and peers, in the caller's thread.
///
/// It is a [`Hub`] with one registry for all of its links: packets that are added or removed are so on every link.
/// A peer that has not opened its link in time is turned away, 10 s unless the [`Limits`] say otherwise; the original
/// has no such time.
///
/// ```
/// use ropeway_std::packetmq::{Client, Dynamic, Event, Packets, Server};
/// use std::time::Duration;
///
/// let mut packets = Packets::default();
/// packets.add("chat:msg", 17)?;
/// let mut server = Server::new(packets.clone())?;
/// let address = server.listen("127.0.0.1:0")?;
///
/// std::thread::scope(|scope| {
///     let client = scope.spawn(move || {
///         let mut client = Client::new(packets);
///         client.connect(address).unwrap();
///         client.send(&Dynamic::new("chat:msg", "hello")).unwrap();
///         client.quit("chat.bye").unwrap();
///     });
///     loop {
///         match server.next::<Dynamic>(Duration::from_secs(10)).unwrap().unwrap() {
///             Event::Packet(_, packet) => assert_eq!(packet, Dynamic::new("chat:msg", "hello")),
///             Event::Lost(_, lost) => break assert_eq!(lost.reason.as_deref(), Some("chat.bye")),
///             _ => {}
///         }
///     }
///     client.join().unwrap();
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    hub: Hub<Packetmq>,
    packets: Arc<Mutex<Packets>>,
    /// Why peers have left whose end has not been told yet.
    reasons: HashMap<PeerId, (Side, Option<String>)>,
    /// Who has joined since the registry was last compared with theirs.
    joined: Vec<PeerId>,
}

/// What happens at a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a, R> {
    /// A peer's opening is done.
    Made(PeerInfo),
    /// A peer whose opening was done is gone, after all that it said.
    Lost(PeerInfo, Lost),
    /// A connection came to nothing.
    TurnedAway(PeerInfo, Lost),
    /// A packet of the table.
    Packet(PeerId, R),
    /// A packet that is not registered, or that the table does not have; the link goes on.
    Unknown(PeerId, Key<'a>),
    /// A frame that breaks a rule; unless that [`is_fatal`](Malformed::is_fatal), the link goes on.
    Malformed(PeerId, Malformed),
    /// How a link stands.
    Notice(PeerId, Notice<'a>),
    /// What concerns no peer, or what another thread wanted to send.
    News(News),
}

/// How a link has ended.
#[derive(Debug)]
pub struct Lost {
    /// Who has taken its leave, if someone has.
    pub by: Option<Side>,
    /// The reason for that, if it has been given.
    pub reason: Option<String>,
    /// What ended the connection.
    pub ending: Reason,
}

impl Server {
    /// A static server of these packets, as servers usually are, with default memory and limits.
    pub fn new(packets: Packets) -> io::Result<Self> {
        let options = Options::default().max_message(MAX_FRAME);
        let limits = Limits::default().queue(MAX_FRAME);
        Self::with(Policy::Static, packets, options, limits)
    }

    /// A server with a policy, memory and limits of its own.
    pub fn with(
        policy: Policy,
        packets: Packets,
        options: Options,
        limits: Limits,
    ) -> io::Result<Self> {
        let packets = Arc::new(Mutex::new(packets));
        let shared = packets.clone();
        let dialect = move |_: &PeerInfo| Packetmq::new(policy, lock(&shared).clone());
        Ok(Self {
            hub: Hub::new(dialect, options, limits)?,
            packets,
            reasons: HashMap::new(),
            joined: Vec::new(),
        })
    }

    /// Listens at one more address, and returns it with the port that was free if that was 0.
    pub fn listen(&mut self, address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
        let listener: ListenerId = self.hub.listen(address)?;
        let address = self.hub.address(listener);
        address.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The next thing that happens, or `None` after `timeout`.
    pub fn next<'a, R: Registry<'a, Packetmq>>(
        &'a mut self,
        timeout: Duration,
    ) -> io::Result<Option<Event<'a, R>>> {
        self.catch_up();
        let Self {
            hub,
            reasons,
            joined,
            ..
        } = self;
        let Some(event) = hub.next(timeout)? else {
            return Ok(None);
        };
        Ok(Some(match event {
            hub::Event::News(News::Joined(info)) => {
                joined.push(info.id);
                Event::Made(info)
            }
            hub::Event::News(News::Left(info, ending)) => {
                Event::Lost(info, Lost::new(reasons.remove(&info.id), ending))
            }
            hub::Event::News(News::TurnedAway(info, ending)) => {
                Event::TurnedAway(info, Lost::new(reasons.remove(&info.id), ending))
            }
            hub::Event::News(news) => Event::News(news),
            hub::Event::Answered(peer) | hub::Event::File(peer, _) | hub::Event::Filed(peer) => {
                Event::Notice(peer, Notice::Made)
            }
            hub::Event::Said(peer, said) => match said {
                Said::Message(packet) => Event::Packet(peer, packet),
                Said::Notice(notice) => {
                    if let Notice::Quit { by, reason } = notice {
                        reasons.insert(peer, (by, reason.map(Into::into)));
                    }
                    Event::Notice(peer, notice)
                }
                Said::Unknown(unknown) => Event::Unknown(peer, unknown.key),
                Said::Malformed(malformed) => Event::Malformed(peer, malformed),
                Said::Request(never, _) | Said::Answer(never, _) => match never {},
            },
        }))
    }

    /// Queues a packet for a peer; it leaves with the next [`next`](Self::next).
    pub fn send<M: ?Sized>(&mut self, peer: PeerId, message: &M) -> Result<(), SendError>
    where
        Packetmq: Carries<M>,
    {
        self.hub.send(peer, message)
    }

    /// Takes leave of a peer, with a reason of at most [`MAX_LEN`](super::reason::MAX_LEN) bytes, after all that is
    /// queued for it.
    pub fn quit(&mut self, peer: PeerId, reason: &str) -> Result<(), SendError> {
        let mut there = self.hub.get(peer).ok_or(SendError::NotOpen)?;
        there.dialect().quit(reason)?;
        self.reasons.insert(peer, (Side::Us, Some(reason.into())));
        Ok(())
    }

    /// Registers a packet, on every link that there is and for those to come.
    pub fn add(&mut self, name: &str, id: u16) -> Result<(), RegisterError> {
        lock(&self.packets).add(name, id)?;
        self.on_every_link(|packets| {
            // On this link the name or the id may be taken by the peer's table.
            let _ = packets.add(name, id);
        });
        Ok(())
    }

    /// Removes a packet, on every link that there is and for those to come; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.on_every_link(|packets| {
            packets.remove(name);
        });
        lock(&self.packets).remove(name)
    }

    /// The packets that are registered, for links to come.
    pub fn packets(&self) -> Packets {
        lock(&self.packets).clone()
    }

    /// Brings the registries of links that have opened up to date.
    fn catch_up(&mut self) {
        for id in std::mem::take(&mut self.joined) {
            let Some(mut peer) = self.hub.get(id) else {
                continue;
            };
            let there = peer.dialect().packets_mut();
            let ours = lock(&self.packets);
            let names = there.iter().map(|packet| packet.name().to_owned());
            for name in names.collect::<Vec<_>>() {
                if !ours.has(&name) {
                    there.remove(&name);
                }
            }
            for packet in &*ours {
                // It is there already, or its id is taken by the peer's table.
                let _ = there.add(packet.name(), packet.registered_id());
            }
        }
    }

    fn on_every_link(&mut self, mut change: impl FnMut(&mut Packets)) {
        for id in self.hub.ids().collect::<Vec<_>>() {
            if let Some(mut peer) = self.hub.get(id) {
                change(peer.dialect().packets_mut());
            }
        }
    }
}

/// What a hub can do beside.
impl Deref for Server {
    type Target = Hub<Packetmq>;

    fn deref(&self) -> &Hub<Packetmq> {
        &self.hub
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Hub<Packetmq> {
        &mut self.hub
    }
}

impl Lost {
    fn new(left: Option<(Side, Option<String>)>, ending: Reason) -> Self {
        let (by, reason) = left.map_or((None, None), |(by, reason)| (Some(by), reason));
        Self { by, reason, ending }
    }
}

/// A registry is whole after every step, so a panic elsewhere spoils nothing.
fn lock(packets: &Mutex<Packets>) -> MutexGuard<'_, Packets> {
    packets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The longest frame that the protocol allows, in bytes.
pub(super) const MAX_FRAME: usize = super::LENGTH_LIMIT as usize + 4;
