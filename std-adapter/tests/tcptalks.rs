//! TCPTalks between two of our own.

use ropeway_std::memory::{End, ends};
use ropeway_std::tcptalks::{
    Arguments, CallError, CallId, Door, Oddity, OpenError, Refused, Running, Settings, Talks,
    Variant,
};
use ropeway_std::transport::Transport;
use ropeway_std::value::{Integer, Value};
use ropeway_std::{Cancel, Error, Options, SendError, messages};
use serde::{Deserialize, Serialize};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Move {
    distance: f64,
    speed: f64,
}

messages! { enum Robot { Move(Move) = 0x20 -> f64 } }

#[test]
fn calls_go_both_ways_and_into_each_other() {
    for variant in [Variant::Current, Variant::Old] {
        let settings = Settings::default().variant(variant).patience(LONG);
        let (mut controller, robot) = talking(&settings, |robot| {
            robot.bind(0x10, |_, (left, right): (i64, i64)| Ok(left + right));
            robot.answer(|_, Move { distance, speed }| Ok(distance / speed));
            robot.bind("twice", |robot, (number,): (i64,)| {
                // The peer is called from inside a call of the peer's.
                Ok(2 * robot.execute::<i64>("count", &(number,))?)
            });
        });
        controller.bind("count", |_, (number,): (i64,)| Ok(number + 1));
        assert_eq!(controller.execute::<i64>(0x10, &(3, 4)).unwrap(), 7);
        let request = Move {
            distance: 9.0,
            speed: 2.0,
        };
        assert_eq!(controller.call(&request).unwrap(), 4.5);
        let by_name = Arguments::new([9.0]).with("speed", 2.0);
        assert_eq!(
            controller.execute_any(0x20, &by_name).unwrap(),
            Value::Float(4.5)
        );
        assert_eq!(controller.execute::<i64>("twice", &(20,)).unwrap(), 42);
        robot.stop().1.unwrap();
    }
}

#[test]
fn values_of_any_shape_come_back_as_they_went() {
    let (mut controller, robot) = talking(&Settings::default().patience(LONG), |robot| {
        robot.bind_any(0x10, |_, mut arguments| Ok(arguments.args.swap_remove(0)));
    });
    let big = Value::Integer(
        "123456789012345678901234567890123456789012345"
            .parse::<Integer>()
            .unwrap(),
    );
    for value in [
        Value::Null,
        big,
        Value::Tuple(vec![1.into(), "two".into()]),
        Value::Set(vec![1.into(), 2.into()]),
        Value::Bytes(vec![0, 255]),
        Value::ByteArray(vec![1]),
        Value::Utf16(vec![0xd800, 0x61]),
        Value::Float(f64::INFINITY),
    ] {
        let arguments = Arguments::new([value.clone()]);
        assert_eq!(controller.execute_any(0x10, &arguments).unwrap(), value);
    }
    // A result that would make the call of a Python program fail is an error of the handler.
    let arguments = Arguments::new([Value::Tuple(Vec::new())]);
    let error = controller.execute_any(0x10, &arguments).unwrap_err();
    assert_eq!(error.remote().unwrap().class, "RuntimeError");
    robot.stop().1.unwrap();
}

#[test]
fn whatever_a_handler_does_the_link_goes_on() {
    let (mut controller, robot) = talking(&Settings::default().patience(LONG), |robot| {
        robot.bind(0x10, |_, ()| -> Result<(), _> {
            Err(Refused::new("ValueError", "too far"))
        });
        robot.bind(0x11, |_, (text,): (String,)| Ok(text.parse::<i64>()?));
        robot.bind(0x12, |_, ()| Ok(1));
    });
    let raised = |error: CallError| error.remote().unwrap().to_string();
    let error = controller.execute::<()>(0x10, &()).unwrap_err();
    assert_eq!(raised(error), "ValueError: too far");
    let error = controller.execute::<i64>(0x11, &("x",)).unwrap_err();
    assert_eq!(raised(error), "RuntimeError: invalid digit found in string");
    let error = controller.execute::<i64>(0x11, &(7,)).unwrap_err();
    assert_eq!(raised(error), "TypeError: not a string");
    let error = controller.execute::<i64>(0x11, &()).unwrap_err();
    assert_eq!(
        raised(error),
        "TypeError: too few or too many arguments for opcode 0x11"
    );
    let error = controller.execute::<i64>(0x13, &()).unwrap_err();
    assert_eq!(
        raised(error),
        "KeyError: opcode 0x13 is not bound to any instruction"
    );
    let error = controller.execute::<String>(0x12, &()).unwrap_err();
    assert!(matches!(error, CallError::Malformed(_)), "{error}");
    assert_eq!(
        error.to_string(),
        "the reply is not of the wanted type: not a string"
    );
    assert!(std::error::Error::source(&error).is_none());
    assert_eq!(controller.execute::<i64>(0x12, &()).unwrap(), 1);
    robot.stop().1.unwrap();
}

#[test]
fn a_panic_is_raised_at_the_peer_before_it_goes_its_way() {
    let (mut controller, robot) = talking(&Settings::default().patience(LONG), |robot| {
        robot.bind(0x10, |_, ()| -> Result<(), _> { panic!("oh") });
    });
    let error = controller.execute::<()>(0x10, &()).unwrap_err();
    assert_eq!(error.remote().unwrap().message, "the handler panicked");
    let stopped = thread::spawn(move || drop(robot.stop())).join();
    assert!(stopped.is_err());
}

#[test]
fn replies_wait_until_they_are_polled_for() {
    let (mut controller, robot) = talking(&Settings::default().patience(LONG), |robot| {
        robot.bind(0x10, |_, (number,): (i64,)| Ok(number));
    });
    let ids: Vec<CallId> = (0..10)
        .map(|number| controller.send(0x10, &(number,)).unwrap())
        .collect();
    assert_eq!(controller.execute::<i64>(0x10, &(99,)).unwrap(), 99);
    for (number, id) in ids.iter().enumerate().skip(5) {
        assert_eq!(
            controller.poll(*id, Duration::ZERO).unwrap().as_u64(),
            Some(number as u64)
        );
    }
    assert_eq!(controller.flush(ids[0]), 1);
    assert!(matches!(
        controller.poll(ids[0], Duration::ZERO),
        Err(CallError::Deadline)
    ));
    assert!(matches!(
        controller.poll(ids[7], Duration::ZERO),
        Err(CallError::Deadline)
    ));
    robot.stop().1.unwrap();
}

#[test]
fn a_reply_that_comes_too_late_is_kept_for_polling() {
    let (release, released) = mpsc::channel::<()>();
    let (mut controller, robot) = talking(&Settings::default().patience(LONG), |robot| {
        robot.bind(0x10, move |_, ()| {
            released.recv().unwrap();
            Ok(1)
        });
        robot.bind(0x11, |_, ()| Ok(2));
    });
    let short = Duration::from_millis(10);
    let error = controller
        .execute_within::<i64>(short, 0x10, &())
        .unwrap_err();
    assert!(matches!(error, CallError::Deadline));
    release.send(()).unwrap();
    assert_eq!(controller.execute::<i64>(0x11, &()).unwrap(), 2);
    robot.stop().1.unwrap();
}

#[test]
fn the_old_variant_has_one_call_at_a_time() {
    let (release, released) = mpsc::channel::<()>();
    let settings = Settings::default().variant(Variant::Old).patience(LONG);
    let (mut controller, robot) = talking(&settings, |robot| {
        robot.bind(0x10, move |_, (number,): (i64,)| {
            released.recv().unwrap();
            Ok(number)
        });
    });
    let id = controller.send(0x10, &(1,)).unwrap();
    assert!(matches!(controller.send(0x10, &(2,)), Err(CallError::Busy)));
    release.send(()).unwrap();
    assert_eq!(controller.poll(id, LONG).unwrap(), Value::from(1));
    // The reply to a call that was given up is not taken for that to the next one.
    let short = Duration::from_millis(10);
    let error = controller
        .execute_within::<i64>(short, 0x10, &(3,))
        .unwrap_err();
    assert!(matches!(error, CallError::Deadline));
    release.send(()).unwrap();
    release.send(()).unwrap();
    assert_eq!(controller.execute::<i64>(0x10, &(4,)).unwrap(), 4);
    robot.stop().1.unwrap();
}

#[test]
fn only_the_right_password_opens() {
    for variant in [Variant::Current, Variant::Old] {
        let settings = move |password: &str| {
            let settings = Settings::default().variant(variant).opening(LONG);
            if password.is_empty() {
                settings
            } else {
                settings.password(password)
            }
        };
        let door = Door::bind("127.0.0.1:0").unwrap();
        let address = door.address();
        let robot = thread::spawn(move || door.accept(&settings("secret"), LONG).unwrap().run());
        // Somebody else, who goes away again.
        drop(TcpStream::connect(address).unwrap());
        for wrong in ["wrong", ""] {
            let refused = Talks::connect(address, &settings(wrong));
            assert!(matches!(refused, Err(OpenError::Refused)), "{refused:?}");
        }
        let controller = Talks::connect(address, &settings("secret")).unwrap();
        assert!(controller.disconnect().unwrap());
        robot.join().unwrap().unwrap();
    }
}

#[test]
fn another_protocol_is_asked_whether_it_is_tcptalks() {
    let (here, there) = ends(1 << 10);
    there.write(b"SSH-2.0-OpenSSH_9.6\r\n").unwrap();
    let error = Talks::dial_over(here, &Settings::default().opening(LONG)).unwrap_err();
    assert!(error.to_string().ends_with("is that TCPTalks?"), "{error}");
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn who_says_nothing_is_sent_away_in_time() {
    let settings = Settings::default()
        .password("secret")
        .opening(Duration::from_millis(20));
    let door = Door::bind("127.0.0.1:0").unwrap();
    let silent = TcpStream::connect(door.address()).unwrap();
    let came = door.accept(&settings, Duration::from_millis(40));
    assert!(matches!(came, Err(OpenError::NobodyCame)), "{came:?}");
    drop(silent);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = Talks::connect(listener.local_addr().unwrap(), &settings);
    assert!(matches!(silent, Err(OpenError::Silent)), "{silent:?}");

    let cancel = Cancel::new();
    let door = Door::bind("127.0.0.1:0").unwrap().cancel(&cancel);
    cancel.cancel();
    assert!(matches!(
        door.accept(&settings, LONG),
        Err(OpenError::NobodyCame)
    ));
}

#[test]
fn other_threads_have_it_do_things() {
    let (mut controller, robot) = talking(&Settings::default().patience(LONG), |robot| {
        robot.bind(0x10, |_, ()| Ok(()));
    });
    controller.bind(0x20, |_, (number,): (i64,)| Ok(number));
    let controller = controller.in_background();
    let (told, results) = mpsc::channel();
    let handle = robot.handle();
    handle
        .post(move |robot| told.send(robot.execute::<i64>(0x20, &(5,))).unwrap())
        .unwrap();
    assert_eq!(results.recv().unwrap().unwrap(), 5);
    let (controller, ran) = controller.stop();
    ran.unwrap();
    drop(controller);
    let (mut robot, ran) = robot.stop();
    ran.unwrap();
    assert!(matches!(robot.turn(LONG), Err(Error::Closed)));
}

#[test]
fn what_is_no_message_is_told_and_the_next_one_is_read() {
    let (here, there) = ends(4096);
    let settings = Settings::default().opening(LONG).patience(LONG);
    let thread = {
        let settings = settings.clone();
        thread::spawn(move || Talks::listen_over(there, &settings).unwrap())
    };
    here.write(b"\x80\x03C\x01AK\xaaN\x85\x87.").unwrap();
    let mut robot = thread.join().unwrap();
    let (told, odd) = mpsc::channel();
    robot.otherwise(move |oddity| told.send(oddity).unwrap());
    robot.bind(0x10, |_, ()| Ok(7));
    here.write(b"\x80\x03K\x05.\x80\x03C\x01xK\x01K\x02\x87.\x80\x03(C\x01RK\x11K\x05)}t.")
        .unwrap();
    here.write(b"\x80\x03(C\x01RK\x10K\x05)}t.").unwrap();
    while robot.turn(Duration::ZERO).unwrap() {}
    let odd: Vec<Oddity> = odd.try_iter().collect();
    assert!(matches!(odd[0], Oddity::Malformed(_)), "{odd:?}");
    assert_eq!(odd[1..], [Oddity::Ignored, Oddity::Unbound("0x11".into())]);
    let mut said = [0; 400];
    let len = here.read(&mut said).unwrap();
    assert!(said[..len].ends_with(b"\x80\x03C\x01Aq\0K\x05K\x07\x85\x87."));
    // Garbage ends the link, by name.
    here.write(b"GET / HTTP/1.1\r\n").unwrap();
    let error = robot.turn(LONG).and_then(|_| robot.turn(LONG)).unwrap_err();
    assert!(matches!(error, Error::OutOfStep), "{error}");
}

#[test]
fn one_argument_without_a_tuple_is_named() {
    let (mut controller, robot) = talking(&Settings::default().patience(LONG), |robot| {
        robot.bind(0x10, |_, (number,): (i64,)| Ok(number));
    });
    let text = "arguments must be a tuple or a struct; one argument is `&(value,)`";
    let error = controller.execute::<i64>(0x10, &5).unwrap_err();
    assert_eq!(error.to_string(), text);
    let error = controller.send(0x10, "five").unwrap_err();
    assert_eq!(error.to_string(), text);
    assert_eq!(controller.execute::<i64>(0x10, &(5,)).unwrap(), 5);
    robot.stop().1.unwrap();
}

#[test]
fn what_is_too_large_to_say_is_refused_here_and_the_link_goes_on() {
    let small = Settings::default()
        .patience(LONG)
        .options(Options::default().buffer(1000).max_message(1000));
    let (mut controller, robot) = talking(&small, |robot| {
        robot.bind(0x10, |_, (len,): (usize,)| Ok("x".repeat(len)));
    });
    let error = controller.send(0x10, &("x".repeat(2000),)).unwrap_err();
    assert!(
        matches!(error, CallError::Send(SendError::TooLong { .. })),
        "{error}"
    );
    let error = controller.execute::<String>(0x10, &(2000,)).unwrap_err();
    assert_eq!(error.remote().unwrap().class, "RuntimeError");
    assert_eq!(controller.execute::<String>(0x10, &(3,)).unwrap(), "xxx");
    robot.stop().1.unwrap();
}

#[test]
fn what_a_peer_says_that_is_too_large_ends_the_link() {
    let (here, there) = ends(1 << 16);
    let settings = Settings::default().opening(LONG).patience(LONG);
    let small = settings
        .clone()
        .options(Options::default().buffer(1000).max_message(1000));
    let robot = thread::spawn(move || Talks::listen_over(there, &small).unwrap().run());
    let mut controller = Talks::dial_over(here, &settings).unwrap();
    let error = controller.execute::<()>(0x10, &("x".repeat(2000),));
    assert!(matches!(error, Err(CallError::Link(_))), "{error:?}");
    assert!(matches!(robot.join().unwrap(), Err(Error::OutOfStep)));
}

/// A controller, and a robot that turns in the background.
fn talking(
    settings: &Settings,
    prepare: impl FnOnce(&mut Talks<End>),
) -> (Talks<End>, Running<End>) {
    let (here, there) = ends(1 << 16);
    let settings = settings.clone().opening(LONG);
    let dialling = {
        let settings = settings.clone();
        thread::spawn(move || Talks::dial_over(here, &settings).unwrap())
    };
    let mut robot = Talks::listen_over(there, &settings).unwrap();
    prepare(&mut robot);
    (dialling.join().unwrap(), robot.in_background())
}

const LONG: Duration = Duration::from_secs(30);
