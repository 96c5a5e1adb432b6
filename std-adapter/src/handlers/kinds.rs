use crate::call::Refused;
use crate::peer::Peer;
use ropeway_core::dialect::{Delivers, Dialect, Envelope, Refuses, Replies};
use ropeway_core::message::Request;
use ropeway_core::registry::{Registry, Rejected};
use std::fmt::{self, Write};

/// A handler of one sort of message: it reads it while it lies in the receive buffer, and acts on it afterwards,
/// when the peer can be spoken to.
pub(super) trait Handler<D: Dialect>: Send {
    fn names(&self, key: &D::Key<'_>) -> bool;

    /// An unknown one is offered to the next handler.
    fn read<'a>(&mut self, envelope: Envelope<'a, D>) -> Result<(), Rejected<'a, D>>;

    /// `id` is that of the call, if it is one.
    fn run(&mut self, peer: &mut Peer<'_, D>, id: Option<D::CallId>);

    /// Whether requests may be answered after it has run.
    fn answers_later(&self) -> bool {
        false
    }

    /// Drops what has been read.
    fn skip(&mut self) {}
}

/// A closure for `M`, and the `M` between reading and running.
pub(super) struct Message<M, F> {
    message: Option<M>,
    handler: F,
}

pub(super) struct Reply<M, F>(Message<M, F>);

pub(super) struct Deferred<M, F>(Message<M, F>);

pub(super) struct Named<M, F> {
    key: String,
    inner: Message<M, F>,
}

pub(super) struct Any<M, F> {
    key: String,
    inner: Message<M, F>,
}

pub(super) struct Table<R, F>(Message<R, F>);

impl<M, F> Message<M, F> {
    pub(super) const fn new(handler: F) -> Self {
        Self {
            message: None,
            handler,
        }
    }

    fn take<'a, D: Delivers<'a, M>>(
        &mut self,
        envelope: Envelope<'a, D>,
    ) -> Result<(), Rejected<'a, D>> {
        self.message = Some(D::read(envelope).map_err(Rejected::Malformed)?);
        Ok(())
    }
}

impl<M, F> Reply<M, F> {
    pub(super) const fn new(handler: F) -> Self {
        Self(Message::new(handler))
    }
}

impl<M, F> Deferred<M, F> {
    pub(super) const fn new(handler: F) -> Self {
        Self(Message::new(handler))
    }
}

impl<M, F> Named<M, F> {
    pub(super) const fn new(key: String, handler: F) -> Self {
        Self {
            key,
            inner: Message::new(handler),
        }
    }
}

impl<R, F> Table<R, F> {
    pub(super) const fn new(handler: F) -> Self {
        Self(Message::new(handler))
    }
}

impl<M, F> Any<M, F> {
    pub(super) const fn new(handler: F) -> Self {
        Self {
            key: String::new(),
            inner: Message::new(handler),
        }
    }
}

impl<D, M, F> Handler<D> for Message<M, F>
where
    D: Refuses + for<'a> Delivers<'a, M>,
    M: Send,
    F: FnMut(&mut Peer<'_, D>, M) + Send,
{
    fn names(&self, key: &D::Key<'_>) -> bool {
        <D as Delivers<'static, M>>::names(key)
    }

    fn read<'a>(&mut self, envelope: Envelope<'a, D>) -> Result<(), Rejected<'a, D>> {
        self.take(envelope)
    }

    fn run(&mut self, peer: &mut Peer<'_, D>, id: Option<D::CallId>) {
        if let Some(message) = self.message.take() {
            (self.handler)(peer, message);
            done(peer, id);
        }
    }
}

impl<D, M, F> Handler<D> for Reply<M, F>
where
    D: Replies<M>,
    M: Request + Send + 'static,
    M::Answer<'static>: Send,
    F: FnMut(&mut Peer<'_, D>, M) -> Result<M::Answer<'static>, Refused> + Send,
{
    fn names(&self, key: &D::Key<'_>) -> bool {
        <D as Delivers<'static, M>>::names(key)
    }

    fn read<'a>(&mut self, envelope: Envelope<'a, D>) -> Result<(), Rejected<'a, D>> {
        self.0.take(envelope)
    }

    fn run(&mut self, peer: &mut Peer<'_, D>, id: Option<D::CallId>) {
        if let Some(message) = self.0.message.take() {
            let answer = (self.0.handler)(peer, message);
            if let Some(id) = id {
                let (mail, desk) = peer.parts();
                desk.answer::<M>(mail, id, answer);
            }
        }
    }
}

impl<D, M, F> Handler<D> for Deferred<M, F>
where
    D: Refuses + for<'a> Delivers<'a, M>,
    M: Send,
    F: FnMut(&mut Peer<'_, D>, D::CallId, M) -> Result<(), Refused> + Send,
{
    fn names(&self, key: &D::Key<'_>) -> bool {
        <D as Delivers<'static, M>>::names(key)
    }

    fn read<'a>(&mut self, envelope: Envelope<'a, D>) -> Result<(), Rejected<'a, D>> {
        self.0.take(envelope)
    }

    fn answers_later(&self) -> bool {
        true
    }

    fn skip(&mut self) {
        self.0.message = None;
    }

    fn run(&mut self, peer: &mut Peer<'_, D>, id: Option<D::CallId>) {
        if let (Some(message), Some(id)) = (self.0.message.take(), id)
            && let Err(refused) = (self.0.handler)(peer, id, message)
        {
            let (mail, desk) = peer.parts();
            desk.refuse(mail, id, refused);
            desk.answered(id);
        }
    }
}

impl<D, M, F> Handler<D> for Named<M, F>
where
    D: Refuses + for<'a> Delivers<'a, M>,
    M: Send,
    F: FnMut(&mut Peer<'_, D>, M) + Send,
{
    fn names(&self, key: &D::Key<'_>) -> bool {
        let mut rest = Rest(&self.key);
        write!(rest, "{key}").is_ok() && rest.0.is_empty()
    }

    fn read<'a>(&mut self, envelope: Envelope<'a, D>) -> Result<(), Rejected<'a, D>> {
        self.inner.take(envelope)
    }

    fn run(&mut self, peer: &mut Peer<'_, D>, id: Option<D::CallId>) {
        self.inner.run(peer, id);
    }
}

impl<D, M, F> Handler<D> for Any<M, F>
where
    D: for<'a> Delivers<'a, M>,
    M: Send,
    F: FnMut(&mut Peer<'_, D>, Option<D::CallId>, &str, M) + Send,
{
    fn names(&self, _: &D::Key<'_>) -> bool {
        true
    }

    fn read<'a>(&mut self, envelope: Envelope<'a, D>) -> Result<(), Rejected<'a, D>> {
        self.key.clear();
        // A string takes all that is written to it.
        let _ = write!(self.key, "{}", envelope.key);
        self.inner.take(envelope)
    }

    fn answers_later(&self) -> bool {
        true
    }

    fn skip(&mut self) {
        self.inner.message = None;
    }

    fn run(&mut self, peer: &mut Peer<'_, D>, id: Option<D::CallId>) {
        if let Some(message) = self.inner.message.take() {
            (self.inner.handler)(peer, id, &self.key, message);
        }
    }
}

impl<D, R, F> Handler<D> for Table<R, F>
where
    D: Dialect,
    R: for<'a> Registry<'a, D> + Send,
    F: FnMut(&mut Peer<'_, D>, Option<D::CallId>, R) + Send,
{
    fn names(&self, _: &D::Key<'_>) -> bool {
        true
    }

    fn read<'a>(&mut self, envelope: Envelope<'a, D>) -> Result<(), Rejected<'a, D>> {
        self.0.message = Some(R::decode(envelope)?);
        Ok(())
    }

    fn answers_later(&self) -> bool {
        true
    }

    fn skip(&mut self) {
        self.0.message = None;
    }

    fn run(&mut self, peer: &mut Peer<'_, D>, id: Option<D::CallId>) {
        if let Some(message) = self.0.message.take() {
            (self.0.handler)(peer, id, message);
        }
    }
}

/// What was asked has been done, and there is nothing to say about it.
fn done<D: Refuses>(peer: &mut Peer<'_, D>, id: Option<D::CallId>) {
    if let Some(id) = id {
        let (mail, desk) = peer.parts();
        desk.done(mail, id);
    }
}

/// What is left of a text while something else is compared with it, piece by piece.
struct Rest<'a>(&'a str);

impl Write for Rest<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(piece).ok_or(fmt::Error)?;
        Ok(())
    }
}
