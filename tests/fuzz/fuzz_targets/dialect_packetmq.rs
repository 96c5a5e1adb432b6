#![no_main]
//! Whatever a peer says, in whatever pieces, in both policies: no panic, states that can be, and the same as whole.

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ropeway_core::dialect::packetmq::{Notice, Packetmq, Packets, Policy, Slots, State};
use ropeway_core::{Event, Messenger, messages};
use ropeway_fuzz::Pieces;
use serde::Deserialize;
use serde::Serialize;

#[derive(Debug, Serialize, Deserialize)]
struct Echo<'a> {
    text: &'a str,
}

#[derive(Debug, Serialize, Deserialize)]
struct Numbers([u16; 3]);

messages! {
    #[derive(Debug)]
    enum Words<'a> for Packetmq {
        Echo(Echo<'a>) as "app:echo" = 17,
        Numbers(Numbers) as "app:numbers" = 300,
    }
}

#[derive(Arbitrary, Debug)]
struct Plan<'a> {
    adapts: bool,
    parts: Vec<Part<'a>>,
    pieces: Pieces,
    quits_after: Option<u8>,
}

/// Something in the stream: what an honest peer would say, and what it would not.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Init,
    Adapt(bool),
    Ids {
        adapts: bool,
        echo: u16,
        numbers: u16,
    },
    Finish,
    Softquit,
    Packet {
        id: u16,
        body: &'a [u8],
    },
    Echo {
        id: u16,
        text: &'a str,
    },
    Bytes(&'a [u8]),
}

fuzz_target!(|plan: Plan<'_>| {
    let stream: Vec<u8> = plan.parts.iter().flat_map(Part::bytes).collect();
    let whole = run(&plan, &stream, [stream.len()].into_iter());
    let split = run(&plan, &stream, plan.pieces.cuts(stream.len()));
    // A program's own farewell comes at another time.
    if plan.quits_after.is_none() {
        assert_eq!(
            (&split.0, split.2),
            (&whole.0, whole.2),
            "differs from the unsplit run"
        );
    }
    // What was not said in time is not said behind a farewell.
    if matches!(whole.2, State::ConnMade | State::IdCheck | State::Active) {
        assert!(plan.quits_after.is_some() || split.1 == whole.1);
    }
});

/// What an end is told, and what it says.
fn run(
    plan: &Plan<'_>,
    stream: &[u8],
    cuts: impl Iterator<Item = usize>,
) -> (Vec<String>, Vec<u8>, State) {
    let policy = [Policy::Static, Policy::Adaptive][usize::from(plan.adapts)];
    let packets = Packets::<Slots<4>>::of(Words::ENTRIES).expect("fits");
    let dialect = Packetmq::new(policy, packets).with_length_limit(400);
    let mut end = Messenger::new(dialect, [0; 300], [0; 1024]);
    let (mut told, mut said) = (Vec::new(), Vec::new());
    let mut start = 0;
    for (turn, cut) in cuts.enumerate() {
        while start < cut && end.is_over().is_none() {
            let room = end.input_room();
            let len = room.len().min(cut - start);
            assert!(len > 0, "neither room nor an event");
            room[..len].copy_from_slice(&stream[start..start + len]);
            end.handle_input(len);
            start += len;
            take(&mut end, &mut told);
        }
        if plan
            .quits_after
            .is_some_and(|after| usize::from(after) == turn)
        {
            let had_quit = end.is_over().is_some() || end.dialect().state() != State::Active;
            let _ = end.dialect_mut().quit("bye");
            assert!(end.send(&Numbers([1, 2, 3])).is_err() || !had_quit);
        }
        while !end.poll_output().is_empty() {
            let len = end.poll_output().len();
            said.extend_from_slice(end.poll_output());
            end.handle_written(len);
        }
    }
    (told, said, end.dialect().state())
}

fn take(end: &mut Messenger<Packetmq<Slots<4>>, [u8; 300], [u8; 1024]>, told: &mut Vec<String>) {
    loop {
        let before = (end.dialect().state(), end.dialect().is_made());
        let Some(event) = end.recv::<Words<'_>>() else {
            return;
        };
        let after = match &event {
            Event::Message(_) => {
                assert_eq!(before.0, State::Active, "a packet before its time");
                Some(before)
            }
            Event::Notice(Notice::State(state)) => {
                let next = match before.0 {
                    State::ConnMade => State::IdCheck,
                    State::IdCheck => State::Active,
                    other => panic!("a step from {other}"),
                };
                assert_eq!(*state, next);
                Some((next, false))
            }
            Event::Notice(Notice::Made) => {
                assert_eq!(before, (State::Active, false));
                Some((State::Active, true))
            }
            Event::Notice(Notice::Quit { .. }) | Event::Malformed(_) => None,
            Event::Notice(Notice::Ignored { .. }) | Event::Unknown(_) => Some(before),
            Event::Request(never, _) | Event::Answer(never, _) => match *never {},
        };
        told.push(format!("{event:?}"));
        if let Some(after) = after {
            let now = (end.dialect().state(), end.dialect().is_made());
            assert_eq!(now, after, "{told:?}");
        }
    }
}

impl Part<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Init => frame(0, b"\x81\xa7version\x01"),
            Self::Adapt(adapts) => frame(2, &[b"\x81\xa5adapt", &[boolean(*adapts)][..]].concat()),
            Self::Ids {
                adapts,
                echo,
                numbers,
            } => {
                let mut body = b"\x82\xa5adapt".to_vec();
                body.push(boolean(*adapts));
                body.extend(b"\xa5idmap\x82\xa8app:echo\xcd");
                body.extend(echo.to_be_bytes());
                body.extend(b"\xabapp:numbers\xcd");
                body.extend(numbers.to_be_bytes());
                frame(2, &body)
            }
            Self::Finish => frame(3, b"\xc0"),
            Self::Softquit => frame(1, b"\x81\xa6reason\xa3bye"),
            Self::Packet { id, body } => frame(*id, body),
            Self::Echo { id, text } => {
                let mut body = b"\x81\xa4text\xdb".to_vec();
                body.extend(u32::try_from(text.len()).expect("short").to_be_bytes());
                body.extend(text.as_bytes());
                frame(*id, &body)
            }
            Self::Bytes(bytes) => bytes.to_vec(),
        }
    }
}

fn boolean(value: bool) -> u8 {
    0xc2 | u8::from(value)
}

fn frame(id: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 2).expect("short");
    [&length.to_be_bytes(), &id.to_be_bytes()[..], body].concat()
}
