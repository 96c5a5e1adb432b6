use super::{Packets, reason};
use crate::waits::Deadline;
use ropeway_core::{Message, SendError};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel,
};
use std::time::Duration;

/// A server for clients in the same process: what they send arrives as the very same value, not encoded.
///
/// There is no opening: a connection is active at once. Packets must be registered at both ends, by their names; ids
/// do not count. For tests and for programs that talk to themselves.
///
/// ```
/// use ropeway_std::messages;
/// use ropeway_std::packetmq::{MemoryClient, MemoryEvent, MemoryServer, Packets};
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Reading { celsius: f32 }
///
/// messages! { enum Words { Reading(Reading) as "weather:reading" = 17 } }
///
/// let packets = Packets::of(Words::ENTRIES)?;
/// let mut server = MemoryServer::new(packets.clone());
/// let mut client = MemoryClient::new(packets);
/// client.connect(&server)?;
/// client.send(Reading { celsius: 21.5 })?;
///
/// let Some(MemoryEvent::Made(peer)) = server.next(Duration::ZERO) else { panic!("nobody") };
/// let Some(MemoryEvent::Packet(from, packet)) = server.next(Duration::ZERO) else { panic!("nothing") };
/// assert_eq!(from, peer);
/// assert_eq!(packet.take::<Reading>().unwrap(), Reading { celsius: 21.5 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryServer {
    packets: Packets,
    clients: BTreeMap<MemoryPeer, Wire>,
    numbers: Arc<AtomicU32>,
    inbox: Receiver<(MemoryPeer, Said)>,
    door: SyncSender<(MemoryPeer, Said)>,
}

/// A client of a [`MemoryServer`].
#[derive(Debug)]
pub struct MemoryClient {
    packets: Packets,
    number: MemoryPeer,
    server: Option<SyncSender<(MemoryPeer, Said)>>,
    inbox: Option<Receiver<Said>>,
    is_open: Arc<AtomicBool>,
}

/// Which connection to a [`MemoryServer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemoryPeer(u32);

/// What happens at a memory peer; a client's only peer is its server.
#[derive(Debug)]
pub enum MemoryEvent {
    /// A connection has been made.
    Made(MemoryPeer),
    /// A packet came.
    Packet(MemoryPeer, MemoryPacket),
    /// A packet came that is not registered here, of this name.
    Unknown(MemoryPeer, &'static str),
    /// The connection is no more, for this reason.
    Lost(MemoryPeer, &'static str),
}

/// A packet within a process.
pub struct MemoryPacket {
    name: &'static str,
    value: Box<dyn Any + Send>,
}

/// The server's side of a connection.
#[derive(Debug)]
struct Wire {
    out: SyncSender<Said>,
    is_open: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Said {
    Made(Wire),
    Packet(MemoryPacket),
    Lost,
}

impl MemoryServer {
    /// A server of these packets.
    pub fn new(packets: Packets) -> Self {
        let (door, inbox) = sync_channel(QUEUE);
        Self {
            packets,
            clients: BTreeMap::new(),
            numbers: Arc::default(),
            inbox,
            door,
        }
    }

    /// The next thing that happens, or `None` after `timeout`.
    pub fn next(&mut self, timeout: Duration) -> Option<MemoryEvent> {
        let deadline = Deadline::after(timeout);
        loop {
            let waiting = self.inbox.try_recv().ok();
            let (peer, said) = match waiting.or_else(|| self.lost()) {
                Some(said) => said,
                None => wait(&self.inbox, deadline).ok()??,
            };
            return Some(match said {
                Said::Made(wire) => {
                    self.clients.insert(peer, wire);
                    MemoryEvent::Made(peer)
                }
                // What a client sent before it was told that it is disconnected.
                _ if !self.clients.contains_key(&peer) => continue,
                Said::Packet(packet) => heard(&self.packets, peer, packet),
                Said::Lost => {
                    self.clients.remove(&peer);
                    MemoryEvent::Lost(peer, reason::GENERIC)
                }
            });
        }
    }

    /// A client that has gone, when all that it said has been taken.
    fn lost(&self) -> Option<(MemoryPeer, Said)> {
        let mut clients = self.clients.iter();
        let (peer, _) = clients.find(|(_, wire)| wire.check_open().is_err())?;
        Some((*peer, Said::Lost))
    }

    /// Gives a packet to a client; nothing is encoded.
    pub fn send<M: Message + Send + 'static>(
        &mut self,
        peer: MemoryPeer,
        message: M,
    ) -> Result<(), SendError> {
        let wire = self.clients.get(&peer).ok_or(SendError::NotOpen)?;
        wire.check_open()?;
        let packet = MemoryPacket::new(&self.packets, message)?;
        give(&wire.out, Said::Packet(packet))
    }

    /// Ends a connection; says whether there was one.
    pub fn disconnect(&mut self, peer: MemoryPeer) -> bool {
        self.clients.remove(&peer).is_some()
    }

    /// The connections that there are.
    pub fn peers(&self) -> impl Iterator<Item = MemoryPeer> + '_ {
        self.clients.keys().copied()
    }

    /// The registry, to add packets or remove some.
    pub const fn packets(&mut self) -> &mut Packets {
        &mut self.packets
    }
}

impl MemoryClient {
    /// A client of these packets.
    pub fn new(packets: Packets) -> Self {
        Self {
            packets,
            number: MemoryPeer::default(),
            server: None,
            inbox: None,
            is_open: Arc::default(),
        }
    }

    /// Connects to a server: from then on that is the peer, and the connection is active. Returns its number there.
    pub fn connect(&mut self, server: &MemoryServer) -> Result<MemoryPeer, SendError> {
        self.disconnect();
        let number = MemoryPeer(server.numbers.fetch_add(1, Ordering::Relaxed));
        let (out, inbox) = sync_channel(QUEUE);
        let is_open = Arc::new(AtomicBool::new(true));
        let wire = Wire {
            out,
            is_open: is_open.clone(),
        };
        let door = server.door.clone();
        give(&door, (number, Said::Made(wire)))?;
        self.number = number;
        self.server = Some(door);
        self.inbox = Some(inbox);
        self.is_open = is_open;
        Ok(number)
    }

    /// Gives a packet to the server; nothing is encoded. Without a connection that is
    /// [`NotOpen`](SendError::NotOpen).
    pub fn send<M: Message + Send + 'static>(&mut self, message: M) -> Result<(), SendError> {
        let server = self.server.as_ref().ok_or(SendError::NotOpen)?;
        if !self.is_connected() {
            return Err(SendError::NotOpen);
        }
        let packet = MemoryPacket::new(&self.packets, message)?;
        give(server, (self.number, Said::Packet(packet)))
    }

    /// The next thing that the server said, or `None` after `timeout` or without a connection.
    pub fn next(&mut self, timeout: Duration) -> Option<MemoryEvent> {
        let inbox = self.inbox.as_ref()?;
        match wait(inbox, Deadline::after(timeout)) {
            Ok(Some(Said::Packet(packet))) => Some(heard(&self.packets, self.number, packet)),
            Ok(_) => None,
            Err(Gone) => {
                self.disconnect();
                Some(MemoryEvent::Lost(self.number, reason::GENERIC))
            }
        }
    }

    /// Ends the connection, behind all that was sent.
    pub fn disconnect(&mut self) {
        self.is_open.store(false, Ordering::Release);
        self.inbox = None;
        if let Some(server) = self.server.take() {
            // Wakes the server, if it waits: it looks for those who are gone when nothing else is left.
            let _ = server.try_send((self.number, Said::Lost));
        }
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.server.is_some() && self.is_open.load(Ordering::Acquire)
    }

    /// The registry, to add packets or remove some.
    pub const fn packets(&mut self) -> &mut Packets {
        &mut self.packets
    }
}

impl Drop for MemoryClient {
    fn drop(&mut self) {
        self.disconnect();
    }
}

impl Wire {
    fn check_open(&self) -> Result<(), SendError> {
        match self.is_open.load(Ordering::Acquire) {
            true => Ok(()),
            false => Err(SendError::NotOpen),
        }
    }
}

/// The connection ends for both when the server's side of it goes.
impl Drop for Wire {
    fn drop(&mut self) {
        self.is_open.store(false, Ordering::Release);
    }
}

impl MemoryPacket {
    fn new<M: Message + Send + 'static>(packets: &Packets, message: M) -> Result<Self, SendError> {
        if !packets.has(M::NAME) {
            return Err(SendError::Unregistered);
        }
        Ok(Self {
            name: M::NAME,
            value: Box::new(message),
        })
    }

    /// The name of the packet.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it is an `M`.
    pub fn is<M: 'static>(&self) -> bool {
        self.value.is::<M>()
    }

    /// The value that was sent, if it is an `M`.
    pub fn take<M: 'static>(self) -> Result<M, Self> {
        let name = self.name;
        match self.value.downcast() {
            Ok(value) => Ok(*value),
            Err(value) => Err(Self { name, value }),
        }
    }
}

impl fmt::Debug for MemoryPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryPacket").field(&self.name).finish()
    }
}

struct Gone;

fn heard(packets: &Packets, peer: MemoryPeer, packet: MemoryPacket) -> MemoryEvent {
    match packets.has(packet.name) {
        true => MemoryEvent::Packet(peer, packet),
        false => MemoryEvent::Unknown(peer, packet.name),
    }
}

fn give<T>(to: &SyncSender<T>, said: T) -> Result<(), SendError> {
    to.try_send(said).map_err(|error| match error {
        TrySendError::Full(_) => SendError::Full,
        TrySendError::Disconnected(_) => SendError::NotOpen,
    })
}

fn wait<T>(inbox: &Receiver<T>, deadline: Deadline) -> Result<Option<T>, Gone> {
    match inbox.try_recv() {
        Ok(said) => return Ok(Some(said)),
        Err(TryRecvError::Disconnected) => return Err(Gone),
        Err(TryRecvError::Empty) => {}
    }
    match inbox.recv_timeout(deadline.left()) {
        Ok(said) => Ok(Some(said)),
        Err(RecvTimeoutError::Disconnected) => Err(Gone),
        Err(RecvTimeoutError::Timeout) => Ok(None),
    }
}

/// How much may wait at each end of a connection.
const QUEUE: usize = 1024;
