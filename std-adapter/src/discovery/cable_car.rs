use super::network::{Beacons, Network};
use ropeway_core::discovery::BEACON;
use std::io;
use std::net::IpAddr;

/// Takes the next datagram that waits and says which host to call for it, if it is a beacon of cable_car that
/// counts; an error of kind [`WouldBlock`](io::ErrorKind::WouldBlock) when none waits.
pub(super) fn receive(beacons: &Beacons, network: &Network) -> io::Result<Option<IpAddr>> {
    let mut room = [0; BEACON.len() + 1];
    let (datagram, from) = beacons.receive(&mut room)?;
    Ok((datagram == BEACON)
        .then(|| network.host_of(from.ip()))
        .flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Loopback;
    use std::net::Ipv4Addr;

    #[test]
    fn strangers_datagrams_are_no_beacons() {
        let network = Network::new(Loopback::Included).unwrap();
        let mut beacons = Beacons::shared(0).unwrap();
        let address = beacons.socket().local_addr().unwrap();
        let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let received = |datagram: &[u8]| {
            stranger
                .send_to(datagram, ("127.0.0.1", address.port()))
                .unwrap();
            loop {
                match receive(&beacons, &network) {
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
