//! What each protocol has to say to be watched.

use super::Link;
use super::frame::{Body, Direction, Key, Kind};
use ropeway_core::framing::{self, Parsed, Skipped};
use ropeway_core::{Malformed, Rule};
use std::fmt::Debug;

/// Finds the frames of one direction, and reads them.
pub(super) trait Read: Debug + Send {
    /// Looks for one frame at the front of `input`, as [`Framing::parse`](ropeway_core::framing::Framing::parse) does.
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
        link: &mut Link,
    ) -> Result<Parsed, framing::Malformed>;

    /// How much of a frame that was refused with [`Recovery::Delimiter`](framing::Recovery::Delimiter) can be passed over.
    fn skip(&self, input: &[u8]) -> Skipped {
        let (len, done) = (input.len(), false);
        Skipped { len, done }
    }

    /// What `rule`, which a refused frame breaks, is in this protocol.
    fn explain(&self, rule: framing::Rule) -> Rule {
        Rule::Framing(rule)
    }

    /// Reads the content of a frame. Nothing is said of a frame that is part of one that has been told.
    fn open(
        &mut self,
        direction: Direction,
        content: &mut [u8],
        link: &mut Link,
    ) -> Result<Option<Said>, Malformed>;

    /// How many bytes, seen from the next frame, need not be kept, because nobody reads them: the rest of a file, a sealed record.
    fn passes(&mut self) -> u64 {
        0
    }
}

/// What a frame says.
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) title: &'static str,
    pub(super) key: Key,
    pub(super) call: Option<String>,
    pub(super) body: Body,
}

impl Said {
    pub(super) const fn control(title: &'static str, body: Body) -> Self {
        Self {
            kind: Kind::Control,
            title,
            key: Key::NONE,
            call: None,
            body,
        }
    }

    pub(super) const fn message(key: Key, body: Body) -> Self {
        Self {
            kind: Kind::Message,
            title: "message",
            key,
            call: None,
            body,
        }
    }

    pub(super) fn call(self, call: impl ToString) -> Self {
        let call = Some(call.to_string());
        Self { call, ..self }
    }
}

impl Body {
    /// Bytes of a program's own.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::Empty,
            bytes => Self::Bytes(bytes.to_vec()),
        }
    }
}
