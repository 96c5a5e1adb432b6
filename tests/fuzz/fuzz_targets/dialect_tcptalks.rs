#![no_main]
//! Whatever a peer says, in whatever pieces, in both roles and variants: no panic, nothing before the password, and
//! the same as whole.

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ropeway_core::dialect::tcptalks::{Done, Notice, Password, Reply, TcpTalks, Variant};
use ropeway_core::dialect::{Answers, Calling, Dialect};
use ropeway_core::encoding::pickle::Node;
use ropeway_core::message::{Call, Refusal};
use ropeway_core::{Event, Messenger, Over, SendError, messages};
use ropeway_fuzz::Pieces;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Move {
    distance: i32,
    speed: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Say<'a>(&'a str, Option<bool>);

messages! {
    #[derive(Debug)]
    enum Words<'a> {
        Move(Move) = 0x10 -> i64,
        Say(Say<'a>) as "say" -> &'answer str,
    }
}

#[derive(Arbitrary, Debug)]
struct Plan<'a> {
    is_dialling: bool,
    is_old: bool,
    has_identity: bool,
    password: u8,
    /// Our answers leave only at the end of a piece.
    answers_late: bool,
    parts: Vec<Part<'a>>,
    pieces: Pieces,
    /// What comes last: the seeds are recorded bytes.
    rest: &'a [u8],
}

/// Something in the stream: what an honest peer would say, and what it would not.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Password,
    Verdict(bool),
    Move {
        retcode: u8,
        distance: u8,
        by_name: bool,
    },
    Identity(u8),
    Close,
    Result {
        id: u8,
        value: u8,
    },
    Failure(u8),
    Bytes(&'a [u8]),
}

type Talks = TcpTalks<[Node; 64], &'static str>;
type End = Messenger<Talks, [u8; 300], [u8; 1024]>;

fuzz_target!(|plan: Plan<'_>| {
    let parts = plan.parts.iter().flat_map(|part| part.bytes(&plan));
    let stream: Vec<u8> = parts.chain(plan.rest.iter().copied()).collect();
    let whole = run(&plan, &stream, [stream.len()].into_iter());
    let split = run(&plan, &stream, plan.pieces.cuts(stream.len()));
    // How many early calls are answered depends on when answers leave.
    if !plan.answers_late {
        assert_eq!(split, whole, "differs from the unsplit run");
    }
});

/// What an end is told, what it says, and how it ends.
fn run(
    plan: &Plan<'_>,
    stream: &[u8],
    cuts: impl Iterator<Item = usize>,
) -> (Vec<String>, Vec<u8>, Option<Over>) {
    let nodes = [Node::EMPTY; 64];
    let talks = match plan.is_dialling {
        true => TcpTalks::dialling(nodes, 1),
        false => TcpTalks::listening(nodes, 1),
    };
    let talks = talks.variant(plan.variant()).any_password(plan.password());
    let talks = match plan.has_identity {
        true => talks.identity("pilot"),
        false => talks,
    };
    let mut end = Messenger::new(talks, [0; 300], [0; 1024]);
    let (mut told, mut said) = (Vec::new(), Vec::new());
    let mut start = 0;
    for cut in cuts {
        while start < cut && end.is_over().is_none() {
            let room = end.input_room();
            let len = room.len().min(cut - start);
            assert!(len > 0, "neither room nor an event");
            room[..len].copy_from_slice(&stream[start..start + len]);
            end.handle_input(len);
            start += len;
            take(plan, &mut end, &mut told, &mut said);
        }
        let_out(&mut end, &mut said);
    }
    let over = end.is_over();
    (told, said, over)
}

fn take(plan: &Plan<'_>, end: &mut End, told: &mut Vec<String>, said: &mut Vec<u8>) {
    loop {
        let was_open = end.dialect().is_open();
        let Some(event) = end.recv::<Words<'_>>() else {
            return;
        };
        told.push(format!("{event:?}"));
        let asked = match event {
            Event::Request(id, _) => {
                assert!(was_open, "a call before its time");
                Some(id)
            }
            Event::Unknown(envelope) => {
                assert!(was_open, "a call before its time");
                match envelope.kind {
                    ropeway_core::dialect::Kind::Request(id) => Some(id),
                    kind => panic!("{kind:?}"),
                }
            }
            Event::Answer(_, envelope) => {
                let read = <Talks as Answers<'_, Move>>::read_answer(envelope);
                told.push(format!("{read:?}"));
                if let Ok(Err(error)) = read {
                    let frames: Vec<String> =
                        error.frames().map(|frame| format!("{frame:?}")).collect();
                    told.push(format!("{error} {frames:?}"));
                }
                None
            }
            Event::Notice(notice) => {
                let opens = matches!(notice, Notice::Opened);
                assert!(!opens || (!was_open && end.dialect().is_open()));
                None
            }
            Event::Malformed(malformed) => {
                assert_eq!(malformed.is_fatal(), end.is_over() == Some(Over::OutOfStep));
                None
            }
            Event::Message(_) => panic!("every call wants a reply"),
        };
        if let Some(id) = asked {
            let sent = match told.len() % 3 {
                0 => end.send(&Done { id }),
                1 => end.send(&Reply { id, value: &"done" }),
                _ => end.send(&Refusal::new(id, "ValueError", "no")),
            };
            assert!(matches!(sent, Ok(()) | Err(SendError::Full)), "{sent:?}");
        }
        if told.len().is_multiple_of(5) {
            call(plan, end, told.len());
        }
        if !plan.answers_late {
            let_out(end, said);
        }
    }
}

/// Calls, and now and then gives the call up.
fn call(plan: &Plan<'_>, end: &mut End, number: usize) {
    let id = end.dialect().call_id(u32::try_from(number).unwrap_or(0));
    let request = &Move {
        distance: 1,
        speed: 0.5,
    };
    let sent = end.send(&Call { id, request });
    match sent {
        Ok(()) => assert!(end.dialect().is_open()),
        Err(SendError::NotOpen) => assert!(!end.dialect().is_open()),
        Err(SendError::Busy) => assert!(plan.is_old),
        Err(SendError::Full) => {}
        Err(error) => panic!("{error}"),
    }
    if number.is_multiple_of(2) {
        end.dialect_mut().forget(id);
    }
}

fn let_out(end: &mut End, said: &mut Vec<u8>) {
    while !end.poll_output().is_empty() {
        let len = end.poll_output().len();
        said.extend_from_slice(end.poll_output());
        end.handle_written(len);
    }
}

impl Plan<'_> {
    fn variant(&self) -> Variant {
        match self.is_old {
            true => Variant::Old,
            false => Variant::Current,
        }
    }

    fn password(&self) -> Password<&'static str> {
        match self.password % 3 {
            0 => Password::None,
            1 => Password::Text("secret"),
            _ => Password::Number(7),
        }
    }
}

impl Part<'_> {
    fn bytes(&self, plan: &Plan<'_>) -> Vec<u8> {
        let call = |opcode: u8, retcode: u8, rest: &[u8]| {
            let retcode = if plan.is_old {
                &b""[..]
            } else {
                &[b'K', retcode]
            };
            [b"\x80\x03(C\x01RK", &[opcode][..], retcode, rest, b"t."].concat()
        };
        let reply =
            |id: u8, value: &[u8]| [b"\x80\x03C\x01AK", &[id][..], value, b"\x85\x87."].concat();
        match *self {
            Self::Password => reply(
                0xAA,
                match plan.password % 3 {
                    0 => b"N",
                    1 => b"X\x06\0\0\0secret",
                    _ => b"K\x07",
                },
            ),
            Self::Verdict(agrees) => reply(0xAA, &[0x89 - u8::from(agrees)]),
            Self::Move {
                retcode,
                distance,
                by_name: false,
            } => call(0x10, retcode, &[b'K', distance, b'K', 2, 0x86, b'}']),
            Self::Move {
                retcode,
                distance,
                by_name: true,
            } => {
                let by_name = [
                    &b")}(X\x08\0\0\0distanceK"[..],
                    &[distance],
                    b"X\x05\0\0\0speedK\x02u",
                ];
                call(0x10, retcode, &by_name.concat())
            }
            Self::Identity(retcode) => call(0xBB, retcode, b")}"),
            Self::Close => call(0xFF, 1, b")}"),
            Self::Result { id, value } => reply(id, &[b'K', value]),
            Self::Failure(id) => reply(
                id,
                b"cbuiltins\nValueError\nX\x02\0\0\0oh](X\x01\0\0\0fK\x07X\x01\0\0\0gX\0\0\0\0te\x87",
            ),
            Self::Bytes(bytes) => bytes.to_vec(),
        }
    }
}
