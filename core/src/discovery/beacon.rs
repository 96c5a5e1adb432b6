use crate::name::Name;
use core::fmt;

/// What a native program says of itself in a datagram: a BEACON frame, which has the datagram to itself.
///
/// ```text
/// 0        1        2        3        4                 6
/// +--------+--------+--------+--------+-----------------+
/// | len    | 0xFE   | 1      | flags  | port u16        |     len: 22..=54, counts itself
/// +--------+--------+--------+--------+-----------------+
/// | epoch u64                                           |     little-endian, as every number
/// +-----------------------------------------------------+ 14
/// | fingerprint u64                                     |
/// +-----------------------------------------------------+ 22
/// | name: len - 22 bytes of UTF-8                       |
/// +-----------------------------------------------------+
/// ```
///
/// Source: the section "Discovery" of core/SPEC.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Beacon {
    /// Whether it answers another, so that it is not answered itself. Other flags mean nothing yet.
    pub is_answer: bool,
    /// Who sends it.
    pub program: Program,
}

/// A native program, as its beacons describe it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Program {
    /// What it calls itself; not unique, and as trustworthy as whoever sent it.
    pub name: Name,
    /// The TCP port that it listens at, 0 for none.
    pub port: u16,
    /// The run of the program that says so.
    pub epoch: Epoch,
    /// That of its table of messages, 0 for unchecked.
    pub fingerprint: u64,
}

/// A random number that a program draws when it starts: a new one means that it was started anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Epoch(pub u64);

/// Why a datagram is no beacon: the rule that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refused {
    /// A beacon is a short frame: its length byte is neither 0 nor 1.
    Form,
    /// A beacon has the code FE.
    Code {
        /// The code received.
        code: u8,
    },
    /// A beacon has a version that is known here.
    Version {
        /// The version received.
        version: u8,
    },
    /// The datagram holds as many bytes as the frame says, and those are enough for a beacon.
    Short {
        /// How many bytes there are.
        len: usize,
    },
    /// Nothing stands behind the frame.
    Trailing {
        /// How many bytes there are too many.
        len: usize,
    },
    /// A name has at most 32 bytes.
    LongName {
        /// How many it has.
        len: usize,
    },
    /// A name is UTF-8.
    Utf8,
}

impl Beacon {
    /// The most bytes of one.
    pub const MAX_LEN: usize = HEADER + Name::MAX;

    /// Reads a whole datagram. Never looks further than the first rule that is broken.
    pub fn parse(datagram: &[u8]) -> Result<Self, Refused> {
        let short = Refused::Short {
            len: datagram.len(),
        };
        let ([length, code, version, flags], rest) = datagram.split_first_chunk().ok_or(short)?;
        match (length, code, version) {
            (0 | 1, ..) => return Err(Refused::Form),
            (_, &CODE, &VERSION) => {}
            (_, &CODE, &version) => return Err(Refused::Version { version }),
            (_, &code, _) => return Err(Refused::Code { code }),
        }
        let (port, rest) = rest.split_first_chunk().ok_or(short)?;
        let (epoch, rest) = rest.split_first_chunk().ok_or(short)?;
        let (fingerprint, rest) = rest.split_first_chunk().ok_or(short)?;
        let len = usize::from(*length);
        let named = len.checked_sub(HEADER).ok_or(short)?;
        let (name, trailing) = rest.split_at_checked(named).ok_or(short)?;
        if !trailing.is_empty() {
            return Err(Refused::Trailing {
                len: trailing.len(),
            });
        }
        if named > Name::MAX {
            return Err(Refused::LongName { len: named });
        }
        let name = core::str::from_utf8(name).map_err(|_| Refused::Utf8)?;
        Ok(Self {
            is_answer: flags & ANSWER != 0,
            program: Program {
                name: Name::new(name),
                port: u16::from_le_bytes(*port),
                epoch: Epoch(u64::from_le_bytes(*epoch)),
                fingerprint: u64::from_le_bytes(*fingerprint),
            },
        })
    }

    /// Writes it to the front of `room` and returns the datagram.
    pub fn emit<'a>(&self, room: &'a mut [u8; Self::MAX_LEN]) -> &'a [u8] {
        let Program {
            name,
            port,
            epoch,
            fingerprint,
        } = &self.program;
        let flags = if self.is_answer { ANSWER } else { 0 };
        let bytes = [HEADER_LEN + name.byte_len(), CODE, VERSION, flags]
            .into_iter()
            .chain(port.to_le_bytes())
            .chain(epoch.0.to_le_bytes())
            .chain(fingerprint.to_le_bytes())
            .chain(name.as_str().bytes());
        let mut len = 0;
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = byte;
            len += 1;
        }
        room.get(..len).unwrap_or_default()
    }
}

impl Refused {
    /// How many rules there are.
    pub(super) const RULES: usize = 7;

    /// The place of the rule among them.
    pub(super) const fn number(self) -> usize {
        match self {
            Self::Form => 0,
            Self::Code { .. } => 1,
            Self::Version { .. } => 2,
            Self::Short { .. } => 3,
            Self::Trailing { .. } => 4,
            Self::LongName { .. } => 5,
            Self::Utf8 => 6,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("a beacon is a short frame"),
            Self::Code { code } => write!(f, "code {code:#04x}, that of a beacon is 0xfe"),
            Self::Version { version } => write!(f, "beacon of version {version}, known is 1"),
            Self::Short { len } => write!(f, "beacon that ends after {len} bytes"),
            Self::Trailing { len } => write!(f, "{len} bytes behind a beacon"),
            Self::LongName { len } => write!(f, "name of {len} bytes, the longest has 32"),
            Self::Utf8 => f.write_str("name that is not UTF-8"),
        }
    }
}

impl core::error::Error for Refused {}

const CODE: u8 = 0xfe;
const VERSION: u8 = 1;
const ANSWER: u8 = 1;

/// The bytes in front of the name.
const HEADER: usize = HEADER_LEN as usize;
const HEADER_LEN: u8 = 22;

#[cfg(test)]
mod tests;
