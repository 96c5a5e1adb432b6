//! Links, nodes, handles and clients over tokio.

mod cuts;
mod handles;
mod links;
mod nodes;
mod sessions;

use ropeway_std::native::Native;
use ropeway_std::tokio::{Link, Node, Stream};
use ropeway_std::{Handlers, Options, messages, native};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Number(pub(crate) u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum(pub(crate) i32, pub(crate) i32);

/// Asks for something that takes for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wait(pub(crate) u32);

messages! {
    #[derive(Debug, PartialEq)]
    pub(crate) enum Words {
        Number(Number) = 0x10,
        Sum(Sum) = 0x11 -> i64,
        Wait(Wait) = 0x12 -> u32,
    }
}

/// Longer than anything takes.
pub(crate) const PATIENT: Duration = Duration::from_secs(60);

pub(crate) fn config() -> native::Config {
    native::config().registry(Words::ENTRIES, native::Policy::Enforce)
}

/// Two native links that are each other's peers: the one that dials, and the one that listens.
pub(crate) fn links(config: native::Config, capacity: usize) -> (Link<Native>, Link<Native>) {
    let config = Arc::new(config);
    let (here, there) = tokio::io::duplex(capacity);
    let options = Options::default();
    (
        Link::over(native::dialling(&config), Stream::new(here), &options).unwrap(),
        Link::over(native::listening(&config), Stream::new(there), &options).unwrap(),
    )
}

/// A node that dials, and one that sums.
pub(crate) fn nodes() -> (Node<Native>, Node<Native>) {
    let (here, there) = links(config(), 4096);
    (Node::new(here, Handlers::new()), Node::new(there, adder()))
}

pub(crate) fn adder() -> Handlers<Native> {
    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, Sum(a, b)| Ok(i64::from(a) + i64::from(b)));
    handlers
}
