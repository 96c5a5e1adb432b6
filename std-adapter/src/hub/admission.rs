use super::connection::{Connection, Stage};
use super::listening::Accepted;
use super::peers::{FIRST_PEER, Slot};
use super::redials::Redials;
use super::{ListenerId, News, PeerId, PeerInfo, Peers, Reason};
use crate::peer::{Peer, Place};
use crate::storage::Growable;
use crate::wire::{self, End};
use mio::{Interest, Token};
use ropeway_core::Messenger;
use ropeway_core::dialect::Dialect;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};

/// Who comes in, and who goes out.
impl<D: Dialect> Peers<D> {
    pub(super) fn accept(&mut self) {
        let now = self.clock.now();
        for at in 0..self.listeners.len() {
            for _ in 0..BURST {
                let Some(listening) = self.listeners.get_mut(at) else {
                    break;
                };
                let id = listening.id;
                match listening.accept(now) {
                    Accepted::Stream(stream, address) => {
                        // What became of it is among the news.
                        let _ = self.admit(stream, address, Some(id), Stage::Going);
                    }
                    Accepted::Failed(error) => {
                        self.tell(News::AcceptFailed(id, error));
                        break;
                    }
                    Accepted::None => break,
                }
            }
        }
    }

    /// Takes in a connection, if there is room for it.
    pub(super) fn admit(
        &mut self,
        stream: TcpStream,
        address: SocketAddr,
        listener: Option<ListenerId>,
        stage: Stage,
    ) -> io::Result<PeerId> {
        let id = self.next_id();
        let info = PeerInfo {
            id,
            address,
            listener,
        };
        let mut dialect = None;
        let mut is_in_lobby = false;
        if D::HAS_SESSIONS {
            let seed = self.random();
            let dialect = dialect.insert((self.dialect)(&info));
            is_in_lobby = dialect.enter_lobby(seed);
        }
        // Whether there is room for who comes back is known once it has said so.
        if let Some(reason) = self.lacks_room(info.host()).filter(|_| !is_in_lobby) {
            let error = io::Error::new(io::ErrorKind::QuotaExceeded, reason.to_string());
            self.tell(News::TurnedAway(info, reason));
            self.burn(id);
            let _ = stream.shutdown(Shutdown::Write);
            return Err(error);
        }
        let dials = match D::HAS_SESSIONS {
            true => !is_in_lobby,
            false => matches!(stage, Stage::Connecting),
        };
        let end = match dials {
            true => End::Dials,
            false => End::Listens,
        };
        let ready = self
            .options
            .wire(end)
            .and_then(|wire| Ok((wire, self.register(stream, id)?)));
        let (wire, stream) = match ready {
            Ok(ready) => ready,
            Err(error) => {
                let same = io::Error::from(error.kind());
                self.tell(News::TurnedAway(info, Reason::Transport(error)));
                self.burn(id);
                return Err(same);
            }
        };
        let dialect = dialect.unwrap_or_else(|| (self.dialect)(&info));
        let [input, outbox] = self.pools.each_ref().map(Growable::lent);
        let mut mail = Messenger::new(dialect, input, outbox).with_wire(wire);
        wire::start(&mut mail);
        let mut connection = Connection::new(info, mail);
        if D::HAS_SESSIONS && matches!(stage, Stage::Connecting) {
            let beside = connection.beside.get_or_insert_default();
            beside.redials = Some(Redials::default());
        }
        if self.counts {
            connection.begin_tally();
        }
        let now = self.clock.now();
        connection.attach(stream, stage, now, now + self.limits.opening);
        self.settle_in(id, Box::new(connection));
        match is_in_lobby {
            true => self.enter_lobby(id),
            false => self.count_in(id),
        }
        self.activate(id);
        Ok(id)
    }

    /// Why no other peer from this address may be there, if none may.
    pub(super) fn lacks_room(&self, host: IpAddr) -> Option<Reason> {
        match self.counted >= self.limits.peers {
            true => Some(Reason::TooMany),
            false => self.lacks_room_at(host),
        }
    }

    /// The same, of a peer that is there and comes from another address by now.
    pub(super) fn lacks_room_at(&self, host: IpAddr) -> Option<Reason> {
        let from_there = self.by_host.count(host);
        let is_full = from_there >= self.limits.peers_per_address;
        is_full.then_some(Reason::TooManyFromAddress)
    }

    /// Makes a connected socket one of a peer's.
    pub(super) fn register(
        &self,
        stream: TcpStream,
        id: PeerId,
    ) -> io::Result<mio::net::TcpStream> {
        self.options.apply(&stream)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        let registry = self.poll.registry();
        registry.register(&mut stream, token(id), interest())?;
        Ok(stream)
    }

    /// The peer counts from now on.
    pub(super) fn count_in(&mut self, id: PeerId) {
        if let Some(connection) = self.connection(id)
            && !std::mem::replace(&mut connection.flags.is_counted, true)
        {
            let host = connection.info.host();
            self.counted += 1;
            self.by_host.add(host);
        }
    }

    /// The peer counts no more.
    pub(super) fn count_out(&mut self, id: PeerId) {
        if let Some(connection) = self.connection(id)
            && std::mem::take(&mut connection.flags.is_counted)
        {
            let host = connection.info.host();
            self.counted -= 1;
            self.by_host.remove(host);
        }
    }

    fn next_id(&self) -> PeerId {
        let slot = match self.free.last() {
            Some(slot) => *slot,
            None => u32::try_from(self.slots.len()).expect("fewer peers than the memory has bytes"),
        };
        let generation = match self.slots.get(slot as usize) {
            Some(slot) => slot.generation,
            None => 0,
        };
        PeerId { slot, generation }
    }

    /// Makes sure that the id of a peer that was turned away is not used again.
    fn burn(&mut self, id: PeerId) {
        match self.slots.get_mut(id.slot as usize) {
            Some(slot) => slot.generation = slot.generation.wrapping_add(1),
            None => {
                self.slots.push(Slot {
                    generation: 1,
                    connection: None,
                });
                self.free.push(id.slot);
            }
        }
    }

    fn settle_in(&mut self, id: PeerId, connection: Box<Connection<D>>) {
        match self.slots.get_mut(id.slot as usize) {
            Some(slot) => {
                self.free.pop();
                slot.connection = Some(connection);
            }
            None => self.slots.push(Slot {
                generation: id.generation,
                connection: Some(connection),
            }),
        }
    }

    /// Takes a peer out whose link is over.
    pub(super) fn remove(&mut self, id: PeerId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        let desk = connection.desk.as_mut();
        for waiter in desk.map_or_else(Vec::new, |desk| desk.calls.lose_all()) {
            waiter.run(&mut Peer::new(Place::Among(self, id)));
        }
        let Some(connection) = self.take_out(id) else {
            return;
        };
        let (info, has_joined) = (connection.info, connection.flags.has_joined);
        if let Stage::Over(reason) = connection.stage {
            self.tell(match has_joined {
                true => News::Left(info, reason),
                false => News::TurnedAway(info, reason),
            });
        }
    }

    /// Takes a peer out and says nothing.
    pub(super) fn take_out(&mut self, id: PeerId) -> Option<Box<Connection<D>>> {
        self.count_out(id);
        self.leave_lobby(id);
        self.leave_away(id);
        self.forget_sessions(id);
        self.connection(id)?;
        let slot = self.slots.get_mut(id.slot as usize)?;
        let mut connection = slot.connection.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        if let Some(stream) = &mut connection.stream {
            let _ = self.poll.registry().deregister(stream);
        }
        Some(connection)
    }
}

/// What the poll calls a peer's socket.
pub(super) const fn token(id: PeerId) -> Token {
    Token(id.slot as usize * 2 + FIRST_PEER)
}

pub(super) fn interest() -> Interest {
    Interest::READABLE | Interest::WRITABLE
}

/// The most connections that one turn takes from one port.
const BURST: usize = 64;
