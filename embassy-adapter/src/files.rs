use crate::slot::Mail;
use ropeway_core::dialect::native::Opening;
use ropeway_core::dialect::{Dialect, Filing};
use ropeway_core::file::{
    self, By, Config, FileId, Frame, Gone, Next, NotTaken, Reason, Slot, StartError, Store,
    Transfers,
};
use ropeway_core::wire::Wire;

/// Where a program's files are kept, and which of them peers may give and take.
///
/// Its methods, and those of its sources and sinks, are called between messages, and may take as long as writing a page of
/// flash does; handles to the same peer must not be asked for anything meanwhile. A sink that is
/// [busy](file::WriteError::Busy) is asked again whenever something happens on the link, and every 5 ms while it keeps a
/// frame waiting.
pub trait Shelf: Store {
    /// A peer offers a file: where it goes, or why it is not wanted. The name has passed
    /// [`check_name`](file::check_name); what it may mean here is for the shelf to say.
    ///
    /// Also asked for a file that was [asked for](crate::Peer::fetch_file), under the name that is offered.
    fn take(&mut self, name: &str, size: u64, tag: u64) -> Result<Self::Sink, Reason>;

    /// A peer asks for a file: where it comes from, and its name.
    fn give(&mut self, name: &str) -> Result<(Self::Source, Self::Name), Reason>;

    /// A transfer has ended.
    fn handle_ended(&mut self, event: &file::Event<'_>) {
        let _ = event;
    }
}

/// What carries the files of a link: [`NoFiles`] or [`Files`].
pub trait Carry<D: Dialect>: sealed::Sealed {
    /// Has the dialect keep room for files.
    #[doc(hidden)]
    fn prepare(&self, dialect: &mut D);

    /// Takes a frame, and says whether it could be taken now.
    #[doc(hidden)]
    fn handle(&mut self, frame: &Frame<'_>) -> bool;

    #[doc(hidden)]
    fn handle_opened(&mut self, opening: Opening);

    #[doc(hidden)]
    fn handle_lost(&mut self);

    /// The peer is gone for good.
    #[doc(hidden)]
    fn handle_gone(&mut self);

    /// Queues what is to be said, as far as there is room, and says whether anything was queued.
    #[doc(hidden)]
    fn advance<X: Wire>(&mut self, mail: &mut Mail<'_, D, X>) -> bool;
}

/// A link without files: what peers say of them is passed over.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoFiles;

/// A link with files, at most `T` under way at once.
pub struct Files<S: Shelf, const T: usize> {
    shelf: S,
    transfers: Transfers<S, [Slot<S>; T]>,
    config: Config,
    /// The transfers that somebody waits for, and what has become of them.
    awaited: [Option<(FileId, Option<Outcome>)>; T],
}

/// How a transfer that was begun here ended.
pub(crate) type Outcome = Result<(), (Reason, By)>;

impl<S: Shelf, const T: usize> Files<S, T> {
    /// Files of `shelf`. The window and one chunk should both be at most a quarter of the link's buffers.
    pub const fn new(shelf: S, config: Config) -> Self {
        Self {
            shelf,
            transfers: Transfers::new([const { Slot::EMPTY }; T], config),
            config,
            awaited: [const { None }; T],
        }
    }

    pub(crate) const fn shelf(&mut self) -> &mut S {
        &mut self.shelf
    }

    pub(crate) fn offer(&mut self, source: S::Source, name: S::Name) -> Result<FileId, StartError> {
        let file = self.transfers.offer(source, name)?;
        self.await_end(file)
    }

    pub(crate) fn ask(&mut self, name: S::Name) -> Result<FileId, StartError> {
        let file = self.transfers.ask(name)?;
        self.await_end(file)
    }

    fn await_end(&mut self, file: FileId) -> Result<FileId, StartError> {
        match self.awaited.iter_mut().find(|place| place.is_none()) {
            Some(free) => {
                *free = Some((file, None));
                Ok(file)
            }
            None => {
                let _ = self.transfers.cancel(file);
                Err(StartError::TooMany)
            }
        }
    }

    /// What has become of a transfer, once.
    pub(crate) fn take_outcome(&mut self, file: FileId) -> Option<Outcome> {
        let place = self.awaited.iter_mut().find(|place| is_of(place, file))?;
        let (_, outcome) = place.as_ref()?;
        let outcome = (*outcome)?;
        *place = None;
        Some(outcome)
    }

    /// Nobody waits for this transfer any more.
    pub(crate) fn give_up(&mut self, file: FileId) {
        if let Some(place) = self.awaited.iter_mut().find(|place| is_of(place, file)) {
            *place = None;
            let _ = self.transfers.cancel(file);
        }
    }

    fn decide(&mut self, event: &file::Event<'_>) {
        // Who has gone meanwhile is told of elsewhere.
        let _ = match *event {
            file::Event::Offered {
                file,
                name,
                size,
                tag,
            } => match self.shelf.take(name, size, tag) {
                Ok(sink) => self.transfers.accept(file, sink),
                Err(reason) => self.refuse(file, reason),
            },
            file::Event::Asked { file, name } => match self.shelf.give(name) {
                Ok((source, name)) => match self.transfers.answer(file, source, name) {
                    Err(StartError::Name(_)) => self.refuse(file, Reason::NameNotAllowed),
                    answered => answered.map_err(|_| Gone),
                },
                Err(reason) => self.refuse(file, reason),
            },
            _ => Ok(()),
        };
    }

    fn refuse(&mut self, file: FileId, reason: Reason) -> Result<(), Gone> {
        self.note(file, Err((reason, By::Here)));
        self.transfers.refuse(file, reason)
    }

    /// Keeps what has become of a transfer, if somebody waits for it.
    fn note(&mut self, file: FileId, ended: Outcome) {
        let mut awaited = self.awaited.iter_mut().flatten();
        if let Some((_, outcome)) = awaited.find(|(id, _)| *id == file) {
            *outcome = Some(ended);
        }
    }

    fn hear(&mut self) {
        while let Some(event) = self.transfers.poll_event() {
            self.shelf.handle_ended(&event);
            let (file, ended) = match event {
                file::Event::Received { file } | file::Event::Sent { file } => (file, Ok(())),
                file::Event::Stopped { file, reason, by } => (file, Err((reason, by))),
                _ => continue,
            };
            self.note(file, ended);
        }
    }
}

fn is_of(place: &Option<(FileId, Option<Outcome>)>, file: FileId) -> bool {
    place.as_ref().is_some_and(|(id, _)| *id == file)
}

impl<D: Dialect> Carry<D> for NoFiles {
    fn prepare(&self, _: &mut D) {}

    fn handle(&mut self, _: &Frame<'_>) -> bool {
        true
    }

    fn handle_opened(&mut self, _: Opening) {}

    fn handle_lost(&mut self) {}

    fn handle_gone(&mut self) {}

    fn advance<X: Wire>(&mut self, _: &mut Mail<'_, D, X>) -> bool {
        false
    }
}

impl<D: Filing, S: Shelf, const T: usize> Carry<D> for Files<S, T> {
    fn prepare(&self, dialect: &mut D) {
        let transfers = u32::try_from(T).unwrap_or(u32::MAX);
        dialect.keep_room(
            self.config
                .window
                .saturating_add(transfers.saturating_mul(FRAMES)),
        );
    }

    fn handle(&mut self, frame: &Frame<'_>) -> bool {
        let taken = match self.transfers.handle(*frame) {
            Ok(Some(event)) => {
                self.decide(&event);
                true
            }
            Ok(None) | Err(NotTaken::Rule(_)) => true,
            Err(_) => false,
        };
        self.hear();
        taken
    }

    fn handle_opened(&mut self, opening: Opening) {
        match opening {
            Opening::Resumed => self.transfers.handle_resumed(),
            Opening::Fresh { .. } => self.transfers.handle_fresh(),
        }
        self.hear();
    }

    fn handle_lost(&mut self) {
        self.transfers.handle_lost();
    }

    fn handle_gone(&mut self) {
        self.transfers.handle_gone();
        self.hear();
    }

    fn advance<X: Wire>(&mut self, mail: &mut Mail<'_, D, X>) -> bool {
        let mut has_advanced = false;
        for _ in 0..READS {
            has_advanced |= send_frames(&mut self.transfers, mail);
            let transfers = &mut self.transfers;
            let next = mail.send_chunk(|slot| match transfers.poll_chunk(slot) {
                Next::Chunk(len) => (len, Next::Chunk(len)),
                next => (0, next),
            });
            match next {
                Some(Next::Chunk(_) | Next::Again) => has_advanced = true,
                Some(Next::Idle) | None => break,
            }
        }
        has_advanced |= send_frames(&mut self.transfers, mail);
        self.hear();
        has_advanced
    }
}

fn send_frames<D: Filing, S: Shelf, const T: usize, X: Wire>(
    transfers: &mut Transfers<S, [Slot<S>; T]>,
    mail: &mut Mail<'_, D, X>,
) -> bool {
    let mut has_sent = false;
    while let Some(frame) = transfers.poll_frame() {
        if mail.send_file(&frame).is_err() {
            break;
        }
        transfers.frame_sent();
        has_sent = true;
    }
    has_sent
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoFiles {}
    impl<S: super::Shelf, const T: usize> Sealed for super::Files<S, T> {}
}

/// The bytes of input memory that are kept for the frames of one transfer.
const FRAMES: u32 = 64;

/// How often sources are read in one turn.
const READS: usize = 8;
