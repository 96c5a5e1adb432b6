use super::PathError;
use crate::call::Refused;
use ropeway_core::Malformed;
use ropeway_core::dialect::clever_show::CallId;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

/// Something that happened beside what handlers are for.
#[derive(Debug)]
pub struct Event {
    /// At which connection: the address of the other end.
    pub peer: SocketAddr,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum What {
    /// The connection is there.
    Connected,
    /// An attempt to connect failed; it will be repeated.
    NotConnected(io::Error),
    /// The server was heard of; it will be connected to.
    Heard(super::Beacon),
    /// The connection is gone. What that means for what was queued is up to the settings.
    Lost(Reason),
    /// A file has come or gone some way.
    File(FileEvent),
    /// An action or a request that no handler takes. It is not answered.
    Unknown {
        /// Its name.
        name: String,
        /// The id of a request.
        id: Option<CallId>,
    },
    /// A handler refused a request, which is not answered.
    Refused {
        /// The requested value.
        name: String,
        /// Why.
        refused: Refused,
    },
    /// The peer broke a rule.
    Malformed(Malformed),
}

/// Why a connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The peer closed it.
    Closed,
    /// The peer broke a rule behind which no further message can be found.
    OutOfStep,
    /// The network failed, or the peer has been silent for too long.
    Io(io::Error),
    /// A newer connection from the same address took its place.
    Replaced,
    /// A file that was being sent became shorter meanwhile, which can be told the peer in no other way.
    FileShrank,
    /// This program wanted it.
    Dropped,
}

/// How a file comes along.
#[derive(Clone, Debug)]
pub struct FileEvent {
    /// Which way it goes.
    pub direction: Direction,
    /// The path that the peer knows it by.
    pub path: String,
    /// Where it is here, if it has a place.
    pub local: Option<PathBuf>,
    /// How many bytes have come or gone.
    pub done: u64,
    /// How many there are.
    pub len: u64,
    /// How far it is.
    pub stage: Stage,
}

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

/// How far a file is.
#[derive(Clone, Debug)]
pub enum Stage {
    /// It begins.
    Begun,
    /// It is on its way. Several steps may be told as one.
    Underway,
    /// It is complete: in its place, or given to the network.
    Done,
    /// It will not be complete.
    Failed(FileError),
}

/// Why a file was not sent or received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The peer did not answer in time, or stopped in the middle.
    Deadline,
    /// The connection ended first.
    LinkLost,
    /// The peer may not read or write there.
    Path(Arc<PathError>),
    /// Files from peers are taken only under a [root](super::Settings::receive) that the program names.
    NoRoot,
    /// It could not be read or written here.
    Io(Arc<io::Error>),
    /// The peer answered with a value.
    NotAFile,
    /// The request for it was not sent.
    Call(crate::call::CallError),
}

impl FileError {
    pub(super) fn io(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<PathError> for FileError {
    fn from(error: PathError) -> Self {
        Self::Path(Arc::new(error))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("the file did not come in time"),
            Self::LinkLost => f.write_str("the link ended before the file was complete"),
            Self::Path(error) => error.fmt(f),
            Self::NoRoot => f.write_str("no folder for files from peers"),
            Self::Io(error) => error.fmt(f),
            Self::NotAFile => f.write_str("the peer answered with a value, not a file"),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the peer closed the connection"),
            Self::OutOfStep => f.write_str("the peer broke the framing"),
            Self::Io(error) => error.fmt(f),
            Self::Replaced => f.write_str("a newer connection from the same address"),
            Self::FileShrank => f.write_str("a file became shorter while it was sent"),
            Self::Dropped => f.write_str("dropped by this program"),
        }
    }
}
