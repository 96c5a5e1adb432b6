use super::{ListenerId, PeerId};
use crate::files;
use crate::native::Parting;
use ropeway_core::dialect::{Dialect, Leave};
use ropeway_core::wire::Fault;
use ropeway_core::{Event as Said, SendError};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// What a hub's [`next`](super::Hub::next) tells.
#[derive(Debug)]
pub enum Event<'a, D: Dialect, R> {
    /// How a link or a port stands.
    News(News),
    /// What a peer said.
    Said(PeerId, Said<'a, D, R>),
    /// An answer came, and is with who waits for it.
    Answered(PeerId),
    /// How a file comes along.
    File(PeerId, files::Event),
    /// A part of a file came, or what one side has to say of it, and there is nothing new to tell.
    Filed(PeerId),
}

/// How a link or a port stands.
#[derive(Debug)]
#[non_exhaustive]
pub enum News {
    /// A peer's link is open for messages.
    Joined(PeerInfo),
    /// The link of a peer that had joined has ended. All that it said before has been told.
    Left(PeerInfo, Reason),
    /// The link of a peer is lost, and its session waits for another: what is sent meanwhile is queued. A peer that the
    /// hub was told to connect to is dialled again, even if it was never reached.
    Away(PeerInfo, Reason),
    /// A peer that was away has a link again, perhaps from another address. What became of its session, its
    /// dialect has told by a notice.
    Back(PeerInfo),
    /// A connection came to nothing: there was no room for it, it did not open, or it could not be made.
    TurnedAway(PeerInfo, Reason),
    /// A port cannot take a connection just now, for want of file descriptors, say; it goes on trying.
    AcceptFailed(ListenerId, io::Error),
    /// What another thread wanted to send to this peer was not sent.
    Unsent(PeerId, SendError),
}

/// A peer, as it is known from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Which peer it is.
    pub id: PeerId,
    /// Its address.
    pub address: SocketAddr,
    /// The port that it came in by; none if the hub was told to connect to it.
    pub listener: Option<ListenerId>,
}

impl PeerInfo {
    /// The address that its peers are counted by, however it was written.
    pub(super) const fn host(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }
}

/// Why a link has ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The peer has closed the connection.
    Closed,
    /// One side has taken its leave in the dialect's own words.
    Quit,
    /// The peer has said why it takes its leave, or this is the rule of the native protocol that it broke.
    Parted(Box<Parting>),
    /// One side has refused the other in the opening, for a wrong password, say.
    Refused,
    /// The connection broke, or could not be made.
    Transport(io::Error),
    /// The peer broke the framing for good.
    OutOfStep,
    /// A secure link came to this end: a wrong key, say, or bytes that were tampered with.
    Wire(Fault),
    /// The opening took longer than allowed.
    NotOpened,
    /// The peer said or took nothing for longer than allowed, or said nothing for longer than it had promised.
    Idle,
    /// The program closed the link.
    Kicked,
    /// The hub was shut down.
    Shutdown,
    /// There were as many peers as allowed.
    TooMany,
    /// There were as many peers from this address as allowed.
    TooManyFromAddress,
    /// It had come first of more openings, or of more sessions without links, than allowed.
    GaveWay,
    /// The peer came again, over another connection.
    Superseded,
    /// The peer was away for longer than allowed.
    Expired,
}

impl Reason {
    pub(super) fn of(parting: Parting) -> Self {
        match parting {
            Parting::Wire(fault) => Self::Wire(fault),
            parting => Self::Parted(Box::new(parting)),
        }
    }

    /// What the peer is told of it, where the dialect has words.
    pub(super) const fn leave(&self) -> Option<Leave> {
        match self {
            Self::Kicked => Some(Leave::Done),
            Self::Shutdown => Some(Leave::ShuttingDown),
            Self::Idle | Self::NotOpened => Some(Leave::Silent),
            Self::TooMany | Self::TooManyFromAddress => Some(Leave::NoRoom),
            Self::Superseded => Some(Leave::Superseded),
            _ => None,
        }
    }

    /// Whether it is about the link rather than the peer, so that a session goes on.
    pub(super) const fn spares_session(&self) -> bool {
        match self {
            Self::Closed
            | Self::Quit
            | Self::Parted(_)
            | Self::Refused
            | Self::Transport(_)
            | Self::Idle
            | Self::Wire(_)
            | Self::Superseded => true,
            Self::OutOfStep
            | Self::NotOpened
            | Self::Kicked
            | Self::Shutdown
            | Self::TooMany
            | Self::TooManyFromAddress
            | Self::GaveWay
            | Self::Expired => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the peer has closed the link",
            Self::Quit => "one side has taken its leave",
            Self::Parted(parting) => return parting.fmt(f),
            Self::Refused => "the opening was refused",
            Self::Transport(error) => return write!(f, "transport: {error}"),
            Self::OutOfStep => "the peer broke the framing",
            Self::Wire(fault) => return fault.fmt(f),
            Self::NotOpened => "the opening was not done in time",
            Self::Idle => "the peer was silent for too long",
            Self::Kicked => "the program closed the link",
            Self::Shutdown => "the hub was shut down",
            Self::TooMany => "too many peers",
            Self::TooManyFromAddress => "too many peers from this address",
            Self::GaveWay => "it gave way to newer ones",
            Self::Superseded => "the peer came again",
            Self::Expired => "the peer was away for too long",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_once_however_it_is_written() {
        let host = |address: &str| {
            let address = address.parse().unwrap();
            let (id, listener) = (PeerId::ALONE, None);
            PeerInfo {
                id,
                address,
                listener,
            }
            .host()
        };
        assert_eq!(host("[::ffff:10.0.0.1]:5"), host("10.0.0.1:7"));
        assert_ne!(host("[::1]:5"), host("127.0.0.1:5"));
    }
}
