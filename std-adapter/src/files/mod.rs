//! Files to and from disk, over sessions of the native protocol.
//!
//! Content goes in chunks behind the messages, several files at once both ways, and goes on after a lost link and after
//! either program was started anew: it is written beside its place, checked, and put there when it is whole.
//! [`Files`] says what peers may send and read; [`Peer::offer`](crate::Peer::offer) and
//! [`Peer::ask_for`](crate::Peer::ask_for) begin a transfer, and
//! [`Handlers::files`](crate::Handlers::files) hears how it comes along.
//!
//! ```
//! use ropeway_std::files::{Files, Root, Stage};
//! use ropeway_std::{Handlers, Options, hub, native};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! # let folder = std::env::temp_dir().join(format!("ropeway-files-{}", std::process::id()));
//! # std::fs::create_dir_all(folder.join("inbox"))?;
//! # let (inbox, log) = (folder.join("inbox"), folder.join("today.log"));
//! # std::fs::write(&log, "all is well")?;
//! let config = Arc::new(native::config());
//! let of_hub = config.clone();
//! let dialect = move |_: &hub::PeerInfo| native::listening(&of_hub);
//! let mut hub = hub::Hub::new(dialect, Options::default(), hub::Limits::default())?
//!     .with_files(Files::new().receive(Root::new(&inbox)));
//! let port = hub.listen("127.0.0.1:0")?;
//! let (address, handle) = (hub.address(port).unwrap(), hub.handle());
//! let hub = std::thread::spawn(move || hub.run(|| false));
//!
//! let mut handlers = Handlers::new();
//! handlers.files(|_, event| println!("{}: {}", event.name, event.stage));
//! let mut client = native::Dial::new(address).client(&config, handlers)?;
//! let file = client.peer().offer(&log, "logs/today.log")?;
//! while client.peer().progress(file).is_some() {
//!     client.turn(Duration::from_secs(1))?;
//! }
//! assert_eq!(std::fs::read(inbox.join("logs/today.log"))?, b"all is well");
//! handle.stop();
//! # hub.join().unwrap()?;
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What has come of a file is in `name.<tag>.<size>.part` beside its place until it is whole; what nobody goes on with
//! stays there. The *tag* is made of the length of the file, the time of its last change and its inode. A file that has its name has been
//! written to the disk, and so has the name, before the sender hears that it is there; an older one of the same name is
//! replaced at that moment.

mod checksum;
mod event;
mod fault;
mod root;
mod sink;
mod source;
mod traffic;

pub use event::{Direction, Event, FileError, Offer, Stage};
pub(crate) use root::open_file;
pub use root::{PathError, Root};
pub use ropeway_core::file::{By, FileId, Progress, Reason, StartError};
pub(crate) use traffic::{Carrier, Traffic};

use crate::{Options, hub::Limits};
use std::fmt;
use std::sync::Arc;

/// What peers may send and read, and how much of it at once.
///
/// By default nothing: whoever can connect gets only what the program says.
#[derive(Clone)]
pub struct Files {
    receive: Option<Root>,
    serve: Option<Root>,
    accepts: Option<Arc<Accepts>>,
    max_size: u64,
    transfers: usize,
    window: u32,
    chunk: u32,
}

type Accepts = dyn Fn(&Offer<'_>) -> bool + Send + Sync;

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

impl Files {
    /// Peers may send and read nothing; 8 files at once with each, of any size, with 256 KiB on its way, in chunks of 64 KiB.
    pub const fn new() -> Self {
        Self {
            receive: None,
            serve: None,
            accepts: None,
            max_size: u64::MAX,
            transfers: 8,
            window: 256 << 10,
            chunk: 64 << 10,
        }
    }

    /// Takes files that peers offer, under `root`; folders in their names are made. Names that end with `.part` are refused.
    #[must_use]
    pub fn receive(mut self, root: Root) -> Self {
        self.receive = Some(root);
        self
    }

    /// Gives peers the files under `root` that they ask for.
    #[must_use]
    pub fn serve(mut self, root: Root) -> Self {
        self.serve = Some(root);
        self
    }

    /// Takes only those offered files of which `accepts` says so.
    #[must_use]
    pub fn accept(mut self, accepts: impl Fn(&Offer<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.accepts = Some(Arc::new(accepts));
        self
    }

    /// The largest file that is taken, in bytes.
    #[must_use]
    pub const fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes;
        self
    }

    /// How many files may be on their way at once with one peer, both ways together; more are refused as busy.
    #[must_use]
    pub const fn transfers(mut self, transfers: usize) -> Self {
        self.transfers = transfers;
        self
    }

    /// How many bytes of all files a peer may send ahead of what was written here. The receive buffer is made twice as large
    /// by a client and by a hub; a [`Node`](crate::Node) uses half of the one that its link has, if that is less.
    #[must_use]
    pub const fn window(mut self, bytes: u32) -> Self {
        self.window = bytes;
        self
    }

    /// The most bytes of a file in one frame: messages wait no longer than one takes. It is at most a quarter of the queue
    /// of the link, so that messages always find room.
    #[must_use]
    pub const fn chunk(mut self, bytes: u32) -> Self {
        self.chunk = bytes;
        self
    }

    /// Options with memory for the window.
    pub(crate) fn widen(&self, options: Options) -> Options {
        let buffer = options.initial().max(self.window as usize * 2 + SPARE);
        options.at_least(buffer)
    }

    /// Limits with memory for the chunks.
    pub(crate) fn widen_queue(&self, limits: Limits) -> Limits {
        let queue = limits.queued().max(self.chunk as usize * 4 + SPARE);
        limits.queue(queue)
    }

    /// How many bytes a peer may send ahead that is received from into a buffer of so many.
    pub(crate) fn share(&self, buffer: usize) -> u32 {
        let half = buffer.saturating_sub(SPARE) / 2;
        self.window.min(u32::try_from(half).unwrap_or(u32::MAX))
    }

    /// How many bytes of such a buffer are kept for files and their frames: no more than half of it.
    pub(crate) fn room(&self, buffer: usize) -> u32 {
        let most = u32::try_from(self.transfers.max(1)).unwrap_or(u32::MAX);
        let room = self
            .share(buffer)
            .saturating_add(FRAMES.saturating_mul(most));
        room.min(u32::try_from(buffer / 2).unwrap_or(u32::MAX))
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("receive", &self.receive)
            .field("serve", &self.serve)
            .field("max_size", &self.max_size)
            .field("transfers", &self.transfers)
            .field("window", &self.window)
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}

/// For the frames of a file but chunks.
const FRAMES: u32 = 128;

/// For the headers of chunks, and for small frames.
const SPARE: usize = 4096;
