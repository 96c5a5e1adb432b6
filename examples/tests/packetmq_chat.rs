//! `packetmq_chat` as people start it: a server with two ports, two who chat.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running copy, ended when the test is.
struct Copy {
    child: Child,
    typed: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Copy {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_packetmq_chat"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        Self {
            typed: child.stdin.take(),
            lines: BufReader::new(child.stdout.take().expect("is piped")).lines(),
            child,
        }
    }

    fn next_line(&mut self) -> String {
        self.lines
            .next()
            .expect("it ended early")
            .expect("lines of text")
    }

    fn line_with(&mut self, part: &str) -> String {
        loop {
            let line = self.next_line();
            if line.contains(part) {
                return line;
            }
        }
    }

    fn type_line(&mut self, line: &str) {
        let typed = self.typed.as_mut().expect("not at its end");
        writeln!(typed, "{line}").expect("it reads");
    }

    fn port(&mut self) -> String {
        let line = self.next_line();
        let (_, port) = line.rsplit_once(':').expect("an address");
        port.into()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_at_different_ports_chat_and_leave() {
    let mut server = Copy::start(&["serve", "--port", "0", "--port", "0"]);
    let ports = [server.port(), server.port()];
    assert_ne!(ports[0], ports[1]);
    let address = |port: &str| format!("127.0.0.1:{port}");
    let mut join = |port: &str, name: &str| {
        let mut copy = Copy::start(&["join", &address(port), "--name", name]);
        assert!(copy.next_line().starts_with("joined 127.0.0.1:"));
        server.line_with("is there");
        copy
    };
    let mut pilot = join(&ports[0], "pilot");
    let mut tower = join(&ports[1], "tower");

    pilot.type_line("hello, Zürich");
    for copy in [&mut pilot, &mut tower] {
        assert_eq!(copy.next_line(), "<pilot> hello, Zürich");
    }
    tower.type_line("cleared to land");
    for copy in [&mut pilot, &mut tower] {
        assert_eq!(copy.next_line(), "<tower> cleared to land");
    }
    tower.type_line("/who");
    assert_eq!(tower.next_line(), "<server> pilot, tower");
    tower.type_line("/dance");
    assert_eq!(tower.next_line(), "<server> no command dance");

    tower.type_line("/quit");
    assert!(tower.child.wait().unwrap().success());
    assert!(server.line_with("has left").ends_with("chat.quit"));
    // So does the end of the standard input.
    pilot.typed = None;
    assert!(pilot.child.wait().unwrap().success());
    assert!(server.line_with("has left").ends_with("chat.quit"));
}

#[test]
fn nobody_joins_where_nobody_serves() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut copy = Copy::start(&["join", &address]);
    let (stream, _) = taken.accept().unwrap();
    drop(stream);
    assert!(!copy.child.wait().unwrap().success());
}
