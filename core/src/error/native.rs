use core::fmt;

/// The rules of the native protocol that a peer can break.
///
/// Each but [`Failure`](Self::Failure) ends the session, since what it means is no longer known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// A frame has all of its fields.
    ShortFrame {
        /// Its code.
        code: u8,
    },
    /// Names have at most 32 bytes, those of messages at most 64.
    NameTooLong,
    /// Names and texts are UTF-8.
    NotText,
    /// Codes from 0xE0 on are those of the protocol.
    UnknownControl {
        /// The code.
        code: u8,
    },
    /// A frame comes when it may.
    OutOfPlace {
        /// Its code.
        code: u8,
    },
    /// The first frame is an opening.
    NotNative {
        /// What it looks like instead.
        looks_like: Guess,
    },
    /// Both sides have a version in common.
    Version {
        /// The latest that the peer speaks.
        latest: u8,
        /// The oldest that it speaks.
        oldest: u8,
    },
    /// A session is resumed that was asked for.
    OtherSession,
    /// Acknowledged is what was sent, by whole frames.
    NeverSent,
    /// No more is sent than the window has room for.
    BeyondWindow,
    /// Registries agree.
    Registry {
        /// The entry of this program, or the code of one that it does not have.
        entry: Result<&'static str, u8>,
        /// How it differs.
        difference: Difference,
    },
    /// A failure has a kind, a class and a text.
    Failure,
    /// A peer keeps its promise not to be silent for longer.
    Silent,
}

/// How an entry of two registries differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Difference {
    /// The same name has another code.
    Code,
    /// The same name has another schema: the type has changed.
    Schema,
    /// One side does not have it.
    Missing,
}

/// What a first frame that is no opening looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Guess {
    /// cable_car's byte transport: a length and a small code.
    CableCarByte,
    /// cable_car's JSON transport, or other JSON.
    CableCarJson,
    /// packetmq: a length of four bytes.
    Packetmq,
    /// clever-show: a length of two bytes and JSON.
    CleverShow,
    /// TCPTalks: a pickle.
    TcpTalks,
    /// The native protocol with encryption.
    Secure,
    /// HTTP.
    Http,
    /// Nothing known.
    Unknown,
}

impl Rule {
    /// Whether it ends the session.
    pub(crate) const fn is_fatal(self) -> bool {
        !matches!(self, Self::Failure)
    }

    /// What a BYE says of it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::ShortFrame { .. } => "short frame",
            Self::NameTooLong => "name too long",
            Self::NotText => "text that is not UTF-8",
            Self::UnknownControl { .. } => "unknown control code",
            Self::OutOfPlace { .. } => "frame out of place",
            Self::NotNative { .. } => "not an opening",
            Self::Version { .. } => "no version in common",
            Self::OtherSession => "another session than asked for",
            Self::NeverSent => "acknowledgement of what was never sent",
            Self::BeyondWindow => "beyond the window",
            Self::Registry { difference, .. } => difference.text(),
            Self::Failure => "malformed failure",
            Self::Silent => "silent for longer than promised",
        }
    }
}

impl Difference {
    const fn text(self) -> &'static str {
        match self {
            Self::Code => "has another code",
            Self::Schema => "has another schema",
            Self::Missing => "is not known to both sides",
        }
    }
}

impl Guess {
    /// What the first bytes of a stream look like; nothing known of fewer than four.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0, 0, ..] => Self::Packetmq,
            [0, _, b'{', ..] => Self::CleverShow,
            [0x80, 2..=5, ..] => Self::TcpTalks,
            [1, ..] => Self::Secure,
            [b'G', b'E', b'T', ..] | [b'P', b'O' | b'U', ..] | [b'H', b'E', b'A', ..] => Self::Http,
            [b'[' | b'{', b'"' | b'[' | b'{' | b' ', ..] => Self::CableCarJson,
            [2..=255, 1..=4, ..] => Self::CableCarByte,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ShortFrame { code } => write!(f, "frame 0x{code:02X} without all of its fields"),
            Self::UnknownControl { code } => write!(f, "unknown control code 0x{code:02X}"),
            Self::OutOfPlace { code } => write!(f, "frame 0x{code:02X} out of place"),
            Self::NotNative { looks_like } => write!(f, "not an opening: {looks_like}"),
            Self::Version { latest, oldest } => {
                write!(
                    f,
                    "versions {oldest} to {latest}, none of which is spoken here"
                )
            }
            Self::Registry { entry, difference } => match entry {
                Ok(name) => write!(f, "message `{name}` {}", difference.text()),
                Err(code) => write!(f, "message 0x{code:02X} {}", difference.text()),
            },
            rule => f.write_str(rule.text()),
        }
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CableCarByte => "this looks like cable_car byte",
            Self::CableCarJson => "this looks like cable_car JSON",
            Self::Packetmq => "this looks like packetmq",
            Self::CleverShow => "this looks like clever-show",
            Self::TcpTalks => "this looks like TCPTalks",
            Self::Secure => "this looks like the native protocol with encryption",
            Self::Http => "this looks like HTTP",
            Self::Unknown => "this looks like no protocol known here",
        })
    }
}
