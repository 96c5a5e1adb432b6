use super::{CallId, Name};
use crate::error::native::Rule;
use crate::file::Frame;
use core::fmt;

/// What the program is told beside messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The peer has shown itself, by the name of its program.
    Met(Name),
    /// Messages go both ways from here on.
    Opened(Opening),
    /// So many messages that waited for the opening are longer than the peer takes, and do not go.
    TooLong(usize),
    /// A frame of a file transfer, for [`Transfers::handle`](crate::file::Transfers::handle).
    File(Frame<'a>),
    /// Nobody waits for the answer to this request any more.
    Cancelled(CallId),
    /// The peer has taken its leave.
    Bye {
        /// Why.
        reason: Reason,
        /// More of it, for people.
        text: &'a str,
    },
    /// The link is over, since the peer broke this rule.
    Broken(Rule),
}

/// How an opening went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Opening {
    /// The session goes on: nothing is lost, nothing comes twice.
    Resumed,
    /// A session has begun.
    Fresh {
        /// Why no older one goes on.
        cause: Cause,
        /// How many messages of the older one were written and not acknowledged: the peer may or may not have taken them,
        /// and they are not sent again.
        in_doubt: usize,
    },
}

/// Why a session is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cause {
    /// There was none before.
    FirstContact,
    /// The peer's program has been started anew.
    PeerRestarted,
    /// The peer's program is the same, and no longer has the session.
    PeerForgot,
}

/// Why a side takes its leave: `SPEC.md`, "BYE".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// The program is done; the session ends.
    Done,
    /// No version in common.
    Version,
    /// As many peers are there as there may be.
    NoRoom,
    /// A newer opening of this session won.
    Superseded,
    /// The registries differ.
    Registry,
    /// The program shuts down; the session may be resumed.
    ShuttingDown,
    /// A rule is broken.
    Broken,
    /// Silent for longer than promised.
    Silent,
    /// Secure peers only.
    SecureOnly,
    /// No secure peers here.
    PlainOnly,
    /// No key of this id.
    UnknownKey,
    /// Another key of this id.
    WrongKey,
    /// One that this version does not know.
    Unknown(u8),
}

impl Reason {
    const ALL: [Self; 12] = [
        Self::Done,
        Self::Version,
        Self::NoRoom,
        Self::Superseded,
        Self::Registry,
        Self::ShuttingDown,
        Self::Broken,
        Self::Silent,
        Self::SecureOnly,
        Self::PlainOnly,
        Self::UnknownKey,
        Self::WrongKey,
    ];

    /// The reason that this number says.
    pub fn of(number: u8) -> Self {
        let known = Self::ALL.get(usize::from(number));
        known.copied().unwrap_or(Self::Unknown(number))
    }

    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::Unknown(number) => number,
            known => (0..)
                .zip(Self::ALL)
                .find(|(_, reason)| *reason == known)
                .map_or(0, |(n, _)| n),
        }
    }

    /// Whether the session can be resumed after it.
    pub const fn is_resumable(self) -> bool {
        matches!(
            self,
            Self::NoRoom | Self::Superseded | Self::ShuttingDown | Self::Silent
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the program is done",
            Self::Version => "no version in common",
            Self::NoRoom => "no room for another peer",
            Self::Superseded => "a newer opening of this session won",
            Self::Registry => "the registries differ",
            Self::ShuttingDown => "the program shuts down",
            Self::Broken => "a rule is broken",
            Self::Silent => "silent for longer than promised",
            Self::SecureOnly => "secure peers only",
            Self::PlainOnly => "no secure peers here",
            Self::UnknownKey => "unknown key id",
            Self::WrongKey => "wrong key",
            Self::Unknown(number) => return write!(f, "reason {number}"),
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstContact => "first contact",
            Self::PeerRestarted => "the peer has restarted",
            Self::PeerForgot => "the peer has forgotten the session",
        })
    }
}
