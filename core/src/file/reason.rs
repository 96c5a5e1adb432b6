use core::fmt;

/// Why a transfer ended without the whole content, or was never begun.
///
/// The numbers on the wire stand in `SPEC.md`, section "Files".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// A program gave it up.
    Cancelled,
    /// The receiver does not want it.
    NotWanted,
    /// Nobody here has a file of that name.
    UnknownName,
    /// The name breaks a rule: see [`check_name`](super::check_name).
    NameNotAllowed,
    /// It is larger than the receiver allows.
    TooLarge,
    /// The receiver has no room for it.
    NoRoom,
    /// The source could not be read.
    ReadFailed,
    /// The sink could not be written.
    WriteFailed,
    /// What arrived is not what the sender read.
    WrongCrc,
    /// The content is no longer the one that was offered.
    Changed,
    /// As many transfers are under way as there is room for.
    Busy,
    /// A reason that a later version of the protocol may define.
    Unknown(u8),
}

/// Who ended a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum By {
    /// This side: its source or sink failed, or a check did.
    Here,
    /// The peer.
    Peer,
    /// Nobody: the session is a fresh one, and the peer begins again if it still cares.
    Fresh,
}

impl Reason {
    /// The reason that has this number on the wire.
    pub const fn from_wire(number: u8) -> Self {
        match number {
            0 => Self::Cancelled,
            1 => Self::NotWanted,
            2 => Self::UnknownName,
            3 => Self::NameNotAllowed,
            4 => Self::TooLarge,
            5 => Self::NoRoom,
            6 => Self::ReadFailed,
            7 => Self::WriteFailed,
            8 => Self::WrongCrc,
            9 => Self::Changed,
            10 => Self::Busy,
            other => Self::Unknown(other),
        }
    }

    /// Its number on the wire.
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::Cancelled => 0,
            Self::NotWanted => 1,
            Self::UnknownName => 2,
            Self::NameNotAllowed => 3,
            Self::TooLarge => 4,
            Self::NoRoom => 5,
            Self::ReadFailed => 6,
            Self::WriteFailed => 7,
            Self::WrongCrc => 8,
            Self::Changed => 9,
            Self::Busy => 10,
            Self::Unknown(number) => number,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::NotWanted => "not wanted",
            Self::UnknownName => "unknown name",
            Self::NameNotAllowed => "the name is not allowed",
            Self::TooLarge => "too large",
            Self::NoRoom => "no room",
            Self::ReadFailed => "failed to read",
            Self::WriteFailed => "failed to write",
            Self::WrongCrc => "wrong CRC",
            Self::Changed => "the content changed",
            Self::Busy => "busy",
            Self::Unknown(number) => return write!(f, "reason {number}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives() {
        for number in 0..=u8::MAX {
            assert_eq!(Reason::from_wire(number).to_wire(), number);
        }
    }
}
