#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! Ropeway on std: the same messages over sockets, in the caller's thread.
//!
//! | to do | take |
//! |---|---|
//! | wait for messages in a thread of one's own | [`Link`] |
//! | look for messages once a turn of a loop | [`Pump`] |
//! | answer a peer, call it, and handle what it says | [`Node`] with [`Handlers`], and [`call`] |
//! | keep a session with a peer, whatever becomes of its links | [`native`] |
//! | let only who has the key read a link | `native::Key` and [`Options`], by the feature `secure` |
//! | send files to and from disk, and go on with them whatever happens | [`files`] |
//! | serve many peers in one thread | [`Hub`] |
//! | reach a peer, or wait for peers | [`Connect`], [`Listener`], ended by a [`Cancel`] |
//! | do the same, but for files and hubs, in tasks of tokio | `tokio`, by the feature of that name |
//! | find peers on the network | [`discovery`] |
//! | handle values of unknown shape | [`value`] |
//! | handle messages of any kind, whichever the dialect | [`any`] |
//! | handle JSON messages of any class | [`json`] |
//! | fly drones with clever-show, or its ground server | [`clever_show`] |
//! | talk to programs of the Python library packetmq | [`packetmq`] |
//! | call, and be called by, TCPTalks robots | [`tcptalks`] |
//! | look at what passes on a link | [`watch`] |
//! | test without a network | [`memory`] |
//!
//! ```
//! use ropeway_std::dialect::cable_car::CableCarJson;
//! use ropeway_std::{Event, Link, Listener, Options, messages};
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Chat { nick: String, text: String }
//!
//! messages! { enum Words { Chat(Chat) as "MsgChat" } }
//!
//! let mut listener = Listener::bind("127.0.0.1:0")?;
//! let mut there = Link::connect(CableCarJson, listener.address())?;
//! let here = listener.accept(CableCarJson, &Options::default(), Duration::MAX)?;
//! let mut here = here.ok_or("nobody came")?;
//!
//! there.send(&Chat { nick: "rover".into(), text: "hello".into() })?;
//! let Some(Event::Message(Words::Chat(chat))) = here.recv(Duration::MAX)? else { panic!("no chat") };
//! assert_eq!((chat.nick.as_str(), chat.text.as_str()), ("rover", "hello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An error displays its cause, too, and has no [`source`](std::error::Error::source).
//!
//! Nothing here starts a thread that was not asked for. What the messages are, and in which dialect they travel,
//! is [`ropeway_core`]'s: its names are repeated here, so that a program needs this crate alone.

pub mod any;
pub mod call;
mod cancel;
pub mod clever_show;
mod clock;
mod connect;
mod desk;
pub mod discovery;
pub mod files;
mod handlers;
pub mod hub;
pub mod json;
mod link;
mod listen;
pub mod memory;
pub mod native;
mod node;
mod options;
pub mod packetmq;
mod peer;
mod polled;
mod post;
mod pump;
mod random;
mod storage;
pub mod tcptalks;
#[cfg(feature = "tokio")]
pub mod tokio;
pub mod transport;
pub mod value;
mod waits;
pub mod watch;
mod wire;

pub use cancel::Cancel;
pub use connect::{Connect, ConnectError};
pub use handlers::{Aside, Handlers};
pub use hub::Hub;
pub use link::Link;
pub use listen::Listener;
pub use node::{Node, NodeHandle};
pub use options::{Keepalive, Options};
pub use peer::Peer;
pub use polled::Polled;
pub use post::PostError;
pub use pump::Pump;
pub use ropeway_core::{
    Event, Malformed, Message, Messenger, Rule, SendError, dialect, encoding, framing, message,
    messages, registry,
};
pub use storage::Growable;
pub use transport::TransportError;

/// Why a link could not go on.
pub type Error = ropeway_core::pump::Error<TransportError>;
