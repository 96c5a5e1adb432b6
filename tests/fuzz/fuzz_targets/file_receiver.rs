#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ropeway_core::file::{
    Checksum, Config, Event, FileId, Frame, Next, NotTaken, Prefix, Reason, Side, Sink, Slot,
    SmallCrc, Store, Transfers, WriteError,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a peer says: a frame of its making, or any bytes.
#[derive(Arbitrary, Debug)]
enum Say<'a> {
    /// An OFFER in order, of content that it has.
    Offer {
        content: &'a [u8],
        tag: u8,
        answers: bool,
    },
    /// The next chunk of a file that it has offered.
    Chunk {
        file: u8,
        len: u8,
    },
    /// DONE, with the CRC of the content or another one.
    Done {
        file: u8,
        off: u8,
    },
    Accept {
        file: u8,
        offset: u8,
        limit: u16,
    },
    Credit {
        file: u8,
        offset: u8,
        limit: u16,
    },
    Verified {
        file: u8,
    },
    Ask {
        name: &'a str,
    },
    Stop {
        id: u8,
        side: u8,
        reason: u8,
    },
    Bytes(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Say(Say<'a>),
    Offer,
    Ask,
    Cancel(u8),
    Decide { no: bool, already: u8, errors: u8 },
    Chunk(u8),
    Frames(u8),
    Event,
    Lost,
    Resumed,
    Fresh,
}

struct Fuzzed;

impl Store for Fuzzed {
    type Source = &'static [u8];
    type Sink = Shown;
    type Name = &'static str;
    type Checksum = SmallCrc;
}

const CONTENT: &[u8] = &[0x5a; 300];

/// The content of one sink: in memory, shown when it is committed.
struct Shown {
    bytes: Vec<u8>,
    /// A bit for each call that is to fail.
    errors: u8,
    shown: Shelf,
}

type Shelf = Rc<RefCell<Option<Vec<u8>>>>;

impl Shown {
    fn fault(&mut self) -> Result<(), WriteError> {
        let fails = self.errors & 1 == 1;
        self.errors >>= 1;
        match (fails, self.errors & 3) {
            (false, _) => Ok(()),
            (true, 0) => Err(WriteError::Failed),
            (true, 1) => Err(WriteError::NoRoom),
            (true, _) => Err(WriteError::Busy),
        }
    }
}

impl Sink for Shown {
    fn resume(&mut self) -> Prefix {
        Prefix {
            len: self.bytes.len() as u64,
            crc: SmallCrc::extend(0, &self.bytes),
        }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        self.fault()?;
        // A resume point beyond the size counts as nothing.
        self.bytes.truncate(usize::try_from(offset).unwrap());
        assert_eq!(self.bytes.len() as u64, offset, "a gap");
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        self.fault()?;
        assert_eq!(
            self.shown.replace(Some(self.bytes.clone())),
            None,
            "committed twice"
        );
        Ok(())
    }

    fn abandon(&mut self, _reason: Reason) {
        assert!(
            self.shown.borrow().is_none(),
            "abandoned what was committed"
        );
    }
}

/// A file that the peer has offered, by the wire.
struct Claim {
    id: u32,
    size: u64,
    crcs: Vec<u32>,
}

#[derive(Default)]
struct World<'a> {
    /// The peer's contents, and how much of each it has sent.
    contents: Vec<(u32, &'a [u8], usize)>,
    next_file: u32,
    next_ask: u32,
    open_ask: u32,
    claims: Vec<Claim>,
    shelves: HashMap<FileId, Shelf>,
    undecided: Vec<(FileId, bool, u64)>,
    files: Vec<FileId>,
}

type Attacked = Transfers<Fuzzed, [Slot<Fuzzed>; 4]>;

fuzz_target!(|plan: (u16, u16, Vec<Step<'_>>)| {
    let (window, chunk, steps) = plan;
    let config = Config {
        window: window.into(),
        chunk: chunk.into(),
    };
    let mut side: Attacked = Transfers::new(core::array::from_fn(|_| Slot::EMPTY), config);
    let mut world = World::default();
    for step in steps {
        world.step(&mut side, step);
    }
});

impl<'a> World<'a> {
    fn step(&mut self, side: &mut Attacked, step: Step<'a>) {
        match step {
            Step::Say(say) => self.say(side, &say),
            Step::Offer => self.files.extend(side.offer(CONTENT, "a")),
            Step::Ask => self.files.extend(side.ask("b")),
            Step::Cancel(at) => {
                if let Some(file) = self.files.get(usize::from(at)) {
                    let _ = side.cancel(*file);
                    assert_eq!(side.progress(*file), None);
                }
            }
            Step::Decide {
                no,
                already,
                errors,
            } => self.decide(side, no, already, errors),
            Step::Chunk(room) => {
                let mut slot = vec![0; usize::from(room)];
                if let Next::Chunk(len) = side.poll_chunk(&mut slot) {
                    assert!(len <= slot.len());
                    let content = if slot[0] == 0 {
                        &slot[5..len]
                    } else {
                        &slot[1..len]
                    };
                    assert!(matches!(Frame::parse(content), Ok(Frame::Chunk { .. })));
                }
            }
            Step::Frames(count) => (0..count).for_each(|_| self.frame(side)),
            Step::Event => self.event(side),
            Step::Lost => side.handle_lost(),
            Step::Resumed => side.handle_resumed(),
            Step::Fresh => {
                side.handle_fresh();
                self.contents.clear();
                (self.next_file, self.next_ask, self.open_ask) = (0, 0, 0);
            }
        }
    }

    fn frame(&mut self, side: &mut Attacked) {
        let Some(frame) = side.poll_frame() else {
            return;
        };
        let mut slot = [0; Frame::MAX_CONTROL];
        let len = frame.emit(&mut slot).expect("a slot for the longest");
        assert_eq!(Frame::parse(&slot[..len]), Ok(frame));
        if let Frame::Ask { ask, .. } = frame {
            self.open_ask = ask;
        }
        side.frame_sent();
    }

    fn event(&mut self, side: &mut Attacked) {
        let Some(Event::Received { file }) = side.poll_event() else {
            return;
        };
        let bytes = self.shelves[&file]
            .borrow_mut()
            .take()
            .expect("it is committed");
        let crc = SmallCrc::extend(0, &bytes);
        let is_claimed =
            |claim: &Claim| claim.size == bytes.len() as u64 && claim.crcs.contains(&crc);
        assert!(self.claims.iter().any(is_claimed), "nobody has sent this");
    }

    fn decide(&mut self, side: &mut Attacked, no: bool, already: u8, errors: u8) {
        let Some((file, is_offer, size)) = self.undecided.pop() else {
            return;
        };
        if no {
            let _ = side.refuse(file, Reason::NotWanted);
        } else if is_offer {
            let shown = Shelf::default();
            let already = usize::from(already % 4) * 8;
            let bytes = match already as u64 <= size {
                true => vec![0; already],
                false => Vec::new(),
            };
            let sink = Shown {
                bytes,
                errors,
                shown: Rc::clone(&shown),
            };
            if side.accept(file, sink).is_ok() {
                self.shelves.insert(file, shown);
            }
        } else {
            let _ = side.answer(file, CONTENT, "a");
        }
    }

    fn say(&mut self, side: &mut Attacked, say: &Say<'a>) {
        let nobody = (0, &[][..], 0);
        let at = |contents: &Vec<(u32, &'a [u8], usize)>, file: u8| {
            usize::from(file).min(contents.len().saturating_sub(1))
        };
        let frame = match *say {
            Say::Offer {
                content,
                tag,
                answers,
            } => {
                self.next_file += 1;
                self.contents.push((self.next_file, content, 0));
                Frame::Offer {
                    file: self.next_file,
                    ask: if answers { self.open_ask } else { 0 },
                    size: content.len() as u64,
                    tag: tag.into(),
                    name: "c",
                }
            }
            Say::Chunk { file, len } => {
                let at = at(&self.contents, file);
                let Some((file, content, sent)) = self.contents.get_mut(at) else {
                    return;
                };
                let offset = *sent;
                *sent = content.len().min(offset + usize::from(len));
                let bytes = &content[offset..*sent];
                Frame::Chunk {
                    file: *file,
                    offset: offset as u64,
                    bytes,
                }
            }
            Say::Done { file, off } => {
                let at = at(&self.contents, file);
                let (file, content, _) = self.contents.get(at).copied().unwrap_or(nobody);
                let crc = SmallCrc::extend(0, content) ^ u32::from(off);
                Frame::Done { file, crc }
            }
            Say::Accept {
                file,
                offset,
                limit,
            } => Frame::Accept {
                file: file.into(),
                offset: offset.into(),
                limit: limit.into(),
            },
            Say::Credit {
                file,
                offset,
                limit,
            } => Frame::Credit {
                file: file.into(),
                offset: offset.into(),
                limit: limit.into(),
            },
            Say::Verified { file } => Frame::Verified { file: file.into() },
            Say::Ask { name } => {
                self.next_ask += 1;
                Frame::Ask {
                    ask: self.next_ask,
                    name,
                }
            }
            Say::Stop { id, side, reason } => Frame::Stop {
                id: id.into(),
                side: [Side::Sender, Side::Receiver, Side::Asked][usize::from(side % 3)],
                reason: Reason::from_wire(reason),
            },
            Say::Bytes(bytes) => match Frame::parse(bytes) {
                Ok(frame) => frame,
                Err(_) => return,
            },
        };
        self.hand_in(side, frame);
    }

    fn hand_in(&mut self, side: &mut Attacked, frame: Frame<'a>) {
        if let Frame::Done { file, crc } = frame
            && let Some(claim) = self.claims.iter_mut().rfind(|claim| claim.id == file)
        {
            claim.crcs.push(crc);
        }
        let before = side.malformed();
        let taken = side.handle(frame);
        assert_eq!(
            side.malformed() - before,
            u32::from(matches!(taken, Err(NotTaken::Rule(_))))
        );
        if let (Frame::Offer { file: id, size, .. }, Ok(_)) = (frame, taken) {
            self.next_file = id;
            let crcs = Vec::new();
            self.claims.push(Claim { id, size, crcs });
        }
        match taken {
            Ok(Some(Event::Offered { file, size, .. })) => self.undecided.push((file, true, size)),
            Ok(Some(Event::Asked { file, .. })) => self.undecided.push((file, false, 0)),
            _ => {}
        }
    }
}
