//! Many peers in the caller's thread, on one poll of the operating system.
//!
//! A [`Hub`] listens at any number of ports and connects to others; [`turn`](Hub::turn) hands what peers say to
//! [`Handlers`], [`next`](Hub::next) hands it out one by one instead. A [`Handle`] lets other threads send.
//!
//! ```
//! use ropeway_std::dialect::cable_car::{CableCarJson, Join};
//! use ropeway_std::hub::{Hub, Limits};
//! use ropeway_std::{Connect, Event, Handlers, Options, messages};
//! use std::time::Duration;
//!
//! messages! { enum Words { Join(Join) } }
//!
//! let mut handlers = Handlers::new();
//! handlers.on::<Join>(|peer, Join| peer.send(&Join).unwrap_or_default());
//! let mut hub = Hub::new(|_| CableCarJson, Options::default(), Limits::default())?.with_handlers(handlers);
//! let port = hub.listen("127.0.0.1:0")?;
//! let address = hub.address(port).unwrap();
//! let handle = hub.handle();
//!
//! std::thread::scope(|scope| {
//!     scope.spawn(|| hub.run(|| false).unwrap());
//!     let mut link = Connect::new(address).link(CableCarJson, &Options::default()).unwrap();
//!     link.send(&Join).unwrap();
//!     let answer = link.recv(Duration::from_secs(10)).unwrap();
//!     assert!(matches!(answer, Some(Event::Message(Words::Join(Join)))));
//!     handle.stop();
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Sessions
//!
//! In the native protocol a peer outlives its connection. When that is lost, the peer is [`Away`](News::Away): it keeps
//! its [`PeerId`], what is queued for it and its calls, for as long as [`Limits::session_life`] says. It is
//! [`Back`](News::Back) as soon as it asks for its session over another connection, even while this side still takes the
//! older one for whole; nothing is lost then, and nothing comes twice. One that asks for no session, under the name and
//! from the address of one that is away, is taken for the same, started anew: give programs names of their own.
//!
//! A peer that takes its leave for good has [`Left`](News::Left), and so has one that was away for too long.
//!
//! # Memory
//!
//! Buffers belong to the hub: a peer has some while bytes come and go, and none once it has been silent for a moment.
//!
//! # Several dialects
//!
#![cfg_attr(
    unix,
    doc = "[`Together`] turns hubs of several dialects in one thread."
)]
#![cfg_attr(
    not(unix),
    doc = "A hub speaks one dialect; each needs a thread of its own."
)]

mod admission;
mod connection;
mod ending;
mod event;
mod handle;
mod hosts;
mod limits;
mod listening;
mod peers;
mod redials;
mod refusals;
mod serving;
mod sessions;
mod speaking;
mod stats;
mod timers;
#[cfg(unix)]
mod together;
mod waiting;

pub use event::{Event, News, PeerInfo, Reason};
pub use handle::Handle;
pub use limits::Limits;
pub use peers::Peers;
pub use refusals::Refusals;
pub use stats::Stats;
#[cfg(unix)]
pub use together::Together;

use crate::files::Files;
use crate::handlers::dispatch;
use crate::peer::{Peer, Place};
use crate::waits::Deadline;
use crate::{Handlers, Options};
use ropeway_core::dialect::{Dialect, Filing, Refuses};
use ropeway_core::registry::Registry;
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// Which of a hub's peers; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId {
    slot: u32,
    generation: u32,
}

/// Which of a hub's ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(u32);

/// Many peers, served in the caller's thread.
///
/// What it can do with peers is what its [`Peers`] can, as which it can be used. What is sent leaves with the next
/// [`turn`](Self::turn) or [`next`](Self::next).
pub struct Hub<D: Dialect> {
    handlers: Handlers<D>,
    peers: Peers<D>,
}

impl PeerId {
    pub(crate) const ALONE: Self = Self {
        slot: 0,
        generation: 0,
    };
}

impl<D: Dialect> Hub<D> {
    /// A hub without peers, which speaks with each in the dialect that `dialect` makes for it.
    ///
    /// Give the closure in place, as `|_| CableCarJson`; one that is kept in a variable first has to be written
    /// `|_: &PeerInfo| CableCarJson`.
    ///
    /// Each link has a receive buffer as `options` say, and a queue as `limits` say, while bytes come and go.
    ///
    /// Of the native protocol, the closure makes the end that [dials](crate::native::dialling) where
    /// [`PeerInfo::listener`] is none, and the one that [listens](crate::native::listening) elsewhere.
    pub fn new(
        dialect: impl FnMut(&PeerInfo) -> D + Send + 'static,
        options: Options,
        limits: Limits,
    ) -> io::Result<Self> {
        Ok(Self {
            handlers: Handlers::new(),
            peers: Peers::new(Box::new(dialect), options, limits)?,
        })
    }

    /// What to do with what peers say.
    #[must_use]
    pub fn with_handlers(mut self, handlers: Handlers<D>) -> Self {
        self.handlers = handlers;
        self
    }

    /// Carries files with all peers that come from now on, as `files` says, in memory that is made large enough for them;
    /// without, none are carried. [`Handlers::files`] hears how they come along, and [`next`](Self::next) tells it as
    /// [`Event::File`].
    #[must_use]
    pub fn with_files(mut self, files: Files) -> Self
    where
        D: Filing,
    {
        self.peers.carry_files(files);
        self
    }

    /// Counts what passes between it and all peers that come from now on, for [`Peers::stats`]. A peer takes a hundred bytes
    /// more then.
    #[must_use]
    pub const fn with_stats(mut self) -> Self {
        self.peers.counts = true;
        self
    }

    /// The handlers, to add more.
    pub const fn handlers(&mut self) -> &mut Handlers<D> {
        &mut self.handlers
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle<D> {
        self.peers.handle()
    }

    /// Waits at most `timeout` for something to happen, and does all that there is to do for every peer.
    ///
    /// From each peer it takes at most as many messages as the limits say, so that none holds up the others. Says
    /// whether anything happened. An error is one of polling itself: one peer's are [`News`] of it.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<bool>
    where
        D: Refuses,
    {
        let happened = self.look(timeout)?;
        self.peers.take_wake();
        Ok(happened)
    }

    fn look(&mut self, timeout: Duration) -> io::Result<bool>
    where
        D: Refuses,
    {
        self.peers.wake_speakers();
        let mut happened = self.tell_news();
        let timeout = if happened { Duration::ZERO } else { timeout };
        happened |= self.peers.wait(timeout)?;
        happened |= self.peers.do_posts();
        for _ in 0..self.peers.active() {
            let Some(id) = self.peers.next_active() else {
                break;
            };
            happened = true;
            self.attend(id);
        }
        Ok(happened | self.tell_news())
    }

    /// Turns until `until` says that it is enough or a [handle](Handle::stop) stops it.
    pub fn run(&mut self, mut until: impl FnMut() -> bool) -> io::Result<()>
    where
        D: Refuses,
    {
        while !until() && !self.peers.take_stop() {
            self.look(Duration::MAX)?;
            self.peers.forget_wake();
        }
        Ok(())
    }

    /// The next thing that happened or that a peer said, for programs that keep their state in a loop instead of
    /// handlers; `None` after `timeout`, or when a handle [wakes](Handle::wake) or [stops](Handle::stop) it.
    ///
    /// Peers take turns, a message each. Answers to calls go to who waits for them, and are told as
    /// [`Event::Answered`].
    ///
    /// ```
    /// use ropeway_std::dialect::cable_car::{CableCarByte, Join};
    /// use ropeway_std::hub::{Event, Hub, Limits, News};
    /// use ropeway_std::{Connect, Event as Said, Options, messages};
    /// use std::time::Duration;
    ///
    /// messages! { #[derive(Debug)] enum Words { Join(Join) } }
    ///
    /// let mut hub = Hub::new(|_| CableCarByte, Options::default(), Limits::default())?;
    /// let port = hub.listen("127.0.0.1:0")?;
    /// let mut link = Connect::new(hub.address(port).unwrap()).link(CableCarByte, &Options::default())?;
    /// link.send(&Join)?;
    /// loop {
    ///     match hub.next::<Words>(Duration::MAX)? {
    ///         Some(Event::News(News::Joined(info))) => println!("{} is here", info.address),
    ///         Some(Event::Said(peer, Said::Message(Words::Join(Join)))) => break assert!(hub.close(peer)),
    ///         other => eprintln!("{other:?}"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next<'a, R: Registry<'a, D>>(
        &'a mut self,
        timeout: Duration,
    ) -> io::Result<Option<Event<'a, D, R>>> {
        let deadline = Deadline::after(timeout);
        let mut looked = false;
        self.peers.after_speech();
        let id = loop {
            if self.peers.take_wake() {
                return Ok(None);
            }
            // Who has something to say without end must not keep it from looking at the others.
            let is_due = self.peers.has_heard_enough();
            if !is_due {
                if let Some(news) = self.peers.take_news() {
                    return Ok(Some(Event::News(news)));
                }
                if let Some(id) = self.peers.next_speaker() {
                    break id;
                }
                if looked && deadline.has_passed() {
                    return Ok(None);
                }
            }
            let timeout = match is_due {
                true => Duration::ZERO,
                false => deadline.left(),
            };
            self.peers.wait(timeout)?;
            looked = true;
            self.peers.do_posts();
            self.serve_links();
        };
        Ok(self.peers.listen_to(id))
    }

    /// Stops listening, closes every link after what is queued on it, and waits for that at most `timeout`. Where
    /// sessions outlive connections, it waits until the peers have taken it, and tells them that the program shuts down.
    ///
    /// Says for how many peers something was still queued then, those that are away included. The news of it go to the
    /// handlers if these hear news, and to [`next`](Self::next) otherwise.
    pub fn shutdown(&mut self, timeout: Duration) -> io::Result<usize> {
        let deadline = Deadline::after(timeout);
        self.peers.stop_listening();
        let mut cut_off = self.peers.close_all();
        while !self.peers.is_empty() && !deadline.has_passed() {
            self.peers.wait(deadline.left())?;
            self.peers.do_posts();
            self.peers.take_wake();
            self.serve_links();
        }
        cut_off += self.peers.cut_off_all();
        if self.handlers.hears_news() {
            self.tell_news();
        }
        Ok(cut_off)
    }

    /// Moves the bytes of all who have any, and takes nothing of what they say.
    fn serve_links(&mut self) {
        for _ in 0..self.peers.active() {
            let Some(id) = self.peers.next_active() else {
                break;
            };
            self.peers.pump(id);
            self.peers.finish_look(id, true);
        }
    }

    /// Serves one peer.
    fn attend(&mut self, id: PeerId)
    where
        D: Refuses,
    {
        self.peers.pump(id);
        self.tell_news();
        for _ in 0..self.peers.burst() {
            if !self.peers.may_speak(id) {
                break;
            }
            let mut peer = Peer::new(Place::Among(&mut self.peers, id));
            if !dispatch(&mut peer, &mut self.handlers, &mut ()) {
                break;
            }
            self.peers.make_room(id);
            if self.peers.note_open(id) {
                self.tell_news();
            }
        }
        if self.peers.has_file_news(id) {
            let mut peer = Peer::new(Place::Among(&mut self.peers, id));
            self.handlers.tell_files(&mut peer);
        }
        self.peers.finish_look(id, false);
    }

    /// Tells the handlers the news, and says whether there were any.
    fn tell_news(&mut self) -> bool {
        let had_news = self.peers.has_news();
        while let Some(news) = self.peers.take_news() {
            self.handlers.tell(&mut self.peers, &news);
        }
        had_news
    }
}

impl<D: Dialect> Deref for Hub<D> {
    type Target = Peers<D>;

    fn deref(&self) -> &Peers<D> {
        &self.peers
    }
}

impl<D: Dialect> DerefMut for Hub<D> {
    fn deref_mut(&mut self) -> &mut Peers<D> {
        &mut self.peers
    }
}

impl<D: Dialect> fmt::Debug for Hub<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("handlers", &self.handlers)
            .field("peers", &self.peers)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::PeerId;
    use super::connection::Connection;
    use super::peers::Slot;
    use crate::native::Native;
    use ropeway_core::Instant;

    /// What a peer costs that says nothing: its buffers and its desk are the hub's again.
    #[test]
    fn an_idle_peer_costs_little_memory() {
        let session = size_of::<Native>();
        let rest = size_of::<Connection<Native>>() + size_of::<Slot<Native>>() - session;
        let timer = size_of::<(Instant, PeerId)>();
        // A map keeps at most twice as many places as it needs, and a byte for each.
        let by_session = 2 * (size_of::<(u64, PeerId)>() + 1);
        println!("{session} of the core, {rest} + {timer} + {by_session} of the hub");
        assert!(rest + timer + by_session <= 392);
        assert!(session + rest + timer + by_session <= 924);
    }
}
