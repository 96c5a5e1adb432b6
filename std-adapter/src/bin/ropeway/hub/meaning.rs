//! What bytes mean, as far as a registry of messages says.

use super::places::Place;
use crate::fault::Fault;
use ropeway_std::any::Key;
use ropeway_std::native::Config;
use ropeway_std::packetmq::{Packetmq, Packets, Policy};
use ropeway_std::value::Value;
use std::path::Path;

/// The messages that are known by name.
#[derive(Default)]
pub(crate) struct Meaning {}

impl Meaning {
    pub(crate) fn read(path: Option<&Path>, places: &[Place]) -> Result<Self, Fault> {
        let _ = (path, places);
        Ok(Self {})
    }

    /// The settings with the table of messages.
    pub(crate) fn registered(&self, config: Config) -> Config {
        config
    }

    /// An end of packetmq: who has a table says the ids, and who has none takes over the peer's.
    pub(crate) fn packetmq(&self) -> Packetmq {
        Packetmq::new(Policy::Adaptive, Packets::default())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// What the message of a code is called.
    pub(crate) fn name_of(&self, key: &Key) -> Option<&str> {
        let _ = key;
        None
    }

    /// The code of a message.
    pub(crate) fn code_of(&self, name: &str) -> Option<u8> {
        let _ = name;
        None
    }

    /// What the body of a message says.
    pub(crate) fn read_body(&self, key: &Key, body: &[u8]) -> Option<Value> {
        let _ = (key, body);
        None
    }

    /// What the answer to a request says.
    pub(crate) fn read_answer(&self, key: &Key, body: &[u8]) -> Option<Value> {
        let _ = (key, body);
        None
    }

    /// The body of a message that says `value`.
    pub(crate) fn write_body(&self, key: &Key, value: &Value) -> Result<Vec<u8>, String> {
        let _ = value;
        Err(format!("no registry says what {key} looks like: give hex or text"))
    }
}
