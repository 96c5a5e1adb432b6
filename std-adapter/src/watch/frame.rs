use crate::value::Value;
use ropeway_core::Rule;
use std::fmt;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From who has connected to who listens.
    Forth,
    /// The other way.
    Back,
}

/// What a watcher has seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A frame.
    Frame(Frame),
    /// Bytes that break a rule.
    Malformed(Malformed),
}

/// One frame, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Which way it goes.
    pub direction: Direction,
    /// Where it starts, in bytes from the start of its direction.
    pub offset: u64,
    /// How many bytes it has; of a file of clever-show, those in front of the content.
    pub len: usize,
    /// What it is.
    pub kind: Kind,
    /// What the protocol calls it: `HELLO`, `message`, `call`.
    pub title: &'static str,
    /// What names its message. For an answer it is that of the call, if that has been seen.
    pub key: Key,
    /// What tells answers to different calls apart, for calls and answers.
    pub call: Option<String>,
    /// What it says.
    pub body: Body,
}

/// What a frame is, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A message, which wants no answer.
    Message,
    /// A call.
    Request,
    /// The answer to a call.
    Answer,
    /// What is said in the place of an answer.
    Failure,
    /// The protocol's own: openings, acknowledgements, farewells, files.
    Control,
}

/// What names a message on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// Its code, where the protocol has codes.
    pub code: Option<u16>,
    /// Its name, where the frame says it, or the peers have said what the code is called.
    pub name: Option<String>,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes that mean what the program says they do.
    Bytes(Vec<u8>),
    /// What the protocol says they mean: fields of a frame, arguments, an answer.
    Value(Value),
    /// So many bytes that are not looked at: sealed, or the content of a file.
    Passed(u64),
}

/// Bytes that break a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Which way they go.
    pub direction: Direction,
    /// Where the frame starts, in bytes from the start of its direction.
    pub frame: u64,
    /// The byte that breaks the rule, likewise.
    pub offset: u64,
    /// The rule.
    pub rule: Rule,
    /// Whether nothing that follows in this direction can be read.
    pub is_last: bool,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::Forth => Self::Back,
            Self::Back => Self::Forth,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl Key {
    /// What is named by nothing.
    pub const NONE: Self = Self {
        code: None,
        name: None,
    };

    pub(super) fn code(code: impl Into<u16>, name: Option<&str>) -> Self {
        let code = Some(code.into());
        let name = name.map(str::to_owned);
        Self { code, name }
    }

    pub(super) fn name(name: &str) -> Self {
        let (code, name) = (None, Some(name.to_owned()));
        Self { code, name }
    }

    /// Whether it names nothing.
    pub const fn is_none(&self) -> bool {
        self.code.is_none() && self.name.is_none()
    }
}

/// `->` and `<-`.
impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Forth => "->",
            Self::Back => "<-",
        })
    }
}

/// The name if there is one, and the code: `Reading 0x10`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.code) {
            (Some(name), Some(code)) => write!(f, "{name} 0x{code:02X}"),
            (Some(name), None) => f.write_str(name),
            (None, Some(code)) => write!(f, "0x{code:02X}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {}", self.rule, self.offset)?;
        f.write_str(if self.is_last {
            "; nothing behind it can be read)"
        } else {
            ")"
        })
    }
}

impl std::error::Error for Malformed {}
