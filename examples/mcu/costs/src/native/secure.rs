//! The secure wire of a node, with the one key that it shares with its peer.

use ropeway_core::wire::secure::{Key, KeyId, LEAST_MEMORY, Secure};

/// The wire of the end that listens.
pub type Listening = Secure<Key, &'static mut [u8]>;

/// The bytes that are lent to it, each way.
pub const WIRE: usize = 256;

/// What keys are made of. The board has no source of chance: this is for a measurement alone.
pub const RANDOM: [u8; 32] = [2; 32];

/// What the key is called.
pub const KEY_ID: KeyId = KeyId::new(b"rover").expect("1 to 32 bytes");

/// The key, which must be random and nobody else's elsewhere.
pub const fn key() -> Key {
    Key::new([7; 32])
}

const _: () = assert!(WIRE >= LEAST_MEMORY);
