use crate::call::Refused;
use crate::files;
use crate::hub::{News, PeerId, Peers};
use crate::native::Standing;
use crate::peer::Peer;
use ropeway_core::Event;
use ropeway_core::dialect::{Delivers, Dialect, Never, Refuses, Replies};
use ropeway_core::message::Request;
use ropeway_core::registry::Registry;
use std::fmt;
use std::net::SocketAddr;

mod dispatch;
mod kinds;

pub(crate) use dispatch::dispatch;
use kinds::{Any, Deferred, Handler, Message, Named, Reply, Table};

/// What to do with what a peer says: a closure for each message.
///
/// Messages are looked for in the order in which their handlers were given; the first that names one gets it.
/// A message that a handler is to keep must not borrow; what no handler takes can be looked at by
/// [`otherwise`](Self::otherwise).
///
/// A handler that fails refuses the request and nothing else. One that panics lets the panic through to whoever
/// turns the node or hub, which can be turned again.
///
/// ```
/// use ropeway_std::dialect::cable_car::{CableCarByte, Join, Quit};
/// use ropeway_std::{Handlers, Node, Options, memory};
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// let (said, heard) = mpsc::channel();
/// let mut handlers = Handlers::new();
/// handlers
///     .on::<Join>(|peer, Join| peer.send(&Quit).unwrap_or_else(|error| eprintln!("{error}")))
///     .on::<Quit>(move |_, Quit| said.send("quit").unwrap_or_default());
///
/// let (mut here, there) = memory::pair(CableCarByte, 4096, &Options::default())?;
/// let mut node = Node::new(there, handlers);
/// here.send(&Join)?;
/// here.send(&Quit)?;
/// node.turn(Duration::MAX)?;
/// assert_eq!(heard.try_recv(), Ok("quit"));
/// # Ok::<(), ropeway_std::Error>(())
/// ```
pub struct Handlers<D: Dialect> {
    handlers: Vec<Box<dyn Handler<D>>>,
    otherwise: Option<Box<Otherwise<D>>>,
    news: Option<Box<Hear<D>>>,
    cancelled: Option<Box<Cancelled<D>>>,
    standing: Option<Box<Stand<D>>>,
    files: Option<Box<Filed<D>>>,
}

type Cancelled<D> = dyn FnMut(&mut Peer<'_, D>, <D as Dialect>::CallId) + Send;
type Stand<D> = dyn FnMut(&mut Peer<'_, D>, &Standing<'_>) + Send;
type Filed<D> = dyn FnMut(&mut Peer<'_, D>, &files::Event) + Send;
type Otherwise<D> = dyn FnMut(&mut Aside<D>, Event<'_, D, Never>) + Send;
type Then<D> = dyn FnOnce(&mut Peer<'_, D>);
type Hear<D> = dyn FnMut(&mut Peers<D>, &News) + Send;

/// One peer while what it said still lies in the receive buffer: it can be spoken to a moment later.
pub struct Aside<D: Dialect> {
    id: PeerId,
    address: Option<SocketAddr>,
    then: Vec<Box<Then<D>>>,
    answers_later: bool,
}

impl<D: Dialect> Handlers<D> {
    /// Nothing is handled: messages are dropped, requests refused.
    pub const fn new() -> Self {
        Self {
            handlers: Vec::new(),
            otherwise: None,
            news: None,
            cancelled: None,
            standing: None,
            files: None,
        }
    }

    /// Handles the message `M`. Where it comes as a request, it is answered with nothing, and refused where the
    /// dialect has no word for that.
    pub fn on<M>(&mut self, handler: impl FnMut(&mut Peer<'_, D>, M) + Send + 'static) -> &mut Self
    where
        D: Refuses + for<'a> Delivers<'a, M>,
        M: Send + 'static,
    {
        self.add(Message::new(handler))
    }

    /// Answers the request `M`; an error is sent as a refusal. Where it comes as a message, nothing is answered.
    pub fn answer<M>(
        &mut self,
        handler: impl FnMut(&mut Peer<'_, D>, M) -> Result<M::Answer<'static>, Refused> + Send + 'static,
    ) -> &mut Self
    where
        D: Replies<M>,
        M: Request + Send + 'static,
        M::Answer<'static>: Send,
    {
        self.add(Reply::new(handler))
    }

    /// Takes the request `M`, to be answered later under the id that the handler gets: by [`Peer::answer`],
    /// [`Node::answer`](crate::Node::answer) or [`Peers::answer`]. An error refuses it at once. Where it comes as a
    /// message, it is dropped. [`Node::max_requests`](crate::Node::max_requests) and
    /// [`Limits::requests`](crate::hub::Limits::requests) bound how many are open.
    pub fn answer_later<M>(
        &mut self,
        handler: impl FnMut(&mut Peer<'_, D>, D::CallId, M) -> Result<(), Refused> + Send + 'static,
    ) -> &mut Self
    where
        D: Refuses + for<'a> Delivers<'a, M>,
        M: Send + 'static,
    {
        self.add(Deferred::new(handler))
    }

    /// Handles what comes under `key`, as the key displays itself, as an `M`: for names known only when the program
    /// runs.
    pub fn on_named<M>(
        &mut self,
        key: impl Into<String>,
        handler: impl FnMut(&mut Peer<'_, D>, M) + Send + 'static,
    ) -> &mut Self
    where
        D: Refuses + for<'a> Delivers<'a, M>,
        M: Send + 'static,
    {
        self.add(Named::new(key.into(), handler))
    }

    /// Handles a whole table of [`messages!`](crate::messages), whose messages must not borrow; requests come with
    /// their id, and are the handler's to [answer](Peer::answer) or [refuse](Peer::refuse), now or later.
    pub fn on_table<R>(
        &mut self,
        handler: impl FnMut(&mut Peer<'_, D>, Option<D::CallId>, R) + Send + 'static,
    ) -> &mut Self
    where
        R: for<'a> Registry<'a, D> + Send + 'static,
    {
        self.add(Table::new(handler))
    }

    /// Handles all that no handler before it takes, as an `M`, with the text of its key: for gateways and logs, with
    /// a type that takes every value. Requests come with their id, and are the handler's to answer or refuse.
    pub fn on_any<M>(
        &mut self,
        handler: impl FnMut(&mut Peer<'_, D>, Option<D::CallId>, &str, M) + Send + 'static,
    ) -> &mut Self
    where
        D: for<'a> Delivers<'a, M>,
        M: Send + 'static,
    {
        self.add(Any::new(handler))
    }

    /// Looks at what no handler takes: [`Event::Unknown`], [`Event::Notice`] and [`Event::Malformed`].
    ///
    /// An unknown or malformed request is refused afterwards, unless it will be [answered
    /// later](Aside::answers_later).
    pub fn otherwise(
        &mut self,
        handler: impl FnMut(&mut Aside<D>, Event<'_, D, Never>) + Send + 'static,
    ) -> &mut Self {
        self.otherwise = Some(Box::new(handler));
        self
    }

    /// Hears how the links and ports of a hub stand: who has joined, who has left and why.
    pub fn news(
        &mut self,
        handler: impl FnMut(&mut Peers<D>, &News) + Send + 'static,
    ) -> &mut Self {
        self.news = Some(Box::new(handler));
        self
    }

    /// Hears that nobody waits for the answer to a request any more that is being [answered later](Self::answer_later),
    /// where the protocol tells that: work on it can end. It need not be answered.
    pub fn cancelled(
        &mut self,
        handler: impl FnMut(&mut Peer<'_, D>, D::CallId) + Send + 'static,
    ) -> &mut Self {
        self.cancelled = Some(Box::new(handler));
        self
    }

    /// Hears how the link of a session stands: over the native protocol, and when a [client](crate::native::Client)
    /// connects and loses it.
    pub fn standing(
        &mut self,
        handler: impl FnMut(&mut Peer<'_, D>, &Standing<'_>) + Send + 'static,
    ) -> &mut Self {
        self.standing = Some(Box::new(handler));
        self
    }

    /// Hears how files come along, where the node or hub [carries some](crate::files).
    pub fn files(
        &mut self,
        handler: impl FnMut(&mut Peer<'_, D>, &files::Event) + Send + 'static,
    ) -> &mut Self {
        self.files = Some(Box::new(handler));
        self
    }

    fn add(&mut self, handler: impl Handler<D> + 'static) -> &mut Self {
        self.handlers.push(Box::new(handler));
        self
    }

    pub(crate) fn hears_news(&self) -> bool {
        self.news.is_some()
    }

    pub(crate) fn tell_standing(&mut self, peer: &mut Peer<'_, D>, standing: &Standing<'_>) {
        if let Some(handler) = &mut self.standing {
            handler(peer, standing);
        }
    }

    /// Tells what is new of a peer's files, and says whether anything was.
    pub(crate) fn tell_files(&mut self, peer: &mut Peer<'_, D>) -> bool {
        let mut was_new = false;
        while let Some(event) = peer.take_file_event() {
            was_new = true;
            if let Some(handler) = &mut self.files {
                handler(peer, &event);
            }
        }
        was_new
    }

    pub(crate) fn tell(&mut self, peers: &mut Peers<D>, news: &News) {
        if let Some(hear) = &mut self.news {
            hear(peers, news);
        }
    }
}

impl<D: Dialect> Aside<D> {
    const fn new(id: PeerId, address: Option<SocketAddr>) -> Self {
        Self {
            id,
            address,
            then: Vec::new(),
            answers_later: false,
        }
    }

    fn of(peer: &Peer<'_, D>) -> Self {
        Self::new(peer.id(), peer.address())
    }

    /// Which of a hub's peers it is.
    pub const fn id(&self) -> PeerId {
        self.id
    }

    /// Its address, if its transport has addresses.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What to do as soon as the event has been let go of.
    pub fn then(&mut self, then: impl FnOnce(&mut Peer<'_, D>) + 'static) {
        self.then.push(Box::new(then));
    }

    /// The request that this event is about is not refused: the program answers it itself.
    pub const fn answers_later(&mut self) {
        self.answers_later = true;
    }
}

impl<D: Dialect> Default for Handlers<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: Dialect> fmt::Debug for Handlers<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("handlers", &self.handlers.len())
            .finish_non_exhaustive()
    }
}

impl<D: Dialect> fmt::Debug for Aside<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside")
            .field("id", &self.id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
