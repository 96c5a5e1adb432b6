use super::Loopback;
use if_addrs::{IfAddr, Interface};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// The machine's networks: where beacons go, and which addresses are its own.
#[derive(Debug)]
pub(super) struct Network {
    loopback: Loopback,
    interfaces: Vec<Interface>,
}

/// A socket that sends beacons to the hosts of every network, and hears theirs.
#[derive(Debug)]
pub(super) struct Beacons {
    socket: mio::net::UdpSocket,
    /// Where the hosts hear them.
    port: u16,
}

impl Network {
    pub(super) fn new(loopback: Loopback) -> io::Result<Self> {
        let mut network = Self {
            loopback,
            interfaces: Vec::new(),
        };
        network.refresh()?;
        Ok(network)
    }

    /// Looks which networks there are at present.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        self.interfaces = if_addrs::get_if_addrs()?;
        Ok(())
    }

    /// Which host to call for a beacon from this address, if it counts.
    ///
    /// Other programs on this machine are to be called at 127.0.0.1, whichever of its addresses they used.
    pub(super) fn host_of(&self, from: IpAddr) -> Option<IpAddr> {
        match (self.is_own(from), self.loopback) {
            (false, _) => Some(from),
            (true, Loopback::Included) => Some(Ipv4Addr::LOCALHOST.into()),
            (true, Loopback::Ignored) => None,
        }
    }

    /// 255.255.255.255 and the directed broadcast address of each interface, each once.
    fn targets(&self) -> Vec<Ipv4Addr> {
        let directed = self
            .interfaces
            .iter()
            .filter_map(|interface| match &interface.addr {
                IfAddr::V4(v4) if v4.ip.is_loopback() => (self.loopback == Loopback::Included)
                    .then_some(directed_broadcast(v4.ip, v4.netmask)),
                IfAddr::V4(v4) => Some(
                    v4.broadcast
                        .unwrap_or(directed_broadcast(v4.ip, v4.netmask)),
                ),
                IfAddr::V6(_) => None,
            });
        let mut targets: Vec<Ipv4Addr> = std::iter::once(Ipv4Addr::BROADCAST)
            .chain(directed)
            .collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback()
            || self
                .interfaces
                .iter()
                .any(|interface| interface.ip() == address)
    }
}

impl Beacons {
    /// At the port where beacons are heard, shared with other programs on the machine that share it too.
    pub(super) fn shared(port: u16) -> io::Result<Self> {
        Self::bind(port, port)
    }

    /// At a port of its own, which answers find whoever else hears beacons on this machine.
    pub(super) fn own(port: u16) -> io::Result<Self> {
        Self::bind(0, port)
    }

    pub(super) const fn socket(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.socket
    }

    /// Sends one beacon to every network; an error only if none took it.
    pub(super) fn send(&self, network: &Network, beacon: &[u8]) -> io::Result<()> {
        let mut sent = Err(io::ErrorKind::NetworkUnreachable.into());
        for target in network.targets() {
            let target = SocketAddrV4::new(target, self.port);
            match self.socket.send_to(beacon, target.into()) {
                Err(error) if sent.is_err() => sent = Err(error),
                Err(_) => {}
                Ok(_) => sent = Ok(()),
            }
        }
        sent
    }

    /// Sends a beacon to one program. It may get lost, as any datagram.
    pub(super) fn answer(&self, to: SocketAddr, beacon: &[u8]) {
        let _ = self.socket.send_to(beacon, to);
    }

    /// Takes the next waiting datagram, as much of it as there is `room` for; an error of kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when none waits.
    pub(super) fn receive<'a>(&self, room: &'a mut [u8]) -> io::Result<(&'a [u8], SocketAddr)> {
        let (len, from) = self.socket.recv_from(room)?;
        Ok((room.get(..len).unwrap_or_default(), from))
    }

    fn bind(port: u16, to: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        #[cfg(all(unix, not(target_os = "linux")))]
        socket.set_reuse_port(true)?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
        Ok(Self {
            socket: mio::net::UdpSocket::from_std(socket.into()),
            port: to,
        })
    }
}

/// The address that means every host of a network.
fn directed_broadcast(ip: Ipv4Addr, netmask: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(ip.to_bits() | !netmask.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_directed_broadcast_address() {
        let directed =
            |ip: [u8; 4], netmask: [u8; 4]| directed_broadcast(ip.into(), netmask.into());
        assert_eq!(
            directed([192, 168, 7, 20], [255, 255, 255, 0]),
            Ipv4Addr::new(192, 168, 7, 255)
        );
        assert_eq!(
            directed([10, 1, 130, 9], [255, 255, 128, 0]),
            Ipv4Addr::new(10, 1, 255, 255)
        );
        assert_eq!(
            directed([127, 0, 0, 1], [255, 0, 0, 0]),
            Ipv4Addr::new(127, 255, 255, 255)
        );
    }

    #[test]
    fn beacons_go_everywhere_once() {
        let targets = |loopback| Network::new(loopback).unwrap().targets();
        let all = targets(Loopback::Included);
        assert!(all.contains(&Ipv4Addr::BROADCAST));
        assert!(all.contains(&Ipv4Addr::new(127, 255, 255, 255)), "{all:?}");
        assert!(all.is_sorted_by(|one, other| one < other), "{all:?}");
        let others = targets(Loopback::Ignored);
        assert!(
            others.iter().all(|target| !target.is_loopback()),
            "{others:?}"
        );
        assert!(others.len() < all.len());
    }

    #[test]
    fn this_machine_counts_only_if_it_is_to_and_by_one_address() {
        let here = IpAddr::from([127, 0, 0, 9]);
        let host_of = |loopback, from| Network::new(loopback).unwrap().host_of(from);
        assert_eq!(host_of(Loopback::Ignored, here), None);
        let localhost = Some(IpAddr::from(Ipv4Addr::LOCALHOST));
        assert_eq!(host_of(Loopback::Included, here), localhost);
        let there = IpAddr::from([192, 0, 2, 7]);
        assert_eq!(host_of(Loopback::Ignored, there), Some(there));
    }
}
