use super::super::{Connection, Protocol};
use super::{BURST, Discovery, Event, FIRST_DIAL, Owned};
use mio::{Interest, Token};
use ropeway_core::Instant;
use ropeway_core::discovery::{self, ConnectionId, Direction, Outcome};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// A call under way.
#[derive(Debug)]
pub(super) struct Dial {
    protocol: Protocol,
    token: Token,
    stream: mio::net::TcpStream,
    address: SocketAddr,
    pub(super) deadline: Instant,
}

/// Calls both ways, by whatever protocol.
impl Discovery {
    pub(super) fn dial(&mut self, protocol: Protocol, address: SocketAddr, now: Instant) {
        let token = Token(FIRST_DIAL.0 + self.take_id().0 as usize);
        let begun = mio::net::TcpStream::connect(address).and_then(|mut stream| {
            self.poll
                .registry()
                .register(&mut stream, token, Interest::WRITABLE)?;
            Ok(stream)
        });
        match begun {
            Ok(stream) => {
                let deadline = now + self.settings.connect_timeout;
                self.dials.push(Dial {
                    protocol,
                    token,
                    stream,
                    address,
                    deadline,
                });
            }
            Err(error) => self.unreachable(protocol, Direction::Dialled, address, error),
        }
    }

    pub(super) fn finish_dials(&mut self) -> io::Result<()> {
        let tokens: Vec<Token> = self.events.iter().map(|event| event.token()).collect();
        let mut finished = Ok(());
        for token in tokens {
            if let Some(at) = self.dials.iter().position(|dial| dial.token == token) {
                finished = finished.and(self.finish_dial(at));
            }
        }
        finished
    }

    fn finish_dial(&mut self, at: usize) -> io::Result<()> {
        let Some(dial) = self.dials.get(at) else {
            return Ok(());
        };
        if let Some(error) = dial.stream.take_error()? {
            self.give_up(at, error);
            return Ok(());
        }
        match dial.stream.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            Err(error) => {
                self.give_up(at, error);
                Ok(())
            }
            Ok(remote) => {
                let mut dial = self.dials.swap_remove(at);
                let _ = self.poll.registry().deregister(&mut dial.stream);
                let stream = dial.stream.into();
                match dial.protocol {
                    Protocol::CableCar => self.connected(stream, Direction::Dialled, remote),
                    Protocol::Native => self.reached(stream, Direction::Dialled, remote),
                }
                Ok(())
            }
        }
    }

    pub(super) fn give_up(&mut self, at: usize, error: io::Error) {
        let mut dial = self.dials.swap_remove(at);
        let _ = self.poll.registry().deregister(&mut dial.stream);
        self.unreachable(dial.protocol, Direction::Dialled, dial.address, error);
    }

    pub(super) fn unreachable(
        &mut self,
        protocol: Protocol,
        direction: Direction,
        address: SocketAddr,
        error: io::Error,
    ) {
        match (direction, protocol) {
            (Direction::Accepted, _) => {}
            (Direction::Dialled, Protocol::CableCar) => {
                self.state.handle_dial_failed(address.ip());
            }
            (Direction::Dialled, Protocol::Native) => self.state.handle_call_failed(address),
        }
        self.ready.push_back(Event::Unreachable { address, error });
    }

    /// Accepts the calls of cable_car's hosts that wait, at most [`BURST`], and says whether there may be more.
    pub(super) fn accept_calls(&mut self) -> io::Result<bool> {
        for _ in 0..BURST {
            let Some(listener) = &self.listener else {
                return Ok(false);
            };
            let Some((stream, remote)) = accept(listener)? else {
                return Ok(false);
            };
            self.connected(stream, Direction::Accepted, remote);
        }
        Ok(true)
    }

    /// A connection with a host that speaks cable_car has come about.
    pub(super) fn connected(
        &mut self,
        stream: TcpStream,
        direction: Direction,
        remote: SocketAddr,
    ) {
        let connection = match self.set_up(&stream, direction, remote) {
            Ok(connection) => connection,
            Err(error) => return self.unreachable(Protocol::CableCar, direction, remote, error),
        };
        let discovery::Connection { id, local, .. } = connection;
        let now = connection.since;
        let outcome = self
            .state
            .handle_connected(now, id, direction, local, remote);
        self.tell_lost(now);
        match outcome {
            Outcome::New => self.hand_out(stream, connection, Protocol::CableCar),
            Outcome::Supersedes(superseded) => {
                self.hand_out(stream, connection, Protocol::CableCar);
                self.ready.push_back(Event::Superseded {
                    superseded,
                    kept: id,
                });
            }
            Outcome::SupersededBy(kept) => {
                self.hand_out(stream, connection, Protocol::CableCar);
                self.ready.push_back(Event::Superseded {
                    superseded: id,
                    kept,
                });
            }
            Outcome::Own(other) if other == id => {}
            Outcome::Own(other) => self.disown(other),
            Outcome::TableFull => self.ready.push_back(Event::TableFull(remote.ip())),
        }
    }

    /// Applies the options to a new connection, and numbers it.
    pub(super) fn set_up(
        &mut self,
        stream: &TcpStream,
        direction: Direction,
        remote: SocketAddr,
    ) -> io::Result<discovery::Connection> {
        self.settings.options.apply(stream)?;
        let local = stream.local_addr()?;
        Ok(discovery::Connection {
            id: self.take_id(),
            direction,
            local,
            remote,
            since: self.clock.now(),
        })
    }

    /// Gives a connection to the owner of discovery.
    pub(super) fn hand_out(
        &mut self,
        stream: TcpStream,
        connection: discovery::Connection,
        protocol: Protocol,
    ) {
        let alive = Arc::new(());
        self.owned.push(Owned {
            connection,
            is_native: protocol == Protocol::Native,
            alive: Arc::downgrade(&alive),
        });
        self.ready.push_back(Event::Connected(Connection {
            stream,
            protocol,
            id: connection.id,
            direction: connection.direction,
            local: connection.local,
            remote: connection.remote,
            _alive: alive,
        }));
    }

    /// Takes back the announcement of a connection with this program itself, or corrects it.
    fn disown(&mut self, own: ConnectionId) {
        let announced = self.ready.len();
        self.ready
            .retain(|event| !matches!(event, Event::Connected(connection) if connection.id == own));
        if self.ready.len() == announced {
            self.ready.push_back(Event::Own(own));
        }
    }

    const fn take_id(&mut self) -> ConnectionId {
        self.next_id = self.next_id.wrapping_add(1);
        ConnectionId(self.next_id)
    }
}

/// The next caller, if one waits.
pub(super) fn accept(
    listener: &mio::net::TcpListener,
) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    loop {
        match listener.accept() {
            Ok((stream, remote)) => return Ok(Some((stream.into(), remote))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            // A caller that is gone again by now is nobody's fault here.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}
