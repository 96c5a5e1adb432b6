#[cfg(feature = "json")]
pub(crate) mod clever_show;
pub(crate) mod native;
#[cfg(feature = "msgpack")]
pub(crate) mod packetmq;
#[cfg(feature = "pickle")]
pub(crate) mod tcptalks;

use crate::encoding::{self, DecodeError, EncodeError};
use crate::file;
use crate::framing;
use crate::wire;
use core::fmt;

/// A frame from the peer that breaks a rule: which, and where.
///
/// Frames before it have been delivered and, unless [`is_fatal`](Self::is_fatal), those after it will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Malformed {
    /// The rule that is broken.
    pub rule: Rule,
    /// Where the frame starts, in bytes from the start of the stream.
    pub frame: u64,
    /// The byte that breaks the rule, counted from the start of the frame.
    pub offset: usize,
}

/// The rules that a frame can break, by layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// Of the framing: where frames start and end.
    Framing(framing::Rule),
    /// Of the encoding, and of the body's shape in a dialect.
    Body(encoding::Rule),
    /// Of clever-show's headers and contents.
    #[cfg(feature = "json")]
    CleverShow(clever_show::Rule),
    /// Of the native protocol.
    Native(native::Rule),
    /// Of file transfers.
    File(file::Rule),
    /// Of the wire between frames and transport.
    Wire(wire::Fault),
    /// Of packetmq's frames and opening.
    #[cfg(feature = "msgpack")]
    Packetmq(packetmq::Rule),
    /// Of a pickle, so that its end is not known.
    #[cfg(feature = "pickle")]
    Pickle(encoding::Rule),
    /// Of TCPTalks: the shape of its messages.
    #[cfg(feature = "pickle")]
    TcpTalks(tcptalks::Rule),
}

/// Why a message was not queued. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The outbox is full: once enough of it has been written out, the message will fit, or turn out too long.
    Full,
    /// The message is larger than its dialect or the outbox can ever take.
    TooLong {
        /// The largest body in bytes, or the size of the outbox where that is what stops it.
        limit: usize,
    },
    /// The value cannot be said in the encoding of the dialect.
    Unencodable,
    /// The opening is not done yet, or one side has taken its leave: the dialect takes no messages now.
    NotOpen,
    /// The dialect can take one thing at a time, and that is not done yet: a large content, a call.
    Busy,
    /// The table of this link has no message of this name.
    Unregistered,
}

impl Malformed {
    /// `rule` is broken at `offset`; the messenger adds where the frame starts.
    pub(crate) const fn at(offset: usize, rule: Rule) -> Self {
        Self {
            rule,
            frame: 0,
            offset,
        }
    }

    /// The same, in a frame that starts at `frame` with a header of `header` bytes.
    pub(crate) const fn within(self, frame: u64, header: usize) -> Self {
        Self {
            rule: self.rule,
            frame,
            offset: self.offset + header,
        }
    }

    /// Whether the stream cannot be read any further.
    pub const fn is_fatal(&self) -> bool {
        use framing::Rule::{Length, TooLong, Truncated};
        match self.rule {
            Rule::Framing(Length { .. } | TooLong { .. } | Truncated { .. }) => true,
            #[cfg(feature = "json")]
            Rule::CleverShow(rule) => rule.is_fatal(),
            #[cfg(feature = "pickle")]
            Rule::Pickle(_) => true,
            Rule::Native(rule) => rule.is_fatal(),
            Rule::Wire(_) => true,
            _ => false,
        }
    }
}

impl From<DecodeError> for Malformed {
    fn from(error: DecodeError) -> Self {
        Self::at(error.offset, Rule::Body(error.rule))
    }
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Full => Self::Full,
            EncodeError::TooLong { limit } => Self::TooLong { limit },
            EncodeError::Unencodable
            | EncodeError::Unsupported { .. }
            | EncodeError::NotAMap
            | EncodeError::KeyNotText => Self::Unencodable,
            EncodeError::NotOpen => Self::NotOpen,
            EncodeError::Busy => Self::Busy,
            EncodeError::Unregistered => Self::Unregistered,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing(rule) => rule.fmt(f),
            Self::Body(rule) => rule.fmt(f),
            #[cfg(feature = "json")]
            Self::CleverShow(rule) => rule.fmt(f),
            Self::Native(rule) => rule.fmt(f),
            Self::File(rule) => rule.fmt(f),
            Self::Wire(fault) => fault.fmt(f),
            #[cfg(feature = "msgpack")]
            Self::Packetmq(rule) => rule.fmt(f),
            #[cfg(feature = "pickle")]
            Self::Pickle(rule) => rule.fmt(f),
            #[cfg(feature = "pickle")]
            Self::TcpTalks(rule) => rule.fmt(f),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            frame,
            offset,
        } = self;
        write!(
            f,
            "{rule} (byte {offset} of the frame at byte {frame} of the stream)"
        )
    }
}

impl core::error::Error for Malformed {}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the outbox is full"),
            Self::TooLong { limit } => write!(f, "message of more than {limit} bytes"),
            Self::Unencodable => EncodeError::Unencodable.fmt(f),
            Self::NotOpen => EncodeError::NotOpen.fmt(f),
            Self::Busy => EncodeError::Busy.fmt(f),
            Self::Unregistered => EncodeError::Unregistered.fmt(f),
        }
    }
}

impl core::error::Error for SendError {}
