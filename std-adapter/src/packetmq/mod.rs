//! packetmq on std: servers, clients, packets known only at run time.

mod client;
mod dynamic;
mod list;
mod memory;
mod server;

pub use client::{Client, OpenError};
pub use dynamic::Dynamic;
pub use list::List;
pub use memory::{MemoryClient, MemoryEvent, MemoryPacket, MemoryPeer, MemoryServer};
pub use ropeway_core::dialect::packetmq::{
    BUILT_IN, Key, LENGTH_LIMIT, Named, Notice, Policy, RegisterError, Rule, Side, State, VERSION,
    reason,
};
pub use server::{Event, Lost, Server};

/// One end of a link, with a registry that grows.
pub type Packetmq = ropeway_core::dialect::packetmq::Packetmq<List>;

/// The packets that a program has registered, under names of its own making.
pub type Packets = ropeway_core::dialect::packetmq::Packets<List>;
