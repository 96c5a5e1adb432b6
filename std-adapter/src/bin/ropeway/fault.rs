//! Why the command could not do what it was asked for, and what to do next.

use crate::output::{complain, plain};
use std::fmt;
use std::io;
use std::process::ExitCode;

/// What is printed in one line, and the exit code.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    text: String,
    /// What helps.
    hint: Option<String>,
}

/// Whose fault it is; the numbers are the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The peer refused, or this machine could not do it.
    Failed = 1,
    /// An argument, a registry, a capture or a line of input is not what it should be. Also what clap exits with.
    Input = 2,
    /// Nobody is there: an unknown host, a refused port, no answer to the opening.
    Unreachable = 3,
    /// The other end speaks something else, breaks a rule, or has another key.
    Protocol = 4,
    /// It began, and did not end in time or before the link was lost.
    Unfinished = 5,
}

/// What `--help` says of exit codes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the peer refused, or this machine could not do it
  2  an argument, a registry, a capture or a line of input is wrong
  3  nobody is there: an unknown host, a refused port, no answer
  4  the other end speaks another protocol, breaks a rule or has another key
  5  it began and did not end: no answer in time, or the link was lost";

impl Fault {
    pub(crate) fn new(kind: Kind, text: impl fmt::Display) -> Self {
        Self {
            kind,
            text: text.to_string(),
            hint: None,
        }
    }

    pub(crate) fn failed(text: impl fmt::Display) -> Self {
        Self::new(Kind::Failed, text)
    }

    pub(crate) fn input(text: impl fmt::Display) -> Self {
        Self::new(Kind::Input, text)
    }

    /// With what to do next.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Prints it, and says what to exit with.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        let line = match json {
            true => serde_json::json!({
                "error": self.text,
                "hint": self.hint,
                "exit_code": self.kind as u8,
            })
            .to_string(),
            // What a peer has said may be part of it.
            false => format!("ropeway: {}", plain(&self.to_string())),
        };
        complain(&line);
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::failed(error)
    }
}
