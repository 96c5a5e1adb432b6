//! The ends that wait for peers, in each protocol.

use crate::fault::Fault;
use crate::protocol::Protocol;
use crate::target::{VALUES, seed};
use crate::words::Words;
use ropeway_std::any::Anything;
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::files::Files;
use ropeway_std::hub::{Hub, PeerInfo};
use ropeway_std::native::{self, Config, Keyring, Native};
use ropeway_std::packetmq::{Packetmq, Policy};
use ropeway_std::tcptalks;
use std::path::Path;
use std::sync::Arc;

/// A dialect that a hub speaks.
pub(crate) trait End: Anything + Send {
    /// Has files carried, where the protocol has any.
    fn carry(hub: Hub<Self>, files: Files) -> Hub<Self> {
        let _ = files;
        hub
    }
}

impl End for Native {
    fn carry(hub: Hub<Self>, files: Files) -> Hub<Self> {
        hub.with_files(files)
    }
}

impl End for CableCarByte {}
impl End for CableCarJson {}
impl End for Packetmq {}
impl End for CleverShow {}
impl End for tcptalks::Dialect {}

/// What is done with the ends of a protocol, whichever it is.
pub(crate) trait Opening {
    type Opened;

    /// Does it; `dialect` makes the end for a peer that has come.
    fn open<D: End>(
        self,
        dialect: impl FnMut(&PeerInfo) -> D + Send + 'static,
    ) -> Result<Self::Opened, Fault>;
}

/// Opens the ends of the protocol of `words`: `config` is for native ones, and `password` for TCPTalks.
pub(crate) fn open<O: Opening>(
    words: &Words,
    config: &Arc<Config>,
    password: Option<&str>,
    opening: O,
) -> Result<O::Opened, Fault> {
    match words.protocol {
        Protocol::Native => {
            let config = config.clone();
            opening.open(move |_| native::listening(&config))
        }
        Protocol::CableCarByte => opening.open(|_| CableCarByte),
        Protocol::CableCarJson => opening.open(|_| CableCarJson),
        Protocol::Packetmq => {
            let packets = words.packets(&[])?;
            opening.open(move |_| Packetmq::new(Policy::Static, packets.clone()))
        }
        Protocol::CleverShow => opening.open(|_| CleverShow::new()),
        Protocol::TcpTalks => {
            let password = password.map(str::to_owned);
            opening.open(move |_| {
                let values = tcptalks::Values::new(VALUES);
                let dialect = tcptalks::Dialect::listening(values, seed());
                guarded(dialect, password.as_deref())
            })
        }
    }
}

/// An end that asks for the password or says it, if there is one.
pub(crate) fn guarded(end: tcptalks::Dialect, password: Option<&str>) -> tcptalks::Dialect {
    match password {
        Some(password) => end.password(password.to_owned()),
        None => end,
    }
}

/// The keys of a file that `ropeway keygen` has written.
pub(crate) fn keyring(path: &Path) -> Result<Keyring, Fault> {
    Keyring::read(path).map_err(|error| {
        Fault::input(format!("{}: {error}", path.display())).hint("draw one with `ropeway keygen`")
    })
}
