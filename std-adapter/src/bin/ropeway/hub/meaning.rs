//! What bytes mean, as far as a registry of messages says.

use super::places::Place;
use crate::fault::Fault;
use crate::registry::{MessageType, Registry};
use ropeway_std::any::Key;
use ropeway_std::packetmq::{Packetmq, Packets, Policy};
use ropeway_std::value::Value;
use std::path::Path;

/// The messages that are known by name; by default none. Peers are not asked whether they know the same.
#[derive(Default)]
pub(crate) struct Meaning {
    registry: Registry,
    packets: Packets,
}

impl Meaning {
    pub(crate) fn read(path: Option<&Path>, places: &[Place]) -> Result<Self, Fault> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let registry = Registry::read(path)?;
        let mut packets = Packets::default();
        for place in places {
            registry.check(place.protocol)?;
        }
        for message in registry.messages() {
            if let Some(code) = message.code {
                let added = packets.add(message.name.clone(), code);
                let name = &message.name;
                added.map_err(|error| {
                    Fault::input(format!("{}: {name}: {error}", path.display()))
                })?;
            }
        }
        Ok(Self { registry, packets })
    }

    /// An end of packetmq, which says the ids, as servers do.
    pub(crate) fn packetmq(&self) -> Packetmq {
        Packetmq::new(Policy::Static, self.packets.clone())
    }

    /// All messages that are known, in the registry's order.
    pub(crate) fn names(&self) -> Vec<String> {
        let messages = self.registry.messages().iter();
        messages.map(|message| message.name.clone()).collect()
    }

    /// What the message of a code is called.
    pub(crate) fn name_of(&self, key: &Key) -> Option<&str> {
        Some(&self.find(key)?.name)
    }

    /// The code of a message.
    pub(crate) fn code_of(&self, name: &str) -> Option<u8> {
        let code = self.registry.by_name(name)?.code?;
        u8::try_from(code).ok()
    }

    /// What the body of a message says; none where it is not known, or not as the registry has it.
    pub(crate) fn read_body(&self, key: &Key, body: &[u8]) -> Option<Value> {
        self.find(key)?.decode(body).ok()
    }

    /// What the answer to a request says.
    pub(crate) fn read_answer(&self, key: &Key, body: &[u8]) -> Option<Value> {
        let message = self.find(key)?;
        message
            .decode_answer(body)
            .ok()
            .filter(|_| message.has_answer())
    }

    /// The body of a message that says `value`.
    pub(crate) fn write_body(&self, key: &Key, value: &Value) -> Result<Vec<u8>, String> {
        let message = self.find(key);
        let unknown = || format!("no registry says what {key} looks like: give hex or text");
        let message = message.ok_or_else(unknown)?;
        let name = &message.name;
        message
            .encode(value)
            .map_err(|error| format!("{name}: {error}"))
    }

    fn find(&self, key: &Key) -> Option<&MessageType> {
        match key {
            Key::Code(code) => self.registry.by_code(u16::try_from(*code).ok()?),
            Key::Name(_) => None,
        }
    }
}
