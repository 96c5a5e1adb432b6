//! How bodies are laid out.

/// What follows what, and in how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layout {
    /// As serde and postcard write: integers of variable length, lengths in front, options with a mark.
    #[default]
    Postcard,
    /// Fixed, the least byte first, without gaps: Python's `<`.
    Little,
    /// Fixed, the highest byte first, without gaps: Python's `>`.
    Big,
}

impl Layout {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "postcard" => Some(Self::Postcard),
            "little" => Some(Self::Little),
            "big" => Some(Self::Big),
            _ => None,
        }
    }
}

/// The bytes of an integer of variable length, and what the last of that many may hold at most.
pub(super) const fn varint(bits: u8) -> (usize, u8) {
    let len = bits.div_ceil(7);
    (len as usize, (1 << (bits - (len - 1) * 7)) - 1)
}
