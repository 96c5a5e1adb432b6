use core::fmt;

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
