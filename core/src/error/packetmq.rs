use crate::encoding;
use core::fmt;

/// The rules of packetmq that a peer can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// A frame holds at least the id of its packet.
    ShortFrame {
        /// How many bytes it holds.
        len: usize,
    },
    /// The packets of the opening have the fields that they need.
    Handshake(encoding::Rule),
    /// A table of names and ids gives packets of the program ids from 16.
    ReservedId {
        /// The id.
        id: u16,
    },
    /// A table of names and ids gives each name an id of its own.
    DuplicateId {
        /// The id.
        id: u16,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortFrame { len } => write!(f, "frame of {len} bytes, a packet id has 2"),
            Self::Handshake(rule) => write!(f, "opening: {rule}"),
            Self::ReservedId { id } => write!(f, "opening: packet with the reserved id {id}"),
            Self::DuplicateId { id } => write!(f, "opening: two packets with the id {id}"),
        }
    }
}
