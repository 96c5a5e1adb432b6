use super::beacon::{self, Speaker};
use super::handle::{Handle, Jobs};
use super::queue::{Frame, encode};
use super::{Announce, Beacon, Event, Handlers, Reason, Settings, Talk, What};
use crate::call::CallError;
use crate::waits::Deadline;
use mio::net::{TcpListener, TcpStream, UdpSocket};
use mio::{Events, Interest, Poll, Token};
use ropeway_core::SendError;
use ropeway_core::dialect::clever_show::{CallId, Named};
use serde::Serialize;
use serde::de::DeserializeOwned;
use socket2::SockRef;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, net};

/// The ground station: many drones, known by their addresses.
///
/// It is turned by its owner and starts no thread. A second connection from one address replaces the first. What is
/// said to a drone that is away waits until it is back. Each drone is asked for its `id` when it connects, the first
/// time for its `clover_dir` too, as the original does: [`without_greeting`](Self::without_greeting) leaves that out.
///
/// ```no_run
/// use ropeway_std::clever_show::{Announce, Handlers, Server, Settings, What};
/// use ropeway_std::value::Value;
/// use std::time::Duration;
///
/// let mut handlers = Handlers::new();
/// handlers.action("telemetry", |drone, said: Value| println!("{}: {said}", drone.peer()));
/// let mut server = Server::bind("0.0.0.0:25000", Settings::default(), handlers)?
///     .announce(Announce::default())?;
/// loop {
///     if let Some(event) = server.turn(Duration::MAX)? {
///         println!("{}: {:?}", event.peer, event.what);
///         if let What::Connected = event.what {
///             server.broadcast("led_test", &())?;
///         }
///     }
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    address: SocketAddr,
    settings: Arc<Settings>,
    handlers: Handlers,
    drones: HashMap<IpAddr, Drone>,
    /// Whose socket that is, at present.
    tokens: HashMap<Token, IpAddr>,
    next_token: usize,
    greets: bool,
    max_drones: usize,
    speaker: Option<Speaker>,
    ears: Option<UdpSocket>,
    id: String,
    jobs: Jobs<Self>,
    others: VecDeque<Event>,
}

#[derive(Debug)]
struct Drone {
    talk: Talk,
    token: Token,
    known: Arc<Mutex<Known>>,
}

/// What a drone has told of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its name, as it answers the request `id`.
    pub id: Option<String>,
    /// Where it keeps its program, as it answers the request `clover_dir`.
    pub clover_dir: Option<String>,
}

impl Server {
    /// Listens at `address`, mostly port [`TCP_PORT`](ropeway_core::dialect::clever_show::TCP_PORT); port 0 takes any
    /// that is free.
    pub fn bind(
        address: impl ToSocketAddrs,
        settings: Settings,
        handlers: Handlers,
    ) -> io::Result<Self> {
        let listener = net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let jobs = Jobs::new(&poll, WOKEN)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(256),
            listener,
            address,
            settings: Arc::new(settings),
            handlers,
            drones: HashMap::new(),
            tokens: HashMap::new(),
            next_token: FIRST_DRONE,
            greets: true,
            max_drones: 1024,
            speaker: None,
            ears: None,
            id: CallId::new(u32::from(address.port()) ^ std::process::id()).to_string(),
            jobs,
            others: VecDeque::new(),
        })
    }

    /// Makes itself known by datagrams, so that drones find it.
    pub fn announce(mut self, announce: Announce) -> io::Result<Self> {
        let id = self.id.trim_matches('"').to_owned();
        self.speaker = Some(Speaker::new(announce, self.address.port(), id)?);
        Ok(self)
    }

    /// Hears other servers at `address`, mostly port
    /// [`UDP_PORT`](ropeway_core::dialect::clever_show::UDP_PORT), and tells of them as [`What::Heard`].
    ///
    /// The original stops itself on hearing one that [started no later](Self::is_older).
    pub fn listen_for_servers(mut self, address: SocketAddr) -> io::Result<Self> {
        let mut ears = beacon::listener(address)?;
        self.poll
            .registry()
            .register(&mut ears, EARS, Interest::READABLE)?;
        self.ears = Some(ears);
        Ok(self)
    }

    /// Asks drones nothing by itself.
    #[must_use]
    pub const fn without_greeting(mut self) -> Self {
        self.greets = false;
        self
    }

    /// How many drones are known at most, 1024 by default; of more, those that are away are forgotten, and others are
    /// not let in.
    #[must_use]
    pub const fn max_drones(mut self, drones: usize) -> Self {
        self.max_drones = drones;
        self
    }

    /// The address that it listens at, with the port that was free.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where beacons of other servers are heard, if they are.
    pub fn ears(&self) -> Option<SocketAddr> {
        self.ears.as_ref()?.local_addr().ok()
    }

    /// Whether a beacon is another server's, which started no later than this one.
    pub fn is_older(&self, heard: &Beacon) -> bool {
        let own = self.speaker.as_ref().map(Speaker::beacon);
        own.is_some_and(|own| heard.id != own.id && heard.start_time <= own.start_time)
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle<Self> {
        self.jobs.handle()
    }

    /// The drone at that address, connected or away.
    pub fn drone(&mut self, address: IpAddr) -> Option<&mut Talk> {
        self.drones.get_mut(&address).map(|drone| &mut drone.talk)
    }

    /// All drones, connected or away.
    pub fn drones(&mut self) -> impl Iterator<Item = &mut Talk> {
        self.drones.values_mut().map(|drone| &mut drone.talk)
    }

    /// What the drone at that address has told of itself.
    pub fn known(&self, address: IpAddr) -> Option<Known> {
        let drone = self.drones.get(&address)?;
        let known = drone.known.lock().unwrap_or_else(PoisonError::into_inner);
        Some(known.clone())
    }

    /// Forgets the drone at that address and what waits for it.
    pub fn forget(&mut self, address: IpAddr) {
        if let Some(mut drone) = self.drones.remove(&address) {
            self.tokens.remove(&drone.token);
            drone.talk.detach(Reason::Dropped);
            while let Some(event) = drone.talk.take_event() {
                self.others.push_back(event);
            }
        }
    }

    /// Sends an action to every drone that is connected, and says to how many; it is encoded once.
    ///
    /// Drones whose queue is full are left out.
    pub fn broadcast<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        arguments: &T,
    ) -> Result<usize, SendError> {
        let message = Named { name, arguments };
        let frame: Frame = encode(&message, self.settings.options.largest())?.into();
        let connected = self.drones().filter(|talk| talk.is_connected());
        Ok(connected
            .map(|talk| talk.push(frame.clone(), None))
            .filter(Result::is_ok)
            .count())
    }

    /// Asks the drone at that address and waits for the answer, while everything else goes on.
    pub fn call<T, R>(
        &mut self,
        address: IpAddr,
        name: &str,
        arguments: &T,
        timeout: Duration,
    ) -> Result<R, CallError>
    where
        T: Serialize + ?Sized,
        R: DeserializeOwned + Send + 'static,
    {
        let talk = self.drone(address).ok_or(CallError::NoDrone(address))?;
        let (slot, then) = super::waiting();
        talk.request(name, arguments, timeout, then)?;
        loop {
            if let Some(outcome) = super::take(&slot) {
                return outcome;
            }
            // What happens meanwhile is told later.
            if self.step(Deadline::after(timeout), true).is_err() || self.drone(address).is_none() {
                return Err(CallError::LinkLost);
            }
        }
    }

    /// Waits at most `timeout` for the next event, while it lets handlers act, writes what is queued and accepts
    /// drones. [`Duration::ZERO`] only looks, [`Duration::MAX`] waits for ever.
    ///
    /// Handlers act at once, on a drone's first words before [`What::Connected`] is returned.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<Option<Event>> {
        let deadline = Deadline::after(timeout);
        loop {
            if let Some(event) = self.take_event() {
                return Ok(Some(event));
            }
            self.step(deadline, false)?;
            if let Some(event) = self.take_event() {
                return Ok(Some(event));
            }
            if deadline.has_passed() || self.jobs.has_some() {
                return Ok(None);
            }
        }
    }

    /// Turns until `each`, which gets what happens, says that it is enough, or a [handle](Handle::stop) stops it.
    pub fn run(&mut self, mut each: impl FnMut(&mut Self, Event) -> bool) -> io::Result<()> {
        while !self.jobs.take_stop() {
            if let Some(event) = self.turn(PATIENCE)?
                && each(self, event)
            {
                break;
            }
        }
        Ok(())
    }

    fn take_event(&mut self) -> Option<Event> {
        let other = self.others.pop_front();
        other.or_else(|| {
            let mut drones = self.drones.values_mut();
            drones.find_map(|drone| drone.talk.take_event())
        })
    }

    /// Waits once, and does all that there is to do.
    fn step(&mut self, deadline: Deadline, is_calling: bool) -> io::Result<()> {
        let mut timeout = deadline.left().min(self.left());
        let has_event = |drone: &Drone| !is_calling && drone.talk.has_event();
        if self
            .drones
            .values()
            .any(|d| d.talk.has_work() || has_event(d))
        {
            timeout = Duration::ZERO;
        }
        let timeout = Some(timeout).filter(|left| *left < Duration::MAX);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let (mut accepts, mut hears) = (false, false);
        for event in &self.events {
            match event.token() {
                LISTENER => accepts = true,
                EARS => hears = true,
                WOKEN => {}
                token => {
                    let drone = self.tokens.get(&token);
                    if let Some(drone) = drone.and_then(|ip| self.drones.get_mut(ip)) {
                        let readable =
                            event.is_readable() || event.is_read_closed() || event.is_error();
                        let writable = event.is_writable() || event.is_error();
                        drone.talk.ready(readable, writable);
                    }
                }
            }
        }
        if accepts {
            self.accept()?;
        }
        if hears {
            self.hear();
        }
        for job in self.jobs.take() {
            job(self);
        }
        if let Some(speaker) = &mut self.speaker {
            speaker.say();
        }
        for drone in self.drones.values_mut() {
            drone.talk.work(&mut self.handlers);
            if !drone.talk.is_connected() {
                self.tokens.remove(&drone.token);
            }
        }
        Ok(())
    }

    /// How long until something is to be done.
    fn left(&self) -> Duration {
        let calls = self.drones.values().map(|drone| drone.talk.left());
        let speaker = self
            .speaker
            .as_ref()
            .map(|speaker| speaker.next.saturating_duration_since(Instant::now()));
        calls.chain(speaker).min().unwrap_or(Duration::MAX)
    }

    fn hear(&mut self) {
        while let Some(beacon) = self.ears.as_ref().and_then(beacon::hear) {
            let own = self.speaker.as_ref().map(Speaker::beacon);
            if own.is_none_or(|own| own.id != beacon.id) && self.others.len() < MOST_HEARD {
                self.others.push_back(Event {
                    peer: self.address,
                    what: What::Heard(beacon),
                });
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, address)) => {
                    // A drone that is gone again by now comes back by itself.
                    let _ = self.welcome(stream, address);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    // Out of files: those that wait are let in when some have gone.
                    _ => return Ok(()),
                },
            }
        }
    }

    fn welcome(&mut self, mut stream: TcpStream, address: SocketAddr) -> io::Result<()> {
        let ip = address.ip();
        if !self.drones.contains_key(&ip) && self.drones.len() >= self.max_drones {
            // One that is away makes room.
            let mut drones = self.drones.iter();
            let away = drones.find(|(_, drone)| !drone.talk.is_connected());
            let Some(away) = away.map(|(ip, _)| *ip) else {
                return Ok(());
            };
            self.forget(away);
        }
        let options = &self.settings.options;
        options.apply_to(&SockRef::from(&stream))?;
        let token = Token(self.next_token);
        self.next_token += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, token, interest)?;
        let settings = &self.settings;
        let drone = self.drones.entry(ip).or_insert_with(|| Drone {
            talk: Talk::new(address, settings.clone()),
            token,
            known: Arc::default(),
        });
        // What the drone said last on its old connection is still heard.
        drone.talk.ready(true, false);
        for _ in 0..LAST_WORDS {
            if !drone.talk.is_connected() || !drone.talk.has_work() {
                break;
            }
            drone.talk.work(&mut self.handlers);
        }
        self.tokens.remove(&drone.token);
        self.tokens.insert(token, ip);
        drone.token = token;
        drone.talk.attach(stream, address);
        if self.greets {
            drone.greet();
        }
        Ok(())
    }
}

impl Drone {
    /// Asks the drone who it is.
    fn greet(&mut self) {
        let is_new = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .id
            .is_none();
        let known = self.known.clone();
        // With a full queue or too many calls, the drone stays unknown.
        let _ = self.talk.request("id", &(), GREETING, move |talk, id| {
            let Ok(id) = id else { return };
            known.lock().unwrap_or_else(PoisonError::into_inner).id = Some(id);
            if is_new {
                let _ = talk.request("clover_dir", &(), GREETING, move |_, folder| {
                    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                    known.clover_dir = folder.ok();
                });
            }
        });
    }
}

const WOKEN: Token = Token(0);
const LISTENER: Token = Token(1);
const EARS: Token = Token(2);
const FIRST_DRONE: usize = 3;

/// How long a drone may think about who it is.
const GREETING: Duration = Duration::from_secs(10);

/// How long a run waits at a time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How many turns a connection has to be read to its end when a newer one takes its place.
const LAST_WORDS: usize = 256;

/// How many beacons wait to be looked at.
const MOST_HEARD: usize = 16;
