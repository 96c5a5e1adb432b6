//! What the runner of a link and the handles to its peer share.

use crate::calls::{Calls, Place};
use crate::event::{Lost, News, Recent};
use crate::files::Carry;
use crate::{ConnectError, Error};
use core::cell::{RefCell, RefMut};
use core::net::IpAddr;
use core::task::Context;
use embassy_sync::waitqueue::{MultiWakerRegistration, WakerRegistration};
use embassy_time::Instant;
use ropeway_core::dialect::native::{Notice, Opening};
use ropeway_core::dialect::{Dialect, Envelope, Never, Peeked};
use ropeway_core::registry::Rejected;
use ropeway_core::wire::Wire;
use ropeway_core::{Event, Messenger, SendError};

/// A messenger in memory that lasts as long as the program.
pub(crate) type Mail<'d, D, X> = Messenger<D, &'d mut [u8], &'d mut [u8], X>;

/// One peer. Whoever uses it holds it for less than a poll, so that nobody meets it in use.
pub(crate) struct Slot<'d, D: Dialect, F, X>(RefCell<Inner<'d, D, F, X>>);

pub(crate) struct Inner<'d, D: Dialect, F, X> {
    pub(crate) mail: Mail<'d, D, X>,
    pub(crate) files: F,
    pub(crate) calls: Calls<'d, D, X>,
    pub(crate) news: Recent,
    pub(crate) state: State,
    owner: Owner,
    /// Where the peer of a listener's place has dialled from last.
    pub(crate) host: Option<IpAddr>,
    /// The number of the transport: another one takes the link over.
    pub(crate) transport: u32,
    /// How often all began anew: what waits to be said in an older era is not for who is there now.
    era: u32,
    /// Leave is to be taken on every link, until it has been taken.
    is_leaving: bool,
    /// A frame of a file waits until it can be taken.
    pub(crate) is_held: bool,
    /// Since when there is none.
    pub(crate) away_since: Instant,
    runner: WakerRegistration,
    tasks: MultiWakerRegistration<TASKS>,
}

/// How a peer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum State {
    /// Nobody has this place of a listener.
    Blank,
    /// There is no transport now.
    Away,
    /// There is one.
    Up,
    /// There never will be one again.
    Over,
}

/// Whose a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// That of one peer for ever.
    Peer,
    /// A place of a listener, which is given to one peer after the other.
    Listener,
}

impl<'d, D: Dialect, F: Carry<D>, X: Wire> Slot<'d, D, F, X> {
    pub(crate) const fn new(
        mail: Mail<'d, D, X>,
        files: F,
        calls: &'d mut [Place<D::CallId>],
        owner: Owner,
    ) -> Self {
        let state = match owner {
            Owner::Peer => State::Away,
            Owner::Listener => State::Blank,
        };
        Self(RefCell::new(Inner {
            mail,
            files,
            calls: Calls::new(calls),
            news: Recent::new(),
            state,
            owner,
            host: None,
            transport: 0,
            era: 0,
            is_leaving: false,
            is_held: false,
            away_since: Instant::from_ticks(0),
            runner: WakerRegistration::new(),
            tasks: MultiWakerRegistration::new(),
        }))
    }

    /// Another transport, on which `start` starts the messenger; returns its number.
    pub(crate) fn connect(&self, start: impl FnOnce(&mut Inner<'d, D, F, X>)) -> u32 {
        let mut inner = self.lock();
        start(&mut inner);
        inner.handle_connected()
    }

    /// The transport of this number is lost, if no other has taken its place.
    pub(crate) fn lose(&self, transport: u32, lost: Lost) {
        let mut inner = self.lock();
        if inner.transport == transport && inner.state == State::Up {
            inner.handle_lost(lost);
        }
    }

    /// No transport has come about.
    pub(crate) fn fail(&self, error: ConnectError) {
        let mut inner = self.lock();
        inner.news.push(News::Lost(Lost::Dial(error)));
        inner.wake_tasks();
    }

    /// Whether another link would not help, in a dialect whose sessions outlive theirs.
    pub(crate) fn is_final(&self) -> bool {
        self.lock().is_final()
    }

    /// How the peer stands, if nobody looks at what it said just now.
    pub(crate) fn state(&self) -> Option<State> {
        Some(self.0.try_borrow().ok()?.state)
    }

    /// What is shared, until the end of the statement.
    pub(crate) fn lock(&self) -> RefMut<'_, Inner<'d, D, F, X>> {
        self.0.borrow_mut()
    }
}

impl<D: Dialect, F: Carry<D>, X: Wire> Inner<'_, D, F, X> {
    /// Does whatever needs nobody's decision with what has come, and says whether there was any.
    pub(crate) fn settle(&mut self) -> bool {
        let mut has_settled = false;
        while self.settle_next() {
            has_settled = true;
        }
        if self.is_leaving && self.mail.dialect().is_open() {
            // A dialect forgets it with every link, and one that waits for its peer would not wait any longer.
            self.mail.dialect_mut().quit();
        }
        self.calls.settle(&mut self.mail);
        has_settled | self.files.advance(&mut self.mail)
    }

    fn settle_next(&mut self) -> bool {
        match self.mail.peek() {
            Some(Peeked::Answer(id)) if !self.calls.is_awaited(id) => self.skip(),
            Some(Peeked::File(frame)) => {
                self.is_held = !self.files.handle(&frame);
                if self.is_held {
                    return false;
                }
                self.skip();
            }
            Some(Peeked::Notice) if D::HAS_SESSIONS => self.take_notice(),
            _ => return false,
        }
        true
    }

    /// Whether there is something for who takes messages: answers are for those who called.
    pub(crate) fn has_event(&mut self) -> bool {
        if !self.news.is_empty() {
            return true;
        }
        match self.mail.peek() {
            Some(Peeked::Answer(id)) => !self.calls.is_awaited(id),
            Some(Peeked::File(_)) | None => false,
            Some(Peeked::Notice) => !D::HAS_SESSIONS,
            Some(_) => true,
        }
    }

    fn skip(&mut self) {
        let _ = self.mail.recv_with(unknown::<D>);
    }

    fn take_notice(&mut self) {
        let news = match self.mail.recv_with(unknown::<D>) {
            Some(Event::Notice(notice)) => D::as_native(&notice).and_then(news_of),
            _ => None,
        };
        if let Some(News::Opened(opening)) = news {
            self.handle_opened(opening);
        }
        if let Some(news) = news {
            self.news.push(news);
        }
    }

    fn handle_opened(&mut self, opening: Opening) {
        self.files.handle_opened(opening);
        if let Opening::Fresh { .. } = opening {
            self.calls.handle_fresh(&mut self.mail);
        }
    }

    fn is_final(&self) -> bool {
        D::HAS_SESSIONS && !self.mail.dialect().is_resumable()
    }

    /// A dialect at its start, for who knows nothing of the last: what was received or queued is dropped.
    pub(crate) fn start_over(&mut self, dialect: D, random: [u8; 32]) {
        self.mail.start_over(dialect, random);
        self.era = self.era.wrapping_add(1);
        self.is_leaving = false;
    }

    /// Takes leave once there is a link and the peer has taken all that was sent.
    pub(crate) fn quit(&mut self) {
        self.is_leaving = matches!(self.state, State::Up | State::Away);
    }

    /// Whether nothing has begun anew since this was asked first.
    pub(crate) fn is_same(&self, since: &mut Option<u32>) -> bool {
        *since.get_or_insert(self.era) == self.era
    }

    /// Whether messages go to who was there when this was asked first.
    pub(crate) fn check_since(&self, since: &mut Option<u32>) -> Result<(), Error> {
        match self.is_same(since) {
            true => self.check_state(),
            false => Err(Error::Send(SendError::NotOpen)),
        }
    }

    /// Whether messages are kept, or go: somebody is there, or will be.
    pub(crate) fn check_state(&self) -> Result<(), Error> {
        match self.state {
            State::Up => Ok(()),
            State::Away if D::HAS_SESSIONS => Ok(()),
            State::Away | State::Blank => Err(Error::Send(SendError::NotOpen)),
            State::Over => Err(Error::Closed),
        }
    }

    /// The place is for another peer: whoever waits for something of the last one waits in vain.
    pub(crate) fn handle_gone(&mut self) {
        self.files.handle_gone();
        self.calls.handle_gone();
    }

    /// Another transport: whoever had the last one has lost it.
    pub(crate) fn handle_connected(&mut self) -> u32 {
        self.state = State::Up;
        self.is_held = false;
        self.transport = self.transport.wrapping_add(1);
        // Where nothing has to be said first, this is all that comes of it.
        self.wake_tasks();
        self.transport
    }

    fn handle_lost(&mut self, lost: Lost) {
        self.files.handle_lost();
        self.away_since = Instant::now();
        self.state = match (self.owner, D::HAS_SESSIONS) {
            // Who listens has nothing to resume before the first peer, and goes on waiting for it.
            (Owner::Peer, _) if self.is_final() && self.mail.dialect().has_quit() => State::Over,
            (Owner::Listener, true) if !self.is_final() => State::Away,
            (Owner::Peer, _) => State::Away,
            (Owner::Listener, _) => State::Blank,
        };
        if matches!(self.state, State::Over | State::Blank) {
            self.is_leaving = false;
            self.handle_gone();
        }
        self.news.push(News::Lost(lost));
        self.wake_tasks();
    }

    /// Has the task of the runner polled when there is something to write, or a decision has been made.
    pub(crate) fn register_runner(&mut self, context: &Context<'_>) {
        self.runner.register(context.waker());
    }

    /// Has a task polled when anything has changed.
    pub(crate) fn register(&mut self, context: &Context<'_>) {
        self.tasks.register(context.waker());
    }

    pub(crate) fn wake_tasks(&mut self) {
        self.tasks.wake();
    }

    /// Something was taken or queued here.
    pub(crate) fn stir(&mut self) {
        self.settle();
        self.runner.wake();
        self.tasks.wake();
    }
}

const fn news_of(notice: &Notice<'_>) -> Option<News> {
    Some(match notice {
        Notice::Opened(opening) => News::Opened(*opening),
        Notice::TooLong(count) => News::TooLong(*count),
        Notice::Bye { reason, .. } => News::Bye(*reason),
        Notice::Broken(rule) => News::Broken(*rule),
        _ => return None,
    })
}

/// Takes nothing for a message.
pub(crate) fn unknown<D: Dialect>(envelope: Envelope<'_, D>) -> Result<Never, Rejected<'_, D>> {
    Err(Rejected::Unknown(envelope))
}

/// So many tasks can wait for one peer at once; more wake each other.
const TASKS: usize = 8;
