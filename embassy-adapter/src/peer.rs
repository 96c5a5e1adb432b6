mod call;
mod file;

use crate::event::{Event, Heard, Said};
use crate::files::{Carry, NoFiles};
use crate::pump::deadline;
use crate::slot::{Slot, State};
use crate::{Error, News};
use core::fmt;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll};
use embassy_time::{Duration, with_deadline};
use ropeway_core::dialect::{Carries, Dialect, Refuses};
use ropeway_core::message::{Answer, Refusal, Request};
use ropeway_core::registry::Registry;
use ropeway_core::wire::{Plain, Wire};
use ropeway_core::{Event as Told, SendError};

/// A handle to one peer, to be copied to every task that talks to it; the [`Runner`](crate::Runner) or
/// [`Listener`](crate::Listener) does what it is told.
///
/// Every future may be dropped at any await, in a `select` for instance: what was not done then has not been begun, and
/// nothing is lost or said twice.
///
/// Messages come in order. So does an answer: one that stands behind a message which nobody takes waits there too. A program
/// that is sent messages and calls takes messages in one task, or one arm of a `join`, and calls in another.
///
/// At most eight tasks may wait for one peer at once: more wake each other without end.
pub struct Peer<'d, D: Dialect, F = NoFiles, X = Plain> {
    pub(crate) slot: &'d Slot<'d, D, F, X>,
}

impl<'d, D: Dialect, F: Carry<D>, X: Wire> Peer<'d, D, F, X> {
    pub(crate) const fn new(slot: &'d Slot<'d, D, F, X>) -> Self {
        Self { slot }
    }

    /// Queues a message without waiting; [`SendError::Full`] takes nothing.
    pub fn try_send<M: ?Sized>(&self, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        self.send_since(&mut None, message)
    }

    /// Queues a message, once older ones have made room for it, and has it written.
    ///
    /// Where sessions outlive their links it is kept until the peer has taken it, over as many links as that needs; otherwise
    /// it goes with the link that there is, and is [`SendError::NotOpen`] without one. So it is at a place of a
    /// [`Hub`](crate::Hub) that nobody has, or that is given to another while this waits.
    pub async fn send<M: ?Sized>(&self, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        let mut since = None;
        self.wait(|| match self.send_since(&mut since, message) {
            Err(Error::Send(SendError::Full)) => None,
            sent => Some(sent),
        })
        .await
    }

    /// Queues a message for who was there when this was asked first.
    fn send_since<M: ?Sized>(&self, since: &mut Option<u32>, message: &M) -> Result<(), Error>
    where
        D: Carries<M>,
    {
        let mut inner = self.slot.lock();
        inner.check_since(since)?;
        inner.mail.send(message).map_err(Error::Send)?;
        inner.stir();
        Ok(())
    }

    /// Waits until the peer has taken all that was sent or, where nobody says so, until the transport has.
    ///
    /// [`SendError::NotOpen`] if some of it never will be: its place is another's, or its link is no more.
    pub async fn flush(&self) -> Result<(), Error> {
        let mut since = None;
        self.wait(|| {
            let inner = self.slot.lock();
            match inner.is_same(&mut since) && inner.mail.queued() == 0 {
                true => Some(Ok(())),
                false => inner.check_since(&mut since).err().map(Err),
            }
        })
        .await
    }

    /// The next thing that the peer said or that became of its link, as a value of its own.
    ///
    /// A message of no table is [`Event::Unknown`]; a request should be [answered](Self::answer) or [refused](Self::refuse).
    /// Fails with [`Error::Closed`] once the link is over and everything has been taken.
    pub async fn recv<T>(&self) -> Result<Event<T, D::CallId>, Error>
    where
        T: for<'a> Registry<'a, D>,
    {
        loop {
            let event = self.recv_with(|heard| match heard {
                Heard::News(news) => Some(Event::News(news)),
                Heard::Said(said) => owned(said),
            });
            if let Some(event) = event.await? {
                return Ok(event);
            }
        }
    }

    /// Hands `look` the next thing that the peer said, where it lies: for messages that borrow, and for what a dialect tells
    /// beside messages.
    ///
    /// Nothing else happens on this link while `look` runs; what is to be said is said afterwards. To ask handles of the same
    /// peer for anything meanwhile is an error, and panics.
    pub async fn recv_with<R>(
        &self,
        look: impl FnOnce(Heard<'_, 'd, D, X>) -> R,
    ) -> Result<R, Error> {
        poll_fn(|context| self.poll_heard(context)).await?;
        Ok(self.take(look))
    }

    /// Ready when there is something to take.
    pub(crate) fn poll_heard(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut inner = self.slot.lock();
        if inner.has_event() {
            return Poll::Ready(Ok(()));
        }
        if inner.state == State::Over {
            return Poll::Ready(Err(Error::Closed));
        }
        inner.register(context);
        Poll::Pending
    }

    /// Takes what there is, in the same poll.
    pub(crate) fn take<R>(&self, look: impl FnOnce(Heard<'_, 'd, D, X>) -> R) -> R {
        let mut inner = self.slot.lock();
        let seen = look(match inner.news.take() {
            Some(news) => Heard::News(news),
            None => Heard::Said(Said(&mut inner.mail)),
        });
        inner.stir();
        seen
    }

    /// Whether [`recv`](Self::recv) has something to say now.
    pub fn has_event(&self) -> bool {
        self.slot.lock().has_event()
    }

    /// Answers a request.
    pub async fn answer<'v, M: Request>(
        &self,
        id: D::CallId,
        value: &M::Answer<'v>,
    ) -> Result<(), Error>
    where
        D: for<'x> Carries<Answer<'x, 'v, <D as Dialect>::CallId, M>>,
    {
        self.send(&Answer::<'_, 'v, _, M> { id, value }).await
    }

    /// Answers a request that has been done and has nothing to say; says whether the protocol has a word for that.
    pub async fn done(&self, id: D::CallId) -> Result<bool, Error> {
        let mut since = None;
        self.wait(|| {
            let mut inner = self.slot.lock();
            if let Err(error) = inner.check_since(&mut since) {
                return Some(Err(error));
            }
            let done = inner.mail.send_done(id);
            if done != Err(SendError::Full) {
                inner.stir();
                return Some(done.map_err(Error::Send));
            }
            None
        })
        .await
    }

    /// Refuses a request.
    pub async fn refuse(&self, refusal: &Refusal<'_, D::CallId>) -> Result<(), Error>
    where
        D: Refuses,
    {
        self.send(refusal).await
    }

    /// Takes leave once the peer has taken all that was sent, over as many links as that needs, and waits for that for at most
    /// `limit`; says whether it was in time. What is sent afterwards is not taken.
    pub async fn close(&self, limit: Duration) -> bool {
        let mut since = None;
        {
            let mut inner = self.slot.lock();
            let _ = inner.is_same(&mut since);
            inner.quit();
            inner.stir();
        }
        let over = self.wait(|| {
            let inner = self.slot.lock();
            match inner.state {
                _ if !inner.is_same(&mut since) => Some(false),
                State::Over | State::Blank => Some(true),
                State::Up | State::Away => None,
            }
        });
        with_deadline(deadline(limit), over).await.unwrap_or(false)
    }

    /// Waits until there is a link, and it is open for messages.
    pub async fn open(&self) -> Result<(), Error> {
        self.wait(|| {
            let inner = self.slot.lock();
            match inner.state {
                State::Up if inner.mail.dialect().is_open() => Some(Ok(())),
                State::Over => Some(Err(Error::Closed)),
                _ => None,
            }
        })
        .await
    }

    /// Whether there is a link, and it is open for messages.
    pub fn is_open(&self) -> bool {
        let inner = self.slot.lock();
        inner.state == State::Up && inner.mail.dialect().is_open()
    }

    /// How many bytes wait to be written or, where they are kept so long, to be taken by the peer.
    pub fn queued(&self) -> usize {
        self.slot.lock().mail.queued()
    }

    /// Looks at the dialect: what the peer calls itself, for instance.
    pub fn with_dialect<R>(&self, look: impl FnOnce(&D) -> R) -> R {
        look(self.slot.lock().mail.dialect())
    }

    /// Waits until `look` sees something.
    fn wait<R>(&self, mut look: impl FnMut() -> Option<R>) -> impl Future<Output = R> {
        poll_fn(move |context| match look() {
            Some(seen) => Poll::Ready(seen),
            None => {
                self.slot.lock().register(context);
                Poll::Pending
            }
        })
    }
}

pub(crate) fn owned<D: Dialect, T, X: Wire>(said: Said<'_, '_, D, X>) -> Option<Event<T, D::CallId>>
where
    T: for<'a> Registry<'a, D>,
{
    Some(match said.read()? {
        Told::Message(message) => Event::Message(message),
        Told::Request(id, request) => Event::Request(id, request),
        Told::Unknown(_) => Event::Unknown,
        Told::Malformed(malformed) => Event::Malformed(malformed),
        Told::Notice(notice) => Event::Cancelled(D::cancelled(&notice)?),
        Told::Answer(..) => return None,
    })
}

impl<D: Dialect, F, X> Clone for Peer<'_, D, F, X> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Dialect, F, X> Copy for Peer<'_, D, F, X> {}

impl<D: Dialect, F: Carry<D>, X: Wire> fmt::Debug for Peer<'_, D, F, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("state", &self.slot.state())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<D: Dialect, F: Carry<D>, X: Wire> defmt::Format for Peer<'_, D, F, X> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Peer({})", self.slot.state());
    }
}

impl<T, C> Event<T, C> {
    /// What has become of the link, if it is that.
    pub const fn news(&self) -> Option<&News> {
        match self {
            Self::News(news) => Some(news),
            _ => None,
        }
    }
}
