//! Python programs as peers.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// A running program of `tests/peers`, killed when it is dropped.
#[derive(Debug)]
pub struct Python {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: ChildStderr,
}

impl Python {
    /// Starts `program`, a path below `tests/peers`, with the Python that `ROPEWAY_PYTHON` names.
    pub fn start(program: &str, arguments: &[&dyn Display]) -> Self {
        Self::start_in("ROPEWAY_PYTHON", program, arguments)
    }

    /// Starts `program` with the Python that the environment's `variable` names.
    pub fn start_in(variable: &str, program: &str, arguments: &[&dyn Display]) -> Self {
        Self::start_by(&interpreter(variable), program, arguments)
    }

    /// Starts `program` with the Python at `interpreter`.
    pub fn start_by(interpreter: &str, program: &str, arguments: &[&dyn Display]) -> Self {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let mut child = Command::new(interpreter)
            .arg("-B")
            .arg(peers.join(program))
            .args(arguments.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{interpreter} does not start: {error}\n{HOW}"));
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().expect("is piped")).lines(),
            stderr: child.stderr.take().expect("is piped"),
            child,
        }
    }

    /// Starts `program`, gives it `input`, and waits for its end: all lines that it prints.
    pub fn run(program: &str, arguments: &[&dyn Display], input: String) -> Vec<String> {
        Self::run_by(&interpreter("ROPEWAY_PYTHON"), program, arguments, input)
    }

    /// The same with the Python at `interpreter`.
    pub fn run_by(
        interpreter: &str,
        program: &str,
        arguments: &[&dyn Display],
        input: String,
    ) -> Vec<String> {
        let mut python = Self::start_by(interpreter, program, arguments);
        let mut stdin = python.stdin.take().expect("is piped");
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let lines = python.succeed();
        let written = writer.join().expect("does not panic");
        written.expect("the program reads all of it");
        lines
    }

    /// Gives it a line to read.
    pub fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("has not been closed");
        let told = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        told.expect("the program reads it");
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        match self.stdout.next() {
            Some(line) => line.expect("prints UTF-8"),
            None => panic!("the program has ended: {}", self.end().1),
        }
    }

    /// The port that it listens at, once it does.
    pub fn port(&mut self) -> u16 {
        let line = self.line();
        let port = line
            .strip_prefix("ready ")
            .and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("wanted the port, got {line}"))
    }

    /// Closes its standard input, which ends programs that would go on for ever.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("is a child of ours");
    }

    /// Waits for its end: the lines that nobody has read, and its success.
    pub fn succeed(mut self) -> Vec<String> {
        let lines = self.stdout.by_ref().map(|line| line.expect("prints UTF-8"));
        let lines = lines.collect();
        let (status, errors) = self.end();
        assert!(status.success(), "{status}: {errors}");
        lines
    }

    /// Waits for its end: the status and what it wrote to its standard error.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let mut errors = String::new();
        self.stderr
            .read_to_string(&mut errors)
            .expect("writes UTF-8");
        (self.child.wait().expect("is a child of ours"), errors)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // Fails only for a program that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut errors = String::new();
        if std::thread::panicking() && self.stderr.read_to_string(&mut errors).is_ok() {
            eprint!("{errors}");
        }
    }
}

/// Every Python 3 from 3.6 that pyenv has, and the one that `ROPEWAY_PYTHON` names: version and interpreter, the
/// oldest first.
pub fn pythons() -> Vec<(String, String)> {
    let home = std::env::var("HOME").unwrap_or_default();
    let versions = std::fs::read_dir(Path::new(&home).join(".pyenv/versions"));
    let entries = versions.into_iter().flatten().flatten();
    let installed = entries.map(|entry| entry.path().join("bin/python").display().to_string());
    let named = std::env::var("ROPEWAY_PYTHON").ok();
    let mut pythons: Vec<((u32, u32), String, String)> = installed
        .chain(named)
        .filter_map(|interpreter| {
            let version = version(&interpreter)?;
            let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
            let number = (parts.next()?, parts.next()?);
            ((3, 6)..(4, 0))
                .contains(&number)
                .then_some((number, version, interpreter))
        })
        .collect();
    pythons.sort();
    pythons.dedup_by(|a, b| a.1 == b.1);
    assert!(!pythons.is_empty(), "there is no Python.\n{HOW}");
    pythons
        .into_iter()
        .map(|(_, version, interpreter)| (version, interpreter))
        .collect()
}

fn version(interpreter: &str) -> Option<String> {
    let show = "import sys; print('%d.%d.%d' % sys.version_info[:3])";
    let output = Command::new(interpreter).args(["-c", show]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    output.status.success().then_some(version)
}

fn interpreter(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set.\n{HOW}"))
}

const HOW: &str = "These tests talk to programs in Python. In the folder of the workspace:
    python3 -m venv target/python && target/python/bin/pip install -r tests/peers/cable_car/requirements.txt -r tests/peers/packetmq/requirements.txt
    ROPEWAY_PYTHON=$PWD/target/python/bin/python cargo test -p ropeway-tests --features python";
