//! What the programs say to each other.

use ropeway_std::messages;
use serde::{Deserialize, Serialize};

/// Which frame of which stream it is: what a program says to one peer is a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) stream: u32,
    pub(super) index: u32,
}

/// A message.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) mark: Mark,
    pub(super) filler: Vec<u8>,
}

/// A request that must not be done twice.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) mark: Mark,
    pub(super) wish: Wish,
}

/// A request that may be done twice.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Again {
    pub(super) mark: Mark,
}

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wish {
    /// It is answered, after so many milliseconds.
    Answer(u8),
    Refuse,
    /// Nothing.
    Silence,
}

/// The answer, and the detail of a refusal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Told {
    /// The request that it answers.
    pub(super) asked: Mark,
}

messages! {
    #[derive(Debug)]
    pub(super) enum Words {
        Note(Note) = 0x10,
        Ask(Ask) = 0x11 -> Told,
        Again(Again) = 0x12 -> Told where repeatable,
    }
}

/// The filler of the message of this mark.
pub(super) fn filler(mark: Mark, len: usize) -> Vec<u8> {
    let [first, second, ..] = mark.index.to_le_bytes();
    let byte = |at: usize| first.wrapping_add(at.to_le_bytes()[0]) ^ second;
    (0..len).map(byte).collect()
}
