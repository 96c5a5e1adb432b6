//! Files, in pieces under credit, resumed after a lost transport, and verified.
//!
//! [`Transfers`] decides what is said of each file and when; whoever carries frames does. It takes frames in by
//! [`handle`](Transfers::handle), gives them out by [`poll_frame`](Transfers::poll_frame) and
//! [`poll_chunk`](Transfers::poll_chunk), and content by its [`Source`] and [`Sink`].
//!
//! ```
//! use ropeway_core::file::{Config, Event, Frame, Next, Reason, Sink, Slot, SmallCrc, Store};
//! use ropeway_core::file::{Transfers, WriteError};
//!
//! struct Print;
//!
//! impl Sink for Print {
//!     fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
//!         println!("{offset}: {bytes:?}");
//!         Ok(())
//!     }
//!     fn commit(&mut self) -> Result<(), WriteError> {
//!         Ok(())
//!     }
//!     fn abandon(&mut self, reason: Reason) {
//!         println!("{reason}");
//!     }
//! }
//!
//! struct Example;
//!
//! impl Store for Example {
//!     type Source = &'static [u8];
//!     type Sink = Print;
//!     type Name = &'static str;
//!     type Checksum = SmallCrc;
//! }
//!
//! type Side = Transfers<Example, [Slot<Example>; 2]>;
//! let side = || Side::new([const { Slot::EMPTY }; 2], Config::default());
//! let (mut here, mut there) = (side(), side());
//!
//! let sent = here.offer(&b"up and down"[..], "log.txt")?;
//! if let Some(frame) = here.poll_frame() {
//!     let event = there.handle(frame).expect("a frame that is in order");
//!     if let Some(Event::Offered { file, name: "log.txt", .. }) = event {
//!         there.accept(file, Print)?;
//!     }
//!     here.frame_sent();
//! }
//! here.handle(there.poll_frame().expect("ACCEPT")).expect("a frame that is in order");
//! there.frame_sent();
//!
//! let mut slot = [0; 64];
//! let Next::Chunk(len) = here.poll_chunk(&mut slot) else { panic!() };
//! let chunk = Frame::parse(&slot[1..len])?; // a short frame: one byte of length
//! there.handle(chunk).expect("a frame that is in order");
//! there.handle(here.poll_frame().expect("DONE")).expect("a frame that is in order");
//! here.frame_sent();
//! here.handle(there.poll_frame().expect("VERIFIED")).expect("a frame that is in order");
//! assert_eq!(here.poll_event(), Some(Event::Sent { file: sent }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checksum;
mod error;
mod event;
mod frame;
mod handle;
mod ids;
mod incoming;
mod name;
mod outgoing;
mod poll;
mod reason;
mod rule;
mod session;
mod store;
mod table;
mod window;

pub use checksum::{Checksum, SmallCrc};
pub use error::{Gone, NotTaken, StartError};
pub use event::{Event, FileId, Next, Progress};
pub use frame::{Frame, Side};
pub use name::{MAX_NAME, NameError, check_name};
pub use reason::{By, Reason};
pub use rule::Rule;
pub use store::{Prefix, ReadFailed, Sink, Source, Store, WriteError};
pub use table::Slot;

use ids::{Ids, Turned};
use incoming::Incoming;
use outgoing::Outgoing;
use poll::Polled;
use table::{Due, Entry, Part, Space, Table};

/// The transfers with one peer, both ways, in slots that the caller lends.
///
/// The application [`offer`](Self::offer)s and [`ask`](Self::ask)s, and decides on what [`handle`](Self::handle)
/// says that the peer offers or asks for. Every [`FileId`] ends in one of [`Event::Received`], [`Event::Sent`] and
/// [`Event::Stopped`], unless the application itself refuses or cancels it; a slot is free again once this event is
/// taken and the peer has been told.
///
/// Whoever drives it hands in every file frame, queues what [`poll_frame`](Self::poll_frame) gives, sends what
/// [`poll_chunk`](Self::poll_chunk) gives when there is nothing else to send, and says what becomes of the session:
/// [`handle_lost`](Self::handle_lost), [`handle_resumed`](Self::handle_resumed),
/// [`handle_fresh`](Self::handle_fresh). It never waits and never loops longer than over its slots.
pub struct Transfers<F: Store, S> {
    table: Table<F, S>,
    config: Config,
    next_file: u32,
    own_files: Ids,
    own_asks: Ids,
    peer_files: Ids,
    peer_asks: Ids,
    turned_files: Turned,
    turned_asks: Turned,
    polled: Option<Polled>,
    turn: usize,
    malformed: u32,
    /// There is no transport: credit is for the next one to say.
    is_lost: bool,
}

/// How much of a file is under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    /// How many bytes of all files together the peer may send ahead of what was written here; files share it. More is
    /// granted when half is used, so it should be twice what the line holds in a round trip.
    pub window: u32,
    /// The most bytes of a file that one frame from here carries; a slot that has room for fewer shortens it.
    pub chunk: u32,
}

impl Default for Config {
    /// 8 KiB ahead, in pieces of 1 KiB.
    fn default() -> Self {
        Self {
            window: 8192,
            chunk: 1024,
        }
    }
}

impl<F: Store, S: AsRef<[Slot<F>]> + AsMut<[Slot<F>]>> Transfers<F, S> {
    /// No transfers, and room for as many as there are `slots`.
    pub const fn new(slots: S, config: Config) -> Self {
        Self {
            table: Table::new(slots),
            config,
            next_file: 0,
            own_files: Ids::new(),
            own_asks: Ids::new(),
            peer_files: Ids::new(),
            peer_asks: Ids::new(),
            turned_files: Turned::NONE,
            turned_asks: Turned::NONE,
            polled: None,
            turn: 0,
            malformed: 0,
            is_lost: false,
        }
    }

    /// Offers a file to the peer.
    pub fn offer(&mut self, source: F::Source, name: F::Name) -> Result<FileId, StartError> {
        check_name(name.as_ref()).map_err(StartError::Name)?;
        let (size, tag) = (source.size(), source.tag());
        let part = Part::Outgoing(Outgoing::new(source, name, 0));
        let mut entry = Entry::new(self.draw_file(), part, Due::Offer);
        (entry.size, entry.tag) = (size, tag);
        self.start(entry)
    }

    /// Asks the peer for a file. It answers by [`Event::Offered`] under the same id, or [`Event::Stopped`].
    pub fn ask(&mut self, name: F::Name) -> Result<FileId, StartError> {
        check_name(name.as_ref()).map_err(StartError::Name)?;
        let entry = Entry::new(self.draw_file(), Part::Asking(name), Due::Ask);
        self.start(entry)
    }

    /// Answers [`Event::Asked`] by an offer, usually of the name that was asked for.
    pub fn answer(
        &mut self,
        file: FileId,
        source: F::Source,
        name: F::Name,
    ) -> Result<(), StartError> {
        check_name(name.as_ref()).map_err(StartError::Name)?;
        let entry = self.table.file(file).ok_or(StartError::Gone)?;
        if !matches!(entry.part, Part::Asked) {
            return Err(StartError::Gone);
        }
        (entry.size, entry.tag) = (source.size(), source.tag());
        entry.part = Part::Outgoing(Outgoing::new(source, name, entry.id));
        entry.due = Due::Offer;
        Ok(())
    }

    /// Answers [`Event::Offered`]: the content goes into `sink`, from where an earlier attempt left off.
    ///
    /// In a fresh session the transfer goes on by itself when the peer offers the same file (name, size and tag)
    /// again; one that was asked for is asked for again.
    pub fn accept(&mut self, file: FileId, sink: F::Sink) -> Result<(), Gone> {
        let entry = self.table.file(file).ok_or(Gone)?;
        let Part::Offered { asked, name_crc } = &mut entry.part else {
            return Err(Gone);
        };
        let incoming = Incoming::new(sink, asked.take(), *name_crc, entry.size);
        entry.part = Part::Incoming(incoming);
        entry.due = Due::Accept;
        Ok(())
    }

    /// Answers [`Event::Offered`] or [`Event::Asked`]: no. It is not heard of again.
    pub fn refuse(&mut self, file: FileId, reason: Reason) -> Result<(), Gone> {
        let entry = self.table.file(file).ok_or(Gone)?;
        if !matches!(entry.part, Part::Asked | Part::Offered { .. }) {
            return Err(Gone);
        }
        entry.part = Part::Over(None);
        entry.due = Due::Stop(reason);
        Ok(())
    }

    /// Gives a transfer up, whatever its state. It is not heard of again.
    pub fn cancel(&mut self, file: FileId) -> Result<(), Gone> {
        let entry = self.table.file(file).ok_or(Gone)?;
        if let Part::Incoming(incoming) = &mut entry.part {
            incoming.sink.abandon(Reason::Cancelled);
        }
        (entry.part, entry.due) = match (&entry.part, entry.space) {
            (Part::Over(_) | Part::Unwanted, _) => return Err(Gone),
            // The peer has not heard of it in this session.
            (_, Space::None) => (Part::Over(None), Due::Nothing),
            (_, Space::OwnAsk) => (Part::Unwanted, Due::Nothing),
            _ => (Part::Over(None), Due::Stop(Reason::Cancelled)),
        };
        self.table.settle();
        Ok(())
    }

    /// How far a transfer has come; `None` once it is over.
    ///
    /// Of a file that is sent, what has been read and sent; of one that is received, what has been written.
    pub fn progress(&self, file: FileId) -> Option<Progress> {
        let entry = self.table.iter().find(|entry| entry.file == file)?;
        let offset = match &entry.part {
            Part::Over(_) | Part::Unwanted => return None,
            Part::Asking(_) | Part::Asked | Part::Offered { .. } => 0,
            Part::Outgoing(outgoing) => outgoing.read.len,
            Part::Incoming(incoming) => incoming.written.len,
        };
        let size = entry.size;
        Some(Progress { offset, size })
    }

    /// Where the peer wants a file that is sent to begin: what is before that it has already. `None` before it has said so
    /// on this transport, and for files that are received.
    pub fn wanted_from(&self, file: FileId) -> Option<u64> {
        let entry = self.table.iter().find(|entry| entry.file == file)?;
        match &entry.part {
            Part::Outgoing(outgoing) => outgoing.stated_start(),
            _ => None,
        }
    }

    /// Whether a slot is free for an own offer or request.
    pub fn has_room(&self) -> bool {
        self.table.has_room()
    }

    /// How many frames broke a [`Rule`]; it wraps.
    pub const fn malformed(&self) -> u32 {
        self.malformed
    }

    fn start(&mut self, entry: Entry<F>) -> Result<FileId, StartError> {
        let file = entry.file;
        if self.table.insert(entry) {
            Ok(file)
        } else {
            Err(StartError::TooMany)
        }
    }

    const fn draw_file(&mut self) -> FileId {
        let file = FileId(self.next_file);
        self.next_file = self.next_file.wrapping_add(1);
        file
    }
}

#[cfg(test)]
mod tests;
