use super::Discovery;
use crate::{Cancel, Options};
use ropeway_core::dialect::cable_car;
use ropeway_core::discovery::Policy;
use std::io;
use std::time::Duration;

/// How to discover peers; those that are to find each other agree on the ports.
///
/// By default cable_car's: beacons to UDP 8222 each second, connections on TCP 8223, calls of at most 2 s, other
/// programs on this machine ignored. At most 256 peers.
#[derive(Clone, Debug)]
pub struct Settings {
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
    /// Yes: the first program takes the TCP port, the others call it. A program never calls itself.
    Included,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
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
    /// The ports of beacons and of connections; all who are to find each other agree on them, so neither is 0.
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
    /// A TCP port that is taken is no failure: this program then calls others, and nobody can call it.
    pub fn start(self) -> io::Result<Discovery> {
        if self.udp_port == 0 || self.tcp_port == 0 {
            let rule = "discovery needs ports that others know: 0 is none";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, rule));
        }
        Discovery::start(self)
    }
}
