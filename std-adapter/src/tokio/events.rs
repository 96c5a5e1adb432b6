use crate::Handlers;
use crate::call::Refused;
use crate::native::{Cause, Standing};
use ::tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use ropeway_core::Malformed;
use ropeway_core::dialect::{Dialect, Refuses};
use ropeway_core::message::FailureKind;
use ropeway_core::registry::Registry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

/// What a peer says, to be awaited: made by [`Node::events`](super::Node::events).
///
/// While as many events wait as it has room for, nothing more is taken from the peer. Once it is dropped, messages are
/// dropped and requests refused.
pub struct Events<T, C> {
    waiting: UnboundedReceiver<Event<T, C>>,
    gate: Arc<Gate>,
}

/// One thing that a peer said, or that became of its link.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<T, C> {
    /// A message of the table.
    Message(T),
    /// A request of the table, to be [answered](super::Handle::answer) by this id.
    Request(C, T),
    /// Nobody waits for the answer to this request any more.
    Cancelled(C),
    /// A message that the table does not have, by its key. If it was a request, it has been refused.
    Unknown(String),
    /// A frame that breaks a rule.
    Malformed(Malformed),
    /// There is a stream, and the opening begins.
    Connected,
    /// The session goes on: nothing is lost, nothing comes twice.
    Resumed,
    /// A session has begun.
    Fresh {
        /// Why no older one goes on.
        cause: Cause,
        /// How many messages of the older one the peer may or may not have taken; they are not sent again.
        in_doubt: usize,
    },
    /// There is no link, or an attempt to get one has failed.
    Lost {
        /// What ended it, for people.
        why: String,
        /// When the next attempt is made.
        retry_in: Duration,
    },
}

/// Says whether there is room for another event.
pub(super) struct Gate {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Default)]
struct State {
    waiting: usize,
    /// Nobody takes events any more.
    is_gone: bool,
    waker: Option<Waker>,
}

/// Where events are put.
struct Sink<T, C> {
    events: UnboundedSender<Event<T, C>>,
    gate: Arc<Gate>,
}

impl<T, C> Events<T, C> {
    /// The next event; `None` once the node is gone and all has been taken.
    ///
    /// Cancel-safe: a future that is dropped has taken nothing.
    pub async fn recv(&mut self) -> Option<Event<T, C>> {
        let event = self.waiting.recv().await?;
        self.gate.leave();
        Some(event)
    }

    /// The next event, if it is here already.
    pub fn poll(&mut self) -> Option<Event<T, C>> {
        let event = self.waiting.try_recv().ok()?;
        self.gate.leave();
        Some(event)
    }
}

impl<T: Send + 'static, C: Copy + Send + 'static> Events<T, C> {
    /// Has `handlers` put what happens where it can be awaited, as long as the gate says that there is room.
    pub(super) fn of<D>(handlers: &mut Handlers<D>, capacity: usize) -> (Self, Arc<Gate>)
    where
        D: Refuses + Dialect<CallId = C>,
        T: for<'a> Registry<'a, D>,
    {
        let (events, waiting) = unbounded_channel();
        let gate = Arc::new(Gate {
            state: Mutex::default(),
            capacity: capacity.max(1),
        });
        let sink = || Sink {
            events: events.clone(),
            gate: gate.clone(),
        };
        let (messages, others, standings, cancels) = (sink(), sink(), sink(), sink());
        handlers.on_table::<T>(move |peer, id, message| {
            let event = match id {
                Some(id) => Event::Request(id, message),
                None => Event::Message(message),
            };
            if !messages.put(event)
                && let Some(id) = id
            {
                let (mail, desk) = peer.parts();
                desk.answered(id);
                let refused = Refused::text("nobody takes requests any more");
                desk.refuse(mail, id, refused.with_kind(FailureKind::Unhandled));
            }
        });
        handlers.otherwise(move |_, event| {
            match event {
                ropeway_core::Event::Unknown(envelope) => {
                    others.put(Event::Unknown(envelope.key.to_string()));
                }
                ropeway_core::Event::Malformed(malformed) => {
                    others.put(Event::Malformed(malformed));
                }
                _ => {}
            };
        });
        handlers.standing(move |_, standing| {
            standings.put(match standing {
                Standing::Connected => Event::Connected,
                Standing::Resumed => Event::Resumed,
                &Standing::Fresh { cause, in_doubt } => Event::Fresh { cause, in_doubt },
                Standing::Lost { why, retry_in } => Event::Lost {
                    why: why.to_string(),
                    retry_in: *retry_in,
                },
            });
        });
        handlers.cancelled(move |_, id| {
            cancels.put(Event::Cancelled(id));
        });
        let taken = gate.clone();
        (Self { waiting, gate }, taken)
    }
}

impl<T, C> Sink<T, C> {
    /// Says whether somebody will take it. What happens to the link itself needs no room.
    fn put(&self, event: Event<T, C>) -> bool {
        self.gate.lock().waiting += 1;
        self.events.send(event).is_ok()
    }
}

impl Gate {
    /// Whether there is room; if not, the task is woken once there is.
    pub(super) fn poll_room(&self, context: &mut Context<'_>) -> bool {
        let mut state = self.lock();
        let has_room = state.is_gone || state.waiting < self.capacity;
        if !has_room {
            state.waker = Some(context.waker().clone());
        }
        has_room
    }

    fn leave(&self) {
        let waker = {
            let mut state = self.lock();
            state.waiting = state.waiting.saturating_sub(1);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Every step leaves it whole, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, C> Drop for Events<T, C> {
    fn drop(&mut self) {
        self.gate.lock().is_gone = true;
        self.gate.leave();
    }
}

impl<T, C> fmt::Debug for Events<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("waiting", &self.gate.lock().waiting)
            .finish_non_exhaustive()
    }
}
