//! The same links, nodes and clients in tasks of tokio: by feature `tokio`.
//!
//! | to do | take |
//! |---|---|
//! | send and receive in one task | [`Link`] |
//! | answer a peer and call it, in one task | [`Node`] with [`Handlers`](crate::Handlers) |
//! | do that from several tasks | a [`Driver`] in one of them, a [`Handle`] in each |
//! | await what a peer says | [`Events`], by [`Node::events`] |
//! | keep a session, whatever becomes of its links | a [`Client`], by [`Dial`] |
//! | wait for peers | [`Listener`] |
//!
//! All are over the asynchronous pump of the core, [`AsyncLink`](ropeway_core::pump::AsyncLink), so that nothing is lost by
//! dropping a future. They need a runtime whose time and, for TCP, I/O are enabled.
//!
//! They carry no files: those are read and written where the disk may take its time, which no task here may. What a peer
//! offers or asks for is a notice for [`otherwise`](crate::Handlers::otherwise), and has no answer. A
//! [`native::Client`](crate::native::Client) or a [`Hub`](crate::Hub) in a thread of its own carries them.
//!
//! A call costs one write and one read at each side: a [`Node`] calls without allocating, a [`Handle`] writes in the
//! caller's own task.

mod dial;
mod driver;
mod events;
mod link;
mod listener;
mod node;
mod stream;
mod timer;

use crate::native::Native;

pub use dial::Dial;
pub use driver::{Driver, Handle};
pub use events::{Event, Events};
pub use link::Link;
pub use listener::Listener;
pub use node::Node;
pub use stream::Stream;

/// A node that dials, and dials again when its link is lost: [`Dial`] makes one.
pub type Client = Node<Native>;
