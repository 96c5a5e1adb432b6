//! What is wrong with a message of clever-show.

use core::fmt;

/// The rules of clever-show's messages that a peer can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// A header is one object of JSON in UTF-8.
    Header,
    /// A header fits the memory it is received into.
    HeaderTooLong {
        /// The length of the header with the two bytes before it.
        len: usize,
        /// The most bytes that may wait here.
        limit: usize,
    },
    /// `content-length` is a whole number, zero or more.
    ContentLength,
    /// Contents are no longer than the limit.
    TooLong {
        /// What the header announces, in bytes; the largest number there is for what is beyond it.
        len: u64,
        /// The most bytes that a content may have here.
        limit: u64,
    },
    /// A header has all the fields of its kind of message.
    MissingHeader {
        /// The one that is absent.
        field: Field,
    },
    /// A field of a header has the type that it needs.
    HeaderType {
        /// The one that has another.
        field: Field,
    },
    /// A content has all the fields of its kind of message.
    MissingContent {
        /// The one that is absent.
        field: Field,
    },
    /// A field of a content has the type that it needs.
    ContentType {
        /// The one that has another.
        field: Field,
    },
    /// A request id takes no more room than a call id has.
    IdTooLong {
        /// The most bytes of JSON.
        limit: usize,
    },
    /// The content of a file is binary.
    NotBinary,
    /// The content of anything but a file is JSON.
    NotJson,
    /// `content-encoding` names UTF-8, ASCII, Latin-1 or UTF-16.
    Encoding,
    /// Content in another encoding than UTF-8 takes no more room in UTF-8 than it came in, its header included.
    Expands,
}

/// What sort of fault a broken [`Rule`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fault {
    /// The header is not what a header is.
    BadHeader,
    /// The header lacks a field.
    MissingHeader,
    /// The content is not what the header promises.
    BadContent,
    /// A limit that is in force stops the message.
    Limit,
}

/// The fields of headers and contents that the dialect looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Field {
    /// `byteorder`, in every header.
    ByteOrder,
    /// `content-type`, in every header.
    ContentType,
    /// `content-encoding`, in every header.
    ContentEncoding,
    /// `content-length`, in every header.
    ContentLength,
    /// `message-type`, in every header.
    MessageType,
    /// `action`, in the header of a message.
    Action,
    /// `filepath`, in the header of a file.
    FilePath,
    /// `requested_value`, in the header of an answer and in the content of a request.
    RequestedValue,
    /// `request_id`, in the header of an answer and in the content of a request.
    RequestId,
    /// `args`, in the content of a message or request.
    Args,
    /// `kwargs`, in the content of a message or request.
    Kwargs,
    /// `value`, in the content of an answer.
    Value,
}

impl Rule {
    /// Whether nobody can tell where the next message starts, or it is too far to go there.
    pub const fn is_fatal(self) -> bool {
        match self {
            Self::Header | Self::HeaderTooLong { .. } | Self::ContentLength => true,
            Self::TooLong { len, .. } => len > SKIPPED,
            Self::MissingHeader { field } => matches!(field, Field::ContentLength),
            _ => false,
        }
    }

    /// What sort of fault it is.
    pub const fn fault(self) -> Fault {
        match self {
            Self::Header | Self::ContentLength | Self::HeaderType { .. } => Fault::BadHeader,
            Self::MissingHeader { .. } => Fault::MissingHeader,
            Self::MissingContent { .. }
            | Self::ContentType { .. }
            | Self::NotBinary
            | Self::NotJson
            | Self::Encoding => Fault::BadContent,
            Self::HeaderTooLong { .. }
            | Self::TooLong { .. }
            | Self::IdTooLong { .. }
            | Self::Expands => Fault::Limit,
        }
    }
}

impl Field {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByteOrder => "byteorder",
            Self::ContentType => "content-type",
            Self::ContentEncoding => "content-encoding",
            Self::ContentLength => "content-length",
            Self::MessageType => "message-type",
            Self::Action => "action",
            Self::FilePath => "filepath",
            Self::RequestedValue => "requested_value",
            Self::RequestId => "request_id",
            Self::Args => "args",
            Self::Kwargs => "kwargs",
            Self::Value => "value",
        }
    }
}

/// The longest content that is passed over to get to the next message; a peer that announces more is given up.
pub(crate) const SKIPPED: u64 = 1 << 30;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("header that is no object of JSON"),
            Self::HeaderTooLong { len, limit } => {
                write!(f, "header of {len} bytes, the limit is {limit}")
            }
            Self::ContentLength => f.write_str("content-length is no whole number"),
            Self::TooLong { len, limit } => {
                write!(f, "content of {len} bytes, the limit is {limit}")
            }
            Self::MissingHeader { field } => write!(f, "header without {field}"),
            Self::HeaderType { field } => write!(f, "header whose {field} has the wrong type"),
            Self::MissingContent { field } => write!(f, "content without {field}"),
            Self::ContentType { field } => write!(f, "content whose {field} has the wrong type"),
            Self::IdTooLong { limit } => write!(f, "request_id of more than {limit} bytes"),
            Self::NotBinary => f.write_str("a file whose content is not binary"),
            Self::NotJson => f.write_str("binary content of what is no file"),
            Self::Encoding => f.write_str("unknown content-encoding"),
            Self::Expands => f.write_str("content that has no room in UTF-8"),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
