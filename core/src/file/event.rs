use super::{By, Reason};

/// A transfer, as this side numbers it. It stays the same in a fresh session, and is never on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FileId(pub(super) u32);

/// What the application has to know or to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'a> {
    /// The peer offers a file: [`accept`](super::Transfers::accept) or [`refuse`](super::Transfers::refuse).
    ///
    /// Under an id that was received before, it is what was asked for, or what this has become meanwhile.
    Offered {
        /// The transfer.
        file: FileId,
        /// Its name, which has passed [`check_name`](super::check_name).
        name: &'a str,
        /// How many bytes it has.
        size: u64,
        /// What tells versions of its content apart, 0 for nothing.
        tag: u64,
    },
    /// The peer asks for a file: [`answer`](super::Transfers::answer) or [`refuse`](super::Transfers::refuse).
    Asked {
        /// The transfer.
        file: FileId,
        /// The name, which has passed [`check_name`](super::check_name).
        name: &'a str,
    },
    /// A file is here, its CRC is right, and its sink has committed it.
    Received {
        /// The transfer.
        file: FileId,
    },
    /// A file is at the peer, which has verified it.
    Sent {
        /// The transfer.
        file: FileId,
    },
    /// A transfer has ended early.
    Stopped {
        /// The transfer.
        file: FileId,
        /// Why.
        reason: Reason,
        /// Who ended it.
        by: By,
    },
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Progress {
    /// The bytes behind it.
    pub offset: u64,
    /// All bytes.
    pub size: u64,
}

/// What came of asking for a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Next {
    /// A whole frame of this many bytes stands at the front of the slot.
    Chunk(usize),
    /// A source was read for its CRC, or a transfer came to its end: ask again, after
    /// [`poll_frame`](super::Transfers::poll_frame).
    Again,
    /// There is nothing to send before the peer says more, or the slot is too small.
    Idle,
}
