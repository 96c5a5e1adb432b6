use super::Key;
use super::reason::MAX_LEN;
use crate::encoding::EncodeError;
use core::fmt;

/// Whose ids count on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Policy {
    /// One's own: the other end must be adaptive. Usual for servers.
    Static,
    /// The peer's, who must be static. Usual for clients.
    Adaptive,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// The peer has not named its version.
    ConnMade,
    /// The peer has not sent its table of names and ids.
    IdCheck,
    /// The tables agree, as far as this end is concerned: packets go both ways.
    Active,
    /// This end has taken its leave.
    SoftQuitted,
    /// The peer has taken its leave.
    Disconnected,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Side {
    /// This one.
    Us,
    /// The peer.
    Peer,
}

/// What became of a packet of the protocol's own, or of one that came too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Notice<'a> {
    /// The opening has come to this state.
    State(State),
    /// The opening is done on both sides.
    Made,
    /// One side has taken its leave, and nothing more follows.
    Quit {
        /// Which: this side does so by itself when the opening fails.
        by: Side,
        /// Why, if the side has said so: see [`reason`](super::reason).
        reason: Option<&'a str>,
    },
    /// A packet that has no place in this state, and no effect.
    Ignored {
        /// The packet.
        packet: Key<'a>,
        /// The state.
        state: State,
    },
}

/// Why this end has taken its leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Reason {
    text: [u8; MAX_LEN],
    len: u8,
}

impl Reason {
    pub(super) const NONE: Self = Self {
        text: [0; MAX_LEN],
        len: 0,
    };

    pub(super) fn new(reason: &str) -> Result<Self, EncodeError> {
        let limit = MAX_LEN;
        let mut text = [0; MAX_LEN];
        let slot = text.get_mut(..reason.len());
        slot.ok_or(EncodeError::TooLong { limit })?
            .copy_from_slice(reason.as_bytes());
        let len = u8::try_from(reason.len()).map_err(|_| EncodeError::TooLong { limit })?;
        Ok(Self { text, len })
    }

    pub(super) fn as_str(&self) -> &str {
        let text = self.text.get(..self.len.into()).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }
}

impl Policy {
    /// Whether it is what the protocol calls `adapt`.
    pub(super) const fn adapts(self) -> bool {
        matches!(self, Self::Adaptive)
    }
}

impl State {
    /// Whether one side has taken its leave.
    pub(super) const fn has_quit(self) -> bool {
        matches!(self, Self::SoftQuitted | Self::Disconnected)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnMade => "connected",
            Self::IdCheck => "comparing ids",
            Self::Active => "active",
            Self::SoftQuitted => "quit by this end",
            Self::Disconnected => "quit by the peer",
        })
    }
}
