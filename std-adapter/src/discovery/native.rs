use super::{Dials, Epoch, Name};
use ropeway_core::discovery::Program;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// What a program says of itself in native beacons, and whom of those it hears it calls.
///
/// By default beacons on UDP 8224 that name no port, so that nobody calls, and nobody is called: the table alone.
#[derive(Clone, Debug)]
pub struct Native {
    pub(super) name: Name,
    pub(super) port: u16,
    pub(super) listens: bool,
    pub(super) fingerprint: u64,
    pub(super) epoch: Option<Epoch>,
    pub(super) dials: Dials,
    pub(super) udp_port: u16,
}

impl Native {
    /// A program of this name, of which 32 bytes are told at most.
    pub fn named(name: &str) -> Self {
        Self {
            name: Name::new(name),
            port: 0,
            listens: false,
            fingerprint: 0,
            epoch: None,
            dials: Dials::Nobody,
            udp_port: UDP_PORT,
        }
    }

    /// The program listens at this TCP port, by means of its own.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self.listens = false;
        self
    }

    /// Discovery listens for the program, at this TCP port, or at any other if that is taken; 0 is any.
    #[must_use]
    pub const fn listen(mut self, port: u16) -> Self {
        self.port = port;
        self.listens = true;
        self
    }

    /// The fingerprint of the program's table of messages; by default 0, unchecked.
    #[must_use]
    pub const fn fingerprint(mut self, fingerprint: u64) -> Self {
        self.fingerprint = fingerprint;
        self
    }

    /// The epoch that the program's links tell too; by default a random one for each discovery that is started.
    #[must_use]
    pub const fn epoch(mut self, epoch: Epoch) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// Which of the programs that are heard are called.
    #[must_use]
    pub const fn dials(mut self, dials: Dials) -> Self {
        self.dials = dials;
        self
    }

    /// The UDP port of beacons, which all who are to find each other agree on, so it is not 0.
    #[must_use]
    pub const fn udp_port(mut self, port: u16) -> Self {
        self.udp_port = port;
        self
    }

    /// What beacons say, if the program listens at `port`.
    pub(super) fn program(&self, port: u16) -> Program {
        let random = || Epoch(RandomState::new().hash_one(0));
        Program {
            name: self.name,
            port,
            epoch: self.epoch.unwrap_or_else(random),
            fingerprint: self.fingerprint,
        }
    }
}

/// The UDP port of native beacons.
pub const UDP_PORT: u16 = 8224;
