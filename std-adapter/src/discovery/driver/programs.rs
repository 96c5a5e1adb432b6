use super::super::network::Beacons;
use super::super::{Native, Protocol};
use super::{BURST, Discovery, Event, Owned};
use mio::{Interest, Registry, Token};
use ropeway_core::Instant;
use ropeway_core::discovery::{Beacon, ConnectionId, Counts, Direction, Epoch, Outcome, Program};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// The sockets of the native protocol.
#[derive(Debug)]
pub(super) struct Programs {
    /// Hears what is said to everyone.
    everyone: Beacons,
    /// Speaks to everyone, and hears the answers.
    own: Beacons,
    pub(super) listener: Option<mio::net::TcpListener>,
}

/// Native programs.
impl Discovery {
    /// Calls the program that listens at this address, now and, as long as it is heard, whenever there is no
    /// connection with it. Says `false` if none was heard there, or if nobody is to be called.
    pub fn want(&mut self, address: SocketAddr) -> bool {
        self.state.want(self.clock.now(), address)
    }

    /// Tells discovery that the opening of a connection has named the peer's epoch, and says whether it stays.
    ///
    /// Two programs may call each other at once: then both keep the opening that the smaller epoch dialled. Drop the
    /// connection that the outcome supersedes; the peer does the same. `None` if no native connection of this number
    /// is held.
    pub fn opened(&mut self, id: ConnectionId, epoch: Epoch) -> Option<Outcome> {
        let is_it = |owned: &&Owned| owned.connection.id == id && owned.is_native;
        let connection = self.owned.iter().find(is_it)?.connection;
        let now = self.clock.now();
        let outcome = self.state.handle_opened(now, connection, epoch);
        self.tell_lost(now);
        Some(outcome)
    }

    /// What native beacons say of this program; nothing of use if it speaks none.
    pub const fn program(&self) -> Program {
        self.state.announcement().program
    }

    /// How many native beacons came, and what became of them.
    pub const fn counts(&self) -> &Counts {
        self.state.counts()
    }

    pub(super) fn announce_program(&mut self) {
        let beacon = self.state.announcement();
        let mut room = [0; Beacon::MAX_LEN];
        let datagram = beacon.emit(&mut room);
        let Some(programs) = &self.programs else {
            return;
        };
        let refreshed = self.network.refresh();
        let sent = refreshed.and_then(|()| programs.own.send(&self.network, datagram));
        if let Err(error) = sent {
            self.ready.push_back(Event::BeaconFailed(error));
        }
    }

    /// Hears the native beacons that wait, at most [`BURST`] to everyone and as many answers, and says whether there
    /// may be more.
    pub(super) fn hear_programs(&mut self) -> io::Result<bool> {
        let everyone = self.hear_from(|programs| &programs.everyone);
        let answers = self.hear_from(|programs| &programs.own);
        Ok(everyone? | answers?)
    }

    /// Accepts the calls of native programs that wait, at most [`BURST`], and says whether there may be more.
    pub(super) fn accept_programs(&mut self) -> io::Result<bool> {
        for _ in 0..BURST {
            let programs = self.programs.as_ref();
            let Some(listener) = programs.and_then(|programs| programs.listener.as_ref()) else {
                return Ok(false);
            };
            let Some((stream, remote)) = super::calls::accept(listener)? else {
                return Ok(false);
            };
            self.reached(stream, Direction::Accepted, remote);
        }
        Ok(true)
    }

    /// A connection with a native program has come about, and its opening begins.
    pub(super) fn reached(&mut self, stream: TcpStream, direction: Direction, remote: SocketAddr) {
        let connection = match self.set_up(&stream, direction, remote) {
            Ok(connection) => connection,
            Err(error) => return self.unreachable(Protocol::Native, direction, remote, error),
        };
        let outcome = match direction {
            Direction::Dialled => self.state.handle_opening(connection),
            Direction::Accepted => Outcome::New,
        };
        if outcome == Outcome::New {
            self.hand_out(stream, connection, Protocol::Native);
        }
    }

    fn hear_from(&mut self, socket: impl Fn(&Programs) -> &Beacons) -> io::Result<bool> {
        let now = self.clock.now();
        self.tell_lost(now);
        for _ in 0..BURST {
            let Some(programs) = &self.programs else {
                return Ok(false);
            };
            let mut room = [0; MOST_OF_INTEREST];
            match socket(programs).receive(&mut room) {
                Ok((datagram, from)) => self.hear_program(now, datagram, from),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                // An answer found nobody, says its host.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn hear_program(&mut self, now: Instant, datagram: &[u8], from: SocketAddr) {
        let Some(host) = self.network.host_of(from.ip()) else {
            return;
        };
        let heard = match self.state.handle_datagram(now, host, datagram) {
            Ok(heard) => heard,
            Err(rule) => return self.ready.push_back(Event::Refused { from, rule }),
        };
        if let (Some(answer), Some(programs)) = (heard.answer, &self.programs) {
            let mut room = [0; Beacon::MAX_LEN];
            programs.own.answer(from, answer.emit(&mut room));
        }
        self.tell_lost(now);
        self.tell(host, heard.news);
    }

    /// Tells who has left the table.
    pub(super) fn tell_lost(&mut self, now: Instant) {
        if self.tells_who_is_there() {
            while let Some(lost) = self.state.poll_lost(now) {
                self.ready.push_back(Event::Lost(lost));
            }
        }
    }
}

impl Programs {
    /// Opens the sockets, and says what beacons are to tell.
    pub(super) fn start(settings: &Native, registry: &Registry) -> io::Result<(Self, Program)> {
        let mut programs = Self {
            everyone: Beacons::shared(settings.udp_port)?,
            own: Beacons::own(settings.udp_port)?,
            listener: None,
        };
        registry.register(programs.everyone.socket(), EVERYONE, Interest::READABLE)?;
        registry.register(programs.own.socket(), ANSWERS, Interest::READABLE)?;
        if !settings.listens {
            return Ok((programs, settings.program(settings.port)));
        }
        let mut listener = match listen(settings.port) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => listen(0),
            listener => listener,
        }?;
        registry.register(&mut listener, CALLS, Interest::READABLE)?;
        let port = listener.local_addr()?.port();
        programs.listener = Some(listener);
        Ok((programs, settings.program(port)))
    }
}

fn listen(port: u16) -> io::Result<mio::net::TcpListener> {
    mio::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port).into())
}

/// More than a length byte can say: what is longer has too much behind its frame, however much that is.
const MOST_OF_INTEREST: usize = 256;

const EVERYONE: Token = Token(3);
const ANSWERS: Token = Token(4);
const CALLS: Token = Token(5);
