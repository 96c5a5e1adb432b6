use super::{Connection, ConnectionId, Peer, Refused};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// What discovery has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection with a peer. It counts until it is dropped. With a native program, its opening begins now: see
    /// [`Discovery::opened`](super::Discovery::opened).
    Connected(Connection),
    /// Both peers called at once by cable_car's rules, and `kept` is the one connection of the pair. Nothing more is to be sent on
    /// `superseded`: finish it, and read what the peer still says on it until it closes.
    Superseded {
        /// The connection to finish.
        superseded: ConnectionId,
        /// The connection that stays, announced earlier.
        kept: ConnectionId,
    },
    /// Both ends of a connection announced earlier belong to this program: drop it. It was no peer.
    Own(ConnectionId),
    /// A host that was heard did not answer the call, or its own call could not be set up; it is called when it is
    /// heard again.
    Unreachable {
        /// The address of its end.
        address: SocketAddr,
        /// What became of the call.
        error: io::Error,
    },
    /// A native program or, beside those, a host that speaks cable_car is heard for the first time.
    Found(Peer),
    /// It has not been heard for too long, or has given way to another, and has left the table.
    Lost(Peer),
    /// A native program was started anew: the same address and port, another epoch.
    Restarted(Peer),
    /// A datagram came to the port of native beacons that is none.
    Refused {
        /// Where it came from.
        from: SocketAddr,
        /// The rule that it breaks.
        rule: Refused,
    },
    /// No network took the beacon; the next one is sent as ever.
    BeaconFailed(io::Error),
    /// A peer was turned away because the table is full.
    TableFull(IpAddr),
}
