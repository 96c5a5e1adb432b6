//! Files over sessions whose cable is pulled.

use super::rig::{End, Number, Random, Words, reconnect};
use super::{Config, Native, Notice, Opening};
use crate::Event;
use crate::file::{self, Next, Prefix, Reason, Sink, Slot, SmallCrc, Store, Transfers, WriteError};
use std::cell::RefCell;
use std::rc::Rc;
use std::vec::Vec;

/// What a sink has, whatever becomes of the program.
type Disk = Rc<RefCell<(Vec<u8>, bool)>>;

struct Written(Disk);

impl Sink for Written {
    fn resume(&mut self) -> Prefix {
        Prefix::EMPTY
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let mut disk = self.0.borrow_mut();
        disk.0.truncate(usize::try_from(offset).unwrap());
        disk.0.extend(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        self.0.borrow_mut().1 = true;
        Ok(())
    }

    fn abandon(&mut self, reason: Reason) {
        panic!("{reason}");
    }
}

struct Files;

impl Store for Files {
    type Source = &'static [u8];
    type Sink = Written;
    type Name = &'static str;
    type Checksum = SmallCrc;
}

type Both = Transfers<Files, [Slot<Files>; 2]>;

/// An end and its transfers; what it receives goes to its disk.
struct Side {
    end: End,
    files: Both,
    disk: Disk,
    heard: u32,
}

impl Side {
    fn new(native: Native<Config>) -> Self {
        let config = file::Config {
            window: 256,
            chunk: 100,
        };
        Self {
            end: End::new(native, 1024, 1024),
            files: Transfers::new([Slot::EMPTY; 2], config),
            disk: Disk::default(),
            heard: 0,
        }
    }

    fn hear(&mut self, seed: u64) {
        let Self {
            end, files, disk, ..
        } = self;
        while let Some(event) = end.messenger.recv::<Words<'_>>() {
            match event {
                Event::Message(Words::Number(Number(number))) => {
                    assert_eq!(number, self.heard, "seed {seed}");
                    self.heard += 1;
                }
                Event::Notice(Notice::File(frame)) => match files.handle(frame).unwrap() {
                    Some(file::Event::Offered { file, .. }) => {
                        files.accept(file, Written(disk.clone())).unwrap();
                    }
                    None => {}
                    other => panic!("seed {seed}: {other:?}"),
                },
                Event::Notice(Notice::Opened(Opening::Resumed)) => files.handle_resumed(),
                Event::Notice(Notice::Opened(Opening::Fresh { .. })) => files.handle_fresh(),
                Event::Notice(Notice::Met(_)) => {}
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }

    fn speak(&mut self) {
        while let Some(frame) = self.files.poll_frame() {
            if self.end.messenger.send_file(&frame).is_err() {
                return;
            }
            self.files.frame_sent();
        }
        let files = &mut self.files;
        let chunk = self
            .end
            .messenger
            .send_chunk(|slot| match files.poll_chunk(slot) {
                Next::Chunk(len) => (len, ()),
                Next::Again | Next::Idle => (0, ()),
            });
        let _ = chunk;
    }
}

/// How many messages go beside the files.
const NUMBERS: u32 = if cfg!(miri) { 3 } else { 30 };

fn transferred(seed: u64) -> usize {
    let mut random = Random(seed);
    let config = |epoch| Config::new(epoch).file_room(600);
    let mut a = Side::new(Native::dialling(config(1)));
    let mut b = Side::new(Native::listening(config(2)));
    let mut content = || -> Vec<u8> {
        let len = random.below(if cfg!(miri) { 200 } else { 3_000 });
        (0..len).map(|_| random.next().to_le_bytes()[0]).collect()
    };
    let (up, down) = (content(), content());
    a.files.offer(up.clone().leak(), "up").unwrap();
    b.files.offer(down.clone().leak(), "down").unwrap();
    let (mut sent, mut cuts, mut done) = (0, 0, 0);
    for step in 0.. {
        assert!(step < 100_000, "seed {seed}: stuck after {done}");
        let (here, there) = match random.below(2) {
            0 => (&mut a, &mut b),
            _ => (&mut b, &mut a),
        };
        match random.below(400) {
            0..100 => here.speak(),
            100..220 => drop(here.end.write(&mut there.end, 1 + random.below(300))),
            220..340 => drop(here.end.read(1 + random.below(300))),
            340..395 => here.hear(seed),
            395 | 396 => {
                a.files.handle_lost();
                b.files.handle_lost();
                reconnect(&mut a.end, &mut b.end);
                cuts += 1;
            }
            _ if sent < NUMBERS => {
                sent += u32::from(a.end.messenger.send(&Number(sent)).is_ok());
            }
            _ => {}
        }
        for side in [&mut a, &mut b] {
            while let Some(event) = side.files.poll_event() {
                match event {
                    file::Event::Sent { .. } | file::Event::Received { .. } => done += 1,
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
        }
        if done == 4 && b.heard == NUMBERS {
            break;
        }
    }
    assert_eq!(*b.disk.borrow(), (up, true), "seed {seed}");
    assert_eq!(*a.disk.borrow(), (down, true), "seed {seed}");
    cuts
}

#[test]
fn files_and_messages_come_whole_however_often_the_cable_is_pulled() {
    let seeds = if cfg!(miri) { 1..2 } else { 1..150 };
    let cuts: usize = seeds
        .clone()
        .map(|seed| transferred(seed * 0x9E37_79B9))
        .sum();
    std::println!("seeds {seeds:?}: {cuts} cuts");
    assert!(cuts > 100 || cfg!(miri));
}

/// Files go on by themselves: what was said of them is no message to be in doubt about.
#[test]
fn frames_of_files_are_not_in_doubt() {
    for keeps in [false, true] {
        let mut config = Config::new(1);
        if keeps {
            config = config.keep_in_doubt();
        }
        let mut a = Side::new(Native::dialling(config));
        let mut b = Side::new(Native::listening(Config::new(2)));
        super::rig::settle(&mut a.end, &mut b.end);
        a.files.offer(&b"content"[..], "up").unwrap();
        a.speak();
        a.end.messenger.send(&Number(7)).unwrap();
        while a.end.write(&mut b.end, usize::MAX) > 0 {}
        let mut b = Side::new(Native::listening(Config::new(3)));
        reconnect(&mut a.end, &mut b.end);
        let [told, _] = super::rig::settle(&mut a.end, &mut b.end);
        let fresh = super::rig::Told::Opened(Opening::Fresh {
            cause: crate::dialect::native::Cause::PeerRestarted,
            in_doubt: 1,
        });
        assert!(told.contains(&fresh), "{told:?}");
    }
}
