use super::connection::Connection;
use super::network::Network;
use super::{ConnectionId, Direction, Settings};
use crate::clock::Clock;
use mio::{Events, Interest, Poll, Token, Waker};
use ropeway_core::Instant;
use ropeway_core::discovery::{Action, Outcome, Peer, Slot};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Beacons out, peers in, calls both ways.
#[derive(Debug)]
pub struct Discovery {
    state: ropeway_core::discovery::Discovery<Vec<Slot>>,
    pub(super) settings: Settings,
    clock: Clock,
    poll: Poll,
    _waker: Arc<Waker>,
    events: Events,
    network: Network,
    /// Nobody can call while another program has the port.
    listener: Option<mio::net::TcpListener>,
    dials: Vec<Dial>,
    /// The connections that the owner has not dropped.
    alive: Vec<(ConnectionId, Weak<()>)>,
    ready: VecDeque<Event>,
    next_id: u32,
    /// A socket had more than one turn takes.
    is_busy: bool,
}

/// What discovery has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection with a peer. It counts until it is dropped.
    Connected(Connection),
    /// Both peers called at once, and `kept` is the one connection of the pair. Nothing more is to be sent on
    /// `superseded`: finish it, and read what the peer still says on it until it closes.
    Superseded {
        /// The connection to finish.
        superseded: ConnectionId,
        /// The connection that stays, announced earlier.
        kept: ConnectionId,
    },
    /// Both ends of a connection announced earlier belong to this program: drop it. It was no peer.
    Own(ConnectionId),
    /// A host that was heard did not answer the call, or its own call could not be set up; it is called when it is
    /// heard again.
    Unreachable {
        /// The address of its end.
        address: SocketAddr,
        /// What became of the call.
        error: io::Error,
    },
    /// No network took the beacon; the next one is sent as ever.
    BeaconFailed(io::Error),
    /// A peer was turned away because the table is full.
    TableFull(IpAddr),
}

#[derive(Debug)]
struct Dial {
    token: Token,
    stream: mio::net::TcpStream,
    address: SocketAddr,
    deadline: Instant,
}

impl Discovery {
    pub(super) fn start(mut settings: Settings) -> io::Result<Self> {
        settings.cancel = settings.cancel.child();
        settings.policy.at_once = settings.policy.at_once.max(settings.connect_timeout * 2);
        let clock = Clock::new();
        let poll = Poll::new()?;
        let waker = settings.cancel.wake(&poll, CANCELLED)?;
        let mut network = Network::bind(settings.udp_port, settings.loopback)?;
        poll.registry()
            .register(network.socket(), BEACONS, Interest::READABLE)?;
        let slots = vec![Slot::EMPTY; settings.peers];
        let mut discovery = Self {
            state: ropeway_core::discovery::Discovery::new(slots, settings.policy, clock.now()),
            settings,
            clock,
            poll,
            _waker: waker,
            events: Events::with_capacity(64),
            network,
            listener: None,
            dials: Vec::new(),
            alive: Vec::new(),
            ready: VecDeque::new(),
            next_id: 0,
            is_busy: false,
        };
        discovery.listen()?;
        Ok(discovery)
    }

    /// Does what is due, then waits at most `timeout` for something to say.
    ///
    /// `None` means nothing yet, or cancelled. An error is one of the sockets' own, after which discovery goes
    /// on if it is polled again.
    pub fn poll(&mut self, timeout: Duration) -> io::Result<Option<Event>> {
        let end = self.clock.now() + timeout;
        loop {
            self.do_what_is_due();
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let now = self.clock.now();
            if self.settings.cancel.is_cancelled() || (now >= end && timeout > Duration::ZERO) {
                return Ok(None);
            }
            let wait = if self.is_busy {
                Duration::ZERO
            } else {
                end.min(self.next_timeout()) - now
            };
            match self.poll.poll(&mut self.events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.look_at_sockets()?;
            if timeout == Duration::ZERO {
                self.do_what_is_due();
                return Ok(self.ready.pop_front());
            }
        }
    }

    /// The hosts heard and the connections with them.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.state.peers()
    }

    /// Whether others can call this program; not while another one on this machine has the TCP port.
    pub const fn is_listening(&self) -> bool {
        self.listener.is_some()
    }

    /// Takes the TCP port, unless another program has it.
    fn listen(&mut self) -> io::Result<()> {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.settings.tcp_port));
        let mut listener = match mio::net::TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(()),
            bound => bound?,
        };
        let registry = self.poll.registry();
        registry.register(&mut listener, CALLS, Interest::READABLE)?;
        self.listener = Some(listener);
        Ok(())
    }

    fn do_what_is_due(&mut self) {
        let now = self.clock.now();
        let state = &mut self.state;
        self.alive.retain(|(id, alive)| {
            let is_alive = alive.strong_count() > 0;
            if !is_alive {
                state.handle_closed(*id);
            }
            is_alive
        });
        while let Some(at) = self.dials.iter().position(|dial| dial.deadline <= now) {
            self.give_up(at, io::ErrorKind::TimedOut.into());
        }
        while let Some(action) = self.state.poll(now) {
            match action {
                Action::Beacon => {
                    // Who had the port may be gone by now.
                    let listening = match self.listener {
                        Some(_) => Ok(()),
                        None => self.listen(),
                    };
                    if let Err(error) = listening.and(self.network.send_beacon()) {
                        self.ready.push_back(Event::BeaconFailed(error));
                    }
                }
                Action::Dial(host) => self.dial(host, now),
            }
        }
    }

    fn next_timeout(&self) -> Instant {
        let dials = self.dials.iter().map(|dial| dial.deadline);
        dials
            .chain([self.state.next_timeout()])
            .min()
            .unwrap_or_default()
    }

    /// Serves every socket, and says the first error after that.
    fn look_at_sockets(&mut self) -> io::Result<()> {
        let calls = self.accept_calls();
        let beacons = self.hear_beacons();
        let dials = self.finish_dials();
        self.is_busy = matches!(calls, Ok(true)) || matches!(beacons, Ok(true));
        calls.and(beacons).and(dials)
    }

    /// Hears the beacons that wait, at most [`BURST`], and says whether there may be more.
    fn hear_beacons(&mut self) -> io::Result<bool> {
        let now = self.clock.now();
        for _ in 0..BURST {
            match self.network.receive_beacon() {
                // Whoever has the TCP port of this machine would only call itself.
                Ok(Some(host)) if host.is_loopback() && self.is_listening() => {}
                Ok(Some(host)) if !self.state.handle_beacon(now, host) => {
                    self.ready.push_back(Event::TableFull(host));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn dial(&mut self, host: IpAddr, now: Instant) {
        let address = SocketAddr::new(host, self.settings.tcp_port);
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
                    token,
                    stream,
                    address,
                    deadline,
                });
            }
            Err(error) => self.unreachable(Direction::Dialled, address, error),
        }
    }

    fn finish_dials(&mut self) -> io::Result<()> {
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
                self.connected(dial.stream.into(), Direction::Dialled, remote);
                Ok(())
            }
        }
    }

    fn give_up(&mut self, at: usize, error: io::Error) {
        let mut dial = self.dials.swap_remove(at);
        let _ = self.poll.registry().deregister(&mut dial.stream);
        self.unreachable(Direction::Dialled, dial.address, error);
    }

    fn unreachable(&mut self, direction: Direction, address: SocketAddr, error: io::Error) {
        if direction == Direction::Dialled {
            self.state.handle_dial_failed(address.ip());
        }
        self.ready.push_back(Event::Unreachable { address, error });
    }

    /// Accepts the calls that wait, at most [`BURST`], and says whether there may be more.
    fn accept_calls(&mut self) -> io::Result<bool> {
        for _ in 0..BURST {
            let Some(listener) = &self.listener else {
                return Ok(false);
            };
            match listener.accept() {
                Ok((stream, remote)) => self.connected(stream.into(), Direction::Accepted, remote),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                // A caller that is gone again by now is nobody's fault here.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn connected(&mut self, stream: TcpStream, direction: Direction, remote: SocketAddr) {
        let prepared = self
            .settings
            .options
            .apply(&stream)
            .and_then(|()| stream.local_addr());
        let local = match prepared {
            Ok(local) => local,
            Err(error) => return self.unreachable(direction, remote, error),
        };
        let id = self.take_id();
        let outcome = self
            .state
            .handle_connected(self.clock.now(), id, direction, local, remote);
        match outcome {
            Outcome::New => self.announce(stream, id, direction, local, remote),
            Outcome::Supersedes(superseded) => {
                self.announce(stream, id, direction, local, remote);
                self.ready.push_back(Event::Superseded {
                    superseded,
                    kept: id,
                });
            }
            Outcome::SupersededBy(kept) => {
                self.announce(stream, id, direction, local, remote);
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

    fn announce(
        &mut self,
        stream: TcpStream,
        id: ConnectionId,
        direction: Direction,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let alive = Arc::new(());
        self.alive.push((id, Arc::downgrade(&alive)));
        self.ready.push_back(Event::Connected(Connection {
            stream,
            id,
            direction,
            local,
            remote,
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

/// The most beacons and calls that one turn takes, so that a flood of them leaves time for the rest.
const BURST: usize = 64;

const CANCELLED: Token = Token(0);
const BEACONS: Token = Token(1);
const CALLS: Token = Token(2);
const FIRST_DIAL: Token = Token(16);

#[cfg(test)]
mod tests;
