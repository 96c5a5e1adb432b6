//! Hosts that are network namespaces, and programs on them that print lines of JSON.

mod network;
mod program;
mod talk;

pub(crate) use network::Network;
pub(crate) use program::{Program, find_built};
pub(crate) use talk::{
    check_nothing_lost, check_numbers, connections, hear_more, id, is_same, lose_all, settle,
};

/// The folder of the original's peers.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/cable_car");

/// How to run these tests.
const LINE_TO_TYPE: &str =
    "sudo -E env ROPEWAY_PYTHON=/path/to/python cargo test -p ropeway-tests --features netns";
