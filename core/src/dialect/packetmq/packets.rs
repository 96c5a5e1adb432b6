use crate::framing::Full;
use crate::message::Entry;
use core::fmt;
use core::ops::RangeInclusive;

/// The packets that a program has registered, in the order of registration, and their ids.
///
/// A packet has the id that it was registered with; on a link on which this end adapts, it has the peer's. Names are
/// `app:packet` by custom. Packets may be added and removed at any time, on an active link too: the peer is not told.
///
/// ```
/// use ropeway_core::dialect::packetmq::{Packets, RegisterError, Slots};
///
/// let mut packets = Packets::new(Slots::<8>::default());
/// packets.add("chat:msg", 17)?;
/// assert_eq!(packets.add("chat:pubmsg", 17), Err(RegisterError::IdTaken { id: 17 }));
/// assert_eq!(packets.id_of("chat:msg"), Some(17));
/// assert_eq!(packets.name_of(17), Some("chat:msg"));
/// assert_eq!(packets.name_of(1), Some("packetmq:softquit"));
/// assert!(packets.remove("chat:msg"));
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packets<R> {
    rows: R,
}

/// A registered packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packet<N> {
    name: N,
    registered: u16,
    /// On this link; [`NO_ID`] while the peer's table is read and has not named it.
    id: u16,
}

/// Memory for the rows of a registry: [`Slots`], or rows that grow (the std adapter has some).
pub trait Rows {
    /// The text of names.
    type Name: AsRef<str>;

    /// The packets, in the order they were pushed in.
    fn as_slice(&self) -> &[Packet<Self::Name>];

    /// The same, to change them.
    fn as_mut_slice(&mut self) -> &mut [Packet<Self::Name>];

    /// Appends a packet, if there is room.
    fn push(&mut self, packet: Packet<Self::Name>) -> Result<(), Full>;

    /// Takes out the packet at `index`, which is below the number of packets; the others keep their order.
    fn remove(&mut self, index: usize);
}

/// Room for `N` packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slots<const N: usize> {
    packets: [Packet<&'static str>; N],
    len: usize,
}

/// Why a packet was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RegisterError {
    /// A packet of this name is registered.
    NameTaken,
    /// Another packet has this id, on this link or when the next begins.
    IdTaken {
        /// The id.
        id: u16,
    },
    /// The id is below 16.
    ReservedId {
        /// The id.
        id: u16,
    },
    /// The row of the table has no code.
    NoId {
        /// The name in the row.
        name: &'static str,
    },
    /// As many packets are registered as there is room for.
    Full,
}

/// How the peer's table of ids fits this end's names.
pub(super) enum Adopted {
    Taken,
    DuplicateName,
    DuplicateId,
    Unknown,
}

impl<R: Rows> Packets<R> {
    /// The ids that are not the program's.
    pub const RESERVED: RangeInclusive<u16> = 0..=15;

    /// A registry in `rows`: the packets in them, and the four of the protocol.
    pub const fn new(rows: R) -> Self {
        Self { rows }
    }

    /// A registry of the messages of a table, whose codes are the ids.
    pub fn of(entries: &[Entry]) -> Result<Self, RegisterError>
    where
        R: Default,
        R::Name: From<&'static str>,
    {
        let mut packets = Self::new(R::default());
        for entry in entries {
            let name = entry.name;
            packets.add(name, entry.code.ok_or(RegisterError::NoId { name })?)?;
        }
        Ok(packets)
    }

    /// Registers a packet behind those that are there.
    pub fn add(&mut self, name: impl Into<R::Name>, id: u16) -> Result<(), RegisterError> {
        let name = name.into();
        if self.has(name.as_ref()) {
            return Err(RegisterError::NameTaken);
        }
        if Self::RESERVED.contains(&id) {
            return Err(RegisterError::ReservedId { id });
        }
        if self.iter().any(|row| row.registered == id || row.id == id) {
            return Err(RegisterError::IdTaken { id });
        }
        let registered = id;
        let packet = Packet {
            name,
            registered,
            id,
        };
        self.rows.push(packet).map_err(|Full| RegisterError::Full)
    }

    /// Removes a packet by its name, and says whether there was one; the four of the protocol stay.
    pub fn remove(&mut self, name: &str) -> bool {
        let index = self.iter().position(|row| row.name() == name);
        if let Some(index) = index {
            self.rows.remove(index);
        }
        index.is_some()
    }

    /// Whether a packet of this name is registered, or the protocol has one.
    pub fn has(&self, name: &str) -> bool {
        built_in(name).is_some() || self.iter().any(|row| row.name() == name)
    }

    /// The id of a packet on this link.
    pub fn id_of(&self, name: &str) -> Option<u16> {
        let mut rows = self.iter();
        let row = rows.find(|row| row.name() == name);
        let id = row.map(|row| row.id).filter(|id| *id != NO_ID);
        id.or_else(|| built_in(name))
    }

    /// The name of the packet that has this id on this link.
    #[inline]
    pub fn name_of(&self, id: u16) -> Option<&str> {
        if let Some(name) = BUILT_IN.get(usize::from(id)) {
            return Some(name);
        }
        let mut rows = self.iter();
        rows.find(|row| row.id == id && id != NO_ID)
            .map(Packet::name)
    }

    /// The program's packets, in the order of registration.
    pub fn iter(&self) -> core::slice::Iter<'_, Packet<R::Name>> {
        self.rows.as_slice().iter()
    }

    /// Gives every packet the id that it was registered with, as it is before the first and each further link.
    pub fn reset(&mut self) {
        for row in self.rows.as_mut_slice() {
            row.id = row.registered;
        }
    }

    /// Takes all ids away, for the peer's.
    pub(super) fn forget_ids(&mut self) {
        for row in self.rows.as_mut_slice() {
            row.id = NO_ID;
        }
    }

    /// Gives a packet the peer's id for it.
    pub(super) fn adopt(&mut self, name: &str, id: u16) -> Adopted {
        let mut adopted = Adopted::Unknown;
        let mut slot = None;
        for row in self.rows.as_mut_slice() {
            if row.id == id {
                return Adopted::DuplicateId;
            }
            if row.name() == name {
                slot = Some(row);
            }
        }
        if let Some(row) = slot {
            adopted = match row.id {
                NO_ID => Adopted::Taken,
                _ => Adopted::DuplicateName,
            };
            row.id = id;
        }
        adopted
    }

    /// Whether the peer has named every packet.
    pub(super) fn is_adopted(&self) -> bool {
        self.iter().all(|row| row.id != NO_ID)
    }
}

impl<'a, R: Rows> IntoIterator for &'a Packets<R> {
    type Item = &'a Packet<R::Name>;
    type IntoIter = core::slice::Iter<'a, Packet<R::Name>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<N: AsRef<str>> Packet<N> {
    /// Its name.
    #[inline]
    pub fn name(&self) -> &str {
        self.name.as_ref()
    }

    /// The id that it was registered with.
    pub const fn registered_id(&self) -> u16 {
        self.registered
    }

    /// Its id on this link.
    pub const fn id(&self) -> u16 {
        self.id
    }
}

impl<const N: usize> Default for Slots<N> {
    fn default() -> Self {
        let packet = Packet {
            name: "",
            registered: NO_ID,
            id: NO_ID,
        };
        Self {
            packets: [packet; N],
            len: 0,
        }
    }
}

impl<const N: usize> Rows for Slots<N> {
    type Name = &'static str;

    fn as_slice(&self) -> &[Packet<&'static str>] {
        self.packets.get(..self.len).unwrap_or_default()
    }

    fn as_mut_slice(&mut self) -> &mut [Packet<&'static str>] {
        self.packets.get_mut(..self.len).unwrap_or_default()
    }

    fn push(&mut self, packet: Packet<&'static str>) -> Result<(), Full> {
        *self.packets.get_mut(self.len).ok_or(Full)? = packet;
        self.len += 1;
        Ok(())
    }

    fn remove(&mut self, index: usize) {
        if let Some(behind) = self.as_mut_slice().get_mut(index..) {
            behind.rotate_left(1.min(behind.len()));
            self.len -= 1.min(self.len);
        }
    }
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken => f.write_str("a packet of this name is registered"),
            Self::IdTaken { id } => write!(f, "another packet has the id {id}"),
            Self::ReservedId { id } => write!(f, "id {id} is reserved: programs have 16 to 65535"),
            Self::NoId { name } => {
                write!(f, "`{name}` has no id: write one in its row, like `= 17`")
            }
            Self::Full => f.write_str("no room for another packet"),
        }
    }
}

impl core::error::Error for RegisterError {}

/// The names of the protocol's own packets, by their ids.
pub const BUILT_IN: [&str; 4] = [
    "packetmq:handshake_init",
    "packetmq:softquit",
    "packetmq:handshake_pubids",
    "packetmq:handshake_finish",
];

/// The id of one of the protocol's own packets.
pub(super) fn built_in(name: &str) -> Option<u16> {
    let index = BUILT_IN.iter().position(|built_in| *built_in == name)?;
    u16::try_from(index).ok()
}

/// No packet of a program has the id of a built-in one.
const NO_ID: u16 = 0;
