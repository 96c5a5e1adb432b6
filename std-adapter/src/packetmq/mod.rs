//! packetmq on std: servers, clients, peers in one process, and packets known only when the program runs.
//!
//! The protocol itself, with its registry and the course of openings, is [`ropeway_core::dialect::packetmq`]'s. A
//! [`Link`](crate::Link) or a [`Node`](crate::Node) over [`Packetmq`] does as well as a [`Client`]; on a
//! plain link, `recv` until [`Notice::Made`] before the first `send`.
#![doc = include_str!("from_packetmq.md")]

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
