use super::beacon;
use super::handle::{Handle, Jobs};
use super::{Event, Handlers, Reason, Settings, Talk, What};
use crate::call::CallError;
use crate::waits::Deadline;
use mio::net::{TcpStream, UdpSocket};
use mio::{Events, Interest, Poll, Token};
use ropeway_core::dialect::clever_show::UDP_PORT;
use serde::Serialize;
use serde::de::DeserializeOwned;
use socket2::SockRef;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A drone: one link to its server, made again whenever it is lost.
///
/// It is turned by its owner and starts no thread. An attempt to connect takes at most 2 s, the next one comes 2 s
/// later; after three that failed it listens for the server's datagram, at most four times for 4 s, and tries again.
///
/// It never runs a command or writes a file by itself: what actions and requests do is in its [`Handlers`], and files
/// are taken and given only under the [roots](super::Root) that its [`Settings`] name.
///
/// ```no_run
/// use ropeway_std::clever_show::{Drone, Handlers, Settings};
/// use std::time::{Duration, Instant};
///
/// #[derive(serde::Serialize)]
/// struct Telemetry { value: Report }
///
/// #[derive(serde::Serialize)]
/// struct Report { battery: (f64, f64) }
///
/// let mut handlers = Handlers::new();
/// handlers
///     .request("id", |_, ()| Ok("clover-7"))
///     .action("takeoff", |_, ()| println!("takeoff"));
/// let server = "192.168.1.101:25000".parse()?;
/// let mut drone = Drone::new(Settings::default(), handlers)?.server(server);
/// let mut next = Instant::now();
/// loop {
///     if let Some(event) = drone.turn(next.saturating_duration_since(Instant::now()))? {
///         println!("{:?}", event.what);
///     }
///     if next <= Instant::now() {
///         next += Duration::from_secs(1);
///         // While the server is away, reports would only queue up.
///         if drone.talk().is_connected() {
///             let value = Report { battery: (f64::NAN, f64::NAN) };
///             drone.talk().send("telemetry", &Telemetry { value })?;
///         }
///     }
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Drone {
    poll: Poll,
    events: Events,
    settings: Arc<Settings>,
    search: Search,
    handlers: Handlers,
    talk: Talk,
    state: State,
    server: Option<SocketAddr>,
    failures: u32,
    jobs: Jobs<Self>,
    others: VecDeque<Event>,
}

/// How a drone looks for its server.
#[derive(Clone, Debug)]
pub struct Search {
    /// How long one attempt to connect may take.
    pub attempt: Duration,
    /// How long to wait before the next one, and after a connection has been lost.
    pub pause: Duration,
    /// After how many failures to listen for the server's datagram; 0 listens never.
    pub failures: u32,
    /// How many times to listen before it tries again.
    pub listens: u32,
    /// For how long each time.
    pub listen: Duration,
    /// Where to listen.
    pub at: SocketAddr,
}

impl Default for Search {
    /// What the original does.
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(2),
            pause: Duration::from_secs(2),
            failures: 3,
            listens: 4,
            listen: Duration::from_secs(4),
            at: (Ipv4Addr::UNSPECIFIED, UDP_PORT).into(),
        }
    }
}

#[derive(Debug)]
enum State {
    /// Until then nothing is done.
    Pausing(Deadline),
    Connecting(TcpStream, Deadline),
    Connected,
    /// For the server's datagram, so many times yet.
    Listening(UdpSocket, Deadline, u32),
}

impl Drone {
    /// A drone that does not know where its server is and listens for it.
    pub fn new(settings: Settings, handlers: Handlers) -> io::Result<Self> {
        let poll = Poll::new()?;
        let jobs = Jobs::new(&poll, WOKEN)?;
        let settings = Arc::new(settings);
        let nowhere = (Ipv4Addr::UNSPECIFIED, 0).into();
        Ok(Self {
            poll,
            events: Events::with_capacity(16),
            talk: Talk::new(nowhere, settings.clone()),
            settings,
            search: Search::default(),
            handlers,
            state: State::Pausing(Deadline::after(Duration::ZERO)),
            server: None,
            failures: 0,
            jobs,
            others: VecDeque::new(),
        })
    }

    /// Tries `address` first.
    #[must_use]
    pub const fn server(mut self, address: SocketAddr) -> Self {
        self.server = Some(address);
        self
    }

    /// How it looks for its server.
    #[must_use]
    pub const fn search(mut self, search: Search) -> Self {
        self.search = search;
        self
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle<Self> {
        self.jobs.handle()
    }

    /// What is said with the server.
    pub const fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    /// Where the server is, as far as is known.
    pub const fn server_address(&self) -> Option<SocketAddr> {
        self.server
    }

    /// Where it listens for the server's datagram at present, if it does.
    pub fn ears(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Listening(socket, ..) => socket.local_addr().ok(),
            _ => None,
        }
    }

    /// Asks the server and waits for the answer, while everything else goes on.
    pub fn call<T, R>(
        &mut self,
        name: &str,
        arguments: &T,
        timeout: Duration,
    ) -> Result<R, CallError>
    where
        T: Serialize + ?Sized,
        R: DeserializeOwned + Send + 'static,
    {
        let (slot, then) = super::waiting();
        self.talk.request(name, arguments, timeout, then)?;
        loop {
            if let Some(outcome) = super::take(&slot) {
                return outcome;
            }
            // What happens meanwhile is told later.
            if self.step(Deadline::after(timeout), true).is_err() {
                return Err(CallError::LinkLost);
            }
        }
    }

    /// Waits at most `timeout` for the next event, while it lets handlers act, writes what is queued and looks for
    /// the server. [`Duration::ZERO`] only looks, [`Duration::MAX`] waits for ever.
    ///
    /// Handlers act at once, on the server's first words before [`What::Connected`] is returned.
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

    /// Ends the connection once all that is queued has been written and the server has seen its end, and says whether that
    /// was in time. A drone that is merely dropped takes with it what is still on its way, if the server has said
    /// something that it has not heard.
    pub fn close(mut self, timeout: Duration) -> io::Result<bool> {
        let deadline = Deadline::after(timeout);
        while self.talk.is_connected() {
            if deadline.has_passed() {
                return Ok(false);
            }
            self.talk.finish();
            self.step(deadline, true)?;
        }
        Ok(true)
    }

    fn take_event(&mut self) -> Option<Event> {
        self.others.pop_front().or_else(|| self.talk.take_event())
    }

    /// Waits once, and does all that there is to do.
    fn step(&mut self, deadline: Deadline, is_calling: bool) -> io::Result<()> {
        self.go_on()?;
        let mut timeout = deadline.left().min(self.left());
        let has_event = !self.others.is_empty() || self.talk.has_event();
        if self.talk.has_work() || !is_calling && has_event {
            timeout = Duration::ZERO;
        }
        let timeout = Some(timeout).filter(|left| *left < Duration::MAX);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut hears = false;
        let mut connects = false;
        for event in &self.events {
            match event.token() {
                SOCKET => {
                    let readable =
                        event.is_readable() || event.is_read_closed() || event.is_error();
                    let writable = event.is_writable() || event.is_error();
                    self.talk.ready(readable, writable);
                    connects = true;
                }
                EARS => hears = true,
                _ => {}
            }
        }
        if connects {
            self.connected();
        }
        if hears {
            self.hear();
        }
        for job in self.jobs.take() {
            job(self);
        }
        self.talk.work(&mut self.handlers);
        if matches!(self.state, State::Connected) && !self.talk.is_connected() {
            self.pause();
        }
        Ok(())
    }

    /// How long until something is to be done.
    fn left(&self) -> Duration {
        let state = match &self.state {
            State::Pausing(until) | State::Connecting(_, until) | State::Listening(_, until, _) => {
                until.left()
            }
            State::Connected => Duration::MAX,
        };
        state.min(self.talk.left())
    }

    fn pause(&mut self) {
        self.state = State::Pausing(Deadline::after(self.search.pause));
    }

    /// Goes on looking for the server when the time for something has passed.
    fn go_on(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Pausing(until) if until.has_passed() => {
                let has_failed = self.search.failures > 0 && self.failures >= self.search.failures;
                match self.server {
                    Some(server) if !has_failed => self.connect(server),
                    _ => {
                        self.failures = 0;
                        self.listen(self.search.listens)
                    }
                }
            }
            State::Connecting(_, until) if until.has_passed() => {
                self.failed(io::ErrorKind::TimedOut.into());
                Ok(())
            }
            State::Listening(_, until, _) if until.has_passed() => {
                let State::Listening(mut socket, _, left) = std::mem::replace(
                    &mut self.state,
                    State::Pausing(Deadline::after(Duration::ZERO)),
                ) else {
                    return Ok(());
                };
                if left > 1 || self.server.is_none() {
                    let until = Deadline::after(self.search.listen);
                    self.state = State::Listening(socket, until, left.saturating_sub(1));
                } else {
                    self.poll.registry().deregister(&mut socket)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn connect(&mut self, server: SocketAddr) -> io::Result<()> {
        match TcpStream::connect(server) {
            Ok(mut stream) => {
                let interest = Interest::READABLE | Interest::WRITABLE;
                self.poll
                    .registry()
                    .register(&mut stream, SOCKET, interest)?;
                let until = Deadline::after(self.search.attempt);
                self.state = State::Connecting(stream, until);
            }
            Err(error) => self.failed(error),
        }
        Ok(())
    }

    /// Something has happened to the connection that is being made.
    fn connected(&mut self) {
        let State::Connecting(stream, _) = &self.state else {
            return;
        };
        match stream.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return self.failed(error),
        }
        let peer = match stream.peer_addr() {
            Ok(peer) => peer,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
            Err(error) => return self.failed(error),
        };
        let options = &self.settings.options;
        if let Err(error) = options.apply_to(&SockRef::from(stream)) {
            return self.failed(error);
        }
        if let State::Connecting(stream, _) = std::mem::replace(&mut self.state, State::Connected) {
            self.failures = 0;
            self.talk.attach(stream, peer);
        }
    }

    fn failed(&mut self, error: io::Error) {
        self.failures += 1;
        self.pause();
        if let Some(peer) = self.server {
            let what = What::NotConnected(error);
            if self.others.len() < MOST_EVENTS {
                self.others.push_back(Event { peer, what });
            }
        }
    }

    fn listen(&mut self, times: u32) -> io::Result<()> {
        let mut socket = beacon::listener(self.search.at)?;
        self.poll
            .registry()
            .register(&mut socket, EARS, Interest::READABLE)?;
        let until = Deadline::after(self.search.listen);
        self.state = State::Listening(socket, until, times);
        Ok(())
    }

    fn hear(&mut self) {
        let State::Listening(socket, ..) = &self.state else {
            return;
        };
        while let Some(beacon) = beacon::hear(socket) {
            let Some(address) = beacon.address() else {
                continue;
            };
            self.server = Some(address);
            self.state = State::Pausing(Deadline::after(Duration::ZERO));
            let what = What::Heard(beacon);
            self.others.push_back(Event {
                peer: address,
                what,
            });
            return;
        }
    }

    /// Ends the connection, and does not connect again before the next pause is over.
    pub fn disconnect(&mut self) {
        self.talk.detach(Reason::Dropped);
        self.pause();
    }
}

const WOKEN: Token = Token(0);
const SOCKET: Token = Token(1);
const EARS: Token = Token(2);

/// How long a run waits at a time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How many failures wait to be looked at.
const MOST_EVENTS: usize = 64;
