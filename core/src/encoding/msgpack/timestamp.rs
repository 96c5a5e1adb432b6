use super::{Reader, Writer};
use crate::encoding::{DecodeError, EncodeError, Rule, value::Read, value::Write};

/// A point in time: MessagePack's extension of type -1.
///
/// It is read from the forms of 4, 8 and 12 bytes and written in the shortest that holds it.
///
/// ```
/// # use ropeway_core::encoding::msgpack::{Reader, Timestamp, Writer};
/// let time = Timestamp { seconds: 1_456_000_000, nanoseconds: 0 };
/// let mut out = [0; 6];
/// time.write(&mut Writer::new(&mut out))?;
/// assert_eq!(out, [0xd6, 0xff, 0x56, 0xc8, 0xcc, 0x00]);
/// assert_eq!(Timestamp::read(&mut Reader::new(&out)), Ok(time));
/// # Ok::<(), ropeway_core::encoding::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timestamp {
    /// Seconds since the start of 1970, UTC.
    pub seconds: i64,
    /// Nanoseconds after that second, fewer than 10^9.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// The extension type of timestamps.
    pub const EXTENSION: i8 = -1;
    pub(super) const LENGTHS: [usize; 3] = [4, 8, 12];

    /// Takes a timestamp from `reader`.
    ///
    /// Fails with [`Rule::UnexpectedType`] at an extension of another type, and with [`Rule::InvalidValue`] if the
    /// nanoseconds are a second or more.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.offset();
        let (kind, bytes) = reader.extension()?;
        Self::from_extension(kind, bytes).map_err(|rule| DecodeError::at(start, rule))
    }

    /// Writes the timestamp.
    ///
    /// Fails with [`EncodeError::Unencodable`] if the nanoseconds are a second or more.
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let mut bytes = [0; 12];
        let bytes = self.to_extension(&mut bytes)?;
        writer.extension(Self::EXTENSION, bytes)
    }

    /// The timestamp that an extension of this type and these bytes is.
    pub fn from_extension(kind: i8, bytes: &[u8]) -> Result<Self, Rule> {
        if kind != Self::EXTENSION {
            let found = crate::encoding::value::Kind::Extension;
            return Err(Rule::UnexpectedType { found });
        }
        let (seconds, nanoseconds) = if let Ok(&seconds) = bytes.try_into() {
            (u32::from_be_bytes(seconds).into(), 0)
        } else if let Ok(&both) = bytes.try_into() {
            let both = u64::from_be_bytes(both);
            let nanoseconds = u32::try_from(both >> SECOND_BITS);
            let seconds = (both & MAX_SECONDS).cast_signed();
            (seconds, nanoseconds.unwrap_or(u32::MAX))
        } else if let Some((&nanoseconds, seconds)) = bytes.split_first_chunk() {
            let seconds = *<&[u8; 8]>::try_from(seconds).map_err(|_| Rule::InvalidLength)?;
            let nanoseconds = u32::from_be_bytes(nanoseconds);
            (i64::from_be_bytes(seconds), nanoseconds)
        } else {
            return Err(Rule::InvalidLength);
        };
        if nanoseconds >= SECOND {
            return Err(Rule::InvalidValue);
        }
        Ok(Self {
            seconds,
            nanoseconds,
        })
    }

    /// The bytes of the extension, in the shortest form.
    ///
    /// Fails with [`EncodeError::Unencodable`] if the nanoseconds are a second or more.
    pub fn to_extension(self, bytes: &mut [u8; 12]) -> Result<&[u8], EncodeError> {
        if self.nanoseconds >= SECOND {
            return Err(EncodeError::Unencodable);
        }
        let len = match (u64::try_from(self.seconds), self.nanoseconds) {
            (Ok(seconds @ ..=MAX_SHORT_SECONDS), 0) => put(bytes, &seconds.to_be_bytes(), 4),
            (Ok(seconds @ ..=MAX_SECONDS), nanoseconds) => {
                let both = u64::from(nanoseconds) << SECOND_BITS | seconds;
                put(bytes, &both.to_be_bytes(), 8)
            }
            (_, nanoseconds) => {
                let both = i128::from(nanoseconds) << 64 | i128::from(self.seconds.cast_unsigned());
                put(bytes, &both.to_be_bytes(), 12)
            }
        };
        Ok(bytes.get(..len).unwrap_or_default())
    }
}

/// Puts the last `len` bytes of `number` to the start of `bytes`; returns their number.
fn put(bytes: &mut [u8; 12], number: &[u8], len: usize) -> usize {
    for (slot, byte) in bytes.iter_mut().zip(number.iter().skip(number.len() - len)) {
        *slot = *byte;
    }
    len
}

/// The nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;
/// The bits that seconds have in the form of 8 bytes.
const SECOND_BITS: u32 = 34;
const MAX_SECONDS: u64 = (1 << SECOND_BITS) - 1;
const MAX_SHORT_SECONDS: u64 = u32::MAX as u64;
