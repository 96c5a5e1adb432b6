use super::*;
use crate::dialect::{Answers, Carries};
use crate::encoding::pickle::Node;
use crate::encoding::value::Args;
use crate::message::{Answer, Call, Refusal};
use crate::{Event, Messenger, Over, SendError, messages};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Move {
    distance: i32,
    speed: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stop;

messages! {
    #[derive(Debug, PartialEq)]
    enum Robot {
        Move(Move) = 0x10 -> bool,
        Stop(Stop) as "stop",
    }
}

type Talks = TcpTalks<[Node; 64], &'static str>;
type Side = Messenger<Talks, [u8; 512], [u8; 512]>;

fn talks(is_dialling: bool) -> Talks {
    let nodes = [Node::EMPTY; 64];
    if is_dialling {
        TcpTalks::dialling(nodes, 1)
    } else {
        TcpTalks::listening(nodes, 2)
    }
}

fn side(talks: Talks) -> Side {
    Messenger::new(talks, [0; 512], [0; 512])
}

fn carry(from: &mut Side, to: &mut Side) -> Vec<String> {
    let bytes = from.poll_output().to_vec();
    from.handle_written(bytes.len());
    hear(to, &bytes)
}

fn hear(to: &mut Side, bytes: &[u8]) -> Vec<String> {
    to.input_room()[..bytes.len()].copy_from_slice(bytes);
    to.handle_input(bytes.len());
    let mut said = Vec::new();
    while let Some(event) = to.recv::<Robot>() {
        said.push(match event {
            Event::Answer(id, envelope) => {
                match <Talks as Answers<'_, Move>>::read_answer(envelope) {
                    Ok(result) => format!("{id}: {result:?}"),
                    Err(malformed) => format!("{id}: {malformed}"),
                }
            }
            Event::Request(_, request) => format!("{request:?}"),
            Event::Notice(notice) => format!("{notice:?}"),
            Event::Unknown(envelope) => format!("unknown {}", envelope.key),
            Event::Malformed(malformed) => malformed.to_string(),
            Event::Message(message) => format!("message {message:?}"),
        });
    }
    said
}

fn opened(variant: Variant) -> (Side, Side) {
    let mut controller = side(talks(true).variant(variant));
    let mut robot = side(talks(false).variant(variant));
    assert_eq!(carry(&mut controller, &mut robot), ["Opened"]);
    assert_eq!(carry(&mut robot, &mut controller), ["Opened"]);
    (controller, robot)
}

fn request(number: u32, side: &mut Side) -> Result<CallId, SendError> {
    let id = side.dialect().call_id(number);
    let request = &Move {
        distance: 7,
        speed: -1,
    };
    side.send(&Call { id, request }).map(|()| id)
}

/// The id of the only request that `bytes` are, at a side that has just been opened.
fn asked(from: &mut Side, to: &mut Side) -> CallId {
    let bytes = from.poll_output().to_vec();
    from.handle_written(bytes.len());
    to.input_room()[..bytes.len()].copy_from_slice(&bytes);
    to.handle_input(bytes.len());
    match to.recv::<Robot>() {
        Some(Event::Request(id, _)) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn writes_the_password_and_the_verdict_as_recorded() {
    let mut controller = side(talks(true).password("secret"));
    let password = controller.poll_output().to_vec();
    assert_eq!(
        password,
        b"\x80\x03C\x01Aq\0K\xaaX\x06\0\0\0secret\x85\x87."
    );
    let mut robot = side(talks(false).password("secret"));
    assert_eq!(hear(&mut robot, &password), ["Opened"]);
    assert_eq!(robot.poll_output(), b"\x80\x03C\x01Aq\0K\xaa\x88\x85\x87.");
}

#[test]
fn a_wrong_password_ends_both_sides_behind_the_verdict() {
    let mut controller = side(talks(true).password("wrong"));
    let mut robot = side(talks(false).password("secret"));
    assert_eq!(controller.send(&Stop), Err(SendError::NotOpen));
    assert_eq!(carry(&mut controller, &mut robot), ["Refused"]);
    assert_eq!(robot.is_over(), Some(Over::Quit));
    assert_eq!(carry(&mut robot, &mut controller), ["Refused"]);
    assert_eq!(controller.is_over(), Some(Over::Quit));
    assert_eq!(controller.send(&Stop), Err(SendError::NotOpen));
}

#[test]
fn calls_go_both_ways() {
    for variant in [Variant::Current, Variant::Old] {
        let (mut controller, mut robot) = opened(variant);
        for (here, there) in [(0, 1), (1, 0)] {
            let mut sides = [&mut controller, &mut robot];
            let [first, second] = sides.get_disjoint_mut([here, there]).unwrap();
            let id = request(5, first).unwrap();
            let theirs = asked(first, second);
            second
                .send(&Answer::<_, Move> {
                    id: theirs,
                    value: &true,
                })
                .unwrap();
            assert_eq!(carry(second, first), [format!("{id}: Ok(true)")]);
        }
    }
}

#[test]
fn exceptions_take_the_place_of_results() {
    for (variant, frames) in [(Variant::Current, 0), (Variant::Old, 0)] {
        let (mut controller, mut robot) = opened(variant);
        for (number, (class, raised)) in [
            ("ValueError", "ValueError: too far"),
            ("RobotError", "RuntimeError: RobotError: too far"),
            ("SystemExit", "RuntimeError: SystemExit: too far"),
        ]
        .into_iter()
        .enumerate()
        {
            request(number.try_into().unwrap(), &mut controller).unwrap();
            let id = asked(&mut controller, &mut robot);
            robot.send(&Refusal::new(id, class, "too far")).unwrap();
            let bytes = robot.poll_output().to_vec();
            robot.handle_written(bytes.len());
            controller.input_room()[..bytes.len()].copy_from_slice(&bytes);
            controller.handle_input(bytes.len());
            let Some(Event::Answer(_, envelope)) = controller.recv::<Robot>() else {
                panic!("no answer");
            };
            let error = envelope.body.result::<bool>().unwrap().unwrap_err();
            assert_eq!(
                (error.to_string(), error.module()),
                (raised.into(), "builtins")
            );
            assert_eq!(error.frames().count(), frames);
        }
    }
}

#[test]
fn a_message_for_itself_is_a_call_too() {
    let (mut controller, mut robot) = opened(Variant::Current);
    controller.send(&Stop).unwrap();
    controller.send(&Stop).unwrap();
    let first = asked(&mut controller, &mut robot);
    robot.send(&Done { id: first }).unwrap();
    let said = carry(&mut robot, &mut controller);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_ne!(first, controller.dialect().call_id(0));
}

#[test]
fn the_old_variant_makes_one_call_at_a_time() {
    let (mut controller, mut robot) = opened(Variant::Old);
    request(1, &mut controller).unwrap();
    assert_eq!(request(2, &mut controller), Err(SendError::Busy));
    assert_eq!(controller.send(&Stop), Err(SendError::Busy));
    let id = asked(&mut controller, &mut robot);
    robot.send(&Done { id }).unwrap();
    carry(&mut robot, &mut controller);
    request(2, &mut controller).unwrap();
}

#[test]
fn the_reply_to_a_forgotten_call_is_passed_over() {
    let (mut controller, mut robot) = opened(Variant::Old);
    let first = request(1, &mut controller).unwrap();
    let id = asked(&mut controller, &mut robot);
    controller.dialect_mut().forget(first);
    let second = request(2, &mut controller).unwrap();
    asked(&mut controller, &mut robot);
    for value in [&false, &true] {
        robot.send(&Answer::<_, Move> { id, value }).unwrap();
    }
    let said = carry(&mut robot, &mut controller);
    assert_eq!(
        said,
        ["Late(Number(16))".into(), format!("{second}: Ok(true)")]
    );
}

#[test]
fn calls_before_the_password_are_refused_and_not_delivered() {
    for variant in [Variant::Current, Variant::Old] {
        let (mut early, _) = opened(variant);
        let mut robot = side(talks(false).password("secret").variant(variant));
        let id = request(1, &mut early).unwrap();
        let said = carry(&mut early, &mut robot);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("Early"), "{said:?}");
        let said = carry(&mut robot, &mut early);
        let text = "RuntimeError: AuthentificationError: show the password first";
        assert_eq!(said, [format!("{id}: Err(RemoteError(builtins.{text}))")]);
    }
}

#[test]
fn a_call_right_behind_the_password_is_answered_behind_the_verdict() {
    let mut controller = side(talks(true).password("secret"));
    let password = controller.poll_output().to_vec();
    controller.handle_written(password.len());
    let (mut other, _) = opened(Variant::Current);
    request(1, &mut other).unwrap();
    let call = other.poll_output().to_vec();
    let mut robot = side(talks(false).password("secret"));
    let said = hear(&mut robot, &[password, call].concat());
    assert_eq!(said, ["Opened", "Move(Move { distance: 7, speed: -1 })"]);
}

#[test]
fn answers_only_so_many_early_calls_at_a_time() {
    let mut robot = side(talks(false).password("secret"));
    let (mut early, _) = opened(Variant::Current);
    for number in 0..5 {
        request(number, &mut early).unwrap();
    }
    let said = carry(&mut early, &mut robot);
    let answered = |said: &String| said.contains("is_answered: true");
    assert_eq!(said.iter().filter(|said| answered(said)).count(), 4);
    assert_eq!(said.len(), 5);
    assert_eq!(carry(&mut robot, &mut early).len(), 4);
}

#[test]
fn says_who_it_is_when_it_is_asked() {
    let mut controller = side(talks(true).identity("pilot"));
    let mut robot = side(talks(false));
    carry(&mut controller, &mut robot);
    carry(&mut robot, &mut controller);
    let id = robot.dialect().call_id(0);
    let question = Invocation {
        id,
        opcode: Opcode::Number(IDENTIFY),
        arguments: &Stop,
    };
    robot.send(&question).unwrap();
    assert_eq!(carry(&mut robot, &mut controller), ["IdentityAsked"]);
    let bytes = controller.poll_output().to_vec();
    robot.input_room()[..bytes.len()].copy_from_slice(&bytes);
    robot.handle_input(bytes.len());
    let Some(Event::Answer(_, envelope)) = robot.recv::<Robot>() else {
        panic!()
    };
    assert_eq!(envelope.body.result::<&str>().unwrap().unwrap(), "pilot");

    controller
        .send(&Invocation {
            id,
            opcode: Opcode::Number(IDENTIFY),
            arguments: &Stop,
        })
        .unwrap();
    controller.handle_written(bytes.len());
    assert_eq!(carry(&mut controller, &mut robot), ["unknown 0xBB"]);
}

#[test]
fn silence_counts_as_none_in_the_old_variant_only() {
    for (variant, password, is_open, said) in [
        (Variant::Old, Password::None, true, true),
        (Variant::Old, Password::Text("secret"), false, true),
        (Variant::Current, Password::None, false, false),
    ] {
        let mut robot = side(talks(false).variant(variant).any_password(password));
        robot.dialect_mut().handle_silence();
        assert_eq!(robot.dialect().is_open(), is_open);
        assert_eq!(robot.has_output(), said);
    }
}

#[test]
fn opcode_0xff_closes_in_the_old_variant_only() {
    for (variant, said) in [(Variant::Old, "Closed"), (Variant::Current, "unknown 0xFF")] {
        let (mut controller, mut robot) = opened(variant);
        let id = controller.dialect().call_id(0);
        let close = Invocation {
            id,
            opcode: Opcode::Number(CLOSE),
            arguments: &Stop,
        };
        controller.send(&close).unwrap();
        assert_eq!(carry(&mut controller, &mut robot), [said]);
        assert_eq!(robot.is_over().is_some(), variant == Variant::Old);
    }
}

#[test]
fn messages_of_the_wrong_shape_are_named_and_the_next_one_is_read() {
    let (mut controller, mut robot) = opened(Variant::Current);
    request(1, &mut controller).unwrap();
    let good = controller.poll_output().to_vec();
    for (bad, rule) in [
        (&b"\x80\x03K\x05."[..], "message that is no tuple (byte 2"),
        (b"\x80\x03).", "message without a role (byte 2"),
        (
            b"\x80\x03(C\x01RK\x10K\x05)t.",
            "message with other than 5 elements",
        ),
        (
            b"\x80\x03(C\x01RK\x10K\x05K\x07}t.",
            "arguments that are no tuple (byte 10",
        ),
        (
            b"\x80\x03(C\x01RK\x10K\x05)Nt.",
            "keyword arguments that are no dict",
        ),
        (
            b"\x80\x03(C\x01RK\x10K\x05)}X\x04\0\0\0selfK\x02st.",
            "keyword argument with a reserved name",
        ),
        (
            b"\x80\x03C\x01A]K\x01a)\x87.",
            "retcode or opcode that a reply cannot come under",
        ),
    ] {
        let start = robot.recv::<Robot>().is_none();
        assert!(start);
        let said = hear(&mut robot, &[bad, &good].concat());
        assert!(said[0].starts_with(rule), "{said:?}");
        assert_eq!(said[1], "Move(Move { distance: 7, speed: -1 })");
        assert_eq!(said.len(), 2);
    }
    let unknown = b"\x80\x03C\x01xK\x01K\x02\x87.";
    assert_eq!(hear(&mut robot, unknown), ["Ignored"]);
    let repeated = b"\x80\x03C\x01AK\xaa\x89\x85\x87.";
    assert_eq!(hear(&mut robot, repeated), ["Repeated"]);
    assert!(robot.is_over().is_none());
}

#[test]
fn a_pickle_that_is_none_ends_the_link_by_name() {
    let (_, mut robot) = opened(Variant::Current);
    let before = robot.recv::<Robot>().is_none();
    assert!(before);
    let said = hear(
        &mut robot,
        b"\x80\x03(C\x01RK\x10K\x05cos\nsystem\n(X\x04\0\0\0truetR\x85}t.",
    );
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("pickle opcode 0x52"), "{said:?}");
    assert_eq!(robot.is_over(), Some(Over::OutOfStep));
    assert!(robot.input_room().is_empty() || hear(&mut robot, b"\x80\x03).").is_empty());
}

#[test]
fn results_that_python_would_choke_on_are_not_sent() {
    let (mut controller, mut robot) = opened(Variant::Current);
    request(1, &mut controller).unwrap();
    let id = asked(&mut controller, &mut robot);
    let empty: [u8; 0] = [];
    assert_eq!(
        robot.send(&Reply { id, value: &empty }),
        Err(SendError::Unencodable)
    );
    assert_eq!(robot.send(&Reply { id, value: &() }), Ok(()));
    assert_eq!(
        robot.send(&Reply {
            id,
            value: &vec![(); 0]
        }),
        Ok(())
    );
}

#[test]
fn arguments_go_by_position_and_by_name_as_python_binds_them() {
    let (mut controller, mut robot) = opened(Variant::Current);
    let id = controller.dialect().call_id(0);
    let opcode = Opcode::Number(0x10);
    let both = Args {
        args: (7,),
        kwargs: BTreeMap::from([("speed", -1)]),
    };
    controller
        .send(&Invocation {
            id,
            opcode,
            arguments: &both,
        })
        .unwrap();
    controller
        .send(&Invocation {
            id,
            opcode,
            arguments: &(7, -1),
        })
        .unwrap();
    controller
        .send(&Invocation {
            id,
            opcode,
            arguments: &(7, -1, 2),
        })
        .unwrap();
    let said = carry(&mut controller, &mut robot);
    let wanted = "Move(Move { distance: 7, speed: -1 })";
    assert_eq!(said[..2], [wanted, wanted]);
    assert!(said[2].contains("too few or too many"), "{said:?}");
}

#[test]
fn keywords_that_would_stop_python_from_reading_are_not_sent() {
    let (mut controller, _) = opened(Variant::Current);
    let id = controller.dialect().call_id(0);
    let opcode = Opcode::Number(0x10);
    for name in ["self", "opcode", "retcode"] {
        let arguments = &BTreeMap::from([(name, 1)]);
        let sent = controller.send(&Invocation {
            id,
            opcode,
            arguments,
        });
        assert_eq!(sent, Err(SendError::Unencodable));
        let arguments = &BTreeMap::from([("inner", BTreeMap::from([(name, 1)]))]);
        assert_eq!(
            controller.send(&Invocation {
                id,
                opcode,
                arguments
            }),
            Ok(())
        );
    }
    let arguments = &BTreeMap::from([(1, 2)]);
    assert!(
        controller
            .send(&Invocation {
                id,
                opcode,
                arguments
            })
            .is_err()
    );
}

#[test]
fn says_nothing_that_does_not_fit() {
    let mut slot = [0; 512];
    let mut talks = talks(true).password("secret");
    for len in 0..23 {
        assert_eq!(talks.emit_own(&mut slot[..len]), Err(EncodeError::Full));
    }
    assert_eq!(talks.emit_own(&mut slot), Ok(23));
    assert!(!talks.has_own());
    let (mut controller, _) = opened(Variant::Old);
    let len = controller.dialect_mut().emit(&Stop, &mut slot).unwrap();
    let (mut controller, _) = opened(Variant::Old);
    let talks = controller.dialect_mut();
    for len in 0..len {
        assert_eq!(talks.emit(&Stop, &mut slot[..len]), Err(EncodeError::Full));
    }
    assert_eq!(talks.emit(&Stop, &mut slot), Ok(len));
}

#[test]
fn no_log_shows_the_password() {
    let talks = TcpTalks::dialling([Node::EMPTY; 4], 7).password("sesame");
    let shown = std::format!("{talks:?}");
    assert!(
        shown.contains("Text(..)") && !shown.contains("sesame"),
        "{shown}"
    );
}
