use core::fmt;
use ropeway_core::file::{By, Reason, StartError};
use ropeway_core::message::FailureKind;
use ropeway_core::{Malformed, SendError};

/// Why a peer cannot be talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The message was not queued; the link is as it was.
    Send(SendError),
    /// There never will be another link, and everything that came has been taken.
    Closed,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CallError {
    /// No answer came in time. One that still comes is dropped and matches no other call.
    Deadline,
    /// The peer has left for good, or its place is another's.
    LinkLost,
    /// The peer began a session anew: it may or may not have done what it was asked for. Requests that are
    /// [repeatable](ropeway_core::message::Request::IS_REPEATABLE) are asked again instead.
    InDoubt,
    /// As many calls wait as there is room for.
    TooMany,
    /// The peer answers as many requests already as it is willing to.
    PeerBusy,
    /// Nobody at the peer handles such requests.
    Unhandled,
    /// The peer could not read the request.
    MalformedRequest,
    /// The peer's handler refused the request, or failed in answering it;
    /// [`call_with`](crate::Peer::call_with) shows what it said.
    Refused(FailureKind),
    /// The answer is not of the wanted type.
    Malformed(Malformed),
    /// The request was not sent.
    Error(Error),
}

/// Why a file has not come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FileError {
    /// It was not begun.
    Start(StartError),
    /// It has ended early.
    Stopped {
        /// Why.
        reason: Reason,
        /// Who ended it.
        by: By,
    },
    /// There never will be another link.
    Closed,
}

/// Why there is no connection to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ConnectError {
    /// The peer's machine answered that nobody listens there.
    Refused,
    /// Nobody answered in time.
    TimedOut,
    /// There is no way there: this stack has no address yet, the address is none to dial, or it is IPv6.
    Unreachable,
}

/// Why a socket cannot wait for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AcceptError {
    /// Port 0 is none to listen on.
    Port,
}

/// Why the end of a connection is not known to have reached the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CloseError {
    /// The connection broke with this many bytes of the socket's buffer unacknowledged.
    Lost {
        /// How many bytes the peer may not have received.
        unacknowledged: usize,
    },
    /// The peer did not acknowledge everything in time; the connection has been reset.
    TimedOut {
        /// How many bytes the peer may not have received.
        unacknowledged: usize,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::TimedOut => "nobody answers",
            Self::Unreachable => "no way to this address",
        })
    }
}

impl core::error::Error for ConnectError {}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port => f.write_str("port 0 is none to listen on"),
        }
    }
}

impl core::error::Error for AcceptError {}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { unacknowledged } => {
                write!(
                    f,
                    "connection lost with {unacknowledged} bytes unacknowledged"
                )
            }
            Self::TimedOut { unacknowledged } => {
                write!(
                    f,
                    "connection reset with {unacknowledged} bytes unacknowledged in time"
                )
            }
        }
    }
}

impl core::error::Error for CloseError {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => error.fmt(f),
            Self::Closed => f.write_str("the link is over"),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deadline => "no answer in time",
            Self::LinkLost => "the peer has left before it answered",
            Self::InDoubt => "the session began anew: the request may or may not have been done",
            Self::TooMany => "too many calls wait for their answers",
            Self::PeerBusy => "the peer answers as many requests as it is willing to",
            Self::Unhandled => "the peer does not handle such requests",
            Self::MalformedRequest => "the peer could not read the request",
            Self::Refused(_) => "the peer refused the request",
            Self::Malformed(malformed) => return write!(f, "the answer is malformed: {malformed}"),
            Self::Error(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for CallError {}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Stopped {
                reason,
                by: By::Peer,
            } => write!(f, "stopped by the peer: {reason}"),
            Self::Stopped { reason, .. } => write!(f, "stopped: {reason}"),
            Self::Closed => f.write_str("the link is over"),
        }
    }
}

impl core::error::Error for FileError {}
