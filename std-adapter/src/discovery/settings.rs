use super::{Discovery, Native};
use crate::{Cancel, Options};
use ropeway_core::dialect::cable_car;
use ropeway_core::discovery::Policy;
use std::io;
use std::time::Duration;

/// How to discover peers; those that are to find each other agree on the ports.
///
/// By default as cable_car does: beacons to UDP 8222 each second, connections on TCP 8223, calls of at most 2 s, other
/// programs on this machine ignored. At most 256 peers. [`native`](Self::native) discovers native programs.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) cable_car: CableCar,
    pub(super) native: Option<Native>,
    pub(super) udp_port: u16,
    pub(super) tcp_port: u16,
    pub(super) connect_timeout: Duration,
    pub(super) loopback: Loopback,
    pub(super) peers: usize,
    pub(super) policy: Policy,
    pub(super) options: Options,
    pub(super) cancel: Cancel,
}

/// Whether other programs on this machine count as peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loopback {
    /// No: beacons of this machine's own addresses are passed over.
    #[default]
    Ignored,
    /// Yes. A program never calls itself. With cable_car, the first program takes the TCP port, the others call it.
    Included,
}

/// What discovery has to do with hosts that speak cable_car.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CableCar {
    /// Nothing.
    Ignored,
    /// They are in the table when they are heard; this program sends them no beacons and neither calls nor listens.
    Heard,
    /// This program is one of them.
    #[default]
    Spoken,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cable_car: CableCar::Spoken,
            native: None,
            udp_port: cable_car::UDP_PORT,
            tcp_port: cable_car::TCP_PORT,
            connect_timeout: Duration::from_secs(2),
            loopback: Loopback::Ignored,
            peers: 256,
            policy: Policy::default(),
            options: Options::default(),
            cancel: Cancel::new(),
        }
    }
}

impl Settings {
    /// How to discover native programs, those on this machine too, and no others: beacons each second, at most 256
    /// peers. Add [`cable_car`](Self::cable_car) for hosts that speak that.
    pub fn native(native: Native) -> Self {
        Self {
            cable_car: CableCar::Ignored,
            native: Some(native),
            loopback: Loopback::Included,
            ..Self::default()
        }
    }

    /// What to do with hosts that speak cable_car.
    #[must_use]
    pub const fn cable_car(mut self, cable_car: CableCar) -> Self {
        self.cable_car = cable_car;
        self
    }

    /// The ports of beacons and of connections of cable_car; all who are to find each other agree on them, so neither is 0.
    #[must_use]
    pub const fn ports(mut self, udp: u16, tcp: u16) -> Self {
        self.udp_port = udp;
        self.tcp_port = tcp;
        self
    }

    /// The time from one beacon to the next. A host is forgotten after ten of them, and not before 10 s.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.policy.interval = interval;
        self.policy.expiry = (interval * 10).max(Policy::default().expiry);
        self
    }

    /// How long a peer without a connection may be silent before it is forgotten; say it behind the interval.
    #[must_use]
    pub const fn expiry(mut self, expiry: Duration) -> Self {
        self.policy.expiry = expiry;
        self
    }

    /// How long a call to a peer may take.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Whether other programs on this machine count as peers.
    #[must_use]
    pub const fn loopback(mut self, loopback: Loopback) -> Self {
        self.loopback = loopback;
        self
    }

    /// The most peers at once; more are turned away.
    #[must_use]
    pub const fn peers(mut self, most: usize) -> Self {
        self.peers = most;
        self
    }

    /// How the sockets of connections are set up.
    #[must_use]
    pub fn options(mut self, options: &Options) -> Self {
        self.options = options.clone();
        self
    }

    /// Lets `cancel` end the waiting in [`Discovery::poll`].
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Opens the sockets. Fails when the UDP port is taken by a program that does not share it.
    ///
    /// A TCP port of cable_car that is taken is no failure: this program then calls others, and nobody can call it.
    pub fn start(self) -> io::Result<Discovery> {
        let without = match self.cable_car {
            CableCar::Ignored => false,
            CableCar::Heard => self.udp_port == 0,
            CableCar::Spoken => self.udp_port == 0 || self.tcp_port == 0,
        };
        let native = self.native.as_ref();
        if without || native.is_some_and(|native| native.udp_port == 0) {
            let rule = "discovery needs ports that others know: 0 is none";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, rule));
        }
        Discovery::start(self)
    }
}
