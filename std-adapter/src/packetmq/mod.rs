//! packetmq on std: servers, clients, packets known only at run time.

mod dynamic;
mod list;

pub use dynamic::Dynamic;
pub use list::List;
pub use ropeway_core::dialect::packetmq::{
    BUILT_IN, Key, LENGTH_LIMIT, Named, Notice, Policy, RegisterError, Rule, Side, State, VERSION,
    reason,
};

/// One end of a link, with a registry that grows.
pub type Packetmq = ropeway_core::dialect::packetmq::Packetmq<List>;

/// The packets that a program has registered, under names of its own making.
pub type Packets = ropeway_core::dialect::packetmq::Packets<List>;
