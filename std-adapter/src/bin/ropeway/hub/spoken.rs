//! What the protocols have beside messages.

use crate::protocol::Protocol;
use ropeway_std::any::Anything;
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::files::Files;
use ropeway_std::hub::Hub;
use ropeway_std::native::Native;
use ropeway_std::packetmq::Packetmq;
use ropeway_std::{Peer, tcptalks};
use serde::Serialize;

/// A dialect that the hub speaks.
pub(crate) trait Spoken: Anything {
    /// What a peer calls itself, if it does.
    fn name_of(peer: &mut Peer<'_, Self>) -> String {
        let _ = peer;
        String::new()
    }

    /// Has files carried, where the protocol has any.
    fn carry(hub: Hub<Self>, files: Files) -> Hub<Self> {
        let _ = files;
        hub
    }
}

impl Spoken for Native {
    fn name_of(peer: &mut Peer<'_, Self>) -> String {
        peer.dialect().peer_name().to_owned()
    }

    fn carry(hub: Hub<Self>, files: Files) -> Hub<Self> {
        hub.with_files(files)
    }
}

impl Spoken for CableCarByte {}
impl Spoken for CableCarJson {}
impl Spoken for Packetmq {}
impl Spoken for CleverShow {}
impl Spoken for tcptalks::Dialect {}

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
