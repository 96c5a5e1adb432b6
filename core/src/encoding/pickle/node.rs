//! One entry of the table: a value, or what a value is made of.

/// No node: the end of a list, or a container without content.
pub(super) const NIL: u32 = 0x00ff_ffff;

/// The most nodes that a table uses.
pub(super) const NODE_LIMIT: usize = NIL as usize;

/// One value of a pickle, in 16 bytes of memory that the caller lends to a [`Table`](super::Table).
///
/// What it holds is the table's own business.
//
// offset  where the value's opcode stands
// extent  leaf: the length of its content, or a small integer itself; container: the last child, whose link is the
//         first; reference: the node referred to
// link    24 bits: the next sibling, or, on the stack, the node below; then 3 bits of flags and 5 of the tag
// size    24 bits: how many values there are when references are followed; then 8 bits of height
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Node {
    pub(super) offset: u32,
    pub(super) extent: u32,
    link: u32,
    size: u32,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Tag {
    /// Not in use.
    Free,
    Null,
    False,
    True,
    /// An integer, which is the extent.
    Int,
    /// An integer in two's complement, the least byte first.
    Long,
    /// An integer as a line of decimal digits.
    IntLine,
    Float,
    Text,
    /// Text with lone surrogates.
    Surrogates,
    /// Text as a line, of ASCII alone.
    TextLine,
    Bytes,
    ByteArray,
    Tuple,
    List,
    Set,
    FrozenSet,
    Dict,
    /// The value at the extent once more.
    Ref,
    /// Name and arguments: a call that makes a byte array, a set, a frozen set.
    ByteArrayCall,
    SetCall,
    FrozenSetCall,
    // From here on no plain data, and accepted in tuples alone.
    /// Class, arguments, attributes if any.
    Exception,
    /// Class, exception or message, frames.
    Failure,
    // From here on no values at all, but parts of the two above.
    /// A name: module and name as two lines.
    Name,
    /// A name: module and name as two children.
    StackName,
    /// Class, no arguments, frames.
    Frames,
    /// Class, no arguments, attributes.
    Frame,
    Mark,
}

const TAGS: [Tag; 29] = [
    Tag::Free,
    Tag::Null,
    Tag::False,
    Tag::True,
    Tag::Int,
    Tag::Long,
    Tag::IntLine,
    Tag::Float,
    Tag::Text,
    Tag::Surrogates,
    Tag::TextLine,
    Tag::Bytes,
    Tag::ByteArray,
    Tag::Tuple,
    Tag::List,
    Tag::Set,
    Tag::FrozenSet,
    Tag::Dict,
    Tag::Ref,
    Tag::ByteArrayCall,
    Tag::SetCall,
    Tag::FrozenSetCall,
    Tag::Exception,
    Tag::Failure,
    Tag::Name,
    Tag::StackName,
    Tag::Frames,
    Tag::Frame,
    Tag::Mark,
];

const _: () = {
    let mut index = 0;
    while index < TAGS.len() {
        assert!(TAGS[index] as usize == index);
        index += 1;
    }
};

/// Referred to, so that it changes no more.
pub(super) const FROZEN: u32 = 1 << 5;
/// A tuple or reference that may be a key; a list whose elements all may.
pub(super) const HASHABLE: u32 = 1 << 6;
/// The key of an entry.
pub(super) const KEY: u32 = 1 << 7;

impl Node {
    /// What memory for nodes is filled with before it is lent.
    pub const EMPTY: Self = Self {
        offset: 0,
        extent: 0,
        link: 0,
        size: 0,
    };

    /// What stands where no node is: nothing, with nothing in it and behind it.
    pub(super) const NOWHERE: Self = Self {
        offset: 0,
        extent: NIL,
        link: NIL << 8,
        size: 0,
    };

    /// A value that holds no others; `size` counts what following a reference to it costs.
    #[inline]
    pub(super) const fn leaf(tag: Tag, offset: u32, extent: u32, size: u32) -> Self {
        Self {
            offset,
            extent,
            link: NIL << 8 | HASHABLE | tag as u32,
            size: if size < NIL { size << 8 } else { NIL << 8 },
        }
    }

    /// The value at `target` once more.
    #[inline]
    pub(super) const fn reference(offset: u32, target: u32, to: Self, is_hashable: bool) -> Self {
        Self {
            offset,
            extent: target,
            link: NIL << 8 | if is_hashable { HASHABLE } else { 0 } | Tag::Ref as u32,
            size: to.size,
        }
    }

    /// A container without content.
    #[inline]
    pub(super) const fn container(tag: Tag, offset: u32) -> Self {
        Self {
            offset,
            extent: NIL,
            link: NIL << 8 | HASHABLE | tag as u32,
            size: 1 << 8 | 1,
        }
    }

    #[inline]
    pub(super) fn tag(self) -> Tag {
        TAGS.get((self.link & 0x1f) as usize)
            .copied()
            .unwrap_or(Tag::Free)
    }

    #[inline]
    pub(super) const fn link(self) -> u32 {
        self.link >> 8
    }

    #[inline]
    pub(super) const fn set_link(&mut self, link: u32) {
        self.link = link << 8 | self.link & 0xff;
    }

    #[inline]
    pub(super) const fn has(self, flag: u32) -> bool {
        self.link & flag != 0
    }

    #[inline]
    pub(super) const fn set(&mut self, flag: u32, on: bool) {
        if on {
            self.link |= flag;
        } else {
            self.link &= !flag;
        }
    }

    /// How many values there are, when references are followed.
    #[inline]
    pub(super) const fn size(self) -> u32 {
        self.size >> 8
    }

    /// How many levels of containers there are.
    #[inline]
    pub(super) const fn height(self) -> u8 {
        (self.size & 0xff) as u8
    }

    /// Counts what the container holds in addition.
    #[inline]
    pub(super) fn enlarge(&mut self, size: u32, height: u8) {
        let size = self.size().saturating_add(size).min(NIL);
        self.size = size << 8 | u32::from(self.height().max(height));
    }

    /// One of four numbers, where the node serves the memo instead of a value.
    #[inline]
    pub(super) const fn lane(&mut self, index: u32) -> &mut u32 {
        match index % 4 {
            0 => &mut self.offset,
            1 => &mut self.extent,
            2 => &mut self.link,
            _ => &mut self.size,
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl core::fmt::Debug for Node {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Node")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Node {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Node");
    }
}
