//! What the protocols have beside messages.

use crate::protocol::Protocol;
use ropeway_std::any::Anything;
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::native::Native;
use ropeway_std::packetmq::Packetmq;
use ropeway_std::tcptalks;
use serde::Serialize;

/// What a message says in a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bodies {
    Bytes,
    Value,
    Arguments,
}

impl Protocol {
    pub(crate) const fn bodies(self) -> Bodies {
        match self {
            Self::Native | Self::CableCarByte => Bodies::Bytes,
            Self::CableCarJson | Self::Packetmq => Bodies::Value,
            Self::CleverShow | Self::TcpTalks => Bodies::Arguments,
        }
    }

    pub(crate) const fn has_calls(self) -> bool {
        match self {
            Self::Native => Native::HAS_CALLS,
            Self::CableCarByte => CableCarByte::HAS_CALLS,
            Self::CableCarJson => CableCarJson::HAS_CALLS,
            Self::Packetmq => Packetmq::HAS_CALLS,
            Self::CleverShow => CleverShow::HAS_CALLS,
            Self::TcpTalks => tcptalks::Dialect::HAS_CALLS,
        }
    }

    /// Whether files go over its sessions.
    pub(crate) const fn has_files(self) -> bool {
        matches!(self, Self::Native)
    }
}
