//! A peer of clever-show in Python 3 and, where there is one, in Python 2.7: both roles, both directions.

use ropeway_std::call::CallError;
use ropeway_std::clever_show::{
    Drone, Event, FileError, Handlers, PathError, Reason, Root, Search, Server, Settings, Stage,
    Talk, What,
};
use ropeway_std::encoding::value::Args;
use ropeway_std::value::Value;
use ropeway_tests::python::Python;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Who flies and who is on the ground.
#[derive(Clone, Copy, Debug)]
enum Role {
    WeServe,
    WeFly,
}

/// Which Python, by the variable that names it.
type Snake = &'static str;

const PYTHON_3: Snake = "ROPEWAY_PYTHON";
const PYTHON_2: Snake = "ROPEWAY_PYTHON2";

/// Every test in both roles, with both Pythons.
macro_rules! both_ways {
    ($($test:ident)*) => {$(
        mod $test {
            use super::{PYTHON_2, PYTHON_3, Role, is_there};

            #[test]
            fn python_3_when_we_serve() {
                super::$test(PYTHON_3, Role::WeServe);
            }

            #[test]
            fn python_3_when_we_fly() {
                super::$test(PYTHON_3, Role::WeFly);
            }

            #[test]
            fn python_2_when_we_serve() {
                if is_there(PYTHON_2) {
                    super::$test(PYTHON_2, Role::WeServe);
                }
            }

            #[test]
            fn python_2_when_we_fly() {
                if is_there(PYTHON_2) {
                    super::$test(PYTHON_2, Role::WeFly);
                }
            }
        }
    )*};
}

both_ways! {
    ten_thousand_messages_each_way
    arguments_of_all_kinds_come_back
    requests_are_answered_both_ways
    an_unknown_request_ends_by_its_deadline
    a_request_is_sent_again_with_its_arguments
    paths_that_escape_are_refused
    a_bad_header_ends_the_link_and_the_next_one_works
    a_file_that_is_cut_off_leaves_nothing
    large_files_pass_through_little_memory
}

#[derive(Debug, Serialize, Deserialize)]
struct Telemetry {
    value: Numbered,
}

/// What the peer says as its message of this number.
#[derive(Debug, Serialize, Deserialize)]
struct Numbered {
    id: u32,
    ratio: f64,
    nan: f64,
    name: String,
    battery: (f64, f64),
    none: Option<u8>,
    armed: bool,
}

impl Numbered {
    fn new(id: u32) -> Self {
        Self {
            id,
            ratio: f64::from(id) / 7.0,
            nan: f64::NAN,
            name: "Zürich ドローン 🚁".into(),
            battery: (12.2, 1.0),
            none: None,
            armed: id.is_multiple_of(2),
        }
    }
}

fn ten_thousand_messages_each_way(snake: Snake, role: Role) {
    let (tell, told) = channel();
    let mut handlers = Handlers::new();
    let mut next = 0;
    handlers
        .action("telemetry", move |talk, said: Telemetry| {
            // As text, because NaN is not equal to itself.
            let wanted = format!("{:?}", Numbered::new(next));
            assert_eq!(format!("{:?}", said.value), wanted);
            next += 1;
            if next == MANY {
                talk.send("report", &()).unwrap();
            }
        })
        .action("counted", move |_, (count,): (u32,)| {
            tell.send(count).unwrap();
        });
    let mut us = Us::start(snake, role, handlers);
    us.talk().send("source", &[MANY]).unwrap();
    for id in 0..MANY {
        let value = Numbered::new(id);
        while us
            .talk()
            .send(
                "telemetry",
                &Telemetry {
                    value: Numbered::new(value.id),
                },
            )
            .is_err()
        {
            us.turn();
        }
    }
    assert_eq!(us.until(|_, _| told.try_recv().ok()), MANY);
    us.quit();
}

fn arguments_of_all_kinds_come_back(snake: Snake, role: Role) {
    let (tell, told) = channel();
    let mut handlers = Handlers::new();
    handlers.action("echo", move |_, all: Args<Value, Value>| {
        tell.send((all.args.to_string(), all.kwargs.to_string()))
            .unwrap();
    });
    let mut us = Us::start(snake, role, handlers);
    for (args, kwargs) in [
        ("[]", "{}"),
        (r#"[1,"two",3.5,null,true,[],{}]"#, "{}"),
        ("[NaN,Infinity,-Infinity,1e-05,1e+16]", r#"{"a":{"b":[2]}}"#),
        (
            "[1000000000000000000000000000000]",
            r#"{"größe":"\u0001\"\\🚁"}"#,
        ),
    ] {
        let (args, kwargs): (Value, Value) = (args.parse().unwrap(), kwargs.parse().unwrap());
        us.talk()
            .send(
                "echo",
                &Args {
                    args: &args,
                    kwargs: &kwargs,
                },
            )
            .unwrap();
        let back = us.until(|_, _| told.try_recv().ok());
        assert_eq!(back, (args.to_string(), kwargs.to_string()));
    }
    us.quit();
}

fn requests_are_answered_both_ways(snake: Snake, role: Role) {
    let (tell, told) = channel();
    let mut handlers = Handlers::new();
    handlers
        .request("sum", |_, (a, b): (i64, i64)| Ok(a + b))
        .action("asked", move |_, (right,): (u32,)| {
            tell.send(right).unwrap();
        });
    let mut us = Us::start(snake, role, handlers);
    us.talk().send("ask", &[1000]).unwrap();
    assert_eq!(us.until(|_, _| told.try_recv().ok()), 1000);

    let (tell, told) = channel();
    for number in 0..900 {
        let tell = tell.clone();
        let then = move |_: &mut Talk, answer: Result<i64, CallError>| {
            assert_eq!(answer, Ok(number + 1));
            tell.send(()).unwrap();
        };
        us.talk().request("sum", &(number, 1), LONG, then).unwrap();
    }
    let mut answered = 0;
    us.until(|_, _| {
        answered += told.try_iter().count();
        (answered == 900).then_some(())
    });
    let version = if snake == PYTHON_3 {
        "python-3"
    } else {
        "python-2"
    };
    let id: Result<String, _> = us.ask("id", &());
    assert_eq!(id.as_deref(), Ok(version));
    us.quit();
}

fn an_unknown_request_ends_by_its_deadline(snake: Snake, role: Role) {
    let mut us = Us::start(snake, role, Handlers::new());
    let (tell, told) = channel();
    let then = move |_: &mut Talk, answer: Result<(), _>| tell.send(answer).unwrap();
    let short = Duration::from_millis(100);
    us.talk().request("nope", &(), short, then).unwrap();
    assert_eq!(
        us.until(|_, _| told.try_recv().ok()),
        Err(CallError::Deadline)
    );
    assert_eq!(us.ask("sum", &[1, 2]), Ok(3));
    us.quit();
}

fn a_request_is_sent_again_with_its_arguments(snake: Snake, role: Role) {
    let mut us = Us::start(snake, role, Handlers::new());
    let (tell, told) = channel();
    let then = move |_: &mut Talk, answer: Result<Value, _>| tell.send(answer).unwrap();
    let kwargs: Value = r#"{"send_configspec":true}"#.parse().unwrap();
    let arguments = Args {
        args: [1],
        kwargs: &kwargs,
    };
    us.talk().request("forget", &arguments, LONG, then).unwrap();
    let mut lost = 0;
    let answer = us.until(|_, event| {
        lost += u32::from(event.is_some_and(|event| matches!(event.what, What::Lost(_))));
        told.try_recv().ok()
    });
    let expected = r#"{"args":[1],"kwargs":{"send_configspec":true}}"#.parse();
    assert_eq!(answer, Ok(expected.unwrap()));
    assert_eq!(lost, 1);
    us.quit();
}

fn paths_that_escape_are_refused(snake: Snake, role: Role) {
    let mut us = Us::start(snake, role, Handlers::new());
    std::fs::write(us.theirs("a.csv"), b"basic\n").unwrap();
    for (path, is_allowed) in [
        ("../escape.bin", false),
        ("/tmp/ropeway-escape.bin", false),
        ("fine.csv", true),
    ] {
        us.talk().send("send_file", &("a.csv", path)).unwrap();
        let stage = us.until(|_, event| match event?.what {
            What::File(file) if !matches!(file.stage, Stage::Begun | Stage::Underway) => {
                Some(file.stage)
            }
            _ => None,
        });
        match stage {
            Stage::Done => assert!(is_allowed, "{path}"),
            Stage::Failed(FileError::Path(error)) => {
                assert!(matches!(*error, PathError::Parent | PathError::Absolute));
                assert!(!is_allowed, "{path}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }
    assert_eq!(std::fs::read(us.ours("fine.csv")).unwrap(), b"basic\n");
    assert!(!Path::new("/tmp/ropeway-escape.bin").exists());
    us.quit();
}

fn a_bad_header_ends_the_link_and_the_next_one_works(snake: Snake, role: Role) {
    let mut us = Us::start(snake, role, Handlers::new());
    us.talk()
        .send("raw", &["0008 7b2761273a20317d".replace(' ', "")])
        .unwrap();
    let mut said = Vec::new();
    us.until(|_, event| {
        match event?.what {
            What::Malformed(malformed) => said.push(malformed.to_string()),
            What::Lost(reason) => said.push(format!("{reason:?}")),
            What::Connected => return Some(()),
            _ => {}
        }
        None
    });
    assert!(
        said[0].starts_with("header that is no object of JSON (byte 3 of"),
        "{said:?}"
    );
    assert_eq!(said[1..], ["OutOfStep"]);
    assert_eq!(us.ask("sum", &[1, 2]), Ok(3));
    us.quit();
}

fn a_file_that_is_cut_off_leaves_nothing(snake: Snake, role: Role) {
    let mut us = Us::start(snake, role, Handlers::new());
    us.talk().send("half_file", &(1_000_000, 300_000)).unwrap();
    let mut stages = Vec::new();
    let reason = us.until(|_, event| {
        match event?.what {
            What::File(file) => stages.push(file.stage),
            What::Lost(reason) => return Some(reason),
            _ => {}
        }
        None
    });
    assert!(matches!(reason, Reason::Closed), "{reason:?}");
    assert!(
        matches!(stages.last(), Some(Stage::Failed(FileError::LinkLost))),
        "{stages:?}"
    );
    assert_eq!(std::fs::read_dir(us.ours("")).unwrap().count(), 0);
    assert_eq!(us.ask("sum", &[1, 2]), Ok(3));
    us.quit();
}

/// A process of ours moves 64 MiB each way, and twice in.
fn large_files_pass_through_little_memory(snake: Snake, role: Role) {
    let folder = Folder::new();
    for name in ["ours", "ours/root", "theirs"] {
        std::fs::create_dir(folder.0.join(name)).unwrap();
    }
    let out = folder.0.join("ours/out.bin");
    let content: Vec<u8> = (0..LARGE)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    std::fs::write(&out, &content).unwrap();
    let theirs = folder.0.join("theirs");
    let program = env!("CARGO_BIN_EXE_clever_files");
    let start = |role: &str, address: String| {
        let mut command = Command::new(program);
        command.args([role, &address]).arg(folder.0.join("ours"));
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let (child, peer) = match role {
        Role::WeServe => {
            let mut child = start("server", "127.0.0.1:0".into());
            let port = first_line(&mut child);
            let port = port.strip_prefix("ready ").unwrap().parse().unwrap();
            (child, python(snake, "client", port, &theirs))
        }
        Role::WeFly => {
            let mut peer = python(snake, "server", 0, &theirs);
            let port = peer.port();
            (start("drone", format!("127.0.0.1:{port}")), peer)
        }
    };
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{said}");
    peer.succeed();
    for file in [
        theirs.join("sent.bin"),
        folder.0.join("ours/got.bin"),
        folder.0.join("ours/root/pushed.bin"),
    ] {
        assert!(
            std::fs::read(&file).unwrap() == content,
            "{}",
            file.display()
        );
    }
    let peak = said
        .trim()
        .strip_prefix("VmHWM:")
        .and_then(|kb| kb.trim().strip_suffix(" kB"));
    let peak: u32 = peak
        .unwrap_or_else(|| panic!("{said}"))
        .trim()
        .parse()
        .unwrap();
    println!("{} MiB each way, at most {peak} kB in memory", LARGE >> 20);
    assert!(peak < 8 << 10, "{peak} kB");
}

/// The first line of a child's output, which is left to be read on.
fn first_line(child: &mut std::process::Child) -> String {
    use std::io::Read;
    let output = child.stdout.as_mut().unwrap();
    let mut line = Vec::new();
    let mut byte = [0];
    while output.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

/// Our side, and the program that it talks with.
struct Us {
    end: End,
    peer: Python,
    folder: Folder,
}

enum End {
    Server(Box<Server>),
    Drone(Box<Drone>),
}

impl Us {
    fn start(snake: Snake, role: Role, handlers: Handlers) -> Self {
        let folder = Folder::new();
        let (ours, theirs) = (folder.0.join("ours"), folder.0.join("theirs"));
        std::fs::create_dir(&ours).unwrap();
        std::fs::create_dir(&theirs).unwrap();
        let settings = Settings::default().receive(Root::new(ours));
        let (end, peer) = match role {
            Role::WeServe => {
                let server = Server::bind("127.0.0.1:0", settings, handlers).unwrap();
                let server = server.without_greeting();
                let port = server.address().port();
                (
                    End::Server(Box::new(server)),
                    python(snake, "client", port, &theirs),
                )
            }
            Role::WeFly => {
                let mut peer = python(snake, "server", 0, &theirs);
                let server = ([127, 0, 0, 1], peer.port()).into();
                let search = Search {
                    pause: Duration::from_millis(20),
                    failures: 0,
                    ..Search::default()
                };
                let drone = Drone::new(settings, handlers).unwrap();
                (
                    End::Drone(Box::new(drone.server(server).search(search))),
                    peer,
                )
            }
        };
        let mut us = Self { end, peer, folder };
        us.until(|_, event| matches!(event?.what, What::Connected).then_some(()));
        us
    }

    fn talk(&mut self) -> &mut Talk {
        match &mut self.end {
            End::Server(server) => server.drones().next().expect("is known"),
            End::Drone(drone) => drone.talk(),
        }
    }

    fn turn(&mut self) -> Option<Event> {
        let step = Duration::from_millis(5);
        match &mut self.end {
            End::Server(server) => server.turn(step).unwrap(),
            End::Drone(drone) => drone.turn(step).unwrap(),
        }
    }

    fn until<T>(&mut self, mut done: impl FnMut(&mut Self, Option<Event>) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < LONG, "too late");
            let event = self.turn();
            if let Some(found) = done(self, event) {
                return found;
            }
        }
    }

    fn ask<T, R>(&mut self, name: &str, arguments: &T) -> Result<R, CallError>
    where
        T: Serialize,
        R: serde::de::DeserializeOwned + Send + 'static,
    {
        match &mut self.end {
            End::Server(server) => server.call([127, 0, 0, 1].into(), name, arguments, LONG),
            End::Drone(drone) => drone.call(name, arguments, LONG),
        }
    }

    fn ours(&self, name: &str) -> PathBuf {
        self.folder.0.join("ours").join(name)
    }

    fn theirs(&self, name: &str) -> PathBuf {
        self.folder.0.join("theirs").join(name)
    }

    /// Ends the peer, which must have had nothing to complain of.
    fn quit(mut self) {
        self.talk().send("quit", &()).unwrap();
        self.until(|us, _| us.talk().is_idle().then_some(()));
        self.peer.succeed();
    }
}

fn python(snake: Snake, role: &str, port: u16, root: &Path) -> Python {
    let root = root.display();
    Python::start_in(
        snake,
        "clever_show/peer.py",
        &[&"--role", &role, &"--port", &port, &"--root", &root],
    )
}

/// Says so where a Python is absent.
fn is_there(snake: Snake) -> bool {
    let is_there = std::env::var_os(snake).is_some();
    if !is_there {
        use std::io::Write;
        let absent = format!("Python 2.7 is absent ({snake} names none): not tested against it\n");
        // Not by way of the test's output, which nobody sees when it passes.
        let _ = std::io::stderr().write_all(absent.as_bytes());
    }
    is_there
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ropeway-clever-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const MANY: u32 = 10_000;
const LARGE: u32 = 64 << 20;
const LONG: Duration = Duration::from_secs(50);
