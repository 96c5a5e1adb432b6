//! What a native end refuses, each by its name, and what it does not harm: the next peer, and the session of another.

use ropeway_core::dialect::native::{Config, Native, Notice};
use ropeway_core::file::{
    self, Event as FileEvent, NotTaken, Reason, Sink, Slot, SmallCrc, Store, Transfers, WriteError,
};
use ropeway_core::wire::Plain;
use ropeway_core::{Event, Messenger, Over, file::Frame};
use ropeway_tests::rig::{Memory, Note, Random, Setup, Talk, Words, World, hear, script};

/// A listener that an honest peer has come to, and that peer's way of saying things.
fn listener() -> Talk<Plain> {
    let native = Native::listening(Config::new(2).window(60)).seed(3);
    let mut hub = Messenger::new(native, Memory::new(512), Memory::new(512));
    let hello = Messenger::new(Native::dialling(Config::new(1)), [0; 128], [0; 128])
        .poll_output()
        .to_vec();
    say(&mut hub, &hello);
    say(&mut hub, &[10, 0xE5, 0, 0, 0, 0, 90, 0, 0, 0]);
    while hear(&mut hub, |_| ()).is_some() {}
    hub
}

/// Bytes from the peer.
fn say(hub: &mut Talk<Plain>, bytes: &[u8]) {
    let room = hub.input_room();
    room[..bytes.len()].copy_from_slice(bytes);
    hub.handle_input(bytes.len());
    while !hub.poll_output().is_empty() {
        let len = hub.poll_output().len();
        hub.handle_written(len);
    }
}

/// The names of what is wrong, and how often something was.
fn complaints(hub: &mut Talk<Plain>) -> Vec<String> {
    let mut complaints = Vec::new();
    while let Some(event) = hub.recv::<Words<'_>>() {
        match event {
            Event::Malformed(malformed) => complaints.push(malformed.rule.to_string()),
            Event::Notice(Notice::Broken(rule)) => complaints.push(rule.to_string()),
            _ => {}
        }
    }
    complaints
}

fn hello(latest: u8, oldest: u8) -> Vec<u8> {
    let mut hello = vec![52, 0xE0, latest, oldest];
    hello.resize(52, 0);
    hello
}

#[test]
fn each_is_refused_by_its_name_and_ends_the_link() {
    let chunk = |code, len: u8| {
        let mut frame = vec![len, code];
        frame.resize(len.into(), 1);
        frame
    };
    let two_large = [chunk(0x20, 50), chunk(0x20, 50)].concat();
    for (bytes, name) in [
        (vec![2, 0xE7], "unknown control code 0xE7"),
        (vec![5, 0xFF, 1, 2, 3], "unknown control code 0xFF"),
        (vec![2, 0xFE], "unknown control code 0xFE"),
        (hello(1, 1), "frame 0xE0 out of place"),
        (vec![3, 0xE5, 0], "frame 0xE5 without all of its fields"),
        (
            vec![10, 0xE5, 1, 0, 0, 0, 0, 0, 0, 0],
            "acknowledgement of what was never sent",
        ),
        (
            vec![10, 0xE5, 255, 255, 255, 255, 0, 0, 0, 0],
            "acknowledgement of what was never sent",
        ),
        (vec![4, 0xE8, 0, 0], "frame 0xE8 without all of its fields"),
        (vec![2, 0xE6], "frame 0xE6 out of place"),
        (two_large, "beyond the window"),
        (vec![1, 1], "length byte 1, the smallest is 2"),
    ] {
        let mut hub = listener();
        say(&mut hub, &bytes);
        let complaints = complaints(&mut hub);
        assert_eq!(complaints.len(), 1, "{bytes:x?}: {complaints:?}");
        assert!(complaints[0].contains(name), "{complaints:?} is not {name}");
        assert!(
            matches!(hub.is_over(), Some(Over::Quit | Over::OutOfStep)),
            "{name}"
        );
        works_again(hub, name);
    }
}

#[test]
fn no_version_in_common_is_refused_by_its_name() {
    for (latest, oldest) in [(2, 2), (255, 3), (0, 0)] {
        let mut hub = listener();
        hub.handle_connected();
        say(&mut hub, &hello(latest, oldest));
        let rule = format!("versions {oldest} to {latest}, none of which is spoken here");
        assert_eq!(complaints(&mut hub), [rule]);
        works_again(hub, "another version");
    }
}

/// The next peer finds it as if nothing had been.
fn works_again(mut hub: Talk<Plain>, after: &str) {
    let mut board = Messenger::new(Native::dialling(Config::new(7)), [0; 256], [0; 256]);
    let mark = ropeway_tests::rig::Mark { life: 0, index: 0 };
    let filler = &[][..];
    board.send(&Note { mark, filler }).expect("room");
    hub.handle_connected();
    let mut notes = 0;
    for _ in 0..6 {
        let bytes = board.poll_output().to_vec();
        board.handle_written(bytes.len());
        let room = hub.input_room();
        room[..bytes.len()].copy_from_slice(&bytes);
        hub.handle_input(bytes.len());
        while let Some(event) = hub.recv::<Words<'_>>() {
            notes += usize::from(matches!(event, Event::Message(_)));
        }
        let bytes = hub.poll_output().to_vec();
        hub.handle_written(bytes.len());
        board.input_room()[..bytes.len()].copy_from_slice(&bytes);
        board.handle_input(bytes.len());
        while board.recv::<Words<'_>>().is_some() {}
    }
    assert_eq!(notes, 1, "after {after}");
}

/// A thousand strangers open, each as far as it likes, and go: the slot is as it was, and so is the session in it.
#[test]
fn a_thousand_openings_that_never_finish_harm_nobody() {
    let setup = Setup::roomy([script(300), script(300)]);
    let mut world = World::new(setup, |_| Plain, Random::new(4));
    world.run_until(40);
    let session = world.ends[1].talk.dialect().session();
    assert!(session.is_some());
    for len in 0..1_000 {
        world.intrude(len % 60);
    }
    assert_eq!(world.ends[1].talk.dialect().session(), session);
    world.run();
    assert_eq!(world.ledger.counts.in_doubt, 0);
    println!("{}", world.ledger.counts);
}

struct Nowhere;

impl Sink for Nowhere {
    fn write_at(&mut self, _: u64, _: &[u8]) -> Result<(), WriteError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        panic!("nothing here is whole")
    }

    fn abandon(&mut self, _: Reason) {}
}

struct Shelf;

impl Store for Shelf {
    type Source = &'static [u8];
    type Sink = Nowhere;
    type Name = &'static str;
    type Checksum = SmallCrc;
}

/// Over a session, and without an end to it: other files, and messages, go on.
#[test]
fn frames_of_files_are_refused_by_name_and_counted() {
    let mut hub = listener();
    let slots: [Slot<Shelf>; 2] = [Slot::EMPTY, Slot::EMPTY];
    let config = file::Config {
        window: 100,
        chunk: 50,
    };
    let mut files = Transfers::new(slots, config);
    files.handle_fresh();
    let offer = Frame::Offer {
        file: 1,
        ask: 0,
        size: 1_000,
        tag: 0,
        name: "a",
    };
    files.offer(&b"abcdefghijkl"[..], "own").expect("a slot");
    let mut refused = Vec::new();
    let chunk = |file, offset, bytes| Frame::Chunk {
        file,
        offset,
        bytes,
    };
    let mut steps = vec![offer, chunk(1, 0, &b"abcde"[..])];
    steps.push(chunk(1, 4, b"x"));
    steps.push(chunk(1, 6, b"x"));
    steps.push(chunk(1, 5, &[7; 96]));
    steps.push(chunk(9, 0, b"x"));
    steps.push(Frame::Credit {
        file: 1,
        offset: 9,
        limit: 5,
    });
    steps.push(Frame::Credit {
        file: 1,
        offset: 13,
        limit: 20,
    });
    steps.push(Frame::Verified { file: 5 });
    for frame in steps {
        let mut bytes = [0; 200];
        let len = frame.emit(&mut bytes[1..]).expect("room");
        bytes[0] = u8::try_from(len + 1).expect("a short frame");
        say(&mut hub, &bytes[..=len]);
        while let Some(event) = hub.recv::<Words<'_>>() {
            let Event::Notice(Notice::File(frame)) = event else {
                panic!("{event:?}");
            };
            match files.handle(frame) {
                Ok(Some(FileEvent::Offered { file, .. })) => {
                    files.accept(file, Nowhere).expect("it is offered");
                }
                Ok(_) => {}
                Err(NotTaken::Rule(rule)) => refused.push(rule.to_string()),
                Err(other) => panic!("{other}"),
            }
        }
        while files.poll_frame().is_some() {
            files.frame_sent();
        }
    }
    let expected = [
        "chunk at offset 4, the next is 5",
        "chunk at offset 6, the next is 5",
        "chunk to offset 101, the credit ends at 100",
        "unknown file 9",
        "limit 5 below offset 9",
        "offset 13 of a file of 12 bytes",
        "unknown file 5",
    ];
    assert_eq!(refused, expected);
    assert_eq!(files.malformed(), 7);
    assert_eq!(hub.is_over(), None);
    assert!(!files.has_room(), "both files are still under way");
}
