//! The command, run as users run it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the command said at its end.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// The lines of its output, which are JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }

    /// It failed with this exit code, and with one line, which it returns.
    pub(crate) fn fault(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self.err.trim_end()
    }

    pub(crate) fn is_done(&self) {
        assert_eq!(self.code, 0, "{self:?}");
    }
}

/// Runs it to its end.
pub(crate) fn ropeway(arguments: &[&str]) -> Outcome {
    ropeway_with(arguments, "")
}

/// Runs it to its end, with an input.
pub(crate) fn ropeway_with(arguments: &[&str], input: impl AsRef<[u8]>) -> Outcome {
    let mut child = begin(arguments);
    let mut stdin = child.stdin.take().unwrap();
    // Who has failed at once reads nothing.
    let _ = stdin.write_all(input.as_ref());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs it to its end, with nobody who reads what it prints, or, `of_errors`, what it says of errors.
pub(crate) fn ropeway_unread(arguments: &[&str], of_errors: bool) -> Outcome {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ropeway"));
    command.args(arguments).stdin(Stdio::null());
    let output = match of_errors {
        true => command.stderr(writer).output(),
        false => command.stdout(writer).output(),
    };
    let output = output.unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn begin(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ropeway"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A program that listens while the test goes on; killed at its end.
pub(crate) struct Listening {
    child: Child,
    pub(crate) address: String,
    pub(crate) input: ChildStdin,
    out: BufReader<ChildStdout>,
    news: BufReader<std::process::ChildStderr>,
}

impl Listening {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut child = begin(&[&["listen", "0"], arguments].concat());
        let mut news = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        news.read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).expect(&line);
        Self {
            address: first["listening"].as_str().expect(&line).to_owned(),
            input: child.stdin.take().unwrap(),
            out: BufReader::new(child.stdout.take().unwrap()),
            child,
            news,
        }
    }

    /// A program that is connected to another, while the test goes on.
    pub(crate) fn connecting(address: &str) -> Self {
        let mut child = begin(&["connect", address]);
        Self {
            address: String::new(),
            input: child.stdin.take().unwrap(),
            out: BufReader::new(child.stdout.take().unwrap()),
            news: BufReader::new(child.stderr.take().unwrap()),
            child,
        }
    }

    /// As Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code, once it has ended.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// The next line of its output.
    pub(crate) fn line(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect(&line)
    }

    /// The next news that have this field.
    pub(crate) fn news(&mut self, field: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.news.read_line(&mut line).unwrap(), 0, "no {field}");
            let news: Value = serde_json::from_str(&line).expect(&line);
            if !news[field].is_null() {
                return news;
            }
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of the test's own, removed at its end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ropeway-cli-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        let folder = Path::new(&path).parent().unwrap();
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
