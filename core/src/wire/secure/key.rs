use core::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A key that two peers share: 32 random bytes, overwritten when it is dropped.
///
/// Draw it, never think it up: whoever records an opening can try out all keys that a person may have chosen.
#[derive(Clone)]
pub struct Key([u8; 32]);

/// Bytes that nobody else may see.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// What a key is called, in plain view: 1 to 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId {
    len: u8,
    bytes: [u8; Self::MAX_LEN],
}

/// The keys that a program has, by their ids.
///
/// A listener looks up that of each peer. `[(id, key)]` is the usual table; a lone [`Key`] is there for every id, so
/// all who have it are one peer's equals.
pub trait Keys {
    /// The key of this id, if there is one.
    fn key(&self, id: &[u8]) -> Option<&Key>;
}

impl Key {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl KeyId {
    /// The longest id in bytes.
    pub const MAX_LEN: usize = 32;

    /// The id of these bytes, if there are 1 to 32.
    pub const fn new(id: &[u8]) -> Option<Self> {
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return None;
        }
        let mut bytes = [0; Self::MAX_LEN];
        let (front, _) = bytes.split_at_mut(id.len());
        front.copy_from_slice(id);
        Some(Self {
            #[expect(clippy::cast_possible_truncation, reason = "at most 32")]
            len: id.len() as u8,
            bytes,
        })
    }

    /// The bytes of the id.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl AsRef<[u8]> for KeyId {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<K: Keys + ?Sized> Keys for &K {
    fn key(&self, id: &[u8]) -> Option<&Key> {
        (**self).key(id)
    }
}

impl Keys for Key {
    fn key(&self, _id: &[u8]) -> Option<&Self> {
        Some(self)
    }
}

impl<I: AsRef<[u8]>> Keys for [(I, Key)] {
    fn key(&self, id: &[u8]) -> Option<&Key> {
        let (_, key) = self.iter().find(|(known, _)| known.as_ref() == id)?;
        Some(key)
    }
}

impl<I: AsRef<[u8]>, const N: usize> Keys for [(I, Key); N] {
    fn key(&self, id: &[u8]) -> Option<&Key> {
        self.as_slice().key(id)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Key {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Key(..)");
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// As text; bytes that are not printable ASCII are escaped.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for KeyId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "KeyId({=[u8]:a})", self.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn an_id_has_1_to_32_bytes() {
        assert_eq!(KeyId::new(b""), None);
        assert_eq!(KeyId::new(&[0; 33]), None);
        for len in 1..=32 {
            let id = KeyId::new(&[7; 32][..len]).unwrap();
            assert_eq!(id.as_bytes(), &[7; 32][..len]);
        }
        assert_ne!(KeyId::new(&[0]), KeyId::new(&[0, 0]));
    }

    #[test]
    fn keys_are_found_by_their_whole_id() {
        let keys = [(&b"ab"[..], Key::new([1; 32])), (b"a", Key::new([2; 32]))];
        let byte = |id: &[u8]| keys.key(id).map(|key| key.as_bytes()[0]);
        assert_eq!(byte(b"ab"), Some(1));
        assert_eq!(byte(b"a"), Some(2));
        assert_eq!(byte(b""), None);
        assert_eq!(byte(b"abc"), None);
    }

    #[test]
    fn nothing_shows_a_key() {
        assert_eq!(format!("{:?}", Key::new([42; 32])), "Key(..)");
        let id = KeyId::new(b"rover\n").unwrap();
        assert_eq!(format!("{id:?} {id}"), "KeyId(rover\\n) rover\\n");
    }
}
