//! A hub in a program of its own, a browser by hand, and peers.

use ropeway_std::any::{Body, Content};
use ropeway_std::files::{Files, Root, Stage};
use ropeway_std::native::{self, Native, Standing};
use ropeway_std::{Handlers, NodeHandle};
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(super) const LONG: Duration = Duration::from_secs(30);

pub(super) const ANY: &str = "127.0.0.1:0";

/// `ropeway --json hub`.
pub(super) struct Hub {
    child: Child,
    lines: Receiver<String>,
    pub(super) ports: Vec<(String, SocketAddr)>,
    pub(super) web: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Hub {
    /// A hub of these protocols, each at any port, with a page.
    pub(super) fn of(protocols: &[&str], more: &[&str]) -> Self {
        Self::over(Command::new(env!("CARGO_BIN_EXE_ropeway")), protocols, more)
    }

    /// A native one that keeps in `temporary` what is to be passed on.
    pub(super) fn native_in(temporary: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ropeway"));
        command.env("TMPDIR", temporary);
        Self::over(command, &["native"], &[])
    }

    fn over(mut command: Command, protocols: &[&str], more: &[&str]) -> Self {
        let protocols = protocols
            .iter()
            .map(|protocol| format!("--protocol={protocol}={ANY}"));
        let protocols: Vec<String> = protocols.collect();
        command
            .args(["--json", "hub", "--web", ANY])
            .args(&protocols)
            .args(more);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let mut hub = Self {
            child,
            lines,
            ports: Vec::new(),
            web: ([0; 4], 0).into(),
        };
        loop {
            let line = hub.next();
            let address = line["address"].as_str().unwrap().parse().unwrap();
            match line["event"].as_str().unwrap() {
                "listening" => {
                    let protocol = line["protocol"].as_str().unwrap();
                    hub.ports.push((protocol.into(), address));
                }
                "page" => hub.web = address,
                other => panic!("{other}"),
            }
            if hub.web.port() != 0 && hub.ports.len() == protocols.len() {
                return hub;
            }
        }
    }

    pub(super) fn native(more: &[&str]) -> Self {
        Self::of(&["native"], more)
    }

    pub(super) fn port(&self, protocol: &str) -> SocketAddr {
        let mut ports = self.ports.iter();
        ports.find(|(of, _)| of == protocol).unwrap().1
    }

    /// The next line that the hub prints.
    pub(super) fn next(&self) -> Json {
        let line = self.lines.recv_timeout(LONG).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next line of this event.
    pub(super) fn until(&self, event: &str) -> Json {
        loop {
            let line = self.next();
            if line["event"] == event {
                return line;
            }
        }
    }

    pub(super) fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[], b"")
    }

    /// The JSON at a path.
    pub(super) fn read(&self, path: &str) -> Json {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{response:?}");
        serde_json::from_str(&response.body).unwrap()
    }

    /// The JSON at a path once it is as `until` says.
    pub(super) fn read_until(&self, path: &str, until: impl Fn(&Json) -> bool) -> Json {
        let began = Instant::now();
        loop {
            let json = self.read(path);
            if until(&json) {
                return json;
            }
            assert!(began.elapsed() < LONG, "{json}");
        }
    }

    pub(super) fn post(&self, path: &str, json: &str) -> Response {
        let headers = [("Content-Type", "application/json")];
        self.ask("POST", path, &headers, json.as_bytes())
    }

    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut stream = self.request(method, path, headers, body);
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Response {
            status,
            head: head.to_lowercase(),
            body: body.into(),
        }
    }

    /// A request whose answer is still to come; a header `Host` takes the place of the usual one.
    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> TcpStream {
        let mut stream = TcpStream::connect(self.web).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.web);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        // Who refuses a body need not read it.
        let _ = stream.write_all(body);
        stream
    }

    /// Ends it as Ctrl-C does, and says with which code it ended.
    pub(super) fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a program, read so that it never waits for its reader.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (said, heard) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if said.send(line).is_err() {
                return;
            }
        }
    });
    heard
}

/// How the command ends, and what it says then.
pub(super) fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ropeway"));
    let output = command.args(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A native peer in a thread, which answers requests with what they say.
pub(super) struct Rover {
    pub(super) handle: NodeHandle<Native>,
    heard: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Rover {
    pub(super) fn new(hub: &Hub, name: &str, inbox: Option<&Path>) -> Self {
        let (said, heard) = channel();
        let mut handlers = Handlers::new();
        let told = said.clone();
        handlers.on_table::<Content>(move |peer, id, content| {
            let Body::Bytes(body) = &content.body else {
                panic!("{content:?}");
            };
            let text = String::from_utf8_lossy(body);
            let _ = told.send(format!("{} {text}", content.key));
            if let Some(id) = id
                && !body.is_empty()
            {
                peer.answer_any(id, &content.key, &content.body).unwrap();
            }
        });
        let told = said.clone();
        handlers.files(move |_, event| {
            if let Stage::Done = event.stage {
                let _ = told.send(format!("file {}", event.name));
            }
        });
        handlers.standing(move |_, standing| {
            if let Standing::Lost { why, .. } = standing {
                let _ = said.send(format!("lost: {why}"));
            }
        });
        let files = inbox.map_or_else(Files::new, |inbox| Files::new().receive(Root::new(inbox)));
        let dial = native::Dial::new(hub.port("native")).files(files);
        let config = Arc::new(native::config().name(name));
        let mut client = dial.polled_client(&config, handlers).unwrap();
        let handle = client.handle(64);
        let thread = thread::spawn(move || {
            // It ends when the hub ends the session, or the test is over.
            let _ = client.run(|| false);
        });
        Self {
            handle,
            heard,
            thread: Some(thread),
        }
    }

    /// The next thing that it has heard that has this in it.
    pub(super) fn until(&self, text: &str) -> String {
        loop {
            let heard = self.heard.recv_timeout(LONG).expect(text);
            if heard.contains(text) {
                return heard;
            }
        }
    }

    pub(super) fn say(&self, content: Content) {
        let said = self.handle.post(move |peer| peer.send(&content).unwrap());
        said.unwrap();
    }
}

impl Drop for Rover {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}
