use super::PathError;
use ropeway_core::file::{By, FileId, Reason, StartError};
use std::path::Path;
use std::sync::Arc;
use std::{fmt, io};

/// How a file comes along.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The transfer.
    pub file: FileId,
    /// Which way it goes.
    pub direction: Direction,
    /// The name that both sides know it by.
    pub name: Arc<str>,
    /// Where it is here, or will be; none where it has been refused.
    pub path: Option<Arc<Path>>,
    /// How many bytes are behind it: read and sent, or received and written.
    pub done: u64,
    /// How many there are, as far as is known.
    pub size: u64,
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
#[non_exhaustive]
pub enum Stage {
    /// The peer's offer has been accepted, or its request answered. What an earlier attempt has left counts as done.
    Begun,
    /// It is on its way. Many steps are told as one.
    Underway,
    /// It is whole and right: in its place here, or at the peer, which has said so.
    Done,
    /// It will not be complete, or was refused.
    Stopped {
        /// Why.
        reason: Reason,
        /// Who says so.
        by: By,
        /// What failed at the disk, if that is why.
        error: Option<Arc<io::Error>>,
    },
}

/// A file that a peer offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer<'a> {
    /// Its name, which leads downwards.
    pub name: &'a str,
    /// How many bytes it has.
    pub size: u64,
    /// What tells versions of its content apart, 0 for nothing.
    pub tag: u64,
}

/// Why a transfer was not begun.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The node or hub was not told to carry files.
    NoFiles,
    /// The file cannot be read, or there is no such place.
    Path(PathError),
    /// The name is not allowed, or there are too many transfers.
    Start(StartError),
}

impl<'a> Offer<'a> {
    pub(super) const fn new(name: &'a str, size: u64, tag: u64) -> Self {
        Self { name, size, tag }
    }
}

impl Event {
    /// Whether it is the last of its transfer.
    pub const fn is_last(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Stopped { .. })
    }
}

impl From<PathError> for FileError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl From<StartError> for FileError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun => f.write_str("begun"),
            Self::Underway => f.write_str("under way"),
            Self::Done => f.write_str("done"),
            Self::Stopped { reason, by, error } => {
                let who = match by {
                    By::Here => "stopped here",
                    By::Peer => "stopped by the peer",
                    By::Fresh => "stopped, since the session is a new one",
                };
                match error {
                    Some(error) => write!(f, "{who}: {reason}: {error}"),
                    None => write!(f, "{who}: {reason}"),
                }
            }
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFiles => f.write_str("this link carries no files"),
            Self::Path(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}
