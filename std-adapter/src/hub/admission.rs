use super::connection::{Connection, Stage};
use super::listening::Accepted;
use super::peers::{FIRST_PEER, Slot};
use super::{ListenerId, News, PeerId, PeerInfo, Peers, Reason};
use crate::desk::Desk;
use crate::peer::{Peer, Place};
use mio::{Interest, Token};
use ropeway_core::Messenger;
use ropeway_core::dialect::Dialect;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};

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
        let from_there = self.by_address.get(&address.ip()).copied().unwrap_or(0);
        let refused = if self.len() >= self.limits.peers {
            Some(Reason::TooMany)
        } else if from_there >= self.limits.peers_per_address {
            Some(Reason::TooManyFromAddress)
        } else {
            None
        };
        if let Some(reason) = refused {
            let error = io::Error::new(io::ErrorKind::QuotaExceeded, reason.to_string());
            self.tell(News::TurnedAway(info, reason));
            self.burn(id);
            let _ = stream.shutdown(Shutdown::Write);
            return Err(error);
        }
        let ready = self.options.apply(&stream).and_then(|()| {
            let mut stream = mio::net::TcpStream::from_std(stream);
            let token = Token(id.slot as usize * 2 + FIRST_PEER);
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut stream, token, interest)?;
            Ok(stream)
        });
        let stream = match ready {
            Ok(stream) => stream,
            Err(error) => {
                let same = io::Error::from(error.kind());
                self.tell(News::TurnedAway(info, Reason::Transport(error)));
                self.burn(id);
                return Err(same);
            }
        };
        let (input, outbox) = self.options.memories(self.limits.queue);
        let mail = Messenger::new((self.dialect)(&info), input, outbox);
        let desk = Desk::new(id, Some(address), self.clock, self.limits.calls);
        let open_by = self.clock.now() + self.limits.opening;
        let connection = Connection::new(info, mail, desk, stream, stage, open_by);
        self.settle_in(id, Box::new(connection));
        Ok(id)
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
        *self
            .by_address
            .entry(connection.info.address.ip())
            .or_default() += 1;
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
        self.activate(id);
    }

    /// Takes a peer out whose link is over.
    pub(super) fn remove(&mut self, id: PeerId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        for waiter in connection.desk.calls.lose_all() {
            waiter.run(&mut Peer::new(Place::Among(self, id)));
        }
        let Some(slot) = self.slots.get_mut(id.slot as usize) else {
            return;
        };
        let Some(mut connection) = slot.connection.take() else {
            return;
        };
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        let _ = self.poll.registry().deregister(&mut connection.stream);
        if let Some(count) = self.by_address.get_mut(&connection.info.address.ip()) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&connection.info.address.ip());
            }
        }
        let (info, has_joined) = (connection.info, connection.has_joined());
        if let Stage::Over(reason) = connection.stage {
            self.tell(match has_joined {
                true => News::Left(info, reason),
                false => News::TurnedAway(info, reason),
            });
        }
    }
}

/// The most connections that one turn takes from one port.
const BURST: usize = 64;
