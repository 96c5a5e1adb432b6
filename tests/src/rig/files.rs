use super::words::Talk;
use super::{Counts, Random};
use ropeway_core::SendError;
use ropeway_core::dialect::native::Notice;
use ropeway_core::file::{
    self, By, Checksum, Event, FileId, Frame, Next, NotTaken, Prefix, ReadFailed, Reason, Sink,
    Slot, SmallCrc, Source, StartError, Store, Transfers, WriteError,
};
use ropeway_core::wire::Wire;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The files of one program: what it sends, and what it receives onto its disk.
pub struct Files {
    transfers: Transfers<Shelf, Vec<Slot<Shelf>>>,
    disk: Disk,
    /// The transfers that were begun here and have not ended.
    own: Vec<FileId>,
    /// A frame that is to be handed in again.
    later: Option<Vec<u8>>,
    named: usize,
    life: u32,
}

/// What a side has of files, whichever program runs there: their first bytes, until they are whole.
#[derive(Clone, Debug, Default)]
pub struct Disk(
    Rc<RefCell<HashMap<String, Vec<u8>>>>,
    Rc<RefCell<Vec<String>>>,
);

/// A file whose content follows from its name.
pub(super) struct Content(Vec<u8>);

/// A file on its way to a disk.
pub(super) struct Target {
    name: String,
    disk: Disk,
}

/// What transfers are made of here.
pub(super) struct Shelf;

impl Store for Shelf {
    type Source = Content;
    type Sink = Target;
    type Name = String;
    type Checksum = SmallCrc;
}

impl Files {
    /// Those of a program that has just been started.
    pub fn new(life: u32, disk: Disk) -> Self {
        let slots = (0..8).map(|_| Slot::EMPTY).collect();
        let config = file::Config {
            window: 256,
            chunk: 100,
        };
        Self {
            transfers: Transfers::new(slots, config),
            disk,
            own: Vec::new(),
            later: None,
            named: 0,
            life,
        }
    }

    /// Offers a file of so many bytes, or asks for one, and says whether there was room for that.
    pub fn begin(&mut self, len: usize, asks: bool) -> bool {
        let name = format!("{}-{}-{len}", self.life, self.named);
        let begun = match asks {
            true => self.transfers.ask(name),
            false => self.transfers.offer(Content::of(&name), name),
        };
        match begun {
            Ok(file) => {
                self.named += 1;
                self.own.push(file);
                true
            }
            Err(StartError::TooMany) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Says what there is to say of files, as far as there is room, and whether that was anything.
    pub fn say<W: Wire>(&mut self, talk: &mut Talk<W>, counts: &mut Counts) -> bool {
        let mut said = false;
        while let Some(frame) = self.transfers.poll_frame() {
            match talk.send_file(&frame) {
                Ok(()) => self.transfers.frame_sent(),
                Err(SendError::Full | SendError::NotOpen) => break,
                Err(error) => panic!("{error}"),
            }
            said = true;
        }
        let transfers = &mut self.transfers;
        let chunk = talk.send_chunk(|slot| match transfers.poll_chunk(slot) {
            Next::Chunk(len) => (len, true),
            Next::Again => (0, true),
            Next::Idle => (0, false),
        });
        self.note_ended(counts) | said | (chunk == Some(true))
    }

    /// Takes in what the peer says of files.
    pub fn take(&mut self, notice: &Notice<'_>, counts: &mut Counts) {
        let Notice::File(frame) = notice else {
            return;
        };
        self.take_frame(*frame);
        self.note_ended(counts);
    }

    /// Whether a frame has to be handed in again before another is taken; tries that first.
    pub fn is_busy(&mut self) -> bool {
        if let Some(content) = self.later.take() {
            self.take_frame(Frame::parse(&content).expect("it was one"));
        }
        self.later.is_some()
    }

    fn take_frame(&mut self, frame: Frame<'_>) {
        match self.transfers.handle(frame) {
            Ok(None) => {}
            Ok(Some(Event::Offered { file, name, .. })) => {
                let target = Target {
                    name: name.into(),
                    disk: self.disk.clone(),
                };
                self.transfers.accept(file, target).expect("it is offered");
            }
            Ok(Some(Event::Asked { file, name })) => {
                let (content, name) = (Content::of(name), name.into());
                let answered = self.transfers.answer(file, content, name);
                answered.expect("it is asked for");
            }
            Ok(Some(other)) => panic!("{other:?}"),
            Err(NotTaken::Later) => {
                let mut content = vec![0; 400];
                let len = frame.emit(&mut content).expect("room for a frame");
                content.truncate(len);
                self.later = Some(content);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn note_ended(&mut self, counts: &mut Counts) -> bool {
        let mut has_ended = false;
        while let Some(event) = self.transfers.poll_event() {
            has_ended = true;
            let file = match event {
                Event::Sent { file } => file,
                Event::Received { file } => {
                    counts.files += 1;
                    file
                }
                Event::Stopped {
                    file,
                    by: By::Fresh,
                    ..
                } => file,
                Event::Stopped {
                    file,
                    reason: Reason::Busy,
                    ..
                } => {
                    counts.busy += 1;
                    file
                }
                other => panic!("{other:?}"),
            };
            self.own.retain(|own| *own != file);
        }
        has_ended
    }

    /// The transport is lost.
    pub fn handle_lost(&mut self) {
        self.later = None;
        self.transfers.handle_lost();
    }

    /// The session goes on.
    pub fn handle_resumed(&mut self) {
        self.transfers.handle_resumed();
    }

    /// A session begins.
    pub fn handle_fresh(&mut self) {
        self.transfers.handle_fresh();
    }

    /// Whether all that it began has ended.
    pub fn is_done(&self) -> bool {
        self.own.is_empty()
    }
}

impl Content {
    /// The content of the file of this name.
    fn of(name: &str) -> Self {
        let len = name.rsplit('-').next().and_then(|len| len.parse().ok());
        let seed = name
            .bytes()
            .fold(7, |seed, byte| seed * 31 + u64::from(byte));
        let mut random = Random::new(seed);
        let byte = || random.next().to_le_bytes()[0];
        Self(
            std::iter::repeat_with(byte)
                .take(len.unwrap_or(0))
                .collect(),
        )
    }
}

impl Source for Content {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        (&self.0[..]).read_at(offset, buffer)
    }
}

impl Disk {
    /// How often each file has become whole, by its name.
    pub fn whole(&self) -> Vec<String> {
        self.1.borrow().clone()
    }
}

impl Sink for Target {
    fn resume(&mut self) -> Prefix {
        let disk = self.disk.0.borrow();
        let bytes = disk.get(&self.name).map_or(&[][..], |bytes| &bytes[..]);
        Prefix {
            len: bytes.len() as u64,
            crc: SmallCrc::extend(0, bytes),
        }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let mut disk = self.disk.0.borrow_mut();
        let file = disk.entry(self.name.clone()).or_default();
        let offset = usize::try_from(offset).expect("a small file");
        assert!(offset <= file.len(), "a gap in {}", self.name);
        file.truncate(offset);
        file.extend(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        let bytes = self.disk.0.borrow_mut().remove(&self.name);
        let Content(expected) = Content::of(&self.name);
        assert_eq!(
            bytes.unwrap_or_default(),
            expected,
            "{} has changed on the way",
            self.name
        );
        self.disk.1.borrow_mut().push(self.name.clone());
        Ok(())
    }

    fn abandon(&mut self, _: Reason) {}
}
