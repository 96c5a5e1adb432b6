use super::connection::{Connection, Stage};
use super::handle::Job;
use super::hosts::Hosts;
use super::listening::Listening;
use super::timers::Timers;
use super::waiting::Waiting;
use super::{Limits, ListenerId, News, PeerId, PeerInfo, Refusals};
use crate::Options;
use crate::call::{CallError, Failure, Refused, Ticket, Waiter};
use crate::clock::Clock;
use crate::desk::{Desk, Mail, Requests};
use crate::files::{Carrier, Files};
use crate::peer::{Peer, Place};
use crate::post::Office;
use crate::storage::Pool;
use mio::{Events, Poll, Token, Waker};
use ropeway_core::dialect::{Answers, Asks, Carries, Dialect, Filing, Refuses};
use ropeway_core::message::{Answer, Request};
use ropeway_core::{Instant, SendError};
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::BuildHasher;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// The peers of a hub: to be sent to, called, closed, and the ports they come in by.
///
/// What is sent is queued, and leaves when the hub turns. A peer that is gone is [`SendError::NotOpen`]; where sessions
/// outlive connections, one that is only [away](News::Away) gets it when it is back, and its calls wait, too.
pub struct Peers<D: Dialect> {
    pub(super) slots: Vec<Slot<D>>,
    pub(super) free: Vec<u32>,
    /// How many peers count, in all and from one address.
    pub(super) counted: usize,
    pub(super) by_host: Hosts,
    /// Who has which session.
    pub(super) by_session: HashMap<u64, PeerId>,
    /// Who has not said yet whose session it wants.
    pub(super) lobby: Waiting,
    /// Who is away: those that never joined, and the others.
    pub(super) away: [Waiting; 2],
    /// What ids of sessions and waits are drawn from.
    random: (RandomState, u64),
    pub(super) pools: [Arc<Pool>; 2],
    pub(super) listeners: Vec<Listening>,
    pub(super) next_listener: u32,
    pub(super) dialect: Box<dyn FnMut(&PeerInfo) -> D + Send>,
    pub(super) options: Options,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) posts: Office<Job<D>>,
    pub(super) timers: Timers,
    /// Who has something to do.
    pub(super) active: VecDeque<PeerId>,
    /// Who has something to say, when the program asks one by one.
    pub(super) speakers: VecDeque<PeerId>,
    /// How much has been heard since it was looked for more.
    pub(super) heard: usize,
    /// Who is being served.
    pub(super) current: Option<PeerId>,
    /// Who got an answer that is to be acted on as soon as its event has been let go of.
    pub(super) answered: Option<Box<dyn Waiter<D>>>,
    /// The peer that spoke last has a fresh session, in which its older calls have no answers.
    pub(super) begins_anew: bool,
    pub(super) news: VecDeque<News>,
    pub(super) refusals: Refusals,
    /// What passes between it and peers is counted.
    pub(super) counts: bool,
    /// What files are carried with.
    carrier: Option<Arc<Carrier<D>>>,
    /// Blank desks, for peers that have something to say.
    #[allow(
        clippy::vec_box,
        reason = "the boxes go to and fro, and are not to be made anew"
    )]
    pub(super) desks: Vec<Box<Desk<D>>>,
    /// Whose memory may be given back, and when.
    pub(super) warm: VecDeque<(Instant, PeerId)>,
}

/// Room for a peer.
pub(super) struct Slot<D: Dialect> {
    pub(super) generation: u32,
    pub(super) connection: Option<Box<Connection<D>>>,
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
            counted: 0,
            by_host: Hosts::default(),
            by_session: HashMap::new(),
            lobby: Waiting::default(),
            away: Default::default(),
            random: (RandomState::new(), 0),
            pools: options.pools(limits.queue),
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
            heard: 0,
            current: None,
            answered: None,
            begins_anew: false,
            news: VecDeque::new(),
            refusals: Refusals::default(),
            counts: false,
            carrier: None,
            desks: Vec::new(),
            warm: VecDeque::new(),
        })
    }

    pub(super) fn carry_files(&mut self, files: Files)
    where
        D: Filing,
    {
        self.options = files.widen(self.options.clone());
        self.limits = files.widen_queue(self.limits);
        self.pools = self.options.pools(self.limits.queue);
        let (input, outbox) = (self.options.initial(), self.limits.queue);
        self.carrier = Some(Carrier::new(files, input, outbox));
    }

    pub(super) fn has_file_news(&mut self, id: PeerId) -> bool {
        self.desk(id).is_some_and(Desk::has_file_news)
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
    /// How it went is told as [`News`]. Where sessions outlive connections, it dials again until the peer is there, and
    /// whenever it is lost, after waits that grow up to 5 s; until the program closes the link, or one side ends the
    /// session.
    pub fn connect(&mut self, address: impl ToSocketAddrs) -> io::Result<PeerId> {
        let mut addresses = address.to_socket_addrs()?;
        let address = addresses.next().ok_or(io::ErrorKind::NotFound)?;
        let stream = TcpStream::from(mio::net::TcpStream::connect(address)?);
        self.admit(stream, address, None, Stage::Connecting)
    }

    /// Serves a connected socket as well. Where sessions outlive connections, it is the end that the hub's closure makes,
    /// that which listens included; one that dials is not dialled again.
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
        let (mail, desk) = self.open_parts(peer)?;
        mail.send(message)?;
        desk.count_sent();
        Ok(())
    }

    /// Queues a message for every peer that has joined, and says for whom it could not.
    pub fn broadcast<M: ?Sized>(&mut self, message: &M) -> Vec<(PeerId, SendError)>
    where
        D: Carries<M>,
    {
        self.broadcast_to(|_| true, message)
    }

    /// Queues a message for those peers that have joined and that `to` picks, and says for whom it could not.
    pub fn broadcast_to<M: ?Sized>(
        &mut self,
        mut to: impl FnMut(&PeerInfo) -> bool,
        message: &M,
    ) -> Vec<(PeerId, SendError)>
    where
        D: Carries<M>,
    {
        let peers = self.infos().filter(|info| to(info)).map(|info| info.id);
        let peers: Vec<PeerId> = peers.collect();
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
    pub fn call_then<M, A>(
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
            .call_then(request, timeout, then)
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
        let mut peer = self.get(peer).ok_or(SendError::NotOpen)?;
        peer.answer::<M>(id, value)
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
        let mut peer = self.get(peer).ok_or(SendError::NotOpen)?;
        peer.refuse(id, refused)
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

    /// The peers that have joined, those that are away included, with their addresses.
    pub fn infos(&self) -> impl Iterator<Item = PeerInfo> + '_ {
        let there = self.connections();
        let joined = there.filter(|there| there.is_joined());
        joined.map(|connection| connection.info)
    }

    /// Whether a peer is one whose session waits for another link.
    pub fn is_away(&self, peer: PeerId) -> bool {
        let mut there = self.connections_at(peer);
        there.any(|there| matches!(there.stage, Stage::Away))
    }

    /// How much was refused so far, by kind.
    pub const fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// How many peers there are, those that open, end or are away included.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are no peers at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection<D>> {
        self.slots
            .iter()
            .filter_map(|slot| slot.connection.as_deref())
    }

    /// The connection of a peer, if it is there.
    pub(super) fn connections_at(&self, id: PeerId) -> impl Iterator<Item = &Connection<D>> {
        let slot = self.slots.get(id.slot as usize);
        let slot = slot.filter(move |slot| slot.generation == id.generation);
        slot.into_iter()
            .filter_map(|slot| slot.connection.as_deref())
    }

    pub(super) fn connection(&mut self, id: PeerId) -> Option<&mut Connection<D>> {
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
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let connection = slot.connection.as_deref_mut()?;
        if connection.desk.is_none() {
            let blank = self.desks.pop();
            let mut desk = blank.unwrap_or_else(|| new_desk(id, self.clock, self.limits));
            desk.carrier.clone_from(&self.carrier);
            connection.lend(desk);
        }
        let desk = connection.desk.as_deref_mut()?;
        Some((&mut connection.mail, desk))
    }

    pub(crate) fn desk(&self, id: PeerId) -> Option<&Desk<D>> {
        let slot = self.slots.get(id.slot as usize)?;
        let is_it = slot.generation == id.generation;
        slot.connection
            .as_deref()
            .filter(|_| is_it)
            .and_then(|there| there.desk.as_deref())
    }

    /// A peer that can be sent to.
    fn open_parts(&mut self, id: PeerId) -> Result<(&mut Mail<D>, &mut Desk<D>), SendError> {
        match self.connection(id) {
            Some(there) if there.may_be_sent_to() => {}
            _ => return Err(SendError::NotOpen),
        }
        self.parts(id).ok_or(SendError::NotOpen)
    }

    /// A number that nobody can guess.
    pub(super) fn random(&mut self) -> u64 {
        self.random.1 = self.random.1.wrapping_add(1);
        self.random.0.hash_one(self.random.1)
    }

    pub(super) fn activate(&mut self, id: PeerId) {
        if let Some(connection) = self.connection(id)
            && !std::mem::replace(&mut connection.flags.is_active, true)
        {
            self.active.push_back(id);
        }
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

#[cold]
fn new_desk<D: Dialect>(id: PeerId, clock: Clock, limits: Limits) -> Box<Desk<D>> {
    let mut desk = Desk::new(id, None, clock, limits.calls);
    desk.requests = D::HAS_SESSIONS.then(|| Requests::new(limits.requests));
    Box::new(desk)
}

pub(super) const WOKEN: Token = Token(0);
pub(super) const FIRST_LISTENER: usize = 1;
pub(super) const FIRST_PEER: usize = 2;
