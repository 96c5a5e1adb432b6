use super::asking::{Ask, Asking, Call, Lent, Said, Told};
use super::bound::{Bound, Found};
use super::settings::random_name;
use super::speech::{Answer, Arguments, Say, typed};
use super::talks::{busy, misread, unbound};
use super::{CallError, Oddity, Refused, Settings};
use crate::call::{CallError as Lost, Ticket};
use crate::hub::{Event, Handle, Hub, Limits, News, PeerId, PeerInfo, Reason};
use crate::post::{Office, PostError, Posts};
use crate::value::Value;
use crate::waits::Deadline;
use ropeway_core::SendError;
use ropeway_core::dialect::tcptalks::{CallId, Opcode};
use ropeway_core::message::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

/// Several clients on one port, each under the identity that it gives: at most four, unless told otherwise.
///
/// A `Server` has identities; a [`Hub`] has the typed handlers of a table, as the
/// [module](super#a-hub) shows.
///
/// Clients show the password and are asked who they are; one that does not say gets a random name. Of two with the
/// same identity the newer one stays. All is done in the caller's thread, in [`turn`](Self::turn) and while a call
/// waits for its reply. The current variant is spoken: the old one has no such server.
///
/// ```
/// use ropeway_std::tcptalks::{Happening, Server, Settings, Talks};
/// use std::time::Duration;
///
/// let mut server = Server::bind("127.0.0.1:0", &Settings::default().password("secret"))?;
/// let address = server.address();
/// server.on(0x10, |_, _client, (text,): (String,)| Ok(text.to_uppercase()));
///
/// let arm = std::thread::spawn(move || {
///     let settings = Settings::default().password("secret").identity("arm");
///     let mut arm = Talks::connect(address, &settings).expect("the server is there");
///     arm.bind(0x20, |_, (angle,): (i32,)| Ok(angle * 2));
///     let said = arm.execute::<String>(0x10, &("hello",));
///     arm.run().map(|()| said)
/// });
/// while !matches!(server.turn(Duration::MAX)?, Some(Happening::Joined(_))) {}
/// assert_eq!(server.execute::<i32>("arm", 0x20, &(21,))?, 42);
/// server.disconnect("arm");
/// while !server.clients().is_empty() {
///     server.turn(Duration::MAX)?;
/// }
/// assert_eq!(arm.join().expect("no panic")??, "HELLO");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    hub: Hub<Asking>,
    address: SocketAddr,
    bound: Bound<Self, Client>,
    clients: Vec<Client>,
    /// Those who have not said yet who they are.
    strangers: Vec<Stranger>,
    /// Results that found no room on their way.
    owed: VecDeque<Owed>,
    happenings: VecDeque<Happening>,
    posts: Office<Job>,
    settings: Settings,
}

/// A client of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// What it calls itself, or a name that was given to it. Empty while it has not said.
    pub identity: String,
    /// Its address.
    pub address: SocketAddr,
    id: PeerId,
}

/// What happened at a server beside calls.
#[derive(Debug)]
#[non_exhaustive]
pub enum Happening {
    /// A client has come, and said who it is.
    Joined(Client),
    /// A client has gone.
    Left(Client, Reason),
    /// A connection came to nothing: a wrong password or none in time, or as many clients as allowed.
    TurnedAway(SocketAddr, Reason),
    /// A client has said what is neither a call that something is bound to nor a reply.
    Odd(Client, Oddity),
}

/// A server, for other threads. Clones are the same.
#[derive(Clone)]
pub struct ServerHandle {
    posts: Arc<Posts<Job>>,
}

type Job = Box<dyn FnOnce(&mut Server) + Send>;

struct Stranger {
    client: Client,
    answer: Option<Ticket<Told>>,
    deadline: Deadline,
}

struct Owed {
    peer: PeerId,
    id: CallId,
    result: Result<Say, Refused>,
}

impl Server {
    /// Listens at `address`, for at most four clients; port 0 takes any that is free.
    pub fn bind(address: impl ToSocketAddrs, settings: &Settings) -> io::Result<Self> {
        Self::with_limits(address, settings, Limits::default().peers(CLIENTS))
    }

    /// Listens at `address`, for as many clients as `limits` say; those whose opening is under way count.
    pub fn with_limits(
        address: impl ToSocketAddrs,
        settings: &Settings,
        limits: Limits,
    ) -> io::Result<Self> {
        let limits = limits.opening(settings.opening);
        let dialect = {
            let settings = settings.clone();
            move |_: &PeerInfo| settings.listening_in(Lent(settings.memory()))
        };
        let mut hub = Hub::new(dialect, settings.options.clone(), limits)?;
        let port = hub.listen(address)?;
        let address = hub.address(port).ok_or(io::ErrorKind::NotFound)?;
        let handle: Handle<Asking> = hub.handle();
        Ok(Self {
            hub,
            address,
            bound: Bound::new(),
            clients: Vec::new(),
            strangers: Vec::new(),
            owed: VecDeque::new(),
            happenings: VecDeque::new(),
            posts: Office::new(POSTS, Arc::new(move || handle.wake())),
            settings: settings.clone(),
        })
    }

    /// The address it listens at, with the port that was free.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has `handler` answer the calls of `opcode` from any client, as [`Talks::bind`](super::Talks::bind) does.
    pub fn on<'o, M, R>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        handler: impl FnMut(&mut Self, &Client, M) -> Result<R, Refused> + Send + 'static,
    ) where
        M: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
    {
        self.bound.bind(opcode.into(), handler);
    }

    /// The same for arguments and results of any shape.
    pub fn on_any<'o>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        handler: impl FnMut(&mut Self, &Client, Arguments) -> Result<Value, Refused> + Send + 'static,
    ) {
        self.bound.bind_any(opcode.into(), handler);
    }

    /// Binds nothing to `opcode` any more, and says whether something was.
    pub fn unbind<'o>(&mut self, opcode: impl Into<Opcode<'o>>) -> bool {
        self.bound.unbind(opcode.into())
    }

    /// The clients that have said who they are.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// The client of this identity.
    pub fn client(&self, identity: &str) -> Option<&Client> {
        self.clients
            .iter()
            .find(|client| client.identity == identity)
    }

    /// Calls a client and waits for the result, as long as the [patience](Settings::patience) lasts, while all
    /// clients are served.
    ///
    /// `arguments` is a tuple for those by position, `&(5,)` for one and `&()` for none, or a struct for those by name.
    pub fn execute<'o, A: DeserializeOwned>(
        &mut self,
        identity: &str,
        opcode: impl Into<Opcode<'o>>,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<A, CallError> {
        let ask = Ask::typed(opcode.into(), arguments)?;
        typed(&self.ask(identity, &ask)?)
    }

    /// The same for arguments and results of any shape.
    pub fn execute_any<'o>(
        &mut self,
        identity: &str,
        opcode: impl Into<Opcode<'o>>,
        arguments: &Arguments,
    ) -> Result<Value, CallError> {
        self.ask(identity, &Ask::any(opcode.into(), arguments.clone())?)
    }

    /// Calls a client and goes on; what it replies is dropped.
    ///
    /// `arguments` is a tuple for those by position, `&(5,)` for one and `&()` for none, or a struct for those by name.
    pub fn send<'o>(
        &mut self,
        identity: &str,
        opcode: impl Into<Opcode<'o>>,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<(), CallError> {
        let ask = Ask::typed(opcode.into(), arguments)?;
        let client = self.client(identity).ok_or(CallError::NoClient)?.id;
        let ticket = self.start(client, &ask, self.settings.patience)?;
        drop(ticket);
        Ok(())
    }

    /// Lets a client go, once all that was said has been written; false if there is none of this identity.
    pub fn disconnect(&mut self, identity: &str) -> bool {
        let client = self.client(identity).map(|client| client.id);
        client.is_some_and(|id| self.hub.close(id))
    }

    /// Waits at most `timeout` for something to happen, and does what there is to do.
    ///
    /// Says what happened, one thing a turn; calls have been answered then. [`Duration::ZERO`] only looks,
    /// [`Duration::MAX`] waits for ever. An error is one of polling itself: a client's are its own.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<Option<Happening>> {
        let deadline = Deadline::after(timeout);
        loop {
            if let Some(happening) = self.happenings.pop_front() {
                return Ok(Some(happening));
            }
            let happened = self.step(deadline)?;
            if self.happenings.is_empty() && (happened || deadline.has_passed()) {
                return Ok(None);
            }
        }
    }

    /// Turns until a [handle](Self::handle) stops it; tells `watch` what happens.
    pub fn run(&mut self, mut watch: impl FnMut(&mut Self, Happening)) -> io::Result<()> {
        while !self.posts.take_stop() {
            if let Some(happening) = self.turn(Duration::MAX)? {
                watch(self, happening);
            }
        }
        Ok(())
    }

    /// A handle for other threads.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            posts: self.posts.clone(),
        }
    }

    /// Lets all clients go, as long as `timeout` for what is still to be written. Says how many were cut off.
    pub fn shutdown(mut self, timeout: Duration) -> io::Result<usize> {
        self.hub.shutdown(timeout)
    }

    fn ask(&mut self, identity: &str, ask: &Ask) -> Result<Value, CallError> {
        let client = self.client(identity).ok_or(CallError::NoClient)?.id;
        let deadline = Deadline::after(self.settings.patience);
        let grace = Deadline::after(self.settings.opening);
        loop {
            let ticket = self.start(client, ask, deadline.left())?;
            let told = loop {
                if let Some(told) = ticket.poll() {
                    break told;
                }
                let stepped = self.step(deadline);
                stepped
                    .map_err(|error| CallError::Link(crate::transport::transport_error(error)))?;
            };
            match told.map_err(CallError::from)?.0 {
                // It has not seen the verdict yet.
                Err(CallError::Remote(error)) if error.is_early() && !grace.has_passed() => {}
                reply => return reply,
            }
        }
    }

    fn start(
        &mut self,
        client: PeerId,
        ask: &Ask,
        timeout: Duration,
    ) -> Result<Ticket<Told>, CallError> {
        Ok(self.hub.start::<Ask, Told>(client, ask, timeout)?)
    }

    /// Waits once, until `deadline` or something happens, and does what there is to do. Says whether anything did.
    fn step(&mut self, deadline: Deadline) -> io::Result<bool> {
        let waiting = self.posts.len();
        for _ in 0..waiting {
            if let Some(job) = self.posts.take() {
                job(self);
            }
        }
        self.settle();
        let next = self
            .strangers
            .iter()
            .map(|stranger| stranger.deadline.left());
        let timeout = match waiting {
            0 => next.fold(deadline.left(), Duration::min),
            _ => Duration::ZERO,
        };
        let event = self.hub.next::<Call>(timeout)?;
        let happened = event.is_some() || waiting > 0;
        let said = match event {
            Some(Event::Said(id, said)) => Some((id, Said::of(said))),
            Some(Event::News(news)) => {
                self.hear_news(news);
                None
            }
            Some(Event::Answered(_) | Event::File(..) | Event::Filed(_)) | None => None,
        };
        if let Some((id, said)) = said {
            self.hear(id, said);
        }
        self.meet();
        Ok(happened)
    }

    fn hear_news(&mut self, news: News) {
        match news {
            News::Joined(info) => {
                let client = Client {
                    identity: String::new(),
                    address: info.address,
                    id: info.id,
                };
                self.strangers.push(Stranger {
                    client,
                    answer: None,
                    deadline: Deadline::after(self.settings.opening),
                });
            }
            News::Left(info, reason) => {
                self.strangers
                    .retain(|stranger| stranger.client.id != info.id);
                self.owed.retain(|owed| owed.peer != info.id);
                let at = self.clients.iter().position(|client| client.id == info.id);
                if let Some(at) = at {
                    let client = self.clients.remove(at);
                    self.tell(Happening::Left(client, reason));
                }
            }
            News::TurnedAway(info, reason) => {
                self.tell(Happening::TurnedAway(info.address, reason));
            }
            _ => {}
        }
    }

    /// Asks strangers who they are, and lets in those who have said, or do not say in time.
    fn meet(&mut self) {
        let mut strangers = std::mem::take(&mut self.strangers);
        strangers.retain_mut(|stranger| {
            let id = stranger.client.id;
            let told = match &stranger.answer {
                Some(answer) => answer.poll(),
                None => {
                    stranger.answer = self
                        .start(id, &Ask::identity(), stranger.deadline.left())
                        .ok();
                    None
                }
            };
            let name = match told {
                None if !stranger.deadline.has_passed() => return true,
                Some(Ok(Told(Ok(Value::Text(name))))) => name,
                Some(Ok(Told(Ok(name)))) if name != Value::Null => name.to_string(),
                Some(Ok(Told(Err(CallError::Remote(error)))))
                    if error.is_early() && !stranger.deadline.has_passed() =>
                {
                    // It has not seen the verdict yet.
                    stranger.answer = self
                        .start(id, &Ask::identity(), stranger.deadline.left())
                        .ok();
                    return true;
                }
                Some(Err(Lost::LinkLost)) => return false,
                _ => random_name(),
            };
            stranger.client.identity = name;
            self.let_in(stranger.client.clone());
            false
        });
        strangers.append(&mut self.strangers);
        self.strangers = strangers;
    }

    fn let_in(&mut self, client: Client) {
        let same = |other: &&Client| other.identity == client.identity;
        if let Some(older) = self.clients.iter().find(same) {
            self.hub.close(older.id);
            let at = self
                .clients
                .iter()
                .position(|other| other.identity == client.identity);
            if let Some(at) = at {
                let older = self.clients.remove(at);
                self.tell(Happening::Left(older, Reason::Kicked));
            }
        }
        self.clients.push(client.clone());
        self.tell(Happening::Joined(client));
    }

    fn hear(&mut self, id: PeerId, said: Said) {
        let Some(client) = self.who(id) else {
            return;
        };
        match said {
            Said::Call(call_id, call) => {
                let result = self.execute_call(&client, call);
                self.owed.push_back(Owed {
                    peer: id,
                    id: call_id,
                    result,
                });
                self.settle();
            }
            Said::Odd(oddity) => self.tell(Happening::Odd(client, oddity)),
            Said::Nothing => {}
        }
    }

    fn execute_call(&mut self, client: &Client, call: Call) -> Result<Say, Refused> {
        let named = call.named.ok_or(call.unbound)?;
        let content = call.content?;
        match content.read(|body| self.bound.read(named.opcode(), body)) {
            Found::Nothing => return Err(unbound(named.opcode())),
            Found::Running => return Err(busy(named.opcode())),
            Found::Read(read) => read.map_err(|error| misread(named.opcode(), error))?,
        }
        let Some(mut handler) = self.bound.take(&named) else {
            return Err(unbound(named.opcode()));
        };
        let ran = catch_unwind(AssertUnwindSafe(|| handler.run(self, client)));
        self.bound.put_back(&named, handler);
        ran.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Lets out the results that found no room before, as far as there is some now.
    fn settle(&mut self) {
        for _ in 0..self.owed.len() {
            let Some(owed) = self.owed.pop_front() else {
                return;
            };
            let (peer, id) = (owed.peer, owed.id);
            let sent = match &owed.result {
                Ok(say) => self.hub.send(peer, &Answer { id, say }),
                Err(Refused { class, text, .. }) => {
                    self.hub.send(peer, &Refusal::new(id, class, text))
                }
            };
            match (sent, &owed.result) {
                (Err(SendError::Full), _) => self.keep_owing(owed),
                (Err(error), Ok(_)) => self.keep_owing(Owed {
                    result: Err(Refused::from(error)),
                    ..owed
                }),
                _ => {}
            }
        }
    }

    /// A client that does not take its results is let go before they are too many.
    fn keep_owing(&mut self, owed: Owed) {
        let peer = owed.peer;
        self.owed.push_back(owed);
        if self.owed.iter().filter(|owed| owed.peer == peer).count() > MAX_OWED {
            self.owed.retain(|owed| owed.peer != peer);
            self.hub.kick(peer);
        }
    }

    /// Whoever it is; a stranger without a name.
    fn who(&self, id: PeerId) -> Option<Client> {
        let strangers = self.strangers.iter().map(|stranger| &stranger.client);
        let mut all = self.clients.iter().chain(strangers);
        all.find(|client| client.id == id).cloned()
    }

    fn tell(&mut self, happening: Happening) {
        if self.happenings.len() >= MAX_HAPPENINGS {
            self.happenings.pop_front();
        }
        self.happenings.push_back(happening);
    }
}

impl ServerHandle {
    /// Has its thread do `job`, and wakes it.
    pub fn post(&self, job: impl FnOnce(&mut Server) + Send + 'static) -> Result<(), PostError> {
        self.posts.post(Box::new(job))
    }

    /// Ends its present or next [`run`](Server::run).
    pub fn stop(&self) {
        self.posts.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("bound", &self.bound)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerHandle").field(&self.posts).finish()
    }
}

/// How many clients there may be, unless told otherwise.
const CLIENTS: usize = 4;

/// How many things other threads may have wait to be done.
const POSTS: usize = 1024;

/// How many results may wait for a client that does not take them.
const MAX_OWED: usize = 64;

/// How much may wait to be told; then the oldest goes.
const MAX_HAPPENINGS: usize = 256;
