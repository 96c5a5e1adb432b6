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
//!
//! ```
//! use ropeway_std::call::Refused;
//! use ropeway_std::{Handlers, messages, native, tokio};
//! use serde::{Deserialize, Serialize};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Sum(i32, i32);
//!
//! messages! { enum Words { Sum(Sum) = 0x10 -> i32 } }
//!
//! # #[::tokio::main(flavor = "current_thread", crate = "::tokio")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Arc::new(native::config().registry(Words::ENTRIES, native::Policy::Enforce));
//! let (here, there) = ::tokio::io::duplex(4096);
//! let options = Default::default();
//! let mut handlers = Handlers::new();
//! handlers.answer::<Sum>(|_, Sum(a, b)| a.checked_add(b).ok_or(Refused::text("too large")));
//! let theirs = tokio::Link::over(native::listening(&config), tokio::Stream::new(there), &options)?;
//! let mut theirs = tokio::Node::new(theirs, handlers);
//!
//! let ours = tokio::Link::over(native::dialling(&config), tokio::Stream::new(here), &options)?;
//! let mut ours = tokio::Node::new(ours, Handlers::new());
//! ::tokio::select! {
//!     sum = ours.call(&Sum(20, 22), Duration::from_secs(10)) => assert_eq!(sum?, 42),
//!     ended = theirs.run() => panic!("{ended:?}"),
//! }
//! # Ok(())
//! # }
//! ```

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
