use super::RemoteError;
use crate::{ConnectError, Error, call};
use ropeway_core::{Malformed, SendError};
use std::{fmt, io};

/// Why a call has no result. What is displayed tells the cause too: it has no source.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The peer has raised an exception.
    Remote(Box<RemoteError>),
    /// No reply came in time. One that still comes can be polled for.
    Deadline,
    /// The old variant waits for one call at a time, and that is not done yet.
    Busy,
    /// The reply is not of the wanted type, or has no value: which rule.
    Malformed(Malformed),
    /// The call was not sent.
    Send(SendError),
    /// The link has ended first.
    Link(Error),
    /// There is no client of this identity.
    NoClient,
    /// The arguments are a value of their own, such as a number, and neither a tuple nor a struct.
    NotArguments,
}

/// Why there is no link. What is displayed tells the cause too: it has no source.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Nobody could be reached.
    Connect(ConnectError),
    /// The password was wrong.
    Refused,
    /// The peer said nothing in time: no verdict on the password.
    Silent,
    /// Nobody with the right password came in time, or the caller cancelled.
    NobodyCame,
    /// The link ended before it was open.
    Link(Error),
    /// The port could not be listened at.
    Listen(io::Error),
}

impl CallError {
    /// The exception that the peer has raised, if that is what it was.
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            Self::Remote(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RemoteError> for CallError {
    fn from(error: RemoteError) -> Self {
        Self::Remote(Box::new(error))
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::Send(SendError::Busy) => Self::Busy,
            Error::Send(error) => Self::Send(error),
            error => Self::Link(error),
        }
    }
}

impl From<call::CallError> for CallError {
    fn from(error: call::CallError) -> Self {
        match error {
            call::CallError::Deadline => Self::Deadline,
            call::CallError::Busy => Self::Busy,
            call::CallError::Malformed(malformed) => Self::Malformed(malformed),
            call::CallError::Send(error) => Self::Send(error),
            call::CallError::TooMany => Self::Send(SendError::Full),
            _ => Self::Link(Error::Closed),
        }
    }
}

impl From<Malformed> for CallError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Link(error)
    }
}

impl From<ConnectError> for OpenError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(error) => write!(f, "the peer raised {error}"),
            Self::Deadline => f.write_str("no reply came in time"),
            Self::Busy => f.write_str("a call is under way, and the old variant has one at a time"),
            Self::Malformed(malformed) => {
                write!(f, "the reply is not of the wanted type: {}", malformed.rule)
            }
            Self::Send(error) => write!(f, "not sent: {error}"),
            Self::Link(error) => write!(f, "the link has ended: {error}"),
            Self::NoClient => f.write_str("there is no client of this identity"),
            Self::NotArguments => {
                f.write_str("arguments must be a tuple or a struct; one argument is `&(value,)`")
            }
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Refused => f.write_str("wrong password"),
            Self::Silent => f.write_str("no verdict on the password came in time"),
            Self::NobodyCame => f.write_str("nobody with the right password came in time"),
            Self::Link(Error::OutOfStep) => f.write_str(
                "the link ended before it was open: the peer broke the framing; is that TCPTalks?",
            ),
            Self::Link(error) => write!(f, "the link ended before it was open: {error}"),
            Self::Listen(error) => write!(f, "cannot listen: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

impl std::error::Error for OpenError {}
