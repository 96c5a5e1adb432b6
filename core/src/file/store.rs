use super::{Checksum, Reason};
use core::convert::Infallible;
use core::fmt;

/// What a program's transfers are made of: where files come from, where they go, and how they are checked.
///
/// A type without values names it:
///
/// ```
/// use ropeway_core::file::{SmallCrc, Store};
///
/// struct Board;
///
/// impl Store for Board {
///     type Source = &'static [u8];
///     type Sink = core::convert::Infallible; // it receives nothing
///     type Name = &'static str;
///     type Checksum = SmallCrc;
/// }
/// ```
pub trait Store {
    /// What is sent.
    type Source: Source;
    /// Where it is received into.
    type Sink: Sink;
    /// The name of an own offer or request, kept as long as it may have to be said again.
    type Name: AsRef<str>;
    /// The engine of the CRC.
    type Checksum: Checksum;
}

/// Content that can be read from any place, more than once.
///
/// Reading blocks for as long as the medium takes. Nothing of it is kept elsewhere: after a lost transport it is
/// read again.
pub trait Source {
    /// How many bytes it has.
    fn size(&self) -> u64;

    /// What tells versions of the content apart, 0 for nothing: a time of change, a counter, a hash.
    ///
    /// It is asked when the content is offered, whenever a transfer goes on and at its end; once it differs the
    /// transfer ends with [`Reason::Changed`], as it does when the size differs.
    fn tag(&self) -> u64 {
        0
    }

    /// Reads bytes from `offset` on to the front of `buffer` and returns how many: all of `buffer` or fewer, but
    /// none only where the content has become shorter than it was.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed>;
}

/// A place to write content to, from its start or from where an earlier attempt left off.
///
/// Writing blocks for as long as the medium takes, or answers [`WriteError::Busy`] and is asked again.
pub trait Sink {
    /// What is there already of this very content (same name, size and tag), asked once when an offer is accepted.
    ///
    /// More than the size of the offer counts as nothing.
    fn resume(&mut self) -> Prefix {
        Prefix::EMPTY
    }

    /// Writes `bytes` at `offset`, all of them or none. Offsets follow each other without a gap.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError>;

    /// Takes the content as whole and correct: gives it its name. After [`WriteError::Busy`] it is asked again.
    fn commit(&mut self) -> Result<(), WriteError>;

    /// The transfer has ended early.
    ///
    /// What was written is worthless after [`Reason::WrongCrc`] and [`Reason::Changed`]; after other reasons it may
    /// be kept for [`resume`](Self::resume). Not called when the table itself is dropped.
    fn abandon(&mut self, reason: Reason);
}

/// The first bytes of a content: how many, and their CRC-32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Prefix {
    /// The number of bytes.
    pub len: u64,
    /// Their CRC-32, 0 if there are none.
    pub crc: u32,
}

/// A source could not be read; it knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReadFailed;

/// Why a sink did not take what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WriteError {
    /// Not now: ask again.
    Busy,
    /// The medium is full.
    NoRoom,
    /// The medium failed.
    Failed,
}

impl Prefix {
    /// No bytes.
    pub const EMPTY: Self = Self { len: 0, crc: 0 };

    /// This one and the bytes behind it.
    pub(super) fn extend<C: Checksum>(self, bytes: &[u8]) -> Self {
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self {
            len: self.len.saturating_add(added),
            crc: C::extend(self.crc, bytes),
        }
    }
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        let offset = usize::try_from(offset).map_err(|_| ReadFailed)?;
        let bytes = self.get(offset..).ok_or(ReadFailed)?;
        for (place, byte) in buffer.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Ok(bytes.len().min(buffer.len()))
    }
}

/// For programs that send nothing.
impl Source for Infallible {
    fn size(&self) -> u64 {
        match *self {}
    }

    fn read_at(&mut self, _offset: u64, _buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        match *self {}
    }
}

/// For programs that receive nothing.
impl Sink for Infallible {
    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> Result<(), WriteError> {
        match *self {}
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        match *self {}
    }

    fn abandon(&mut self, _reason: Reason) {
        match *self {}
    }
}

impl fmt::Display for ReadFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed to read")
    }
}

impl core::error::Error for ReadFailed {}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "not ready to be written",
            Self::NoRoom => "no room",
            Self::Failed => "failed to write",
        })
    }
}

impl core::error::Error for WriteError {}
