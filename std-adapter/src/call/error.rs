use super::Refused;
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
    /// No drone has ever come from this address.
    NoDrone(IpAddr),
    /// The dialect takes one call at a time, and that waits for its answer.
    Busy,
    /// As many calls wait on this link as its limit allows.
    TooMany,
    /// The peer refused the request, or failed in answering it.
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

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("no answer in time"),
            Self::LinkLost => f.write_str("the link ended before the answer came"),
            Self::NoDrone(address) => write!(f, "no drone at {address}"),
            Self::Busy => f.write_str("another call waits for its answer"),
            Self::TooMany => f.write_str("too many calls wait for their answers"),
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
