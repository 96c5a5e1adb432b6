use super::queue::encode;
use crate::value::Value;
use mio::net::UdpSocket;
use ropeway_core::Messenger;
use ropeway_core::dialect::clever_show::{Body, CleverShow, Named, UDP_PORT};
use ropeway_core::dialect::{Envelope, Kind};
use ropeway_core::encoding::json::{Style, to_slice};
use ropeway_core::registry::Rejected;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a server says of itself in a datagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Beacon {
    /// The address of the server, as text.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Four digits, drawn by the server when it starts.
    pub id: String,
    /// When the server was started, in seconds since 1970.
    pub start_time: f64,
}

/// The named arguments of the action `server_ip`; the original sends all of them as text.
#[derive(Serialize)]
struct Said<'a> {
    host: &'a str,
    port: String,
    id: &'a str,
    start_time: &'a str,
}

#[derive(Deserialize)]
struct Heard {
    host: String,
    port: Value,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    start_time: Value,
}

impl Beacon {
    /// The datagram that says it.
    pub fn to_datagram(&self) -> Vec<u8> {
        let mut text = [0; 32];
        let len = to_slice(&self.start_time, Style::Utf8, &mut text).unwrap_or(0);
        let said = Said {
            host: &self.host,
            port: self.port.to_string(),
            id: &self.id,
            start_time: std::str::from_utf8(&text[..len]).unwrap_or_default(),
        };
        let beacon = Named {
            name: ACTION,
            arguments: &said,
        };
        encode(&beacon, MOST_BYTES).unwrap_or_default()
    }

    /// What a datagram says; `None` if it is not a server's.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let mut messenger = Messenger::new(CleverShow::new(), [0; MOST_BYTES], [0; 0]);
        let room = messenger.input_room().get_mut(..datagram.len())?;
        room.copy_from_slice(datagram);
        messenger.handle_input(datagram.len());
        match messenger.recv_with(heard)? {
            ropeway_core::Event::Message(heard) => heard.beacon(),
            _ => None,
        }
    }

    /// Where the server listens, if it says so by an address.
    pub fn address(&self) -> Option<SocketAddr> {
        let host: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(host, self.port))
    }
}

fn heard(envelope: Envelope<'_, CleverShow>) -> Result<Heard, Rejected<'_, CleverShow>> {
    match (envelope.kind, envelope.key, envelope.body) {
        (Kind::Message, ACTION, Body::Arguments(arguments)) => {
            arguments.read().map_err(Rejected::Malformed)
        }
        (kind, key, body) => Err(Rejected::Unknown(Envelope { kind, key, body })),
    }
}

impl Heard {
    fn beacon(self) -> Option<Beacon> {
        let number = |value: &Value| match value.as_str() {
            Some(text) => text.trim().parse().ok(),
            None => value.as_f64(),
        };
        let port = match self.port.as_str() {
            Some(text) => text.trim().parse().ok()?,
            None => u16::try_from(self.port.as_u64()?).ok()?,
        };
        Some(Beacon {
            host: self.host,
            port,
            id: match self.id.as_str() {
                Some(text) => text.into(),
                None => self.id.to_string(),
            },
            start_time: number(&self.start_time).unwrap_or(f64::INFINITY),
        })
    }
}

/// How a server makes itself known.
#[derive(Clone, Debug)]
pub struct Announce {
    pub(super) interval: Duration,
    pub(super) to: Vec<SocketAddr>,
    pub(super) host: Option<IpAddr>,
}

impl Default for Announce {
    /// Every 3 s, to port 8181 of all hosts on each network.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(3),
            to: Vec::new(),
            host: None,
        }
    }
}

impl Announce {
    /// How long after the start, and after each other, datagrams are sent.
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sends to `address` only; more can be added.
    #[must_use]
    pub fn to(mut self, address: SocketAddr) -> Self {
        self.to.push(address);
        self
    }

    /// The address that drones are to connect to, where it is not that of the network that the datagram goes to.
    #[must_use]
    pub const fn host(mut self, host: IpAddr) -> Self {
        self.host = Some(host);
        self
    }
}

/// Sends beacons.
#[derive(Debug)]
pub(super) struct Speaker {
    socket: std::net::UdpSocket,
    announce: Announce,
    beacon: Beacon,
    pub(super) next: std::time::Instant,
}

impl Speaker {
    pub(super) fn new(announce: Announce, port: u16, id: String) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let beacon = Beacon {
            host: String::new(),
            port,
            id,
            start_time: since.unwrap_or_default().as_secs_f64(),
        };
        let next = std::time::Instant::now() + announce.interval;
        Ok(Self {
            socket,
            announce,
            beacon,
            next,
        })
    }

    /// What it says, but for the host.
    pub(super) const fn beacon(&self) -> &Beacon {
        &self.beacon
    }

    /// Says it, if it is time.
    pub(super) fn say(&mut self) {
        let now = std::time::Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + self.announce.interval;
        for (host, to) in self.targets() {
            self.beacon.host = self.announce.host.unwrap_or(host).to_string();
            // A network that is down now may be up the next time.
            let _ = self.socket.send_to(&self.beacon.to_datagram(), to);
        }
    }

    /// Our own address, and where to say it, on each network.
    fn targets(&self) -> Vec<(IpAddr, SocketAddr)> {
        if !self.announce.to.is_empty() {
            let to = self.announce.to.iter();
            return to.map(|to| (address_towards(*to), *to)).collect();
        }
        let everyone = SocketAddr::from((Ipv4Addr::BROADCAST, UDP_PORT));
        let mut targets = vec![(address_towards(everyone), everyone)];
        for interface in if_addrs::get_if_addrs().unwrap_or_default() {
            if let if_addrs::IfAddr::V4(network) = &interface.addr
                && !network.is_loopback()
                && let Some(broadcast) = network.broadcast
            {
                targets.push((network.ip.into(), (broadcast, UDP_PORT).into()));
            }
        }
        targets
    }
}

/// Our own address on the way to `to`.
fn address_towards(to: SocketAddr) -> IpAddr {
    let towards = || {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_broadcast(true)?;
        socket.connect(to)?;
        socket.local_addr()
    };
    towards().map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

/// A socket on which beacons are heard, beside others of this host.
pub(super) fn listener(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

/// The next beacon that has been heard; everything else is passed over.
pub(super) fn hear(socket: &UdpSocket) -> Option<Beacon> {
    let mut datagram = [0; MOST_BYTES];
    loop {
        match socket.recv_from(&mut datagram) {
            Ok((len, _)) => {
                if let Some(beacon) = datagram.get(..len).and_then(Beacon::parse) {
                    return Some(beacon);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            // What ICMP has to say of earlier datagrams is no matter here.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

const ACTION: &str = "server_ip";

/// The largest datagram that the original reads.
const MOST_BYTES: usize = 1024;
