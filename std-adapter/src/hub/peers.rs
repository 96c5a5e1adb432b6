use super::connection::{Connection, Stage};
use super::handle::{Handle, Job};
use super::listening::{Accepted, Listening};
use super::timers::Timers;
use super::{Event, Limits, ListenerId, News, PeerId, PeerInfo, Reason};
use crate::Options;
use crate::call::{CallError, Failure, Refused, Ticket, Waiter};
use crate::clock::Clock;
use crate::desk::{Desk, Mail};
use crate::peer::{Peer, Place};
use crate::post::Office;
use mio::{Events, Interest, Poll, Token, Waker};
use ropeway_core::dialect::{Answers, Asks, Carries, Dialect, Refuses};
use ropeway_core::message::{Answer, Request};
use ropeway_core::registry::Registry;
use ropeway_core::{Messenger, SendError};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// The peers of a hub: to be sent to, called, closed, and the ports they come in by.
///
/// What is sent is queued, and leaves when the hub turns. A peer that is gone is [`SendError::NotOpen`].
pub struct Peers<D: Dialect> {
    slots: Vec<Slot<D>>,
    free: Vec<u32>,
    by_address: HashMap<IpAddr, usize>,
    listeners: Vec<Listening>,
    next_listener: u32,
    dialect: Box<dyn FnMut(&PeerInfo) -> D + Send>,
    options: Options,
    limits: Limits,
    clock: Clock,
    poll: Poll,
    events: Events,
    posts: Office<Job<D>>,
    timers: Timers,
    /// Who has something to do.
    active: VecDeque<PeerId>,
    /// Who has something to say, when the program asks one by one.
    speakers: VecDeque<PeerId>,
    /// Who is being served.
    current: Option<PeerId>,
    /// Who got an answer that is to be acted on as soon as its event has been let go of.
    answered: Option<Box<dyn Waiter<D>>>,
    news: VecDeque<News>,
}

/// Room for a peer.
struct Slot<D: Dialect> {
    generation: u32,
    connection: Option<Box<Connection<D>>>,
}

impl<D: Dialect> Peers<D> {
    pub(super) fn new(
        dialect: Box<dyn FnMut(&PeerInfo) -> D + Send>,
        options: Options,
        limits: Limits,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WOKEN)?);
        let wake = Arc::new(move || {
            // Who can no longer be woken no longer waits.
            let _ = waker.wake();
        });
        Ok(Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_address: HashMap::new(),
            listeners: Vec::new(),
            next_listener: 0,
            dialect,
            options,
            limits,
            clock: Clock::new(),
            poll,
            events: Events::with_capacity(256),
            posts: Office::new(limits.posts, wake),
            timers: Timers::default(),
            active: VecDeque::new(),
            speakers: VecDeque::new(),
            current: None,
            answered: None,
            news: VecDeque::new(),
        })
    }

    /// Listens at `address`; port 0 takes any that is free. There may be any number of ports.
    pub fn listen(&mut self, address: impl ToSocketAddrs) -> io::Result<ListenerId> {
        let id = ListenerId(self.next_listener);
        let token = Token(id.0 as usize * 2 + FIRST_LISTENER);
        let listening = Listening::bind(address, id, token, self.poll.registry())?;
        self.next_listener += 1;
        self.listeners.push(listening);
        Ok(id)
    }

    /// The address that a port listens at, with the number that was free.
    pub fn address(&self, listener: ListenerId) -> Option<SocketAddr> {
        let mut listeners = self.listeners.iter();
        let found = listeners.find(|listening| listening.id == listener)?;
        Some(found.address)
    }

    /// Stops listening at a port; its peers stay.
    pub fn unlisten(&mut self, listener: ListenerId) {
        self.listeners.retain(|listening| listening.id != listener);
    }

    /// Connects to `address`, the first of them if it has several, within the time for openings.
    ///
    /// How it went is told as [`News`].
    pub fn connect(&mut self, address: impl ToSocketAddrs) -> io::Result<PeerId> {
        let mut addresses = address.to_socket_addrs()?;
        let address = addresses.next().ok_or(io::ErrorKind::NotFound)?;
        let stream = TcpStream::from(mio::net::TcpStream::connect(address)?);
        self.admit(stream, address, None, Stage::Connecting)
    }

    /// Serves a connected socket as well.
    pub fn add(&mut self, stream: TcpStream) -> io::Result<PeerId> {
        let address = stream.peer_addr()?;
        stream.set_nonblocking(true)?;
        self.admit(stream, address, None, Stage::Going)
    }

    /// Queues a message for a peer; a full queue takes nothing.
    pub fn send<M: ?Sized>(&mut self, peer: PeerId, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        self.open_parts(peer)?.0.send(message)
    }

    /// Queues a message for every peer that has joined, and says for whom it could not.
    pub fn broadcast<M: ?Sized>(&mut self, message: &M) -> Vec<(PeerId, SendError)>
    where
        D: Carries<M>,
    {
        let peers: Vec<PeerId> = self.ids().collect();
        let sent = peers.into_iter().map(|id| (id, self.send(id, message)));
        let failed = sent.filter_map(|(id, sent)| sent.err().map(|error| (id, error)));
        failed.collect()
    }

    /// Sends a request, whose outcome the ticket will have.
    pub fn start<M, A>(
        &mut self,
        peer: PeerId,
        request: &M,
        timeout: Duration,
    ) -> Result<Ticket<A>, CallError>
    where
        M: for<'r> Request<Answer<'r> = A> + 'static,
        D: Asks<M>,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
        A: Send + 'static,
    {
        self.get(peer)
            .ok_or(CallError::LinkLost)?
            .start(request, timeout)
    }

    /// Sends a request; `then` gets its outcome, and the peer, when it is there.
    pub fn call<M, A>(
        &mut self,
        peer: PeerId,
        request: &M,
        timeout: Duration,
        then: impl FnOnce(&mut Peer<'_, D>, Result<A, CallError>) + Send + 'static,
    ) -> Result<D::CallId, CallError>
    where
        M: for<'r> Request<Answer<'r> = A> + 'static,
        D: Asks<M>,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
        A: Send + 'static,
    {
        self.get(peer)
            .ok_or(CallError::LinkLost)?
            .call(request, timeout, then)
    }

    /// Answers a request of a peer that was put off.
    pub fn answer<'v, M: Request>(
        &mut self,
        peer: PeerId,
        id: D::CallId,
        value: &M::Answer<'v>,
    ) -> Result<(), SendError>
    where
        D: for<'x> Carries<Answer<'x, 'v, <D as Dialect>::CallId, M>>,
    {
        self.open_parts(peer)?
            .0
            .send(&Answer::<'_, 'v, _, M> { id, value })
    }

    /// Refuses a request of a peer that was put off.
    pub fn refuse(
        &mut self,
        peer: PeerId,
        id: D::CallId,
        refused: &Refused,
    ) -> Result<(), SendError>
    where
        D: Refuses,
    {
        self.open_parts(peer)?
            .0
            .send(&crate::desk::refusal(id, refused))
    }

    /// Ends a link once all that is queued has been written; false if there is no such peer.
    pub fn close(&mut self, peer: PeerId) -> bool {
        self.get(peer).map(|mut peer| peer.close()).is_some()
    }

    /// Ends a link at once; what is queued is dropped. False if there is no such peer.
    pub fn kick(&mut self, peer: PeerId) -> bool {
        self.get(peer).map(|mut peer| peer.kick()).is_some()
    }

    /// One peer, as handlers meet it; none if it is gone.
    pub fn get(&mut self, peer: PeerId) -> Option<Peer<'_, D>> {
        self.open_parts(peer).ok()?;
        Some(Peer::new(Place::Among(self, peer)))
    }

    /// The peers that have joined.
    pub fn ids(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.infos().map(|info| info.id)
    }

    /// The peers that have joined, with their addresses.
    pub fn infos(&self) -> impl Iterator<Item = PeerInfo> + '_ {
        let there = self.connections();
        let joined =
            there.filter(|there| there.has_joined() && matches!(there.stage, Stage::Going));
        joined.map(|connection| connection.info)
    }

    /// How many connections there are, those that open or end included.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are no connections at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn connections(&self) -> impl Iterator<Item = &Connection<D>> {
        self.slots
            .iter()
            .filter_map(|slot| slot.connection.as_deref())
    }

    fn connection(&mut self, id: PeerId) -> Option<&mut Connection<D>> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        match slot.generation == id.generation {
            true => slot.connection.as_deref_mut(),
            false => None,
        }
    }

    /// A peer that is being served, whatever its stage.
    pub(crate) fn parts(&mut self, id: PeerId) -> Option<(&mut Mail<D>, &mut Desk<D>)> {
        if self.current != Some(id) {
            self.activate(id);
        }
        let connection = self.connection(id)?;
        Some((&mut connection.mail, &mut connection.desk))
    }

    pub(crate) fn desk(&self, id: PeerId) -> Option<&Desk<D>> {
        let slot = self.slots.get(id.slot as usize)?;
        let is_it = slot.generation == id.generation;
        slot.connection
            .as_deref()
            .filter(|_| is_it)
            .map(|there| &there.desk)
    }

    /// A peer that can be sent to.
    fn open_parts(&mut self, id: PeerId) -> Result<(&mut Mail<D>, &mut Desk<D>), SendError> {
        match self.connection(id) {
            Some(there) if matches!(there.stage, Stage::Going | Stage::Connecting) => {}
            _ => return Err(SendError::NotOpen),
        }
        self.parts(id).ok_or(SendError::NotOpen)
    }

    fn activate(&mut self, id: PeerId) {
        if let Some(connection) = self.connection(id)
            && !std::mem::replace(&mut connection.is_active, true)
        {
            self.active.push_back(id);
        }
    }
}

/// What the hub does with its peers.
impl<D: Dialect> Peers<D> {
    pub(super) fn handle(&self) -> Handle<D> {
        Handle {
            posts: self.posts.clone(),
        }
    }

    pub(super) fn tell(&mut self, news: News) {
        self.news.push_back(news);
    }

    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    pub(super) fn take_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    pub(super) fn take_stop(&self) -> bool {
        self.posts.take_stop()
    }

    pub(super) fn take_wake(&self) -> bool {
        self.posts.take_stop() | self.posts.take_wake()
    }

    pub(super) const fn burst(&self) -> usize {
        self.limits.burst
    }

    pub(super) fn active(&self) -> usize {
        self.active.len()
    }

    /// The next peer that has something to do; it counts as served until the look at it is finished.
    pub(super) fn next_active(&mut self) -> Option<PeerId> {
        while let Some(id) = self.active.pop_front() {
            if let Some(connection) = self.connection(id) {
                connection.is_active = false;
                self.current = Some(id);
                return Some(id);
            }
        }
        None
    }

    /// Waits for something to happen, and notes for whom; says whether anything did.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        // Whose handler panicked still has the rest to do.
        if let Some(id) = self.current.take() {
            self.activate(id);
        }
        let is_busy = !self.active.is_empty() || self.posts.has_some();
        let timeout = match is_busy {
            true => Duration::ZERO,
            false => timeout.min(self.next_timeout()),
        };
        let timeout = Some(timeout).filter(|timeout| *timeout < Duration::MAX);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let happened = !self.events.is_empty();
        self.note_events();
        self.accept();
        let now = self.clock.now();
        while let Some((at, id)) = self.timers.poll(now) {
            if let Some(connection) = self.connection(id)
                && connection.timer == Some(at)
            {
                connection.timer = None;
                self.activate(id);
            }
        }
        Ok(happened || is_busy)
    }

    fn next_timeout(&self) -> Duration {
        let again = self
            .listeners
            .iter()
            .filter_map(|listening| listening.again);
        let next = again.chain(self.timers.next()).min();
        next.map_or(Duration::MAX, |next| next - self.clock.now())
    }

    fn note_events(&mut self) {
        for event in &self.events {
            let Token(token) = event.token();
            if token == WOKEN.0 {
                continue;
            }
            if token % 2 == FIRST_LISTENER % 2 {
                let mut listeners = self.listeners.iter_mut();
                let is_it = |listening: &&mut Listening| {
                    listening.id.0 as usize * 2 + FIRST_LISTENER == token
                };
                if let Some(listening) = listeners.find(is_it) {
                    listening.is_ready = true;
                }
                continue;
            }
            let at = token / 2 - FIRST_PEER / 2;
            let Some(slot) = self.slots.get_mut(at) else {
                continue;
            };
            if let Some(connection) = slot.connection.as_deref_mut() {
                connection.note(event);
                if !std::mem::replace(&mut connection.is_active, true) {
                    self.active.push_back(connection.info.id);
                }
            }
        }
    }

    fn accept(&mut self) {
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
    fn admit(
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

    /// Does what other threads have asked for by now.
    pub(super) fn do_posts(&mut self) -> bool {
        let posts = self.posts.clone();
        let waiting = posts.len();
        for job in (0..waiting).map_while(|_| posts.take()) {
            job(self);
        }
        waiting > 0
    }

    /// Moves one peer's bytes, and ends its calls whose time has passed.
    pub(super) fn pump(&mut self, id: PeerId) {
        let now = self.clock.now();
        if let Some(connection) = self.connection(id) {
            connection.pump(now);
        }
        self.note_open(id);
        while let Some(connection) = self.connection(id) {
            let dialect = connection.mail.dialect_mut();
            match connection.desk.calls.poll_timeout(now, dialect) {
                Some(Some(waiter)) => waiter.run(&mut Peer::new(Place::Among(self, id))),
                Some(None) => {}
                None => break,
            }
        }
    }

    /// Tells that a peer has joined, if its link has just become open.
    pub(super) fn note_open(&mut self, id: PeerId) -> bool {
        let Some(connection) = self.connection(id) else {
            return false;
        };
        let opens = !connection.has_joined()
            && matches!(connection.stage, Stage::Going)
            && connection.mail.dialect().is_open();
        if opens {
            connection.open_by = None;
            let info = connection.info;
            self.tell(News::Joined(info));
        }
        opens
    }

    pub(super) fn may_speak(&mut self, id: PeerId) -> bool {
        self.connection(id).is_some_and(Connection::may_speak)
    }

    /// Ends the look at a peer: lets out what is queued, ends the link if that has come, and notes when to look
    /// again. Its messages wait to be asked for if `by_next`.
    pub(super) fn finish_look(&mut self, id: PeerId, by_next: bool) {
        self.current = None;
        let (now, limits) = (self.clock.now(), self.limits);
        let Some(connection) = self.connection(id) else {
            return;
        };
        connection.desk.settle(&mut connection.mail);
        if connection.mail.has_output() {
            connection.pump(now);
        }
        connection.advance(now, &limits);
        if self.note_open(id) {
            return self.activate(id);
        }
        let Some(connection) = self.connection(id) else {
            return;
        };
        if let Stage::Over(_) = connection.stage {
            return self.remove(id);
        }
        let speaks = by_next && connection.may_speak();
        let to_speak = speaks && !std::mem::replace(&mut connection.is_speaker, true);
        let has_work = connection.has_work() && !speaks;
        let next = connection.next_timeout(&limits);
        let timer = next.filter(|next| connection.timer.is_none_or(|timer| *next < timer));
        if timer.is_some() {
            connection.timer = timer;
        }
        if to_speak {
            self.speakers.push_back(id);
        }
        if let Some(at) = timer {
            self.timers.set(at, id);
        }
        if has_work {
            self.activate(id);
        }
    }

    /// Takes a peer out whose link is over.
    fn remove(&mut self, id: PeerId) {
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

    pub(super) fn next_speaker(&mut self) -> Option<PeerId> {
        while let Some(id) = self.speakers.pop_front() {
            if let Some(connection) = self.connection(id) {
                connection.is_speaker = false;
                if connection.may_speak() {
                    return Some(id);
                }
                self.activate(id);
            }
        }
        None
    }

    /// Has those who wait to speak served by handlers instead.
    pub(super) fn wake_speakers(&mut self) {
        self.after_speech();
        while let Some(id) = self.speakers.pop_front() {
            if let Some(connection) = self.connection(id) {
                connection.is_speaker = false;
            }
            self.activate(id);
        }
    }

    /// What a peer has to say, as an event.
    pub(super) fn listen_to<'a, R: Registry<'a, D>>(
        &'a mut self,
        id: PeerId,
    ) -> Option<Event<'a, D, R>> {
        self.current = Some(id);
        let slot = self.slots.get_mut(id.slot as usize)?;
        let connection = slot.connection.as_deref_mut()?;
        match connection.mail.recv()? {
            ropeway_core::Event::Answer(call, answer) => {
                self.answered = connection.desk.calls.answer(call, answer, &mut ());
                Some(Event::Answered(id))
            }
            said => Some(Event::Said(id, said)),
        }
    }

    /// Goes on with the peer whose event has been let go of.
    pub(super) fn after_speech(&mut self) {
        let answered = self.answered.take();
        let Some(id) = self.current.take() else {
            return;
        };
        if let Some(waiter) = answered
            && self.connection(id).is_some()
        {
            waiter.run(&mut Peer::new(Place::Among(self, id)));
        }
        self.note_open(id);
        self.finish_look(id, true);
    }

    pub(super) fn stop_listening(&mut self) {
        self.listeners.clear();
    }

    /// Ends every link once all that is queued has been written.
    pub(super) fn close_all(&mut self) {
        self.after_speech();
        let by = self.clock.now() + self.limits.linger;
        let ids: Vec<PeerId> = self.connections().map(|there| there.info.id).collect();
        for id in ids {
            if let Some(connection) = self.connection(id) {
                match connection.stage {
                    Stage::Connecting => connection.stage = Stage::Over(Reason::Shutdown),
                    _ => connection.end(Reason::Shutdown, by),
                }
            }
            self.activate(id);
        }
    }

    /// Ends every link that is left, and says how many that are.
    pub(super) fn cut_off_all(&mut self) -> usize {
        let ids: Vec<PeerId> = self.connections().map(|there| there.info.id).collect();
        for id in &ids {
            if let Some(connection) = self.connection(*id) {
                connection.stage = Stage::Over(Reason::Shutdown);
            }
            self.remove(*id);
        }
        ids.len()
    }
}

impl<D: Dialect> fmt::Debug for Peers<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("len", &self.len())
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}

/// The most connections that one turn takes from one port.
const BURST: usize = 64;

const WOKEN: Token = Token(0);
const FIRST_LISTENER: usize = 1;
const FIRST_PEER: usize = 2;
