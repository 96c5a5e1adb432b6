use crate::transport::{Patience, Transport};
use ropeway_core::discovery::{ConnectionId, Direction};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

/// A connection that discovery brought about: the transport of a [`Link`](crate::Link) or
/// [`Pump`](crate::Pump).
///
/// Discovery counts its peer as connected until it is dropped; then the peer is called again when it is heard again.
#[derive(Debug)]
pub struct Connection {
    pub(super) stream: TcpStream,
    pub(super) protocol: Protocol,
    pub(super) id: ConnectionId,
    pub(super) direction: Direction,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Discovery holds the weak end.
    pub(super) _alive: Arc<()>,
}

/// By which protocol two peers found each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// cable_car's.
    CableCar,
    /// The native one.
    Native,
}

impl Connection {
    /// By which protocol it was found.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its number, unique within one discovery.
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Which end called.
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// The address of the end here.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// The address of the peer's end.
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }
}

impl Transport for Connection {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        Transport::read(&self.stream, room)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Transport::write(&self.stream, bytes)
    }

    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()> {
        self.stream.set_patience(reads, writes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Transport::shutdown(&self.stream, how)
    }

    fn peer(&self) -> Option<SocketAddr> {
        Some(self.remote)
    }
}
