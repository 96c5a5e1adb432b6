use super::Refused;
use ropeway_core::message::FailureKind;
use ropeway_core::{Malformed, SendError};
use std::fmt;
use std::net::IpAddr;

/// Why a call has no answer. What is displayed tells the cause too: it has no source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// No answer came in time. One that still comes is dropped and matches no other call.
    Deadline,
    /// The link ended first; what ended it is told by whoever serves the link, as [`Node::open`](crate::Node::open)
    /// says of an opening that was refused.
    LinkLost,
    /// The peer began a session anew: it may or may not have done what it was asked for. Requests that are
    /// [repeatable](ropeway_core::message::Request::IS_REPEATABLE) are asked again instead.
    InDoubt,
    /// The protocol has no calls.
    NoCalls,
    /// No drone has ever come from this address.
    NoDrone(IpAddr),
    /// The dialect takes one call at a time, and that waits for its answer.
    Busy,
    /// As many calls wait on this link as its limit allows.
    TooMany,
    /// The peer answers as many requests already as it is willing to.
    PeerBusy,
    /// Nobody at the peer handles such requests.
    Unhandled,
    /// The peer could not read the request.
    MalformedRequest(Refused),
    /// The peer's handler refused the request, or failed in answering it.
    Refused(Refused),
    /// The answer is not of the wanted type: which rule, and at which byte of its frame.
    Malformed(Malformed),
    /// The request was not sent.
    Send(SendError),
}

impl From<SendError> for CallError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Busy => Self::Busy,
            error => Self::Send(error),
        }
    }
}

/// By what the peer says whose fault it is.
impl From<Refused> for CallError {
    fn from(refused: Refused) -> Self {
        match refused.kind {
            FailureKind::Unhandled => Self::Unhandled,
            FailureKind::Busy => Self::PeerBusy,
            FailureKind::Malformed => Self::MalformedRequest(refused),
            _ => Self::Refused(refused),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("no answer in time"),
            Self::LinkLost => f.write_str("the link ended before the answer came"),
            Self::InDoubt => {
                f.write_str("the session began anew: the request may or may not have been done")
            }
            Self::NoCalls => f.write_str("the protocol has no calls"),
            Self::NoDrone(address) => write!(f, "no drone at {address}"),
            Self::Busy => f.write_str("another call waits for its answer"),
            Self::TooMany => f.write_str("too many calls wait for their answers"),
            Self::PeerBusy => f.write_str("the peer answers as many requests as it is willing to"),
            Self::Unhandled => f.write_str("the peer does not handle such requests"),
            Self::MalformedRequest(refused) => {
                write!(f, "the peer could not read the request: {}", refused.text)
            }
            Self::Refused(refused) => refused.fmt(f),
            Self::Malformed(Malformed { rule, offset, .. }) => write!(
                f,
                "the answer is not of the wanted type: {rule} (byte {offset} of its frame)"
            ),
            Self::Send(error) => write!(f, "the request was not sent: {error}"),
        }
    }
}

impl std::error::Error for CallError {}
