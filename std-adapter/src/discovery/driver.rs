mod calls;
mod programs;

use super::network::{Beacons, Network};
use super::{CableCar, Event, Protocol, Settings, cable_car};
use crate::clock::Clock;
use calls::Dial;
use mio::{Events, Interest, Poll, Token, Waker};
use programs::Programs;
use ropeway_core::Instant;
use ropeway_core::discovery::{self, Action, News, Peer, Slot};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Beacons out, peers in, calls both ways.
#[derive(Debug)]
pub struct Discovery {
    state: discovery::Discovery<Vec<Slot>>,
    pub(super) settings: Settings,
    clock: Clock,
    poll: Poll,
    _waker: Arc<Waker>,
    events: Events,
    network: Network,
    /// The socket of cable_car's beacons.
    hosts: Option<Beacons>,
    /// Where cable_car's hosts call; none can while another program has the port.
    listener: Option<mio::net::TcpListener>,
    programs: Option<Programs>,
    dials: Vec<Dial>,
    owned: Vec<Owned>,
    ready: VecDeque<Event>,
    next_id: u32,
    /// A socket had more than one turn takes.
    is_busy: bool,
}

/// A connection that the owner of discovery has not dropped, or not noticed to have dropped.
#[derive(Debug)]
struct Owned {
    connection: discovery::Connection,
    is_native: bool,
    alive: Weak<()>,
}

impl Discovery {
    pub(super) fn start(mut settings: Settings) -> io::Result<Self> {
        settings.cancel = settings.cancel.child();
        settings.policy.at_once = settings.policy.at_once.max(settings.connect_timeout * 2);
        let clock = Clock::new();
        let poll = Poll::new()?;
        let waker = settings.cancel.wake(&poll, CANCELLED)?;
        let mut hosts = None;
        if settings.cable_car != CableCar::Ignored {
            let socket = hosts.insert(Beacons::shared(settings.udp_port)?).socket();
            poll.registry()
                .register(socket, BEACONS, Interest::READABLE)?;
        }
        let (slots, now) = (vec![Slot::EMPTY; settings.peers], clock.now());
        let (mut policy, mut programs) = (settings.policy, None);
        let mut state = match &settings.native {
            None => discovery::Discovery::silent(slots, policy),
            Some(native) => {
                let (sockets, own) = Programs::start(native, poll.registry())?;
                programs = Some(sockets);
                policy.dials = native.dials;
                discovery::Discovery::native(slots, policy, own, now)
            }
        };
        if settings.cable_car == CableCar::Spoken {
            state = state.with_cable_car(now);
        }
        let mut discovery = Self {
            state,
            network: Network::new(settings.loopback)?,
            settings,
            clock,
            poll,
            _waker: waker,
            events: Events::with_capacity(64),
            hosts,
            listener: None,
            programs,
            dials: Vec::new(),
            owned: Vec::new(),
            ready: VecDeque::new(),
            next_id: 0,
            is_busy: false,
        };
        if discovery.settings.cable_car == CableCar::Spoken {
            discovery.listen()?;
        }
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

    /// The peers heard and the connections with them: one entry a connection.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.state.peers()
    }

    /// Whether discovery listens so that others can call this program. With cable_car, it does not while another one
    /// on this machine has the TCP port.
    pub const fn is_listening(&self) -> bool {
        let programs_call = matches!(
            &self.programs,
            Some(Programs {
                listener: Some(_),
                ..
            })
        );
        programs_call || self.listener.is_some()
    }

    /// Takes cable_car's TCP port, unless another program has it.
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
        self.owned.retain(|owned| {
            let is_alive = owned.alive.strong_count() > 0;
            if !is_alive {
                state.handle_closed(owned.connection.id);
            }
            is_alive
        });
        while let Some(at) = self.dials.iter().position(|dial| dial.deadline <= now) {
            self.give_up(at, io::ErrorKind::TimedOut.into());
        }
        self.tell_lost(now);
        while let Some(action) = self.state.poll(now) {
            match action {
                Action::Beacon => {
                    // Who had the port may be gone by now.
                    let listening = match self.listener {
                        Some(_) => Ok(()),
                        None => self.listen(),
                    };
                    if let Err(error) = listening.and(self.send_beacon()) {
                        self.ready.push_back(Event::BeaconFailed(error));
                    }
                }
                Action::Dial(host) => {
                    let address = SocketAddr::new(host, self.settings.tcp_port);
                    self.dial(Protocol::CableCar, address, now);
                }
                Action::Announce => self.announce_program(),
                Action::Call(address) => self.dial(Protocol::Native, address, now),
            }
        }
    }

    /// Sends a beacon of cable_car to every network there is at present.
    fn send_beacon(&mut self) -> io::Result<()> {
        self.network.refresh()?;
        let hosts = self.hosts.as_ref();
        hosts.map_or(Ok(()), |hosts| hosts.send(&self.network, discovery::BEACON))
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
        let served = [
            self.accept_calls(),
            self.accept_programs(),
            self.hear_beacons(),
            self.hear_programs(),
        ];
        let dials = self.finish_dials();
        self.is_busy = served.iter().any(|served| matches!(served, Ok(true)));
        let served: io::Result<Vec<bool>> = served.into_iter().collect();
        served.and(dials)
    }

    /// Hears the beacons of cable_car that wait, at most [`BURST`], and says whether there may be more.
    fn hear_beacons(&mut self) -> io::Result<bool> {
        let now = self.clock.now();
        self.tell_lost(now);
        for _ in 0..BURST {
            let Some(hosts) = &self.hosts else {
                return Ok(false);
            };
            match cable_car::receive(hosts, &self.network) {
                // Whoever has the TCP port of this machine would only call itself.
                Ok(Some(host)) if host.is_loopback() && self.listener.is_some() => {}
                Ok(Some(host)) => {
                    let news = self.state.handle_host(now, host);
                    self.tell(host, news);
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Who does as cable_car does is told of connections alone.
    fn tells_who_is_there(&self) -> bool {
        self.programs.is_some() || self.settings.cable_car != CableCar::Spoken
    }

    fn tell(&mut self, host: IpAddr, news: News) {
        let event = match news {
            News::TableFull => Event::TableFull(host),
            News::Found(peer) if self.tells_who_is_there() => Event::Found(peer),
            News::Restarted(peer) => Event::Restarted(peer),
            News::Found(_) | News::Known | News::Own => return,
        };
        self.ready.push_back(event);
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
