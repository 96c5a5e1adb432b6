use core::fmt;

/// The rules of file frames that a peer can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// The code is that of a file frame.
    Code {
        /// The code received.
        code: u8,
    },
    /// A frame has the bytes of its fields, no fewer and no more.
    Length {
        /// The code of the frame.
        code: u8,
        /// How many bytes its content has.
        len: usize,
    },
    /// A name has at most [`MAX_NAME`](super::MAX_NAME) bytes.
    NameTooLong {
        /// How many it has.
        len: usize,
    },
    /// A name is UTF-8.
    NameNotUtf8,
    /// The side of a STOP is 0, 1 or 2.
    Side {
        /// The side received.
        side: u8,
    },
    /// A chunk has bytes.
    EmptyChunk,
    /// A file is one that was offered.
    UnknownFile {
        /// Its id.
        file: u32,
    },
    /// An answer is to an ASK that is open.
    UnknownAsk {
        /// Its id.
        ask: u32,
    },
    /// Ids are drawn one after the other.
    Order {
        /// The id received.
        id: u32,
        /// The one that is next.
        expected: u32,
    },
    /// An offer is accepted once.
    AcceptedTwice {
        /// The id of the file.
        file: u32,
    },
    /// Content and DONE come after ACCEPT.
    NotAccepted {
        /// The id of the file.
        file: u32,
    },
    /// Chunks follow each other without a gap.
    Offset {
        /// Where the chunk starts.
        offset: u64,
        /// Where it should.
        expected: u64,
    },
    /// A chunk ends within the size.
    BeyondSize {
        /// Where it ends, or how much the receiver claims to have.
        end: u64,
        /// The size.
        size: u64,
    },
    /// A chunk ends within the credit.
    BeyondCredit {
        /// Where it ends.
        end: u64,
        /// How far the credit goes.
        limit: u64,
    },
    /// A limit is not below the offset stated with it.
    Limit {
        /// The limit.
        limit: u64,
        /// The offset.
        offset: u64,
    },
    /// A receiver confirms no more than was sent.
    Unsent {
        /// The offset confirmed.
        offset: u64,
        /// How much was sent.
        sent: u64,
    },
    /// DONE comes once.
    DoneTwice {
        /// The id of the file.
        file: u32,
    },
    /// VERIFIED answers DONE.
    NotDone {
        /// The id of the file.
        file: u32,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { code } => write!(f, "code {code:#04x} is no file frame"),
            Self::Length { code, len } => {
                write!(f, "file frame {code:#04x} with {len} bytes of content")
            }
            Self::NameTooLong { len } => write!(f, "file name of {len} bytes"),
            Self::NameNotUtf8 => f.write_str("file name that is not UTF-8"),
            Self::Side { side } => write!(f, "stop from side {side}"),
            Self::EmptyChunk => f.write_str("chunk without bytes"),
            Self::UnknownFile { file } => write!(f, "unknown file {file}"),
            Self::UnknownAsk { ask } => write!(f, "unknown ask {ask}"),
            Self::Order { id, expected } => write!(f, "id {id}, the next is {expected}"),
            Self::AcceptedTwice { file } => write!(f, "file {file} accepted twice"),
            Self::NotAccepted { file } => write!(f, "content of file {file} before ACCEPT"),
            Self::Offset { offset, expected } => {
                write!(f, "chunk at offset {offset}, the next is {expected}")
            }
            Self::BeyondSize { end, size } => write!(f, "offset {end} of a file of {size} bytes"),
            Self::BeyondCredit { end, limit } => {
                write!(f, "chunk to offset {end}, the credit ends at {limit}")
            }
            Self::Limit { limit, offset } => write!(f, "limit {limit} below offset {offset}"),
            Self::Unsent { offset, sent } => {
                write!(f, "offset {offset} confirmed, {sent} bytes were sent")
            }
            Self::DoneTwice { file } => write!(f, "file {file} done twice"),
            Self::NotDone { file } => write!(f, "file {file} verified before DONE"),
        }
    }
}

impl core::error::Error for Rule {}
