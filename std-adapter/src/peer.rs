use crate::call::{CallError, Failure, Refused, Stub, Then, Ticket};
use crate::desk::{Desk, Ending, Mail, refusal};
use crate::files::{self, FileError, FileId, Progress, Traffic};
use crate::hub::{PeerId, Peers};
use ropeway_core::SendError;
use ropeway_core::dialect::{Answers, Asks, Calling, Carries, Dialect, Refuses};
use ropeway_core::message::{Answer, Request};
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// One peer, as handlers meet it: to answer, to send, to call, to let go.
///
/// What is said here is queued and leaves when the handler has returned. A full queue is an error and takes nothing:
/// answers that a handler returns are kept until there is room, and meanwhile nothing more is taken from the peer.
pub struct Peer<'a, D: Dialect> {
    place: Place<'a, D>,
}

/// Where a peer is kept.
pub(crate) enum Place<'a, D: Dialect> {
    /// By itself, at a node.
    Alone(&'a mut Mail<D>, &'a mut Desk<D>),
    /// Among others, at a hub.
    Among(&'a mut Peers<D>, PeerId),
}

impl<'a, D: Dialect> Peer<'a, D> {
    pub(crate) const fn new(place: Place<'a, D>) -> Self {
        Self { place }
    }

    pub(crate) fn alone(mail: &'a mut Mail<D>, desk: &'a mut Desk<D>) -> Self {
        Self::new(Place::Alone(mail, desk))
    }

    /// The messenger and the desk; using them makes a hub look at the peer again.
    pub(crate) fn parts(&mut self) -> (&mut Mail<D>, &mut Desk<D>) {
        match &mut self.place {
            Place::Alone(mail, desk) => (mail, desk),
            Place::Among(peers, id) => peers
                .parts(*id)
                .expect("a hub takes out no peer that is being served"),
        }
    }

    fn desk(&self) -> &Desk<D> {
        match &self.place {
            Place::Alone(_, desk) => desk,
            Place::Among(peers, id) => peers
                .desk(*id)
                .expect("a hub takes out no peer that is being served"),
        }
    }

    /// Which of a hub's peers it is; a node's only peer has always the same id.
    pub fn id(&self) -> PeerId {
        self.desk().id
    }

    /// Its address, if its transport has addresses.
    pub fn address(&self) -> Option<SocketAddr> {
        self.desk().address
    }

    /// The link's dialect, to see how the link stands.
    pub fn dialect(&mut self) -> &mut D {
        self.parts().0.dialect_mut()
    }

    /// The id of the key that the peer has, once it has shown that over a secure link. A session goes on under the same
    /// id only.
    #[cfg(feature = "secure")]
    pub fn key_id(&mut self) -> Option<crate::native::KeyId> {
        self.parts().0.wire().owner()
    }

    /// Queues a message; a full queue takes nothing.
    pub fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        let (mail, desk) = self.parts();
        mail.send(message)?;
        desk.count_sent();
        Ok(())
    }

    /// Answers a request that was put off; a full queue takes nothing, so that this can be tried again.
    pub fn answer<'v, M: Request>(
        &mut self,
        id: D::CallId,
        value: &M::Answer<'v>,
    ) -> Result<(), SendError>
    where
        D: for<'x> Carries<Answer<'x, 'v, <D as Dialect>::CallId, M>>,
    {
        let (mail, desk) = self.parts();
        mail.send(&Answer::<'_, 'v, _, M> { id, value })?;
        desk.count_sent();
        desk.answered(id);
        Ok(())
    }

    /// Refuses a request that was put off; a full queue takes nothing.
    pub fn refuse(&mut self, id: D::CallId, refused: &Refused) -> Result<(), SendError>
    where
        D: Refuses,
    {
        let (mail, desk) = self.parts();
        mail.send(&refusal(id, refused))?;
        desk.count_sent();
        desk.answered(id);
        Ok(())
    }

    /// Sends a request; `then` gets its outcome, and the peer again, when it is there.
    pub fn call_then<M, A>(
        &mut self,
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
        let (mail, desk) = self.parts();
        let deadline = desk.deadline(timeout);
        let waiter = Box::new(Then::<M, A, _>::new(then));
        desk.calls.begin(mail, request, deadline, Some(waiter))
    }

    /// Sends a request, whose outcome the ticket will have.
    pub fn start<M, A>(&mut self, request: &M, timeout: Duration) -> Result<Ticket<A>, CallError>
    where
        M: for<'r> Request<Answer<'r> = A> + 'static,
        D: Asks<M>,
        for<'r> <D as Answers<'r, M>>::Failure: Failure,
        A: Send + 'static,
    {
        let (mail, desk) = self.parts();
        let (ticket, stub) = Stub::<M, A>::new(desk.calls.dropped());
        let deadline = desk.deadline(timeout);
        let waiter = Box::new(stub);
        desk.calls.begin(mail, request, deadline, Some(waiter))?;
        Ok(ticket)
    }

    /// Gives a call up: its answer is dropped when it comes, and its closure never called. The peer is told so, where the
    /// protocol has a word for that.
    pub fn cancel(&mut self, id: D::CallId)
    where
        D: Calling,
    {
        let (mail, desk) = self.parts();
        desk.calls.cancel(id, mail.dialect_mut());
        desk.settle(mail);
    }

    /// How long calls wait that do not say it: see [`Node::patience`](crate::Node::patience).
    pub fn patience(&self) -> Duration {
        self.desk().patience
    }

    /// The oldest message whose fate a fresh session has left open, as its frame: see
    /// [`Messenger::poll_in_doubt`](crate::Messenger::poll_in_doubt). For the handler that hears of the session.
    pub fn poll_in_doubt(&mut self) -> Option<&[u8]> {
        self.parts().0.poll_in_doubt()
    }

    /// How many calls to this peer wait for their answers.
    pub fn calls(&self) -> usize {
        self.desk().calls.len()
    }

    /// How many answers came that nobody waited for: too late, or of nobody's calls.
    pub fn stale_answers(&self) -> u64 {
        self.desk().calls.stale()
    }

    /// How many bytes wait to be written.
    pub fn queued(&mut self) -> usize {
        self.parts().0.queued()
    }

    /// Offers the peer the file at `path` under `name`, a path of parts with `/` between them.
    ///
    /// [`Handlers::files`](crate::Handlers::files) hears how it comes along. It goes on over other links of the session, and
    /// is offered again in a fresh one.
    pub fn offer(&mut self, path: impl AsRef<Path>, name: &str) -> Result<FileId, FileError> {
        self.files()?.offer(path.as_ref(), name)
    }

    /// Asks the peer for the file that it has under `name`, to be put at `path`, whose folder must be there.
    pub fn ask_for(&mut self, name: &str, path: impl AsRef<Path>) -> Result<FileId, FileError> {
        self.files()?.ask_for(name, path.as_ref())
    }

    /// Gives a file up, either way, and says whether there was anything to give up. Nothing more is heard of it, and what has
    /// come of it is removed.
    pub fn cancel_file(&mut self, file: FileId) -> bool {
        self.files().is_ok_and(|files| files.cancel(file))
    }

    /// How far a file has come; none once its end is there to be told.
    pub fn progress(&mut self, file: FileId) -> Option<Progress> {
        self.files().ok()?.progress(file)
    }

    fn files(&mut self) -> Result<&mut Traffic<D>, FileError> {
        let (_, desk) = self.parts();
        desk.files().ok_or(FileError::NoFiles)
    }

    pub(crate) fn take_file_event(&mut self) -> Option<files::Event> {
        // Looking for one must not make a hub look at the peer again.
        match self.desk().has_file_news() {
            true => self.parts().1.take_file_news(),
            false => None,
        }
    }

    /// Ends the link once all that is queued has been written. Nothing more is taken from the peer.
    pub fn close(&mut self) {
        self.end(Ending::Gracefully);
    }

    /// Ends the link at once; what is queued is dropped.
    pub fn kick(&mut self) {
        self.end(Ending::AtOnce);
    }

    fn end(&mut self, ending: Ending) {
        let (_, desk) = self.parts();
        if desk.ending != Some(Ending::AtOnce) {
            desk.ending = Some(ending);
        }
    }

    /// All of the hub's peers, this one included; none at a node.
    pub const fn peers(&mut self) -> Option<&mut Peers<D>> {
        match &mut self.place {
            Place::Alone(..) => None,
            Place::Among(peers, _) => Some(peers),
        }
    }
}

impl<D: Dialect> fmt::Debug for Peer<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("id", &self.id())
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
