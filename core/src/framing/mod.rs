//! Where a frame starts and ends: bytes in, one frame out, and back.
//!
//! Every framing is a pure pair of [`parse`](Framing::parse) and [`emit`](Framing::emit) with one contract.
//! Parsing looks at received bytes and finds that it needs more, that one frame lies at the front, or that a
//! [`Rule`] is broken and how to go on from there. It borrows, keeps nothing and looks at no byte twice.
//! Emitting writes the frame around a content that is encoded straight into its place.
//!
//! ```
//! use ropeway_core::framing::{Byte, Framing, Frame, Full, Parsed};
//!
//! let mut slot = [0; 16];
//! let len = Byte::emit(&mut slot, |content| {
//!     content[..3].copy_from_slice(&[0x10, 7, 8]);
//!     Ok::<_, Full>(3)
//! })?;
//! assert_eq!(&slot[..len], [4, 0x10, 7, 8]);
//!
//! let found = Byte::parse(&slot[..len], 0, 255);
//! assert_eq!(found, Ok(Parsed::Frame(Frame { start: 1, end: 4, len: 4 })));
//! # Ok::<(), Full>(())
//! ```

mod byte;
mod extended;
mod length;
mod line;

use core::fmt;

pub use byte::Byte;
pub use extended::Extended;
pub use length::Length;
pub use line::Line;

/// How the ends of frames are found in a stream of bytes.
pub trait Framing {
    /// Looks for one frame at the front of `input`.
    ///
    /// `scanned` is the number of bytes that earlier looks at the same, shorter input have ruled out: zero or
    /// what [`Parsed::More`] said. A frame of more than `limit` bytes is refused as soon as that is known.
    fn parse(input: &[u8], scanned: usize, limit: usize) -> Result<Parsed, Malformed>;

    /// Writes one frame to the front of `slot` and returns its length.
    ///
    /// `content` is called once with the room for the content and returns how many bytes it wrote there.
    fn emit<E: From<Full>>(
        slot: &mut [u8],
        content: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E>;

    /// How many bytes at the front of `input` belong to a frame that was refused with [`Recovery::Delimiter`],
    /// and whether they end it.
    fn skip(input: &[u8]) -> Skipped;
}

/// What a look at received bytes found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Parsed {
    /// The frame is not complete; its end is not among the first `scanned` bytes.
    More {
        /// How many bytes the next look may pass over.
        scanned: usize,
    },
    /// One complete frame lies at the front.
    Frame(Frame),
}

/// The bounds of one frame at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame {
    /// Where the content starts, in bytes from the front.
    pub start: usize,
    /// Where the content ends.
    pub end: usize,
    /// The length of the whole frame, header and delimiter included.
    pub len: usize,
}

/// A frame that breaks a rule: which, where, and how to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Malformed {
    /// The rule that is broken.
    pub rule: Rule,
    /// The byte that breaks it, counted from the start of the frame.
    pub offset: usize,
    /// What to do with the input.
    pub recovery: Recovery,
}

/// The rules of framing that a peer can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// A length byte counts itself and the code, so it is never 0 or 1.
    Length {
        /// The length byte received.
        len: u8,
    },
    /// A frame fits the memory it is received into.
    Limit {
        /// The length of the frame in bytes, or how many of them have arrived where no length is sent.
        len: usize,
        /// The most bytes that a frame may have here.
        limit: usize,
    },
    /// A length is one that the protocol allows, whatever memory there is.
    TooLong {
        /// The length received, in bytes.
        len: u32,
        /// The longest that is allowed.
        limit: u32,
    },
    /// A frame whose end only reading finds can be read: the dialect says why this one cannot.
    Unreadable,
    /// The stream ends at the end of a frame.
    Truncated {
        /// How many bytes of the last frame have arrived.
        len: usize,
    },
}

/// How to find the next frame after a malformed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Recovery {
    /// The next frame starts after this many bytes, of which some may not have arrived.
    Bytes(usize),
    /// The next frame starts after the next delimiter: see [`Framing::skip`].
    Delimiter,
    /// The stream cannot be read any further.
    Lost,
}

/// How much of a refused frame can be passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Skipped {
    /// The number of bytes at the front of the input.
    pub len: usize,
    /// Whether the refused frame ends with them.
    pub done: bool,
}

/// The slot is too small for what should be written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Full;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { len } => write!(f, "length byte {len}, the smallest is 2"),
            Self::Limit { len, limit } => write!(f, "frame of {len} bytes, the limit is {limit}"),
            Self::TooLong { len, limit } => write!(f, "length {len}, the protocol allows {limit}"),
            Self::Unreadable => f.write_str("frame that cannot be read"),
            Self::Truncated { len } => write!(f, "stream ends {len} bytes into a frame"),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (offset {})", self.rule, self.offset)
    }
}

impl core::error::Error for Malformed {}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("slot too small")
    }
}

impl core::error::Error for Full {}
