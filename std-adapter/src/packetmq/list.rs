use ropeway_core::dialect::packetmq::{Packet, Rows};
use ropeway_core::framing::Full;
use std::sync::Arc;

/// Rows of a registry, as many as the protocol has ids for, under names that are shared among links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(Vec<Packet<Arc<str>>>);

impl Rows for List {
    type Name = Arc<str>;

    fn as_slice(&self) -> &[Packet<Arc<str>>] {
        &self.0
    }

    fn as_mut_slice(&mut self) -> &mut [Packet<Arc<str>>] {
        &mut self.0
    }

    fn push(&mut self, packet: Packet<Arc<str>>) -> Result<(), Full> {
        self.0.push(packet);
        Ok(())
    }

    fn remove(&mut self, index: usize) {
        self.0.remove(index);
    }
}
