use super::checksum::FastCrc;
use super::fault::Fault;
use super::root::open_file;
use super::sink::{Checking, FileSink, Part, is_of_part};
use super::source::FileSource;
use super::{
    By, Direction, Event, FileError, FileId, Files, Offer, PathError, Progress, Reason, Stage,
};
use crate::desk::Mail;
use ropeway_core::SendError;
use ropeway_core::dialect::native::{Cause, Opening};
use ropeway_core::dialect::{Dialect, Filing};
use ropeway_core::file::{self, Config, Frame, Next, NotTaken, Rule, Slot, Store, Transfers};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files under way with one peer.
pub(crate) struct Traffic<D: Dialect> {
    transfers: Table,
    verbs: Verbs<D>,
    files: Files,
    entries: Vec<Entry>,
    checking: VecDeque<(FileId, Checking)>,
    /// A frame that is to be taken before all others.
    held: Option<Vec<u8>>,
    news: VecDeque<Event>,
    /// There may be something to send.
    is_stirred: bool,
    /// It found no room, or was not allowed yet.
    is_blocked: bool,
    /// How much may be queued before another chunk is.
    plenty: usize,
}

type Table = Transfers<Disk, Vec<Slot<Disk>>>;

/// Transfers to and from disk.
enum Disk {}

impl Store for Disk {
    type Source = FileSource;
    type Sink = FileSink;
    type Name = String;
    type Checksum = FastCrc;
}

/// How a dialect that carries files is spoken.
struct Verbs<D: Dialect> {
    frame: fn(&mut Mail<D>, &Frame<'_>) -> Result<(), SendError>,
    chunk: fn(&mut Mail<D>, &mut Table) -> Option<Next>,
}

/// What a link needs to begin with files: the program's settings, and the sizes of its two buffers.
pub(crate) struct Carrier<D: Dialect> {
    files: Files,
    verbs: Verbs<D>,
    input: usize,
    outbox: usize,
}

/// What is known here of a transfer.
struct Entry {
    file: FileId,
    direction: Direction,
    name: Arc<str>,
    path: Option<Arc<Path>>,
    size: u64,
    /// How far it was when that was last told.
    told: u64,
    done: u64,
    /// Whether it was asked for here.
    is_asked: bool,
    /// Whether it has been told that it begins.
    has_begun: bool,
    fault: Fault,
}

impl<D: Dialect> Carrier<D> {
    pub(crate) fn new(files: Files, input: usize, outbox: usize) -> Arc<Self>
    where
        D: Filing,
    {
        let verbs = Verbs::new();
        Arc::new(Self {
            files,
            verbs,
            input,
            outbox,
        })
    }
}

impl<D: Filing> Verbs<D> {
    const fn new() -> Self {
        Self {
            frame: |mail, frame| mail.send_file(frame),
            chunk: |mail, table| {
                mail.send_chunk(|slot| match table.poll_chunk(slot) {
                    Next::Chunk(len) => (len, Next::Chunk(len)),
                    next => (0, next),
                })
            },
        }
    }
}

impl<D: Dialect> Clone for Verbs<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Dialect> Copy for Verbs<D> {}

impl<D: Dialect> Traffic<D> {
    /// No files so far.
    pub(crate) fn new(carrier: &Carrier<D>) -> Box<Self> {
        let Carrier { files, verbs, .. } = carrier;
        let (input, outbox) = (carrier.input, carrier.outbox);
        let slots = files.transfers.max(1);
        let quarter = u32::try_from(outbox / 4).unwrap_or(u32::MAX);
        let config = Config {
            window: files.share(input).max(LEAST_WINDOW),
            chunk: files.chunk.min(quarter).max(1),
        };
        Box::new(Self {
            transfers: Transfers::new((0..slots).map(|_| Slot::EMPTY).collect(), config),
            verbs: *verbs,
            files: files.clone(),
            entries: Vec::with_capacity(slots),
            checking: VecDeque::new(),
            held: None,
            news: VecDeque::new(),
            is_stirred: false,
            is_blocked: false,
            plenty: outbox / 2,
        })
    }

    pub(crate) fn offer(&mut self, path: &Path, name: &str) -> Result<FileId, FileError> {
        let (file, size) = open_file(path)?;
        let fault = Fault::default();
        let source = FileSource::new(file, fault.clone());
        let file = self.transfers.offer(source, name.into())?;
        self.note(file, Direction::Out, name, Some(path.into()), size, fault);
        Ok(file)
    }

    pub(crate) fn ask_for(&mut self, name: &str, path: &Path) -> Result<FileId, FileError> {
        if path.file_name().is_none() {
            return Err(PathError::Empty.into());
        }
        let file = self.transfers.ask(name.into())?;
        let fault = Fault::default();
        self.note(file, Direction::In, name, Some(path.into()), 0, fault);
        if let Some(entry) = self.entries.last_mut() {
            entry.is_asked = true;
        }
        Ok(file)
    }

    pub(crate) fn cancel(&mut self, file: FileId) -> bool {
        self.is_stirred = true;
        self.forget(file);
        self.transfers.cancel(file).is_ok()
    }

    /// Also of one that has ended and has not been told of.
    pub(crate) fn progress(&self, file: FileId) -> Option<Progress> {
        let entry = self.entries.iter().find(|entry| entry.file == file);
        let (offset, size) = entry.map(|entry| (entry.done, entry.size))?;
        let known = self.transfers.progress(file).filter(|known| known.size > 0);
        Some(known.unwrap_or(Progress { offset, size }))
    }

    fn note(
        &mut self,
        file: FileId,
        direction: Direction,
        name: &str,
        path: Option<Arc<Path>>,
        size: u64,
        fault: Fault,
    ) {
        self.is_stirred = true;
        self.entries.push(Entry {
            file,
            direction,
            name: name.into(),
            path,
            size,
            told: 0,
            done: 0,
            is_asked: false,
            has_begun: direction == Direction::In,
            fault,
        });
    }

    /// Takes a frame from the peer.
    pub(crate) fn handle(&mut self, frame: &Frame<'_>) -> Result<(), Rule> {
        self.is_stirred = true;
        match self.transfers.handle(*frame) {
            Ok(Some(event)) => self.decide(event),
            Ok(None) => {}
            Err(NotTaken::Rule(rule)) => return Err(rule),
            Err(_) => {
                let chunk = match frame {
                    Frame::Chunk { bytes, .. } => bytes.len(),
                    _ => 0,
                };
                let mut held = vec![0; Frame::MAX_CONTROL + chunk];
                if let Ok(len) = frame.emit(&mut held) {
                    held.truncate(len);
                    self.held = Some(held);
                }
            }
        }
        self.hear();
        Ok(())
    }

    /// Whether nothing more may be taken from the peer for now.
    pub(crate) const fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Takes what was put off, if it can be taken now.
    pub(crate) fn settle(&mut self, mail: &mut Mail<D>) {
        let Some(held) = self.held.take() else {
            return;
        };
        self.send_frames(mail);
        if let Ok(frame) = Frame::parse(&held) {
            // It was in order when it came.
            let _ = self.handle(&frame);
        }
    }

    fn decide(&mut self, event: file::Event<'_>) {
        match event {
            file::Event::Offered {
                file,
                name,
                size,
                tag,
            } => {
                let offer = Offer::new(name, size, tag);
                if let Err((reason, error)) = self.accept(file, &offer) {
                    self.refuse(file, Direction::In, name, (reason, error));
                }
            }
            file::Event::Asked { file, name } => {
                if let Err(why) = self.answer(file, name) {
                    self.refuse(file, Direction::Out, name, why);
                }
            }
            _ => {}
        }
    }

    /// Refuses what the peer wants.
    fn refuse(
        &mut self,
        file: FileId,
        direction: Direction,
        name: &str,
        (reason, error): (Reason, Option<io::Error>),
    ) {
        // It is refused only as long as it waits for that.
        let _ = self.transfers.refuse(file, reason);
        let entry = self.forget(file);
        self.news.push_back(Event {
            file,
            direction,
            name: name.into(),
            path: entry.and_then(|entry| entry.path),
            done: 0,
            size: 0,
            stage: Stage::Stopped {
                reason,
                by: By::Here,
                error: error.map(Arc::new),
            },
        });
    }

    fn accept(&mut self, file: FileId, offer: &Offer<'_>) -> Result<(), Refused> {
        if offer.size > self.files.max_size {
            return Err((Reason::TooLarge, None));
        }
        let asked = self.entries.iter_mut().find(|entry| entry.file == file);
        let path = match asked {
            Some(asked) => {
                asked.size = offer.size;
                asked.path.clone().ok_or((Reason::NotWanted, None))?
            }
            None => self.place(offer)?.into(),
        };
        let part = Part::open(&path, offer.size, offer.tag);
        let checking = part.and_then(|part| Checking::new(part, offer.size));
        let checking = checking.map_err(failed_to_write)?;
        self.checking.retain(|(id, _)| *id != file);
        if !self.entries.iter().any(|entry| entry.file == file) {
            let fault = Fault::default();
            let (name, size) = (offer.name, offer.size);
            self.note(file, Direction::In, name, Some(path), size, fault);
        }
        let there = checking.len();
        self.checking.push_back((file, checking));
        self.check();
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.file == file) {
            (entry.done, entry.told) = (there, there);
            self.news.push_back(entry.event(Stage::Begun));
        }
        Ok(())
    }

    /// Where an offered file is to be.
    fn place(&self, offer: &Offer<'_>) -> Result<PathBuf, Refused> {
        let root = self.files.receive.as_ref();
        let root = root.ok_or((Reason::NotWanted, None))?;
        if is_of_part(offer.name) {
            return Err((Reason::NameNotAllowed, None));
        }
        if !self
            .files
            .accepts
            .as_ref()
            .is_none_or(|accepts| accepts(offer))
        {
            return Err((Reason::NotWanted, None));
        }
        root.make_way(offer.name).map_err(|error| match error {
            PathError::Io(error) => failed_to_write(error),
            other => (Reason::NameNotAllowed, Some(io::Error::other(other))),
        })
    }

    fn answer(&mut self, file: FileId, name: &str) -> Result<(), Refused> {
        let root = self.files.serve.as_ref();
        let root = root.ok_or((Reason::UnknownName, None))?;
        let (content, size) = root.open(name).map_err(|error| match error {
            PathError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                (Reason::UnknownName, Some(error))
            }
            PathError::Io(error) => (Reason::ReadFailed, Some(error)),
            PathError::NotAFile => (Reason::UnknownName, None),
            other => (Reason::NameNotAllowed, Some(io::Error::other(other))),
        })?;
        let fault = Fault::default();
        let source = FileSource::new(content, fault.clone());
        if self.transfers.answer(file, source, name.into()).is_ok() {
            self.note(file, Direction::Out, name, None, size, fault);
        }
        Ok(())
    }

    /// What has become of the session.
    pub(crate) fn handle_opened(&mut self, opening: Opening) {
        self.is_stirred = true;
        match opening {
            Opening::Resumed => self.transfers.handle_resumed(),
            Opening::Fresh { cause, .. } => {
                self.held = None;
                if cause == Cause::PeerRestarted {
                    self.let_go();
                }
                self.transfers.handle_fresh();
            }
        }
        self.hear();
    }

    /// The peer's program no longer knows what it offered. If it offers that again, the part goes on.
    fn let_go(&mut self) {
        let entries = self.entries.iter();
        let offered = entries.filter(|entry| entry.direction == Direction::In && !entry.is_asked);
        let offered: Vec<FileId> = offered.map(|entry| entry.file).collect();
        for file in offered {
            if let Some(entry) = self.forget(file) {
                entry.fault.keep_part();
                let _ = self.transfers.cancel(file);
                self.news.push_back(entry.event(Stage::Stopped {
                    reason: Reason::Cancelled,
                    by: By::Fresh,
                    error: None,
                }));
            }
        }
    }

    /// The link is lost.
    pub(crate) fn handle_lost(&mut self) {
        self.transfers.handle_lost();
    }

    /// Queues what is to be said and at most one chunk, and says whether anything was queued.
    pub(crate) fn advance(&mut self, mail: &mut Mail<D>) -> bool {
        if !self.is_stirred && !self.is_blocked {
            return false;
        }
        self.is_stirred = false;
        self.is_blocked = false;
        self.check();
        let mut has_sent = self.send_frames(mail);
        for _ in 0..READS {
            if self.is_blocked {
                break;
            }
            if mail.queued() > self.plenty {
                self.is_blocked = true;
                break;
            }
            match (self.verbs.chunk)(mail, &mut self.transfers) {
                Some(Next::Chunk(_)) => {
                    has_sent = true;
                    self.is_stirred = true;
                    break;
                }
                Some(Next::Again) => {
                    has_sent |= self.send_frames(mail);
                    self.is_stirred = true;
                }
                Some(Next::Idle) => {
                    self.is_stirred = false;
                    break;
                }
                None => self.is_blocked = true,
            }
        }
        has_sent |= self.send_frames(mail);
        self.is_stirred |= !self.checking.is_empty();
        self.hear();
        has_sent
    }

    /// Whether there may be more to queue at once.
    pub(crate) const fn is_stirred(&self) -> bool {
        self.is_stirred
    }

    /// Whether there is something to queue once there is room, or messages that go first have gone.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    fn send_frames(&mut self, mail: &mut Mail<D>) -> bool {
        let mut has_sent = false;
        while let Some(frame) = self.transfers.poll_frame() {
            if (self.verbs.frame)(mail, &frame).is_err() {
                self.is_blocked = true;
                break;
            }
            self.transfers.frame_sent();
            has_sent = true;
        }
        has_sent
    }

    /// Looks at what there is of files that were accepted, some of it at a time.
    fn check(&mut self) {
        let Some((file, checking)) = self.checking.front_mut() else {
            return;
        };
        let (file, checked) = (*file, checking.step());
        if matches!(checked, Ok(false)) {
            return;
        }
        let Some((_, checking)) = self.checking.pop_front() else {
            return;
        };
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.file == file) else {
            return;
        };
        let target = entry
            .path
            .as_deref()
            .map(Path::to_owned)
            .unwrap_or_default();
        let sink = checked.and_then(|_| checking.into_sink(target, entry.fault.clone()));
        match sink {
            // Who has gone meanwhile is told of elsewhere.
            Ok(sink) => drop(self.transfers.accept(file, sink)),
            Err(error) => {
                let name = entry.name.clone();
                self.refuse(file, Direction::In, &name, failed_to_write(error));
            }
        }
    }

    /// Notes what has ended, and how far the rest is.
    fn hear(&mut self) {
        for entry in &mut self.entries {
            if !entry.has_begun
                && let Some(offset) = self.transfers.wanted_from(entry.file)
            {
                (entry.done, entry.told, entry.has_begun) = (offset, offset, true);
                self.news.push_back(entry.event(Stage::Begun));
            }
            if let Some(progress) = self.transfers.progress(entry.file)
                && progress.size > 0
                && progress.offset > 0
            {
                // What the peer has already is read once more, for the checksum alone.
                let there = self.transfers.wanted_from(entry.file).unwrap_or_default();
                entry.done = progress.offset.max(there);
                entry.size = progress.size;
                let step = (entry.size / STEPS).max(LEAST_STEP);
                if entry.done >= entry.told.saturating_add(step) || entry.done < entry.told {
                    entry.told = entry.done;
                    self.news.push_back(entry.event(Stage::Underway));
                }
            }
        }
        while let Some(event) = self.transfers.poll_event() {
            let (file, stage) = match event {
                file::Event::Received { file } | file::Event::Sent { file } => (file, Stage::Done),
                file::Event::Stopped { file, reason, by } => {
                    let error = None;
                    (file, Stage::Stopped { reason, by, error })
                }
                _ => continue,
            };
            self.checking.retain(|(id, _)| *id != file);
            if let Some(mut entry) = self.forget(file) {
                if let Stage::Done = stage {
                    entry.done = entry.size;
                }
                self.news.push_back(entry.event(stage));
            }
        }
    }

    fn forget(&mut self, file: FileId) -> Option<Entry> {
        self.checking.retain(|(id, _)| *id != file);
        let at = self.entries.iter().position(|entry| entry.file == file)?;
        Some(self.entries.swap_remove(at))
    }

    /// Whether there is something to tell.
    pub(crate) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    pub(crate) fn take_news(&mut self) -> Option<Event> {
        self.news.pop_front()
    }
}

type Refused = (Reason, Option<io::Error>);

fn failed_to_write(error: io::Error) -> Refused {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    let reason = match error.kind() {
        StorageFull | QuotaExceeded => Reason::NoRoom,
        _ => Reason::WriteFailed,
    };
    (reason, Some(error))
}

impl Entry {
    fn event(&self, stage: Stage) -> Event {
        let stage = match stage {
            Stage::Stopped { reason, by, .. } => Stage::Stopped {
                reason,
                by,
                error: self.fault.get(),
            },
            other => other,
        };
        Event {
            file: self.file,
            direction: self.direction,
            name: self.name.clone(),
            path: self.path.clone(),
            done: self.done,
            size: self.size,
            stage,
        }
    }
}

/// So little is granted at least, whatever the memory.
const LEAST_WINDOW: u32 = 1024;

/// Into how many steps the progress of a file is divided at most, and how long one is at least.
const STEPS: u64 = 200;
const LEAST_STEP: u64 = 64 << 10;

/// How often a file is read in one turn without anything to send.
const READS: usize = 64;
