//! The command, as tests start it.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

/// Runs the command to its end, with this as its standard input.
pub fn ropeway(args: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ropeway"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || match stdin.write_all(input) {
            // It need not read what it will not have.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        });
        child.wait_with_output().unwrap()
    });
    Ran {
        code: output.status.code().expect("it exits"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A file of these tests with this content, and its path.
pub fn written(name: &str, content: &[u8]) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

pub fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// A proxy at work, ended when it is dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    /// Where it listens.
    pub address: String,
}

impl Running {
    /// Starts a proxy with these arguments, and waits until it listens.
    pub fn proxy(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ropeway"))
            .arg("proxy")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Who no longer listens is done.
                let _ = said.send(line);
            }
        });
        let first: String = lines.recv_timeout(LONG).unwrap();
        let start = first.find("127.0.0.1:").expect("it says where it listens");
        let rest = &first[start..];
        let end = rest.find([',', '"']).unwrap();
        Self {
            child,
            lines,
            address: rest[..end].to_owned(),
        }
    }

    /// What it says, up to the line that has this in it.
    pub fn lines_until(&mut self, what: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(LONG);
            let line = line.unwrap_or_else(|_| panic!("no {what:?} in {lines:#?}"));
            let is_last = line.contains(what);
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }

    /// Has it end as Ctrl-C does; returns what it still says, and its exit code.
    pub fn interrupt(mut self) -> (Vec<String>, i32) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let code = self.child.wait().unwrap().code().expect("it exits");
        (self.lines.iter().collect(), code)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Most have ended by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LONG: Duration = Duration::from_secs(60);
