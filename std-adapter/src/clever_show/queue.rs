//! What waits to be sent on one connection.

use super::{Direction, FileError, FileEvent, Root, Stage};
use crate::files::open_file;
use ropeway_core::SendError;
use ropeway_core::dialect::Carries;
use ropeway_core::dialect::clever_show::{CallId, CleverShow, FileAnswer, FileMessage};
use ropeway_core::encoding::EncodeError;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// A message in bytes, shared by all to whom it goes.
pub(super) type Frame = Arc<[u8]>;

/// Messages and files in the order in which they are to be sent.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    /// How much of the first item has been written.
    written: usize,
    /// How many bytes the messages have.
    bytes: usize,
}

#[derive(Debug)]
enum Item {
    Message { frame: Frame, call: Option<CallId> },
    File(Box<Outgoing>),
}

/// A file to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) source: Source,
    /// The path that the peer knows it by.
    pub(super) path: String,
    open: Option<Open>,
}

/// Where a file comes from, and what it is for the peer.
#[derive(Debug)]
pub(super) enum Source {
    /// The program sends it.
    Local(PathBuf),
    /// The peer has asked for it.
    Served { root: Root, id: CallId },
}

/// A file that is being sent.
#[derive(Debug)]
struct Open {
    file: File,
    len: u64,
    read: u64,
    /// What is to be written next: the header, then parts.
    chunk: Vec<u8>,
    has_begun: bool,
}

/// Why nothing more can be written.
#[derive(Debug)]
pub(super) enum WriteError {
    Io(io::Error),
    Shrank,
}

impl Outgoing {
    pub(super) const fn new(source: Source, path: String) -> Self {
        Self {
            source,
            path,
            open: None,
        }
    }

    fn event(&self, done: u64, len: u64, stage: Stage) -> FileEvent {
        FileEvent {
            direction: Direction::Out,
            path: self.path.clone(),
            local: match &self.source {
                Source::Local(path) => Some(path.clone()),
                Source::Served { .. } => None,
            },
            done,
            len,
            stage,
        }
    }

    /// Opens the file and writes its header, if that has not been done.
    fn begin(&mut self) -> Result<(), FileError> {
        if self.open.is_some() {
            return Ok(());
        }
        let (file, len) = match &self.source {
            Source::Local(path) => open_file(path)?,
            Source::Served { root, .. } => root.open(&self.path)?,
        };
        let header = match &self.source {
            Source::Local(_) => encode(
                &FileMessage {
                    path: &self.path,
                    len,
                },
                HEADER,
            ),
            Source::Served { id, .. } => encode(&FileAnswer { id: *id, len }, HEADER),
        };
        let header = header.map_err(|error| FileError::Call(error.into()))?;
        self.open = Some(Open {
            file,
            len,
            read: 0,
            chunk: header,
            has_begun: false,
        });
        Ok(())
    }
}

impl Open {
    fn next_chunk(&mut self) -> Result<(), WriteError> {
        let left = usize::try_from(self.len - self.read).unwrap_or(usize::MAX);
        self.chunk.resize(left.min(CHUNK), 0);
        let read = loop {
            match self.file.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let read = read.map_err(|_| WriteError::Shrank)?;
        self.chunk.truncate(read);
        self.read += read as u64;
        match read {
            0 => Err(WriteError::Shrank),
            _ => Ok(()),
        }
    }
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many bytes of messages wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, frame: Frame, call: Option<CallId>) {
        self.bytes += frame.len();
        self.items.push_back(Item::Message { frame, call });
    }

    pub(super) fn push_file(&mut self, file: Outgoing) {
        self.bytes += FILE_COST;
        self.items.push_back(Item::File(Box::new(file)));
    }

    /// Queues requests again, before everything else, but for those that have not been sent at all.
    pub(super) fn resend(&mut self, calls: impl Iterator<Item = (CallId, Frame)>) {
        let mut again: Vec<(CallId, Frame)> = calls.collect();
        again.retain(|(id, _)| !self.has_call(*id));
        for (id, frame) in again.into_iter().rev() {
            self.bytes += frame.len();
            let call = Some(id);
            self.items.push_front(Item::Message { frame, call });
        }
    }

    fn has_call(&self, id: CallId) -> bool {
        let is_it = |item: &Item| matches!(item, Item::Message { call: Some(of), .. } if *of == id);
        self.items.iter().any(is_it)
    }

    /// Drops a request that nobody waits for any more, unless a part of it has been written.
    pub(super) fn forget(&mut self, id: CallId) {
        let first = usize::from(self.written > 0);
        let mut at = 0;
        let mut bytes = 0;
        self.items.retain(|item| {
            at += 1;
            match item {
                Item::Message {
                    call: Some(of),
                    frame,
                } if *of == id && at > first => {
                    bytes += frame.len();
                    false
                }
                _ => true,
            }
        });
        self.bytes -= bytes;
    }

    /// Starts the first item from its beginning, on a new connection.
    pub(super) fn rewind(&mut self) {
        self.written = 0;
        if let Some(Item::File(file)) = self.items.front_mut() {
            file.open = None;
        }
    }

    /// Drops everything, and tells which files it was.
    pub(super) fn clear(&mut self) -> Vec<FileEvent> {
        self.written = 0;
        self.bytes = 0;
        let lost = self.items.drain(..).filter_map(|item| match item {
            Item::File(file) => Some(file.event(0, 0, Stage::Failed(FileError::LinkLost))),
            Item::Message { .. } => None,
        });
        lost.collect()
    }

    /// Drops the file that is being sent, which must not be sent again.
    pub(super) fn drop_file(&mut self) -> Option<FileEvent> {
        match self.items.front() {
            Some(Item::File(_)) => {}
            _ => return None,
        }
        self.written = 0;
        self.bytes -= FILE_COST;
        match self.items.pop_front() {
            Some(Item::File(file)) => {
                let failed = FileError::io(io::ErrorKind::UnexpectedEof.into());
                let (done, len) = file
                    .open
                    .as_ref()
                    .map_or((0, 0), |open| (open.read, open.len));
                Some(file.event(done, len, Stage::Failed(failed)))
            }
            _ => None,
        }
    }

    /// Writes once, as much as lies ready, and says whether anything was written.
    pub(super) fn write(
        &mut self,
        stream: &mut impl io::Write,
        events: &mut Vec<FileEvent>,
    ) -> Result<bool, WriteError> {
        self.prepare(events)?;
        let mut slices: [IoSlice<'_>; SLICES] = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        let mut skip = self.written;
        for (slice, item) in slices.iter_mut().zip(&self.items) {
            let bytes: &[u8] = match item {
                Item::Message { frame, .. } => frame,
                Item::File(file) if count == 0 => {
                    file.open.as_ref().map_or(&[], |open| &open.chunk)
                }
                Item::File(_) => break,
            };
            *slice = IoSlice::new(bytes.get(skip..).unwrap_or_default());
            skip = 0;
            count += 1;
            if matches!(item, Item::File(_)) {
                break;
            }
        }
        let Some(slices) = slices.get(..count).filter(|slices| !slices.is_empty()) else {
            return Ok(false);
        };
        match stream.write_vectored(slices) {
            Ok(0) => Err(WriteError::Io(io::ErrorKind::WriteZero.into())),
            Ok(len) => {
                self.take(len, events);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(WriteError::Io(error)),
        }
    }

    /// Sees to it that the first item has bytes to be written; files that cannot be opened are passed over.
    fn prepare(&mut self, events: &mut Vec<FileEvent>) -> Result<(), WriteError> {
        while let Some(Item::File(file)) = self.items.front_mut() {
            match file.begin() {
                Ok(()) => {}
                Err(error) => {
                    events.push(file.event(0, 0, Stage::Failed(error)));
                    self.pop(FILE_COST);
                    continue;
                }
            }
            let Some(open) = &mut file.open else { break };
            if !open.has_begun {
                open.has_begun = true;
                let len = open.len;
                events.push(file.event(0, len, Stage::Begun));
            } else if self.written == open.chunk.len() {
                open.next_chunk()?;
                self.written = 0;
            }
            break;
        }
        Ok(())
    }

    /// Notes that so many bytes have been written.
    fn take(&mut self, mut len: usize, events: &mut Vec<FileEvent>) {
        while let Some(item) = self.items.front_mut() {
            match item {
                Item::Message { frame, .. } => {
                    let size = frame.len();
                    let rest = size - self.written;
                    if len < rest {
                        self.written += len;
                        return;
                    }
                    len -= rest;
                    self.pop(size);
                }
                Item::File(file) => {
                    self.written += len;
                    if let Some(open) = &file.open
                        && self.written == open.chunk.len()
                    {
                        let (done, all) = (open.read, open.len);
                        if done == all {
                            events.push(file.event(done, all, Stage::Done));
                            self.pop(FILE_COST);
                        } else {
                            events.push(file.event(done, all, Stage::Underway));
                        }
                    }
                    return;
                }
            }
        }
    }

    fn pop(&mut self, bytes: usize) {
        self.items.pop_front();
        self.written = 0;
        self.bytes -= bytes;
    }
}

/// The bytes of a message, at most `limit` of them.
pub(super) fn encode<M: ?Sized>(message: &M, limit: usize) -> Result<Vec<u8>, SendError>
where
    CleverShow: Carries<M>,
{
    let mut slot = vec![0; 512.min(limit)];
    loop {
        match CleverShow::new().emit(message, &mut slot) {
            Ok(len) => {
                slot.truncate(len);
                return Ok(slot);
            }
            Err(EncodeError::Full) if slot.len() < limit => {
                let len = slot.len().saturating_mul(2).min(limit);
                slot.resize(len, 0);
            }
            Err(EncodeError::Full) => return Err(SendError::TooLong { limit }),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The most bytes of a file that are in memory.
const CHUNK: usize = 64 << 10;

/// The longest header there can be.
const HEADER: usize = 2 + u16::MAX as usize;

/// How many messages one write takes at most.
const SLICES: usize = 64;

/// What a file that waits counts against the limit of the queue.
const FILE_COST: usize = 512;
