use super::Loopback;
use if_addrs::{IfAddr, Interface};
use ropeway_core::discovery::BEACON;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// The machine's networks: where beacons go, and which addresses are its own.
#[derive(Debug)]
pub(super) struct Network {
    socket: mio::net::UdpSocket,
    port: u16,
    loopback: Loopback,
    interfaces: Vec<Interface>,
}

impl Network {
    /// Binds the port of beacons, shared with other programs on the machine that share it too.
    pub(super) fn bind(port: u16, loopback: Loopback) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        #[cfg(all(unix, not(target_os = "linux")))]
        socket.set_reuse_port(true)?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
        let socket = mio::net::UdpSocket::from_std(socket.into());
        let mut network = Self {
            socket,
            port,
            loopback,
            interfaces: Vec::new(),
        };
        network.refresh()?;
        Ok(network)
    }

    pub(super) const fn socket(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.socket
    }

    /// Sends one beacon to every network there is at present; an error only if none took it.
    pub(super) fn send_beacon(&mut self) -> io::Result<()> {
        self.refresh()?;
        let mut targets = self.targets();
        targets.sort_unstable();
        targets.dedup();
        let mut sent = Err(io::ErrorKind::NetworkUnreachable.into());
        for target in targets {
            match self
                .socket
                .send_to(BEACON, SocketAddrV4::new(target, self.port).into())
            {
                Err(error) if sent.is_err() => sent = Err(error),
                Err(_) => {}
                Ok(_) => sent = Ok(()),
            }
        }
        sent
    }

    /// Takes the next waiting datagram and says which host to call for it, if it is a beacon that counts; an
    /// error of kind [`WouldBlock`](io::ErrorKind::WouldBlock) when none waits.
    ///
    /// Other programs on this machine are to be called at 127.0.0.1, whichever of its addresses they used.
    pub(super) fn receive_beacon(&self) -> io::Result<Option<IpAddr>> {
        let mut datagram = [0; BEACON.len() + 1];
        let (len, from) = self.socket.recv_from(&mut datagram)?;
        if datagram.get(..len) != Some(BEACON) {
            return Ok(None);
        }
        Ok(match (self.is_own(from.ip()), self.loopback) {
            (false, _) => Some(from.ip()),
            (true, Loopback::Included) => Some(Ipv4Addr::LOCALHOST.into()),
            (true, Loopback::Ignored) => None,
        })
    }

    fn refresh(&mut self) -> io::Result<()> {
        self.interfaces = if_addrs::get_if_addrs()?;
        Ok(())
    }

    /// 255.255.255.255 and the directed broadcast address of each interface.
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
        std::iter::once(Ipv4Addr::BROADCAST)
            .chain(directed)
            .collect()
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback()
            || self
                .interfaces
                .iter()
                .any(|interface| interface.ip() == address)
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
        let targets = |loopback| {
            let mut network = Network::bind(0, loopback).unwrap();
            network.refresh().unwrap();
            network.targets()
        };
        let all = targets(Loopback::Included);
        assert_eq!(all[0], Ipv4Addr::BROADCAST);
        assert!(all.contains(&Ipv4Addr::new(127, 255, 255, 255)), "{all:?}");
        let others = targets(Loopback::Ignored);
        assert!(
            others.iter().all(|target| !target.is_loopback()),
            "{others:?}"
        );
        assert!(others.len() < all.len());
    }

    #[test]
    fn strangers_datagrams_are_no_beacons() {
        let network = Network::bind(0, Loopback::Included).unwrap();
        let address = network.socket.local_addr().unwrap();
        let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let received = |datagram: &[u8]| {
            stranger
                .send_to(datagram, ("127.0.0.1", address.port()))
                .unwrap();
            loop {
                match network.receive_beacon() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        std::thread::yield_now();
                    }
                    received => return received.unwrap(),
                }
            }
        };
        for datagram in [&b""[..], b"BROADCAS", b"BROADCAST!", &[0; 3000]] {
            assert_eq!(received(datagram), None);
        }
        assert_eq!(received(BEACON), Some(IpAddr::from(Ipv4Addr::LOCALHOST)));
    }
}
