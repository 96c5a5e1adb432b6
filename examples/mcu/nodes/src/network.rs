use crate::Settings;
use embassy_net::{Config, Ipv4Cidr, StaticConfigV4};

/// The address of a node, by its settings: `ip` is `dhcp`, as without it, or an address as in `10.0.0.2/24`; `gateway`
/// is who knows the way to other networks.
///
/// # Panics
///
/// Where they cannot be read.
pub fn network(settings: &Settings<'_>) -> Config {
    match settings.get("ip") {
        None | Some("dhcp") => Config::dhcpv4(Default::default()),
        Some(ip) => Config::ipv4_static(StaticConfigV4 {
            address: cidr(ip).expect("ip=dhcp, or an address as in ip=10.0.0.2/24"),
            gateway: settings
                .get("gateway")
                .map(|ip| ip.parse().expect("an address in gateway=ADDRESS")),
            dns_servers: Default::default(),
        }),
    }
}

fn cidr(text: &str) -> Option<Ipv4Cidr> {
    let (address, prefix) = text.split_once('/')?;
    let prefix = prefix.parse().ok().filter(|&bits: &u8| bits <= 32)?;
    Some(Ipv4Cidr::new(address.parse().ok()?, prefix))
}

#[cfg(test)]
mod tests {
    use super::cidr;

    #[test]
    fn reads_an_address_with_its_prefix() {
        let read = cidr("10.0.0.2/24").expect("an address");
        assert_eq!(
            (read.address().octets(), read.prefix_len()),
            ([10, 0, 0, 2], 24)
        );
    }

    #[test]
    fn refuses_what_is_not_an_address_with_a_prefix() {
        for text in [
            "10.0.0.2",
            "10.0.0/24",
            "10.0.0.2/33",
            "10.0.0.2/",
            "/24",
            "",
        ] {
            assert_eq!(cidr(text), None, "{text}");
        }
    }
}
