use core::fmt;
use core::ops::Deref;

/// What a program calls itself: at most 32 bytes of text. It travels in openings and beacons.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl Name {
    /// The most bytes of a name.
    pub const MAX: usize = 32;

    /// No name.
    pub const EMPTY: Self = Self {
        len: 0,
        bytes: [0; Self::MAX],
    };

    /// The first 32 bytes of `name`, or fewer where a character would be cut.
    pub const fn new(name: &str) -> Self {
        let text = name.as_bytes();
        let mut len = 0_u8;
        let mut bytes = [0; Self::MAX];
        let mut at = 0;
        while at < text.len() && at < Self::MAX {
            bytes[at] = text[at];
            at += 1;
            if name.is_char_boundary(at) {
                len = bytes_before(at);
            }
        }
        while at > len as usize {
            at -= 1;
            bytes[at] = 0;
        }
        Self { len, bytes }
    }

    /// How many bytes it has.
    pub(crate) const fn byte_len(&self) -> u8 {
        self.len
    }

    /// The name as text. It may hold control characters: escape them before they reach a terminal.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// The number `at`, which is at most [`Name::MAX`].
const fn bytes_before(at: usize) -> u8 {
    let [low, ..] = at.to_le_bytes();
    low
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Name {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(Name::new("sensor").as_str(), "sensor");
        let long = "0123456789012345678901234567890é";
        assert_eq!(Name::new(long).as_str(), &long[..31]);
        assert_eq!(Name::new(long), Name::new(&long[..31]));
    }
}
