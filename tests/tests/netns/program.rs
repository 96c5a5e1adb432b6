use super::{LINE_TO_TYPE, Network, PEERS};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A program on a host of the network, killed when it is dropped.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Receiver<Value>,
    errors: Option<JoinHandle<String>>,
    /// What it has printed so far.
    lines: Vec<Value>,
}

impl Program {
    /// Ropeway's peer; options as in discover.rs.
    pub(crate) fn ours(network: &Network, host: usize, options: &str) -> Self {
        let mut command = network.command(host, env!("CARGO_BIN_EXE_discover"));
        command.args(["--interval", "0.25", "--every", "0.05"]);
        Self::start("ours", command, options)
    }

    /// The original's peer; options as in broadcast.py.
    pub(crate) fn original(network: &Network, host: usize, options: &str) -> Self {
        let mut command = Self::python(network, host, "broadcast.py");
        command.args(["--interval", "0.25", "--every", "0.05", "--timeout", "100"]);
        Self::start("the original", command, options)
    }

    /// The original's machine monitor; options as in monitor.py.
    pub(crate) fn monitor(network: &Network, host: usize, options: &str) -> Self {
        let command = Self::python(network, host, "monitor.py");
        Self::start("the original's monitor", command, options)
    }

    pub(crate) fn start(name: &'static str, mut command: Command, options: &str) -> Self {
        let mut child = command
            .args(options.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            let values =
                lines.map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line)));
            values.map(|value| sender.send(value)).find(Result::is_err)
        });
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self {
            name,
            stdin: child.stdin.take(),
            child,
            output,
            errors: Some(errors),
            lines: Vec::new(),
        }
    }

    pub(crate) fn lines(&self) -> &[Value] {
        &self.lines
    }

    /// Reads lines until those read so far hold what is looked for.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, what: &str, found: impl Fn(&[Value]) -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(found) = found(&self.lines) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(line) => self.lines.push(line),
                Err(error) => panic!("{} never came to {what}: {error}", self.name),
            }
        }
    }

    /// Reads lines until there is one of this event.
    #[track_caller]
    pub(crate) fn until_event(&mut self, event: &str) -> Value {
        self.until(event, |lines| {
            lines.iter().find(|line| line["event"] == event).cloned()
        })
    }

    /// Reads lines until it, or another program on its host, is called and answers.
    #[track_caller]
    pub(crate) fn until_listening(&mut self) {
        self.until_socket_is(LISTEN);
    }

    /// Reads lines until it, or another program on its host, calls someone who does not answer yet.
    #[track_caller]
    pub(crate) fn until_dialling(&mut self) {
        self.until_socket_is(SYN_SENT);
    }

    /// The connections in the table of Ropeway's peer.
    #[track_caller]
    pub(crate) fn table(&mut self) -> Vec<Value> {
        let answers = |lines: &[Value]| {
            let answers = lines.iter().filter(|line| line["event"] == "peers");
            answers.cloned().collect::<Vec<_>>()
        };
        let before = answers(&self.lines).len();
        writeln!(self.stdin.as_mut().unwrap(), "peers").unwrap();
        let answer = self.until("an answer", |lines| answers(lines).into_iter().nth(before));
        answer["connections"].as_array().unwrap().clone()
    }

    /// Asks it to end and reads what it still says.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.end()
    }

    /// Reads all it says until it has ended by itself.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(line) => self.lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("{} does not end", self.name),
            }
        }
    }

    fn python(network: &Network, host: usize, script: &str) -> Command {
        let python = std::env::var("ROPEWAY_PYTHON").unwrap_or_else(|_| {
            panic!("ROPEWAY_PYTHON names no Python that has cable_car; type:\npython3 -m venv /tmp/cable_car && /tmp/cable_car/bin/pip install -r {PEERS}/requirements.txt\n{LINE_TO_TYPE}")
        });
        let mut command = network.command(host, &python);
        command.args(["-B", &format!("{PEERS}/{script}")]);
        command
    }

    #[track_caller]
    fn until_socket_is(&mut self, state: &str) {
        let deadline = Instant::now() + LONG;
        while !self.has_socket_that_is(state) {
            assert!(
                Instant::now() < deadline,
                "{}: no socket in state {state}",
                self.name
            );
            match self.output.recv_timeout(Duration::from_millis(5)) {
                Ok(line) => self.lines.push(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(error) => panic!("{}: {error}", self.name),
            }
        }
    }

    fn has_socket_that_is(&self, state: &str) -> bool {
        let table = format!("/proc/{}/net/tcp", self.child.id());
        let table = std::fs::read_to_string(table).unwrap_or_default();
        let mut states = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(3));
        states.any(|one| one == state)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let errors = self.errors.take().map(JoinHandle::join);
        if std::thread::panicking() {
            self.lines.extend(self.output.try_iter());
            println!("{} on a host of its own printed:", self.name);
            self.lines.iter().for_each(|line| println!("  {line}"));
            println!("{}", errors.and_then(Result::ok).unwrap_or_default());
        }
    }
}

/// A program of another package: `variable` names it, or it stands beside those of this one.
pub(crate) fn find_built(variable: &str, name: &str, line_to_type: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let mut folder = PathBuf::from(env!("CARGO_BIN_EXE_discover"));
    folder.pop();
    let places = [folder.join(name), folder.join("examples").join(name)];
    let found = places.into_iter().find(|place| place.exists());
    found.unwrap_or_else(|| panic!("no {name}; type: {line_to_type}\nor let {variable} name it"))
}

/// Far more than anything here takes, on a machine that is busy with other things.
const LONG: Duration = Duration::from_secs(30);

/// States of a TCP socket in /proc/net/tcp.
const SYN_SENT: &str = "02";
const LISTEN: &str = "0A";
