use super::{End, Guarded};
use ropeway_core::wire::{Fault, Plain};
use std::io;

/// The wire of every link: there is none.
pub(crate) type AnyWire = Plain;

/// The keys of a program: it has none.
#[derive(Clone, Debug)]
pub(crate) struct Security;

impl Security {
    pub(crate) const NONE: Self = Self;

    pub(crate) const fn or(self, _: Self) -> Self {
        self
    }

    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "as with keys"
    )]
    pub(crate) fn wire(&self, _: End) -> io::Result<AnyWire> {
        Ok(Plain)
    }
}

impl Guarded for Plain {
    fn random(&self) -> [u8; 32] {
        [0; 32]
    }

    fn fault(&mut self) -> Option<Fault> {
        None
    }

    fn has_owner_of(&self, _: &Self) -> bool {
        true
    }
}
