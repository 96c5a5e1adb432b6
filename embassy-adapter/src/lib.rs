#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("lib.md")]

mod beacons;
mod calls;
mod error;
mod event;
mod files;
mod hub;
mod listener;
mod owner;
mod peer;
mod pump;
mod resources;
mod runner;
mod settings;
mod slot;
mod tcp;

pub use beacons::Beacons;
pub use error::{AcceptError, CallError, CloseError, ConnectError, Error, FileError};
pub use event::{Event, Heard, Lost, News, Said};
pub use files::{Carry, Files, NoFiles, Shelf};
pub use hub::Hub;
pub use listener::Listener;
pub use owner::Owned;
pub use peer::Peer;
pub use resources::Resources;
pub use ropeway_core::discovery;
pub use runner::Runner;
pub use settings::Settings;
pub use tcp::{Link, Timeouts, accept, close, connect};
