use ropeway_core::wire::{Plain, Wire};

/// A wire that may say whose key it is: a session goes on for who has the same one.
pub trait Owned: Wire {
    /// Whether the peers of both have the same key, or neither needs one.
    fn has_owner_of(&self, other: &Self) -> bool;
}

impl Owned for Plain {
    fn has_owner_of(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(feature = "serial")]
impl<R: ropeway_core::buf::Storage, T: ropeway_core::buf::Storage> Owned
    for ropeway_core::wire::serial::Serial<R, T>
{
    fn has_owner_of(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(feature = "secure")]
impl<K, I, O> Owned for ropeway_core::wire::secure::Secure<K, I, O>
where
    K: ropeway_core::wire::secure::Keys,
    I: ropeway_core::buf::Storage,
    O: ropeway_core::buf::Storage,
{
    fn has_owner_of(&self, other: &Self) -> bool {
        self.key_id().is_some() && self.key_id() == other.key_id()
    }
}
