//! Programs in every Python from 3.6 on as peers: both variants, both roles.

use ropeway_std::tcptalks::{
    Arguments, CallError, CallId, Door, Happening, OpenError, Refused, Server, Settings, Talks,
    Variant,
};
use ropeway_std::value::Value;
use ropeway_std::{Cancel, Error, Options};
use ropeway_tests::python::{Python, pythons};
use std::fmt::Display;
use std::time::{Duration, Instant};

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dials {
    We,
    They,
}

/// What one test runs with.
#[derive(Clone, Debug)]
struct Case {
    version: String,
    interpreter: String,
    variant: Variant,
    dials: Dials,
}

/// A program in Python, told what to do line by line.
struct Peer(Python);

#[test]
fn the_right_password_opens_and_no_other() {
    for case in cases() {
        for (wanted, shown, opens) in [
            (Some("secret"), Some("secret"), true),
            (Some("secret"), Some("wrong"), false),
            (Some("secret"), None, false),
            (None, Some("whatever"), true),
            (None, None, true),
        ] {
            let (theirs, ours) = match case.dials {
                Dials::We => (wanted, shown),
                Dials::They => (shown, wanted),
            };
            let theirs = theirs.map_or("null".into(), |password| format!("\"{password}\""));
            let settings = match ours {
                Some(password) => settings(&case).password(password),
                None => settings(&case),
            };
            let (_peer, said, opened) = open(&case, &settings, &[&"--password", &theirs]);
            assert_eq!(said, opens, "{case:?}: {shown:?} for {wanted:?}");
            match (case.dials, opened) {
                (_, Ok(_)) if opens => {}
                (Dials::We, Err(OpenError::Refused)) if !opens => {}
                // The door waits for somebody else.
                (Dials::They, Err(OpenError::NobodyCame)) if !opens => {}
                (_, other) => panic!("{case:?}: {shown:?} for {wanted:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn after_a_wrong_password_the_right_one_opens() {
    for case in cases() {
        let right = settings(&case).password("secret");
        let wrong = settings(&case).password("wrong");
        match case.dials {
            Dials::We => {
                let mut peer = Peer::start(&case, 0, &[&"--password", &"\"secret\""]);
                let address = ("127.0.0.1", peer.0.port());
                let refused = Talks::connect(address, &wrong);
                assert!(
                    matches!(refused, Err(OpenError::Refused)),
                    "{case:?}: {refused:?}"
                );
                assert_eq!(peer.said()["opened"].as_bool(), Some(false));
                assert_eq!(peer.0.port(), address.1);
                let opened = Talks::connect(address, &right);
                assert!(opened.is_ok(), "{case:?}: {opened:?}");
                assert_eq!(peer.said()["opened"].as_bool(), Some(true));
            }
            Dials::They => {
                let door = Door::bind("127.0.0.1:0").unwrap();
                let port = door.address().port();
                std::thread::scope(|scope| {
                    let came = scope.spawn(|| door.accept(&right, LONG));
                    for (password, opens) in [("\"wrong\"", false), ("\"secret\"", true)] {
                        let mut peer = Peer::start(&case, port, &[&"--password", &password]);
                        assert_eq!(peer.said()["opened"].as_bool(), Some(opens), "{case:?}");
                    }
                    assert!(came.join().unwrap().is_ok(), "{case:?}");
                });
            }
        }
    }
}

#[test]
fn a_client_without_a_password_message_is_sent_away_or_taken_for_none() {
    for case in cases() {
        if case.dials == Dials::We {
            continue;
        }
        let settings = settings(&case).opening(Duration::from_millis(200));
        let cancel = Cancel::new();
        let door = Door::bind("127.0.0.1:0").unwrap().cancel(&cancel);
        let mut peer = Peer::start(&case, door.address().port(), &[&"--silent"]);
        let came = std::thread::scope(|scope| {
            let came = scope.spawn(|| door.accept(&settings, LONG));
            if case.variant == Variant::Current {
                peer.does_end();
                cancel.cancel();
            }
            came.join().unwrap()
        });
        // In the old variant that counts as None, which is right where there is none.
        match (case.variant, came) {
            (Variant::Current, Err(OpenError::NobodyCame)) => {}
            (Variant::Old, Ok(talks)) => {
                drop(talks);
                peer.does_end();
            }
            (_, came) => panic!("{case:?}: {came:?}"),
        }
    }
}

#[test]
fn calls_before_the_password_are_refused() {
    for case in cases() {
        if case.dials == Dials::We {
            continue;
        }
        let cancel = Cancel::new();
        let door = Door::bind("127.0.0.1:0").unwrap().cancel(&cancel);
        let mut peer = Peer::start(&case, door.address().port(), &[&"--silent"]);
        let settings = settings(&case).password("secret");
        std::thread::scope(|scope| {
            let came = scope.spawn(|| door.accept(&settings, LONG));
            let said = peer.does(r#"{"do":"execute","opcode":16,"args":[1]}"#);
            let error = &said["error"];
            assert_eq!(
                error["name"].as_str(),
                Some("RuntimeError"),
                "{case:?}: {said}"
            );
            let text = error["text"].as_str().unwrap();
            assert!(text.starts_with("AuthentificationError"), "{text}");
            drop(peer);
            cancel.cancel();
            assert!(came.join().unwrap().is_err());
        });
    }
}

#[test]
fn ten_thousand_calls_each_way() {
    for case in &cases() {
        let (mut peer, mut talks) = opened(case);
        let start = Instant::now();
        for number in 0..MANY {
            let sent = (number, number.to_string());
            let back: (i64, String) = talks.execute(0x10, &((&sent.0, &sent.1),)).unwrap();
            assert_eq!(back, sent, "{case:?}");
        }
        let ours = start.elapsed();
        talks.bind(0x10, |_, (pair,): ((i64, String),)| {
            Ok(vec![Value::from(pair.0), pair.1.into()])
        });
        let start = Instant::now();
        let command = format!(r#"{{"do":"many","count":{MANY}}}"#);
        let (mut talks, said) = serve(talks, &mut peer, &command);
        assert_eq!(said["done"].as_i64(), Some(MANY), "{case:?}: {said}");
        println!(
            "{} {:?} {:?}: {MANY} calls in {ours:?} by us, in {:?} by them",
            case.version,
            case.variant,
            case.dials,
            start.elapsed()
        );
        let done = peer.does(r#"{"do":"calls"}"#);
        assert_eq!(done["done"].as_i64(), Some(MANY), "{case:?}");
        talks.bind(0x10, |_, (number,): (i64,)| Ok(number));
        if case.variant == Variant::Current {
            let (mut talks, said) = serve(talks, &mut peer, r#"{"do":"burst","count":1000}"#);
            assert_eq!(said["done"].as_i64(), Some(1000), "{case:?}: {said}");
            let ids: Vec<CallId> = (0..1000)
                .map(|number| talks.send(0x10, &(number,)).unwrap())
                .collect();
            for (number, id) in ids.into_iter().enumerate().skip(1000 - 256) {
                assert_eq!(talks.poll(id, LONG).unwrap().as_u64(), Some(number as u64));
            }
        }
    }
}

#[test]
fn their_exceptions_become_remote_errors() {
    for case in cases() {
        let (_peer, mut talks) = opened(&case);
        for (class, args, message) in [
            (
                "ValueError",
                vec![Value::from("oh"), "no".into()],
                "('oh', 'no')",
            ),
            ("ZeroDivisionError", vec!["by zero".into()], "by zero"),
            ("KeyError", vec!["key".into()], "'key'"),
            ("RuntimeError", vec![], ""),
            ("OSError", vec![2.into(), "gone".into()], "[Errno 2] gone"),
        ] {
            let arguments = Arguments {
                args: std::iter::once(Value::from(class)).chain(args).collect(),
                ..Arguments::default()
            };
            let error = talks.execute_any(0x11, &arguments).unwrap_err();
            let error = error
                .remote()
                .unwrap_or_else(|| panic!("{case:?}: {error}"));
            // Python makes a more special class of it.
            let class = if class == "OSError" {
                "FileNotFoundError"
            } else {
                class
            };
            assert_eq!(
                (&*error.module, &*error.class),
                ("builtins", class),
                "{case:?}"
            );
            assert_eq!(error.message, message, "{case:?}");
            if case.variant == Variant::Current {
                let last = error.frames.last().unwrap();
                assert_eq!(last.function, "throw", "{case:?}: {error:?}");
                assert_eq!(last.source, "raise error");
                assert!(last.file.ends_with("handlers.py") && last.line > 0);
                assert!(error.frames.len() >= 4);
            } else {
                assert!(error.frames.is_empty());
            }
        }
        let error = talks.execute::<()>(0x12, &(3,)).unwrap_err();
        let error = error.remote().unwrap();
        assert_eq!((&*error.module, &*error.class), ("handlers", "RobotError"));
        assert_eq!(
            error.attributes.get("motor").and_then(Value::as_i64),
            Some(3)
        );
        let error = talks.execute::<()>(0x77, &()).unwrap_err();
        assert_eq!(error.remote().unwrap().class, "KeyError");
        let error = talks.execute::<()>(0x13, &(1, 2, 3, 4)).unwrap_err();
        assert_eq!(error.remote().unwrap().class, "TypeError");
        assert_eq!(talks.execute::<i64>(0x13, &(1, 2)).unwrap(), 3);
        let by_name = Arguments::new([1, 2]).with("scale", 10);
        assert_eq!(talks.execute_any(0x13, &by_name).unwrap(), Value::from(30));
        assert_eq!(talks.execute::<i64>("move", &(7,)).unwrap(), 7);
    }
}

#[test]
fn our_errors_are_raised_as_the_right_class() {
    for case in cases() {
        let (mut peer, mut talks) = opened(&case);
        talks.bind(0x40, |_, (class,): (String,)| -> Result<(), _> {
            Err(Refused::new(class, "too far: Zürich"))
        });
        talks.bind(0x41, |_, (text,): (String,)| Ok(text.parse::<u8>()?));
        for (class, raised, text) in [
            ("ValueError", "ValueError", "too far: Zürich"),
            ("KeyError", "KeyError", "'too far: Zürich'"),
            ("TimeoutError", "TimeoutError", "too far: Zürich"),
            ("RobotError", "RuntimeError", "RobotError: too far: Zürich"),
            ("SystemExit", "RuntimeError", "SystemExit: too far: Zürich"),
        ] {
            let command = format!(r#"{{"do":"execute","opcode":64,"args":["{class}"]}}"#);
            let said;
            (talks, said) = serve(talks, &mut peer, &command);
            let error = &said["error"];
            assert_eq!(error["name"].as_str(), Some(raised), "{case:?}: {said}");
            assert_eq!(error["module"].as_str(), Some("builtins"), "{case:?}");
            assert_eq!(error["text"].as_str(), Some(text), "{case:?}");
        }
        for (command, raised) in [
            (
                r#"{"do":"execute","opcode":65,"args":["x"]}"#,
                "RuntimeError",
            ),
            (r#"{"do":"execute","opcode":65,"args":[1]}"#, "TypeError"),
            (r#"{"do":"execute","opcode":65}"#, "TypeError"),
            (r#"{"do":"execute","opcode":119}"#, "KeyError"),
            (r#"{"do":"execute","opcode":"nothing"}"#, "KeyError"),
        ] {
            let said;
            (talks, said) = serve(talks, &mut peer, command);
            assert_eq!(
                said["error"]["name"].as_str(),
                Some(raised),
                "{case:?}: {said}"
            );
        }
        let (_, said) = serve(
            talks,
            &mut peer,
            r#"{"do":"execute","opcode":65,"args":["7"]}"#,
        );
        assert_eq!(said["value"].as_i64(), Some(7), "{case:?}: {said}");
    }
}

#[test]
fn an_end_in_the_middle_of_a_call_ends_the_call() {
    for case in cases() {
        let (mut peer, mut talks) = opened(&case);
        talks.send(0x15, &()).unwrap();
        peer.0.kill();
        let id = CallId::Number(1);
        let error = talks.poll(id, LONG).unwrap_err();
        assert!(matches!(error, CallError::Link(_)), "{case:?}: {error}");

        let (mut peer, talks) = opened(&case);
        peer.0.tell(r#"{"do":"execute","opcode":64}"#);
        drop(talks);
        let said = peer.said();
        assert_eq!(
            said["error"]["name"].as_str(),
            Some("ConnectionError"),
            "{case:?}: {said}"
        );

        let (mut peer, mut talks) = opened(&case);
        peer.does(r#"{"do":"disconnect"}"#);
        assert!(matches!(talks.turn(LONG), Err(Error::Closed)));
        let (mut peer, talks) = opened(&case);
        assert!(talks.disconnect().unwrap());
        peer.does_end();
    }
}

#[test]
fn a_reply_that_is_late_can_be_polled_for() {
    for case in cases() {
        let (mut peer, mut talks) = opened(&case);
        let id = talks.send(0x15, &()).unwrap();
        let short = Duration::from_millis(20);
        assert!(
            matches!(talks.poll(id, short), Err(CallError::Deadline)),
            "{case:?}"
        );
        peer.does(r#"{"do":"release"}"#);
        if case.variant == Variant::Current {
            assert_eq!(talks.poll(id, LONG).unwrap(), "released");
        }
        assert_eq!(talks.execute::<i64>(0x13, &(1, 2)).unwrap(), 3, "{case:?}");
        for (args, wanted) in [
            (
                r#"[1,"two"]"#,
                Some(Value::Tuple(vec![1.into(), "two".into()])),
            ),
            ("[7]", Some(7.into())),
            ("[]", None),
        ] {
            peer.does(&format!(r#"{{"do":"reply","key":77,"args":{args}}}"#));
            let reply = talks.poll(CallId::Number(77), LONG);
            match wanted {
                Some(wanted) => assert_eq!(reply.unwrap(), wanted, "{case:?}"),
                None => assert!(matches!(reply, Err(CallError::Malformed(_))), "{case:?}"),
            }
        }
    }
}

#[test]
fn the_largest_messages_pass_and_larger_ones_are_refused() {
    for case in cases() {
        let limit = 1 << 20;
        let options = Options::default().max_message(limit);
        let settings = settings(&case).options(options);
        let arguments: [&dyn Display; 2] = [&"--read", &65536];
        let (_peer, _, talks) = open(&case, &settings, &arguments);
        let mut talks = talks.unwrap();
        let size = limit - 64;
        let blob = talks
            .execute_any(0x14, &Arguments::new([size as u64]))
            .unwrap();
        assert_eq!(blob.as_bytes().map(<[u8]>::len), Some(size), "{case:?}");
        let back = talks
            .execute_any(0x10, &Arguments::new([blob.clone()]))
            .unwrap();
        assert!(back == blob, "{case:?}");
        let larger = Arguments::new([Value::Bytes(vec![0; limit])]);
        let error = talks.execute_any(0x10, &larger).unwrap_err();
        assert!(matches!(error, CallError::Send(_)), "{case:?}: {error}");
        let error = talks
            .execute_any(0x14, &Arguments::new([limit as u64]))
            .unwrap_err();
        let is_named = matches!(error, CallError::Link(Error::OutOfStep));
        assert!(is_named, "{case:?}: {error}");
    }
}

#[test]
fn several_clients_are_called_by_their_identities() {
    let pythons = pythons();
    let mut server = Server::bind(
        "127.0.0.1:0",
        &Settings::default()
            .password("secret")
            .opening(LONG)
            .patience(LONG),
    )
    .unwrap();
    server.on(0x10, |_, _, (pair,): ((i64, String),)| {
        Ok(vec![Value::from(pair.0), pair.1.into()])
    });
    server.on(0x40, |_, client, ()| Ok(client.identity.clone()));
    let port = server.address().port();
    let mut peers = Vec::new();
    for number in 0..4 {
        let (version, interpreter) = &pythons[number * (pythons.len() - 1) / 3];
        let case = Case {
            version: version.clone(),
            interpreter: interpreter.clone(),
            variant: Variant::Current,
            dials: Dials::They,
        };
        let identity = format!("python-{number}");
        let mut peer = Peer::start(
            &case,
            port,
            &[&"--password", &"\"secret\"", &"--identity", &identity],
        );
        loop {
            match server.turn(LONG).unwrap() {
                Some(Happening::Joined(client)) => break assert_eq!(client.identity, identity),
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
        assert_eq!(peer.said()["opened"].as_bool(), Some(true));
        peers.push((identity, peer, case));
    }
    // A fifth is turned away, and the others are not disturbed.
    let mut fifth = Peer::start(&peers[0].2, port, &[&"--password", &"\"secret\""]);
    while !matches!(server.turn(LONG).unwrap(), Some(Happening::TurnedAway(..))) {}
    assert!(fifth.said()["error"]["name"].as_str().is_some());
    for (identity, _, case) in &peers {
        for number in 0..100 {
            assert_eq!(
                server.execute::<i64>(identity, 0x10, &(number,)).unwrap(),
                number,
                "{case:?}"
            );
        }
        let error = server
            .execute::<()>(identity, 0x11, &("ValueError", "oh"))
            .unwrap_err();
        assert_eq!(error.remote().unwrap().to_string(), "ValueError: oh");
    }
    for (_, peer, _) in &mut peers {
        peer.0.tell(r#"{"do":"many","count":500}"#);
        peer.0.tell(r#"{"do":"execute","opcode":64}"#);
    }
    let told = std::thread::spawn(move || {
        for (identity, peer, case) in &mut peers {
            assert_eq!(peer.said()["done"].as_i64(), Some(500), "{case:?}");
            assert_eq!(peer.said()["value"].as_str(), Some(&**identity), "{case:?}");
        }
        println!(
            "clients: {:?}",
            peers
                .iter()
                .map(|(_, _, case)| &case.version)
                .collect::<Vec<_>>()
        );
    });
    while !told.is_finished() {
        server.turn(Duration::from_millis(10)).unwrap();
    }
    told.join().unwrap();
    assert_eq!(server.shutdown(LONG).unwrap(), 0);
}

#[test]
fn their_server_of_several_clients_knows_us_by_our_identity() {
    for case in cases() {
        if case.dials == Dials::They || case.variant == Variant::Old {
            continue;
        }
        let arguments: [&dyn Display; 4] = [&"--role", &"serve", &"--password", &"\"secret\""];
        let mut peer = Peer(Python::start_by(
            &case.interpreter,
            PROGRAM,
            &[&arguments[..], &[&"--port", &0]].concat(),
        ));
        let address = ("127.0.0.1", peer.0.port());
        let settings = settings(&case).password("secret");
        let mut talks = Vec::new();
        for name in ["arm", "base"] {
            let mut one = Talks::connect(address, &settings.clone().identity(name)).unwrap();
            one.bind(0x40, move |_, (number,): (i64,)| {
                Ok(format!("{name} {number}"))
            });
            talks.push(one.in_background());
            assert_eq!(peer.said()["client"].as_str(), Some(name), "{case:?}");
        }
        for name in ["arm", "base"] {
            let command = format!(r#"{{"do":"execute","to":"{name}","opcode":64,"args":[7]}}"#);
            assert_eq!(
                peer.does(&command)["value"].as_str(),
                Some(&*format!("{name} 7"))
            );
        }
        for one in talks {
            let (mut one, ran) = one.stop();
            ran.unwrap();
            assert_eq!(one.execute::<i64>(0x13, &(1, 2)).unwrap(), 3);
        }
    }
}

impl Peer {
    /// A program that listens at, or dials, `port`.
    fn start(case: &Case, port: u16, arguments: &[&dyn Display]) -> Self {
        let role = match case.dials {
            Dials::We => "listen",
            Dials::They => "connect",
        };
        let variant = match case.variant {
            Variant::Current => "current",
            Variant::Old => "old",
        };
        let common: [&dyn Display; 6] =
            [&"--role", &role, &"--variant", &variant, &"--port", &port];
        Self(Python::start_by(
            &case.interpreter,
            PROGRAM,
            &[&common, arguments].concat(),
        ))
    }

    /// What it says next.
    fn said(&mut self) -> Value {
        let line = self.0.line();
        line.parse()
            .unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// What comes of a command that needs nothing of us.
    fn does(&mut self, command: &str) -> Value {
        self.0.tell(command);
        self.said()
    }
}

impl Peer {
    /// Waits until it has noticed that we have closed.
    fn does_end(&mut self) {
        let said = self.does(r#"{"do":"closed"}"#);
        assert_eq!(said["closed"].as_bool(), Some(true));
    }
}

/// What comes of a command while we serve the calls that it makes.
fn serve(talks: Talks, peer: &mut Peer, command: &str) -> (Talks, Value) {
    let running = talks.in_background();
    let said = peer.does(command);
    let (talks, ran) = running.stop();
    ran.unwrap();
    (talks, said)
}

fn opened(case: &Case) -> (Peer, Talks) {
    let (peer, said, talks) = open(case, &settings(case), &[]);
    assert!(said, "{case:?}");
    (peer, talks.unwrap())
}

/// Opens, and says what they say of it.
fn open(
    case: &Case,
    settings: &Settings,
    arguments: &[&dyn Display],
) -> (Peer, bool, Result<Talks, OpenError>) {
    let opened = |peer: &mut Peer| peer.said()["opened"].as_bool() == Some(true);
    match case.dials {
        Dials::We => {
            let mut peer = Peer::start(case, 0, arguments);
            let address = ("127.0.0.1", peer.0.port());
            let talks = Talks::connect(address, settings);
            let said = opened(&mut peer);
            (peer, said, talks)
        }
        Dials::They => {
            let cancel = Cancel::new();
            let door = Door::bind("127.0.0.1:0").unwrap().cancel(&cancel);
            let mut peer = Peer::start(case, door.address().port(), arguments);
            std::thread::scope(|scope| {
                let accepted = scope.spawn(|| door.accept(settings, LONG));
                let said = opened(&mut peer);
                if !said {
                    // Nobody else will come.
                    cancel.cancel();
                }
                (peer, said, accepted.join().unwrap())
            })
        }
    }
}

fn settings(case: &Case) -> Settings {
    Settings::default()
        .variant(case.variant)
        .opening(LONG)
        .patience(LONG)
}

/// Every Python with every variant, dialling and being dialled.
fn cases() -> Vec<Case> {
    let pythons = pythons();
    let versions: Vec<&String> = pythons.iter().map(|(version, _)| version).collect();
    println!("Pythons: {versions:?}");
    let mut cases = Vec::new();
    for (version, interpreter) in &pythons {
        for variant in [Variant::Current, Variant::Old] {
            for dials in [Dials::We, Dials::They] {
                cases.push(Case {
                    version: version.clone(),
                    interpreter: interpreter.clone(),
                    variant,
                    dials,
                });
            }
        }
    }
    cases
}

const MANY: i64 = 10_000;

const PROGRAM: &str = "tcptalks/peer.py";

const LONG: Duration = Duration::from_secs(30);
