use crate::any::{Anything, Body, Key, Replied};
use crate::call::{Refused, Table};
use crate::clock::Clock;
use crate::files::{self, Carrier, Traffic};
use crate::hub::{PeerId, Refusals};
use crate::native::Parting;
use crate::storage::Growable;
use crate::wire::AnyWire;
use ropeway_core::dialect::native::Opening;
use ropeway_core::dialect::{Carries, Dialect, Refuses};
use ropeway_core::message::{Answer, Refusal, Request};
use ropeway_core::{Instant, Messenger, SendError};
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What is kept of one peer beside its messenger, whoever serves it.
pub(crate) struct Desk<D: Dialect> {
    pub(crate) id: PeerId,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) calls: Table<D>,
    pub(crate) ending: Option<Ending>,
    /// The requests that are being answered later, where they are counted.
    pub(crate) requests: Option<Requests<D::CallId>>,
    /// How the peer has said that a session or its link ends, or which rule it broke.
    pub(crate) parting: Option<Parting>,
    /// What files are carried with, where there may be any.
    pub(crate) carrier: Option<Arc<Carrier<D>>>,
    /// The files under way, once there have been any.
    files: Option<Box<Traffic<D>>>,
    /// How long calls wait that do not say it.
    pub(crate) patience: Duration,
    clock: Clock,
    /// Answers that found no room. While there are any, nothing more is taken from the peer.
    owed: VecDeque<Owed<D>>,
    unsent: u64,
    counts: Counts,
    /// What was not taken from the peer, until a hub has counted it.
    pub(crate) refusals: Refusals,
}

/// The messenger of a link on std.
pub(crate) type Mail<D> = Messenger<D, Growable, Growable, AnyWire>;

type Owed<D> = Box<dyn FnMut(&mut Mail<D>) -> Result<(), SendError> + Send>;

/// Requests of a peer that are being answered later.
#[derive(Debug)]
pub(crate) struct Requests<C> {
    open: Vec<C>,
    limit: usize,
}

/// Messages, requests and answers, until a hub has counted them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) taken: u64,
    pub(crate) sent: u64,
}

/// How the program wants a link to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// After all that is queued.
    Gracefully,
    AtOnce,
}

impl<D: Dialect> Desk<D> {
    pub(crate) fn new(
        id: PeerId,
        address: Option<SocketAddr>,
        clock: Clock,
        max_calls: usize,
    ) -> Self {
        Self {
            id,
            address,
            calls: Table::new(max_calls),
            ending: None,
            requests: None,
            parting: None,
            carrier: None,
            files: None,
            patience: PATIENCE,
            clock,
            owed: VecDeque::new(),
            unsent: 0,
            counts: Counts::default(),
            refusals: Refusals::default(),
        }
    }

    /// Whether nothing in it would be missed.
    pub(crate) fn is_blank(&self) -> bool {
        let awaits_none = self.requests.as_ref().is_none_or(Requests::is_empty);
        let is_done = self.calls.is_blank() && self.owes_nothing() && awaits_none;
        is_done
            && self.files.is_none()
            && self.ending.is_none()
            && self.parting.is_none()
            && self.unsent == 0
    }

    /// Makes a blank one that of another peer.
    pub(crate) const fn hand_to(&mut self, id: PeerId, address: SocketAddr) {
        self.id = id;
        self.address = Some(address);
        self.counts = Counts { taken: 0, sent: 0 };
        self.calls.forget_asked();
    }

    pub(crate) const fn count_taken(&mut self) {
        self.counts.taken += 1;
    }

    pub(crate) const fn count_sent(&mut self) {
        self.counts.sent += 1;
    }

    /// What has been taken and sent since it was last taken away.
    pub(crate) const fn counts(&self) -> Counts {
        Counts {
            taken: self.counts.taken,
            sent: self.counts.sent + self.calls.asked(),
        }
    }

    pub(crate) fn take_counts(&mut self) -> Counts {
        let counts = self.counts();
        self.counts = Counts::default();
        self.calls.forget_asked();
        counts
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The point `timeout` from now, the end of time for [`Duration::MAX`].
    pub(crate) fn deadline(&self, timeout: Duration) -> Instant {
        self.now() + timeout
    }

    /// Whether everything that the peer asked for has been answered or queued.
    pub(crate) fn owes_nothing(&self) -> bool {
        self.owed.is_empty() && !self.files.as_ref().is_some_and(|files| files.holds())
    }

    /// The files under way, where there may be any.
    pub(crate) fn files(&mut self) -> Option<&mut Traffic<D>> {
        if self.files.is_none() {
            self.files = self.carrier.as_deref().map(Traffic::new);
        }
        self.files.as_deref_mut()
    }

    /// The session is resumed, or a fresh one, in which nobody waits for answers of an older one.
    pub(crate) fn handle_opened(&mut self, opening: Opening) {
        if let Opening::Fresh { .. } = opening {
            self.owed.clear();
        }
        if let Some(files) = &mut self.files {
            files.handle_opened(opening);
        }
    }

    pub(crate) fn take_file_news(&mut self) -> Option<files::Event> {
        self.files.as_mut()?.take_news()
    }

    /// Queues what is to be said of files and at most one chunk, and says whether anything was queued.
    pub(crate) fn move_files(&mut self, mail: &mut Mail<D>) -> bool {
        let files = self.files.as_mut();
        files.is_some_and(|files| files.advance(mail))
    }

    /// Whether there is more of files to be queued.
    pub(crate) fn has_files_to_move(&self) -> bool {
        let files = self.files.as_ref();
        files.is_some_and(|files| files.is_stirred())
    }

    /// Whether there is something to tell of files.
    pub(crate) fn has_file_news(&self) -> bool {
        let files = self.files.as_ref();
        files.is_some_and(|files| files.has_news())
    }

    /// Whether there is more of files to be queued once something has left the queue.
    pub(crate) fn has_files_waiting(&self) -> bool {
        let files = self.files.as_ref();
        files.is_some_and(|files| files.is_blocked())
    }

    /// Notes how the session or its link ends, if that has been said; what was said first counts.
    pub(crate) fn note_parting(&mut self, parting: Option<Parting>) {
        self.parting = self.parting.take().or(parting);
    }

    /// The link is lost.
    pub(crate) fn handle_lost(&mut self) {
        if let Some(files) = &mut self.files {
            files.handle_lost();
        }
    }

    /// Notes a request that is to be answered later, unless there are as many of them as there may be.
    pub(crate) fn admit(&mut self, id: D::CallId) -> bool {
        self.requests
            .as_mut()
            .is_none_or(|requests| requests.admit(id))
    }

    /// A request has been answered or refused.
    pub(crate) fn answered(&mut self, id: D::CallId) {
        if let Some(requests) = &mut self.requests {
            requests.close(id);
        }
    }

    /// Nobody waits for the answer to a request any more; says whether it was still to be answered.
    pub(crate) fn cancelled(&mut self, id: D::CallId) -> bool {
        self.requests
            .as_mut()
            .is_none_or(|requests| requests.close(id))
    }

    /// Takes out all requests that are still to be answered: of an older session, in which nobody waits any more.
    pub(crate) fn cancel_all(&mut self) -> Vec<D::CallId> {
        let requests = self.requests.as_mut();
        requests.map_or_else(Vec::new, |requests| std::mem::take(&mut requests.open))
    }

    /// Queues the answers that found no room before, as far as there is some now.
    pub(crate) fn settle(&mut self, mail: &mut Mail<D>) {
        self.calls.settle(mail);
        if let Some(files) = self.files.as_mut().filter(|files| files.holds()) {
            files.settle(mail);
        }
        // What is owed may be owed no more once that is heard.
        while !mail.dialect().has_notice()
            && let Some(owed) = self.owed.front_mut()
        {
            match owed(mail) {
                Err(SendError::Full) => return,
                Err(_) => self.unsent += 1,
                Ok(()) => self.counts.sent += 1,
            }
            self.owed.pop_front();
        }
    }

    /// Answers a request, now or as soon as there is room; what cannot be sent becomes a refusal.
    pub(crate) fn answer<M>(
        &mut self,
        mail: &mut Mail<D>,
        id: D::CallId,
        answer: Result<M::Answer<'static>, Refused>,
    ) where
        M::Answer<'static>: Send,
        D: Refuses + for<'a> Carries<Answer<'a, 'static, <D as Dialect>::CallId, M>>,
        M: Request + 'static,
    {
        let mut answer = answer;
        self.owe(mail, move |mail| {
            if let Ok(value) = &answer {
                match mail.send(&Answer::<'_, 'static, _, M> { id, value }) {
                    Ok(()) => return Ok(()),
                    Err(SendError::Full) => return Err(SendError::Full),
                    Err(error) => answer = Err(error.into()),
                }
            }
            match &answer {
                Err(refused) => mail.send(&refusal(id, refused)),
                Ok(_) => Ok(()),
            }
        });
    }

    /// Answers a request of any kind, as [`answer`](Self::answer) does.
    pub(crate) fn answer_any(&mut self, mail: &mut Mail<D>, id: D::CallId, key: Key, body: Body)
    where
        D: Anything,
    {
        self.owe(mail, move |mail| {
            let (key, body) = (&key, &body);
            match mail.send(&Replied { id, key, body }) {
                Ok(()) => Ok(()),
                Err(SendError::Full) => Err(SendError::Full),
                Err(error) => mail.send(&refusal(id, &error.into())),
            }
        });
    }

    /// Refuses a request, now or as soon as there is room.
    pub(crate) fn refuse(&mut self, mail: &mut Mail<D>, id: D::CallId, refused: Refused)
    where
        D: Refuses,
    {
        self.owe(mail, move |mail| mail.send(&refusal(id, &refused)));
    }

    /// Answers a request that has been done and has nothing to say; where there is no word for that, it is refused.
    pub(crate) fn done(&mut self, mail: &mut Mail<D>, id: D::CallId)
    where
        D: Refuses,
    {
        self.owe(mail, move |mail| match mail.send_done(id)? {
            true => Ok(()),
            false => {
                let text = "a message, not a request: it has no answer";
                mail.send(&refusal(id, &Refused::new("TypeError", text)))
            }
        });
    }

    /// Queues an answer behind those that are owed already; one that finds room is not kept, and costs no memory.
    fn owe(
        &mut self,
        mail: &mut Mail<D>,
        mut owed: impl FnMut(&mut Mail<D>) -> Result<(), SendError> + Send + 'static,
    ) {
        self.settle(mail);
        if self.owes_nothing() {
            match owed(mail) {
                Ok(()) => {
                    self.counts.sent += 1;
                    return;
                }
                Err(SendError::Full) => {}
                Err(_) => {
                    self.unsent += 1;
                    return;
                }
            }
        }
        self.owed.push_back(Box::new(owed));
    }
}

impl Counts {
    pub(crate) const fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.sent += other.sent;
    }
}

impl<C: Eq> Requests<C> {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            open: Vec::new(),
            limit,
        }
    }

    const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn admit(&mut self, id: C) -> bool {
        let has_room = self.open.len() < self.limit;
        if has_room {
            self.open.push(id);
        }
        has_room
    }

    fn close(&mut self, id: C) -> bool {
        let at = self.open.iter().position(|open| *open == id);
        at.map(|at| self.open.swap_remove(at)).is_some()
    }
}

pub(crate) fn refusal<C>(id: C, refused: &Refused) -> Refusal<'_, C> {
    Refusal {
        kind: refused.kind,
        detail: &refused.detail,
        ..Refusal::new(id, &refused.class, &refused.text)
    }
}

impl<D: Dialect> fmt::Debug for Desk<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("id", &self.id)
            .field("address", &self.address)
            .field("calls", &self.calls)
            .field("owed", &self.owed.len())
            .field("unsent", &self.unsent)
            .finish_non_exhaustive()
    }
}

/// As in TCPTalks.
const PATIENCE: Duration = Duration::from_secs(5);
