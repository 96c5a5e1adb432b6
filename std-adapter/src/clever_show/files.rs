//! A file that comes from the peer.

use super::calls::{Pending, Then};
use super::incoming::Incoming;
use super::{Direction, FileError, FileEvent, Settings, Stage};
use ropeway_core::dialect::clever_show::CallId;
use std::path::{Path, PathBuf};

/// A file on its way from the peer; once something fails, what still comes of it is passed over.
#[derive(Debug)]
pub(super) struct Receiving {
    path: String,
    local: Option<PathBuf>,
    call: Option<CallId>,
    len: u64,
    done: u64,
    file: Result<Incoming, FileError>,
    is_told: bool,
}

impl Receiving {
    /// One that the peer wants to be kept.
    pub(super) fn message(settings: &Settings, path: &str, len: u64) -> Option<Self> {
        let target = match &settings.receive {
            Some(root) => root.resolve(path).map_err(FileError::from),
            None => Err(FileError::NoRoot),
        };
        Some(Self::new(path, target, None, len))
    }

    /// One that was asked for; none if a value was.
    pub(super) fn answer(id: CallId, pending: &Pending, len: u64) -> Option<Self> {
        match &pending.then {
            Then::File { path, target, .. } => {
                Some(Self::new(path, Ok(target.clone()), Some(id), len))
            }
            Then::Value(_) => None,
        }
    }

    fn new(path: &str, target: Result<PathBuf, FileError>, call: Option<CallId>, len: u64) -> Self {
        let open = |target: &PathBuf| Incoming::new(target).map_err(FileError::io);
        Self {
            path: path.into(),
            local: target.as_deref().ok().map(Path::to_owned),
            call,
            len,
            done: 0,
            file: target.as_ref().map_err(Clone::clone).and_then(open),
            is_told: false,
        }
    }

    /// The request that it answers.
    pub(super) const fn call(&self) -> Option<CallId> {
        self.call
    }

    pub(super) fn is_of(&self, id: CallId) -> bool {
        self.call == Some(id)
    }

    /// How far it is.
    pub(super) fn event(&mut self) -> FileEvent {
        let stage = match &self.file {
            Err(error) => {
                self.is_told = true;
                Stage::Failed(error.clone())
            }
            Ok(_) if self.done == 0 => Stage::Begun,
            Ok(_) => Stage::Underway,
        };
        self.at(stage)
    }

    /// Takes the next bytes and says whether there is something to tell.
    pub(super) fn write(&mut self, part: &[u8]) -> bool {
        self.done += part.len() as u64;
        if let Ok(file) = &mut self.file
            && let Err(error) = file.write(part)
        {
            self.file = Err(FileError::io(error));
        }
        !self.is_told
    }

    /// Puts it in its place.
    pub(super) fn finish(mut self) -> (Option<FileEvent>, Result<u64, FileError>) {
        let file = std::mem::replace(&mut self.file, Err(FileError::LinkLost));
        let outcome = file.and_then(|file| file.finish().map_err(FileError::io));
        let stage = match &outcome {
            Ok(()) => Stage::Done,
            Err(error) => Stage::Failed(error.clone()),
        };
        let event = (!self.is_told).then(|| self.at(stage));
        (event, outcome.map(|()| self.len))
    }

    /// It will not be complete.
    pub(super) fn failed(self, error: FileError) -> FileEvent {
        self.at(Stage::Failed(error))
    }

    fn at(&self, stage: Stage) -> FileEvent {
        FileEvent {
            direction: Direction::In,
            path: self.path.clone(),
            local: self.local.clone(),
            done: self.done,
            len: self.len,
            stage,
        }
    }
}
