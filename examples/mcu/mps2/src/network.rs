use embassy_net::{Config, Ipv4Cidr, StaticConfigV4};
use ropeway_nodes::Settings;

/// The address of this node, by its settings `ip` and `gateway`.
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
                .map(|ip| ip.parse().expect("gateway=ADDRESS")),
            dns_servers: Default::default(),
        }),
    }
}

fn cidr(text: &str) -> Option<Ipv4Cidr> {
    let (address, prefix) = text.split_once('/')?;
    let prefix = prefix.parse().ok().filter(|&bits: &u8| bits <= 32)?;
    Some(Ipv4Cidr::new(address.parse().ok()?, prefix))
}
