use core::fmt;

/// Why nothing more can be read from a wire.
///
/// It ends the link, never the session: on the next transport the wire starts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// The memory that was lent is too small to open with.
    Memory {
        /// The fewest bytes that input and output need each.
        least: usize,
    },
    /// Here secure: the peer is not, or speaks something else.
    NotSecure,
    /// Here secure: the peer opens in a version that is not spoken here.
    Version {
        /// The peer's.
        version: u8,
    },
    /// Here secure: a key id has 1 to 32 bytes.
    KeyIdLength {
        /// How many bytes the peer's has.
        len: u8,
    },
    /// Here secure: there is no key of this id.
    UnknownKey,
    /// Here secure: the peer's opening was not made with the key of its id.
    WrongKey,
    /// Here secure: the peer accepted the key, but its answer was not made with it. It was garbled on the way,
    /// or somebody else answered.
    WrongAnswer,
    /// Here secure: a peer must take records of 64 bytes or more.
    SmallRecords {
        /// How many bytes the peer takes in one.
        limit: u16,
    },
    /// The peer said BYE instead of opening. Nothing vouches for who said it.
    Refused {
        /// Why, as the specification of the native protocol numbers it under "BYE".
        reason: u8,
    },
    /// A record is as long as this side said that it takes, at most.
    RecordLength {
        /// The bytes of the record, its tag included.
        len: usize,
        /// The most that it may have.
        limit: usize,
    },
    /// A record has its tag of 16 bytes.
    RecordTag {
        /// The bytes of the record.
        len: usize,
    },
    /// A record does not authenticate: the transport garbled it, or somebody forged, left out or repeated one.
    Record,
    /// As many records have come as can be told apart.
    Exhausted,
    /// The peer has started the line anew: so does the stream.
    Restarted,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { least } => write!(f, "the wire needs {least} bytes each way"),
            Self::NotSecure => f.write_str("the peer is not secure"),
            Self::Version { version } => write!(f, "secure opening of version {version}"),
            Self::KeyIdLength { len } => write!(f, "key id of {len} bytes, it has 1 to 32"),
            Self::UnknownKey => f.write_str("there is no key of this id"),
            Self::WrongKey => f.write_str("the peer has another key under this id"),
            Self::WrongAnswer => f.write_str("the answer to the opening does not authenticate"),
            Self::SmallRecords { limit } => {
                write!(
                    f,
                    "the peer takes records of {limit} bytes, 64 is the least"
                )
            }
            Self::Refused { reason } => match reason_text(*reason) {
                Some(text) => write!(f, "the peer refuses: {text}"),
                None => write!(f, "the peer refuses for reason {reason}"),
            },
            Self::RecordLength { len, limit } => {
                write!(f, "record of {len} bytes, the limit is {limit}")
            }
            Self::RecordTag { len } => write!(f, "record of {len} bytes, its tag alone has 16"),
            Self::Record => f.write_str("a record does not authenticate"),
            Self::Exhausted => f.write_str("as many records as can be told apart"),
            Self::Restarted => f.write_str("the peer has started the line anew"),
        }
    }
}

impl core::error::Error for Fault {}

/// What the specification says that a reason means.
const fn reason_text(reason: u8) -> Option<&'static str> {
    Some(match reason {
        0 => "it is done",
        1 => "no version in common",
        2 => "no room",
        3 => "a newer opening won",
        4 => "the registries differ",
        5 => "it is shutting down",
        6 => "a rule is broken",
        7 => "silence",
        8 => "secure peers only",
        9 => "no secure peers",
        10 => "unknown key id",
        11 => "wrong key",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_the_rule() {
        let said = [
            (
                Fault::RecordLength {
                    len: 300,
                    limit: 144,
                },
                "record of 300 bytes, the limit is 144",
            ),
            (Fault::Refused { reason: 11 }, "the peer refuses: wrong key"),
            (
                Fault::Refused { reason: 200 },
                "the peer refuses for reason 200",
            ),
            (Fault::WrongKey, "the peer has another key under this id"),
        ];
        for (fault, text) in said {
            assert_eq!(fault.to_string(), text);
        }
    }
}
