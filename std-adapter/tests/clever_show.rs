//! A ground server and drones on one machine.

use ropeway_std::call::{CallError, Refused};
use ropeway_std::clever_show::{
    Announce, Beacon, Direction, Drone, Event, FileError, Handlers, PathError, Reason, Root,
    Search, Server, Settings, Stage, What,
};
use ropeway_std::dialect::clever_show::CallId;
use ropeway_std::encoding::value::Args;
use ropeway_std::value::Value;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LONG: Duration = Duration::from_secs(20);

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ropeway-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn search() -> Search {
    Search {
        pause: Duration::from_millis(5),
        failures: 0,
        ..Search::default()
    }
}

fn server(settings: Settings, handlers: Handlers) -> Server {
    let server = Server::bind((HERE, 0), settings, handlers).unwrap();
    server.without_greeting()
}

fn drone(server: &Server, settings: Settings, handlers: Handlers) -> Drone {
    let drone = Drone::new(settings, handlers).unwrap();
    drone.server(server.address()).search(search())
}

/// Both in turn, until `done` has what it wants; it sees every event.
fn turn<T>(
    server: &mut Server,
    drone: &mut Drone,
    mut done: impl FnMut(&mut Server, &mut Drone, Option<(&str, Event)>) -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < LONG, "too late");
        for _ in 0..2 {
            if let Some(event) = server.turn(Duration::ZERO).unwrap()
                && let Some(found) = done(server, drone, Some(("server", event)))
            {
                return found;
            }
            if let Some(event) = drone.turn(Duration::from_micros(200)).unwrap()
                && let Some(found) = done(server, drone, Some(("drone", event)))
            {
                return found;
            }
        }
        if let Some(found) = done(server, drone, None) {
            return found;
        }
    }
}

fn connect(server: &mut Server, drone: &mut Drone) {
    turn(server, drone, |server, drone, _| {
        let talk = server.drone(HERE);
        (talk.is_some_and(|talk| talk.is_connected()) && drone.talk().is_connected()).then_some(())
    });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Color {
    red: u8,
    green: u8,
    #[serde(default)]
    blue: u8,
}

#[test]
fn actions_reach_their_handlers_with_their_arguments() {
    let (said, heard) = channel();
    let (tell, untyped) = channel();
    let mut handlers = Handlers::new();
    handlers
        .action("led_fill", move |_, color: Color| said.send(color).unwrap())
        .action("test", move |_, all: Args<Vec<Value>, Value>| {
            tell.send(format!("{} {}", Value::from(all.args), all.kwargs))
                .unwrap();
        });
    let mut server = server(Settings::default(), Handlers::new());
    let mut drone = drone(&server, Settings::default(), handlers);
    connect(&mut server, &mut drone);
    let color = || Color {
        red: 255,
        green: 0,
        blue: 7,
    };
    let talk = server.drone(HERE).unwrap();
    talk.send("led_fill", &color()).unwrap();
    talk.send("test", &(1, "two", 3.5, f64::NAN)).unwrap();
    talk.send("nobody_knows", &()).unwrap();
    let unknown = turn(&mut server, &mut drone, |_, _, event| match event {
        Some(("drone", event)) => match event.what {
            What::Unknown { name, id: None } => Some(name),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(unknown, "nobody_knows");
    assert_eq!(heard.try_recv(), Ok(color()));
    assert_eq!(untyped.try_recv().unwrap(), r#"[1,"two",3.5,NaN] {}"#);
}

#[test]
fn requests_are_answered_both_ways() {
    let mut of_drone = Handlers::new();
    of_drone
        .request("sum", |_, (a, b): (i64, i64)| Ok(a + b))
        .request("batt_voltage", |_, ()| Ok(f64::NAN))
        .request("fail", |_, ()| {
            Err::<(), _>(Refused::new("ValueError", "no"))
        });
    let mut of_server = Handlers::new();
    of_server.request("time", |_, ()| Ok(1_581_338_473.438_682));
    let mut server = server(Settings::default(), of_server);
    let mut drone = drone(&server, Settings::default(), of_drone);
    connect(&mut server, &mut drone);
    let (tell, told) = channel();
    let talk = server.drone(HERE).unwrap();
    let (sum, volts, fail, nope) = (tell.clone(), tell.clone(), tell.clone(), tell);
    talk.request("sum", &(2, 3), LONG, move |_, answer: Result<i64, _>| {
        sum.send(format!("sum {answer:?}")).unwrap();
    })
    .unwrap();
    talk.request(
        "batt_voltage",
        &(),
        LONG,
        move |_, answer: Result<f64, _>| {
            volts.send(format!("volts {answer:?}")).unwrap();
        },
    )
    .unwrap();
    let short = Duration::from_millis(50);
    talk.request("fail", &(), short, move |_, answer: Result<(), _>| {
        fail.send(format!("fail {answer:?}")).unwrap();
    })
    .unwrap();
    talk.request("nope", &(), short, move |_, answer: Result<(), _>| {
        nope.send(format!("nope {answer:?}")).unwrap();
    })
    .unwrap();
    let mut events = Vec::new();
    let mut said = Vec::new();
    turn(&mut server, &mut drone, |_, _, event| {
        events.extend(event.map(|(who, event)| format!("{who} {:?}", event.what)));
        said.extend(told.try_iter());
        (said.len() == 4).then_some(())
    });
    said.sort();
    assert_eq!(
        said,
        [
            "fail Err(Deadline)",
            "nope Err(Deadline)",
            "sum Ok(5)",
            "volts Ok(NaN)"
        ]
    );
    assert!(
        events
            .iter()
            .any(|event| event.starts_with("drone Refused { name: \"fail\""))
    );
    assert!(
        events
            .iter()
            .any(|event| event.starts_with("drone Unknown { name: \"nope\""))
    );
    assert_eq!(server.drone(HERE).unwrap().calls(), 0);

    let handle = server.handle();
    let thread = std::thread::spawn(move || server.run(|_, _| false).map(|()| server));
    assert_eq!(drone.call("time", &(), LONG), Ok(1_581_338_473.438_682));
    handle.stop();
    thread.join().unwrap().unwrap();
}

#[derive(Serialize, Deserialize)]
struct Sum(i64, i64);

ropeway_std::messages! {
    enum Words {
        Sum(Sum) as "sum" -> i64,
    }
}

#[test]
fn a_node_speaks_it_as_it_speaks_every_dialect() {
    use ropeway_std::dialect::clever_show::CleverShow;
    use ropeway_std::{Node, Options, memory};
    let options = Options::default();
    let (here, there) = memory::pair(CleverShow::new(), 4096, &options).unwrap();
    let mut handlers = ropeway_std::Handlers::new();
    handlers.answer::<Sum>(|_, Sum(a, b)| Ok(a + b));
    let thread = std::thread::spawn(move || Node::new(there, handlers).run(|| false));
    let mut node = Node::new(here, ropeway_std::Handlers::new());
    assert_eq!(node.call(&Sum(2, 3), LONG), Ok(5));
    drop(node);
    assert!(matches!(
        thread.join().unwrap(),
        Err(ropeway_std::Error::Closed)
    ));
    assert_eq!(Words::ENTRIES.len(), 1);
}

#[test]
fn a_drone_that_is_away_makes_room_for_another() {
    let server = server(Settings::default(), Handlers::new());
    let mut server = server.max_drones(1);
    drop(raw(&mut server));
    until(&mut server, |server, _| {
        (!server.drone(HERE)?.is_connected()).then_some(())
    });
    let other = IpAddr::from([127, 0, 0, 3]);
    let _second = raw_from(&server, other);
    until(&mut server, |server, _| server.drone(other).map(drop));
    assert_eq!(server.drones().count(), 1);
    let mut third = raw_from(&server, HERE);
    third.set_read_timeout(Some(LONG)).unwrap();
    let talker = std::thread::spawn(move || third.read(&mut [0]).unwrap_or(0));
    until(&mut server, |_, _| talker.is_finished().then_some(()));
    assert_eq!(talker.join().unwrap(), 0);
    assert!(server.drone(HERE).is_none());
}

/// A peer at another address of this machine.
fn raw_from(server: &Server, address: IpAddr) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(address, 0).into()).unwrap();
    socket.connect(&server.address().into()).unwrap();
    TcpStream::from(socket)
}

#[test]
fn another_thread_wakes_a_server_that_waits() {
    let mut server = server(Settings::default(), Handlers::new());
    let handle = server.handle();
    let waker = handle.clone();
    let thread = std::thread::spawn(move || server.run(|_, _| false));
    let (said, heard) = channel();
    handle
        .post(move |server| said.send(server.address()).unwrap())
        .unwrap();
    assert!(heard.recv_timeout(LONG).is_ok());
    waker.stop();
    thread.join().unwrap().unwrap();
    assert!(handle.post(|_| ()).is_err());
}

#[test]
fn a_server_greets_a_drone_once_by_id_and_once_by_folder() {
    let mut handlers = Handlers::new();
    handlers
        .request("id", |_, ()| Ok("clover-7"))
        .request("clover_dir", |_, ()| Ok("/home/pi/clover"));
    let mut server = Server::bind((HERE, 0), Settings::default(), Handlers::new()).unwrap();
    let mut drone = drone(&server, Settings::default(), handlers);
    let known = turn(&mut server, &mut drone, |server, _, _| {
        let known = server.known(HERE)?;
        known.clover_dir.is_some().then_some(known)
    });
    assert_eq!(known.id.as_deref(), Some("clover-7"));
    assert_eq!(known.clover_dir.as_deref(), Some("/home/pi/clover"));
}

/// What came to the end, of one side.
fn ended(side: &str, event: Option<(&str, Event)>) -> Option<(Stage, String, u64)> {
    let (who, event) = event?;
    let What::File(file) = event.what else {
        return None;
    };
    let is_over = matches!(file.stage, Stage::Done | Stage::Failed(_));
    (who == side && is_over).then_some((file.stage, file.path, file.done))
}

#[test]
fn files_go_both_ways_through_little_memory() {
    let (here, there) = (Folder::new("files-here"), Folder::new("files-there"));
    std::fs::create_dir(there.join("data")).unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    std::fs::write(here.join("big.bin"), &content).unwrap();
    std::fs::write(here.join("empty.bin"), b"").unwrap();
    let root = Root::new(&there.0);
    let settings = Settings::default().receive(root.clone()).serve(root);
    let mut server = server(Settings::default(), Handlers::new());
    let mut drone = drone(&server, settings, Handlers::new());
    connect(&mut server, &mut drone);

    let talk = server.drone(HERE).unwrap();
    talk.send_file(here.join("big.bin"), "data/big.bin")
        .unwrap();
    talk.send_file(here.join("empty.bin"), "empty.bin").unwrap();
    talk.send("after", &()).unwrap();
    let (mut steps, mut done) = (0, Vec::new());
    turn(&mut server, &mut drone, |_, _, event| {
        match &event {
            Some((
                "drone",
                Event {
                    what: What::Unknown { name, .. },
                    ..
                },
            )) => {
                assert_eq!((name.as_str(), done.len()), ("after", 2));
                return Some(());
            }
            Some((
                "drone",
                Event {
                    what: What::File(file),
                    ..
                },
            )) => {
                assert_eq!(file.direction, Direction::In);
                steps += 1;
            }
            _ => {}
        }
        done.extend(ended("drone", event).map(|(stage, path, len)| {
            assert!(matches!(stage, Stage::Done), "{stage:?}");
            (path, len)
        }));
        None
    });
    assert_eq!(
        done,
        [("data/big.bin".into(), 3_000_000), ("empty.bin".into(), 0)]
    );
    assert!(steps > 4, "{steps} steps");
    assert!(std::fs::read(there.join("data/big.bin")).unwrap() == content);
    assert_eq!(std::fs::read(there.join("empty.bin")).unwrap(), b"");

    let (tell, told) = channel();
    let talk = server.drone(HERE).unwrap();
    talk.get_file(
        "data/big.bin",
        here.join("back.bin"),
        LONG,
        move |_, outcome| {
            tell.send(outcome).unwrap();
        },
    )
    .unwrap();
    let outcome = turn(&mut server, &mut drone, |_, _, _| told.try_recv().ok());
    assert_eq!(outcome.unwrap(), 3_000_000);
    assert!(std::fs::read(here.join("back.bin")).unwrap() == content);
    assert_eq!(here.names(), ["back.bin", "big.bin", "empty.bin"]);
    assert_eq!(there.names(), ["data", "empty.bin"]);
}

#[test]
fn a_file_that_cannot_be_read_is_not_answered() {
    let (here, there) = (Folder::new("unread-here"), Folder::new("unread-there"));
    let settings = Settings::default().serve(Root::new(&there.0));
    let mut server = server(Settings::default(), Handlers::new());
    let mut drone = drone(&server, settings, Handlers::new());
    connect(&mut server, &mut drone);
    let (tell, told) = channel();
    let talk = server.drone(HERE).unwrap();
    for path in ["none.bin", "../unread-here/x", "/etc/hostname"] {
        let tell = tell.clone();
        let short = Duration::from_millis(50);
        talk.get_file(path, here.join("x"), short, move |_, outcome| {
            tell.send(outcome).unwrap();
        })
        .unwrap();
    }
    let mut failed = 0;
    let mut outcomes = Vec::new();
    turn(&mut server, &mut drone, |_, _, event| {
        failed += usize::from(ended("drone", event).is_some());
        outcomes.extend(told.try_iter());
        (outcomes.len() == 3).then_some(())
    });
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Err(FileError::Deadline)))
    );
    assert_eq!(failed, 3);
    assert!(here.names().is_empty());
}

#[test]
fn paths_out_of_the_root_are_refused_unless_allowed() {
    let (here, there) = (Folder::new("escape-here"), Folder::new("escape-there"));
    std::fs::write(here.join("a"), b"abc").unwrap();
    std::fs::create_dir(there.join("in")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&there.0, there.join("in/out")).unwrap();
    let absolute = there.join("absolute").to_str().unwrap().to_owned();
    for (path, is_allowed) in [
        ("../escape.bin", false),
        ("in/../../escape.bin", false),
        (absolute.as_str(), false),
        #[cfg(unix)]
        ("out/escape.bin", false),
        ("..", false),
        ("", false),
        ("none/escape.bin", false),
        ("./fine.bin", true),
    ] {
        let settings = Settings::default().receive(Root::new(there.join("in")));
        let mut server = server(Settings::default(), Handlers::new());
        let mut drone = drone(&server, settings, Handlers::new());
        connect(&mut server, &mut drone);
        let talk = server.drone(HERE).unwrap();
        talk.send_file(here.join("a"), path).unwrap();
        talk.send("after", &()).unwrap();
        let mut stage = None;
        turn(&mut server, &mut drone, |_, _, event| {
            if let Some((
                "drone",
                Event {
                    what: What::Unknown { .. },
                    ..
                },
            )) = &event
            {
                return Some(());
            }
            stage = ended("drone", event).map(|end| end.0).or(stage.take());
            None
        });
        match stage {
            Some(Stage::Done) => assert!(is_allowed, "{path}"),
            Some(Stage::Failed(FileError::Path(_))) => assert!(!is_allowed, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    assert_eq!(there.names(), ["in"]);
    let anywhere = Root::anywhere();
    assert_eq!(anywhere.resolve(&absolute).unwrap(), Path::new(&absolute));
    assert!(matches!(anywhere.resolve(""), Err(PathError::Empty)));
}

#[test]
fn files_are_refused_without_a_root() {
    let here = Folder::new("rootless");
    std::fs::write(here.join("a"), b"abc").unwrap();
    let mut server = server(Settings::default(), Handlers::new());
    let mut drone = drone(&server, Settings::default(), Handlers::new());
    connect(&mut server, &mut drone);
    let talk = server.drone(HERE).unwrap();
    talk.send_file(here.join("a"), here.join("b").to_str().unwrap())
        .unwrap();
    let (stage, ..) = turn(&mut server, &mut drone, |_, _, event| ended("drone", event));
    assert!(matches!(stage, Stage::Failed(FileError::NoRoot)));
    assert_eq!(here.names(), ["a"]);
    let none = server
        .drone(HERE)
        .unwrap()
        .send_file(here.join("none"), "x");
    assert!(matches!(none, Err(FileError::Path(_))));
}

/// A peer of which every byte is in the test's hand.
fn raw(server: &mut Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    until(server, |server, _| {
        let address = stream.local_addr().unwrap();
        server
            .drone(HERE)
            .is_some_and(|talk| talk.peer() == address)
            .then_some(())
    });
    stream
}

fn until<T>(
    server: &mut Server,
    mut done: impl FnMut(&mut Server, Option<Event>) -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < LONG, "too late");
        let event = server.turn(Duration::from_millis(1)).unwrap();
        if let Some(found) = done(server, event) {
            return found;
        }
    }
}

fn message(header: &str, content: &str) -> Vec<u8> {
    message_of(header, content.len(), content)
}

fn message_of(header: &str, len: usize, content: &str) -> Vec<u8> {
    let header = format!(
        "{{\"byteorder\": \"little\", \"content-encoding\": \"utf-8\", \"content-length\": {len}, {header}}}"
    );
    let mut bytes = Vec::from(u16::try_from(header.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(content.as_bytes());
    bytes
}

/// The next message: its header and content.
fn read_message(stream: &mut TcpStream) -> (Value, String) {
    let mut len = [0; 2];
    stream.read_exact(&mut len).unwrap();
    let mut header = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut header).unwrap();
    let header: Value = std::str::from_utf8(&header).unwrap().parse().unwrap();
    let mut content = vec![
        0;
        header["content-length"]
            .as_u64()
            .unwrap()
            .try_into()
            .unwrap()
    ];
    stream.read_exact(&mut content).unwrap();
    (header, String::from_utf8(content).unwrap())
}

const JSON: &str = "\"content-type\": \"json\", \"message-type\"";

#[test]
fn requests_are_sent_again_with_their_arguments_on_the_next_connection() {
    let mut server = server(Settings::default(), Handlers::new());
    let mut first = raw(&mut server);
    let (tell, told) = channel();
    let talk = server.drone(HERE).unwrap();
    let wanted = Args {
        args: (1, 2),
        kwargs: [("deep", true)].into_iter().collect::<Map>(),
    };
    let id = talk
        .request("sum", &wanted, LONG, move |_, answer: Result<i64, _>| {
            tell.send(answer).unwrap();
        })
        .unwrap();
    let talker = std::thread::spawn(move || {
        let asked = read_message(&mut first);
        drop(first);
        asked
    });
    until(&mut server, |server, _| {
        (!server.drone(HERE)?.is_connected()).then_some(())
    });
    let asked = talker.join().unwrap();
    server.drone(HERE).unwrap().send("queued", &()).unwrap();

    let mut second = raw(&mut server);
    let talker = std::thread::spawn(move || {
        let again = read_message(&mut second);
        let queued = read_message(&mut second);
        (again, queued, second)
    });
    until(&mut server, |_, _| talker.is_finished().then_some(()));
    let (again, (header, _), mut second) = talker.join().unwrap();
    assert_eq!(again, asked);
    assert_eq!(
        again.1,
        format!(
            "{{\"requested_value\": \"sum\", \"request_id\": {id}, \"args\": [1, 2], \"kwargs\": {{\"deep\": true}}}}"
        )
    );
    assert_eq!(header["action"].as_str(), Some("queued"));
    // Answers of another name, or to nothing, are no answer.
    let answer = |name: &str, id: CallId, value| {
        let header =
            format!("{JSON}: \"response\", \"requested_value\": \"{name}\", \"request_id\": {id}");
        message(&header, &format!("{{\"value\": {value}}}"))
    };
    second.write_all(&answer("other", id, 7)).unwrap();
    let nobodys: CallId = "\"x\"".parse().unwrap();
    second.write_all(&answer("sum", nobodys, 8)).unwrap();
    second.write_all(&answer("sum", id, 3)).unwrap();
    second.write_all(&answer("sum", id, 4)).unwrap();
    let outcome = until(&mut server, |_, _| told.try_recv().ok());
    assert_eq!(outcome, Ok(3));
    assert!(told.try_recv().is_err());
}

#[test]
fn a_malformed_request_for_a_file_is_placed_in_the_stream() {
    let there = Folder::new("placed");
    let settings = Settings::default().serve(Root::new(&there.0));
    let mut server = server(settings, Handlers::new());
    let mut peer = raw(&mut server);
    let header = format!("{JSON}: \"request\"");
    let request = |arguments: &str| {
        let body = format!(
            "{{\"requested_value\": \"filetransfer\", \"request_id\": \"0001\", \"args\": [], \"kwargs\": {arguments}}}"
        );
        message(&header, &body)
    };
    let good = request("{\"filepath\": \"none\"}");
    peer.write_all(&good).unwrap();
    peer.write_all(&request("{\"filepath\": 7}")).unwrap();
    let malformed = until(&mut server, |_, event| match event?.what {
        What::Malformed(malformed) => Some(malformed),
        _ => None,
    });
    assert_eq!(malformed.frame, good.len() as u64);
}

#[test]
fn a_call_to_nobody_names_the_address() {
    let mut server = server(Settings::default(), Handlers::new());
    let nobody = Ipv4Addr::new(192, 0, 2, 9).into();
    let outcome: Result<(), _> = server.call(nobody, "id", &(), LONG);
    assert_eq!(outcome.unwrap_err().to_string(), "no drone at 192.0.2.9");
}

type Map = std::collections::BTreeMap<&'static str, bool>;

#[test]
fn without_resend_and_resume_all_ends_with_the_connection() {
    let settings = Settings::default().without_resend().without_resume();
    let mut server = server(settings, Handlers::new());
    let first = raw(&mut server);
    let (tell, told) = channel();
    let talk = server.drone(HERE).unwrap();
    talk.request("sum", &(), LONG, move |_, answer: Result<i64, _>| {
        tell.send(answer).unwrap();
    })
    .unwrap();
    drop(first);
    let outcome = until(&mut server, |_, _| told.try_recv().ok());
    assert_eq!(outcome, Err(CallError::LinkLost));
    let talk = server.drone(HERE).unwrap();
    assert!(talk.send("led_test", &()).is_err());
    assert!(talk.is_idle());
}

#[test]
fn null_arguments_are_read_as_none() {
    let (said, heard) = channel();
    let mut handlers = Handlers::new();
    handlers.request("config", move |_, ()| {
        said.send(()).unwrap();
        Ok("fine")
    });
    let mut server = server(Settings::default(), handlers);
    let mut peer = raw(&mut server);
    let content =
        r#"{"requested_value": "config", "request_id": "0001", "args": null, "kwargs": {}}"#;
    peer.write_all(&message(&format!("{JSON}: \"request\""), content))
        .unwrap();
    until(&mut server, |_, _| heard.try_recv().ok());
    until(&mut server, |server, _| {
        server.drone(HERE)?.is_idle().then_some(())
    });
    let (header, content) = read_message(&mut peer);
    assert_eq!(header["request_id"].as_str(), Some("0001"));
    assert_eq!(content, r#"{"value": "fine"}"#);
}

#[test]
fn a_bad_header_ends_one_link_and_leaves_the_others() {
    let (said, heard) = channel();
    let mut handlers = Handlers::new();
    handlers.action("test", move |_, ()| said.send(()).unwrap());
    let mut server = server(Settings::default(), handlers);
    let mut bad = raw(&mut server);
    let other = IpAddr::from([127, 0, 0, 2]);
    let mut good = raw_from(&server, other);
    until(&mut server, |server, _| server.drone(other).map(drop));
    bad.write_all(b"\x00\x08{'a': 1}").unwrap();
    let mut malformed = None;
    let reason = until(&mut server, |_, event| match event?.what {
        What::Malformed(found) => {
            malformed = Some(found);
            None
        }
        What::Lost(reason) => Some(reason),
        _ => None,
    });
    assert!(matches!(reason, Reason::OutOfStep), "{reason:?}");
    assert!(malformed.unwrap().is_fatal());
    let empty = r#"{"args": [], "kwargs": {}}"#;
    good.write_all(&message(
        &format!("{JSON}: \"message\", \"action\": \"test\""),
        empty,
    ))
    .unwrap();
    until(&mut server, |_, _| heard.try_recv().ok());
    assert!(server.drone(other).unwrap().is_connected());
}

#[test]
fn a_second_connection_from_one_address_replaces_the_first() {
    let mut server = server(Settings::default(), Handlers::new());
    let mut first = raw(&mut server);
    let mut second = raw(&mut server);
    assert_eq!(server.drones().count(), 1);
    let mut rest = Vec::new();
    assert_eq!(first.read_to_end(&mut rest).unwrap_or(0), 0);
    assert_eq!(server.broadcast("led_test", &()), Ok(1));
    until(&mut server, |server, _| {
        server.drone(HERE)?.is_idle().then_some(())
    });
    assert_eq!(
        read_message(&mut second).0["action"].as_str(),
        Some("led_test")
    );
}

#[test]
fn a_file_that_is_cut_off_leaves_nothing() {
    let there = Folder::new("cut-off");
    let settings = Settings::default().receive(Root::new(&there.0));
    let mut server = server(settings, Handlers::new());
    let mut peer = raw(&mut server);
    let header = "\"content-type\": \"binary\", \"message-type\": \"message\", \"action\": \"filetransfer\", \"filepath\": \"x.bin\"";
    peer.write_all(&message_of(header, 1000, "abc")).unwrap();
    until(&mut server, |_, _| {
        (there.names() == ["x.bin.part"]).then_some(())
    });
    drop(peer);
    let stage = until(&mut server, |_, event| match event?.what {
        What::File(file) if matches!(file.stage, Stage::Failed(_)) => Some(file.stage),
        _ => None,
    });
    assert!(matches!(stage, Stage::Failed(FileError::LinkLost)));
    assert!(there.names().is_empty());
}

#[test]
fn a_file_is_sent_again_from_its_start_after_a_lost_connection() {
    let here = Folder::new("again");
    let content = vec![7; 8 << 20];
    std::fs::write(here.join("a"), &content).unwrap();
    let mut server = server(Settings::default(), Handlers::new());
    let first = raw(&mut server);
    server
        .drone(HERE)
        .unwrap()
        .send_file(here.join("a"), "a")
        .unwrap();
    until(&mut server, |_, event| match event?.what {
        What::File(file) if file.done > 0 => Some(()),
        _ => None,
    });
    drop(first);
    until(&mut server, |server, _| {
        (!server.drone(HERE)?.is_connected()).then_some(())
    });
    let mut second = raw(&mut server);
    let reader = std::thread::spawn(move || read_message(&mut second));
    until(&mut server, |_, _| reader.is_finished().then_some(()));
    let (header, received) = reader.join().unwrap();
    assert_eq!(header["filepath"].as_str(), Some("a"));
    assert!(received.as_bytes() == content);
}

#[test]
fn a_queue_is_full_and_takes_nothing_more() {
    let mut server = server(Settings::default().max_queue(1000), Handlers::new());
    let peer = raw(&mut server);
    drop(peer);
    until(&mut server, |server, _| {
        (!server.drone(HERE)?.is_connected()).then_some(())
    });
    let talk = server.drone(HERE).unwrap();
    let sent = (0..100)
        .take_while(|_| talk.send("led_test", &()).is_ok())
        .count();
    assert!((2..10).contains(&sent), "{sent}");
    assert!(talk.queued() <= 1000);
}

fn beacon(address: SocketAddr) -> Beacon {
    Beacon {
        host: address.ip().to_string(),
        port: address.port(),
        id: "0042".into(),
        start_time: 1_581_338_400.5,
    }
}

#[test]
fn a_beacon_is_the_datagram_of_the_original() {
    let said = beacon(SocketAddr::from(([192, 168, 1, 101], 25_000)));
    let datagram = said.to_datagram();
    let kwargs = r#"{"args": [], "kwargs": {"host": "192.168.1.101", "port": "25000", "id": "0042", "start_time": "1581338400.5"}}"#;
    assert!(datagram.ends_with(kwargs.as_bytes()));
    assert_eq!(Beacon::parse(&datagram), Some(said));
    for junk in [
        &b""[..],
        b"\x00",
        b"\x00\x02{}",
        &[7; 1500],
        &datagram[..100],
    ] {
        assert_eq!(Beacon::parse(junk), None);
    }
}

#[test]
fn a_drone_finds_its_server_by_the_datagram() {
    let mut drone = Drone::new(Settings::default(), Handlers::new())
        .unwrap()
        .search(Search {
            at: (HERE, 0).into(),
            ..search()
        });
    drone.turn(Duration::ZERO).unwrap();
    let ears = drone.ears().expect("listens");
    let junk = UdpSocket::bind((HERE, 0)).unwrap();
    for datagram in [&b"junk"[..], b"", &[0xFF; 1200]] {
        junk.send_to(datagram, ears).unwrap();
    }
    let announce = Announce::default()
        .to(ears)
        .interval(Duration::from_millis(10));
    let server = Server::bind((HERE, 0), Settings::default(), Handlers::new()).unwrap();
    let mut server = server.without_greeting().announce(announce).unwrap();
    connect(&mut server, &mut drone);
    assert_eq!(drone.server_address(), Some(server.address()));
}

#[test]
fn a_drone_listens_after_its_failures_and_tries_again() {
    // A port at which nobody listens.
    let gone = TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap();
    let mut drone = Drone::new(Settings::default(), Handlers::new())
        .unwrap()
        .server(gone)
        .search(Search {
            pause: Duration::from_millis(1),
            failures: 3,
            listens: 2,
            listen: Duration::from_millis(5),
            at: (HERE, 0).into(),
            ..Search::default()
        });
    let mut failures = 0;
    let start = Instant::now();
    while failures < 7 {
        assert!(start.elapsed() < LONG);
        let was_deaf = drone.ears().is_none();
        if let Some(event) = drone.turn(Duration::from_millis(1)).unwrap() {
            assert!(matches!(event.what, What::NotConnected(_)), "{event:?}");
            failures += 1;
        }
        if was_deaf && drone.ears().is_some() {
            assert!(failures == 3 || failures == 6, "{failures}");
        }
    }
}

#[test]
fn a_server_hears_of_another_that_is_older() {
    let server = Server::bind((HERE, 0), Settings::default(), Handlers::new()).unwrap();
    let never = Announce::default().interval(LONG).to((HERE, 9).into());
    let mut server = server
        .announce(never)
        .unwrap()
        .listen_for_servers((HERE, 0).into())
        .unwrap();
    let socket = UdpSocket::bind((HERE, 0)).unwrap();
    let ears = server.ears().unwrap();
    socket.send_to(b"junk", ears).unwrap();
    let other = beacon(server.address());
    socket.send_to(&other.to_datagram(), ears).unwrap();
    let heard = until(&mut server, |_, event| match event?.what {
        What::Heard(beacon) => Some(beacon),
        _ => None,
    });
    assert_eq!(heard, other);
    assert!(server.is_older(&heard));
    let newer = Beacon {
        start_time: f64::MAX,
        ..other
    };
    assert!(!server.is_older(&newer));
}

#[test]
fn a_drone_comes_back_when_its_server_does() {
    let mut first = server(Settings::default(), Handlers::new());
    let address = first.address();
    let mut drone = drone(&first, Settings::default(), Handlers::new());
    connect(&mut first, &mut drone);
    drop(first);
    let lost = loop {
        if let Some(event) = drone.turn(LONG).unwrap()
            && let What::Lost(reason) = event.what
        {
            break reason;
        }
    };
    assert!(matches!(lost, Reason::Closed | Reason::Io(_)), "{lost:?}");
    drone
        .talk()
        .send("telemetry", &Numbers::from([("value".into(), 1)]))
        .unwrap();
    let (said, heard): (_, Receiver<Numbers>) = {
        let (said, heard) = channel();
        (said, heard)
    };
    let mut handlers = Handlers::new();
    handlers.action("telemetry", move |_, numbers: Numbers| {
        said.send(numbers).unwrap();
    });
    let mut second = Server::bind(address, Settings::default(), handlers).unwrap();
    let told = turn(&mut second, &mut drone, |_, _, _| heard.try_recv().ok());
    assert_eq!(told["value"], 1);
}

type Numbers = std::collections::HashMap<String, i32>;
