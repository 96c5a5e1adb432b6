#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("lib.md")]

#[cfg(test)]
extern crate std;

mod backoff;
pub mod buf;
pub mod dialect;
pub mod discovery;
pub mod encoding;
mod error;
pub mod file;
pub mod framing;
pub mod message;
mod messenger;
mod name;
pub mod pump;
pub mod registry;
pub mod rpc;
pub mod time;
pub mod wire;

pub use backoff::Backoff;
pub use error::{Malformed, Rule, SendError};
pub use message::Message;
pub use messenger::{Event, Messenger, Over};
pub use name::Name;
pub use time::Instant;
