//! The protocols by name, and where each is usually found.

use clap::ValueEnum;
use ropeway_std::dialect::{cable_car, clever_show};
use ropeway_std::{native, tcptalks, watch};
use std::fmt;

/// What is spoken on a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Ropeway's own: sessions, calls and files that survive a pulled cable
    #[default]
    Native,
    /// cable_car's byte transport
    CableCarByte,
    /// cable_car's JSON transport
    CableCarJson,
    /// packetmq
    Packetmq,
    /// clever-show's `lib.messaging`
    CleverShow,
    /// TCPTalks
    #[value(name = "tcptalks")]
    TcpTalks,
}

impl Protocol {
    /// The port that its programs listen at by default.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Native => native::TCP_PORT,
            Self::CableCarByte | Self::CableCarJson => cable_car::TCP_PORT,
            Self::Packetmq => PACKETMQ_PORT,
            Self::CleverShow => clever_show::TCP_PORT,
            Self::TcpTalks => tcptalks::TCP_PORT,
        }
    }

    /// Whether its messages have codes.
    pub(crate) const fn has_codes(self) -> bool {
        matches!(self, Self::Native | Self::CableCarByte | Self::TcpTalks)
    }

    /// As it is watched.
    pub(crate) const fn watched(self) -> watch::Protocol {
        match self {
            Self::Native => watch::Protocol::Native,
            Self::CableCarByte => watch::Protocol::CableCarByte,
            Self::CableCarJson => watch::Protocol::CableCarJson,
            Self::Packetmq => watch::Protocol::Packetmq,
            Self::CleverShow => watch::Protocol::CleverShow,
            Self::TcpTalks => watch::Protocol::TcpTalks,
        }
    }

    /// `host` with the default port, unless it names one: `pi`, `pi:9000`, `10.0.0.7`, `fe80::1` and `[fe80::1]:9000`.
    pub(crate) fn address(self, host: &str) -> String {
        match host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{}", self.port()),
            Err(_) if has_port(host) => host.to_owned(),
            Err(_) => format!("{host}:{}", self.port()),
        }
    }
}

fn has_port(host: &str) -> bool {
    let port = host.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

impl serde::Serialize for Protocol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// packetmq has none of its own; this is that of its chat example.
const PACKETMQ_PORT: u16 = 8080;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_port_gets_the_protocols() {
        let address = |host| Protocol::Native.address(host);
        assert_eq!(address("pi"), "pi:8225");
        assert_eq!(address("pi:9000"), "pi:9000");
        assert_eq!(address("::1"), "[::1]:8225");
        assert_eq!(address("[::1]:7"), "[::1]:7");
        assert_eq!(Protocol::TcpTalks.address("10.0.0.7"), "10.0.0.7:25565");
    }

    #[test]
    fn names_are_those_of_the_manual() {
        let names = Protocol::value_variants().iter().map(Protocol::to_string);
        let names: Vec<_> = names.collect();
        assert_eq!(
            names.join("|"),
            "native|cable-car-byte|cable-car-json|packetmq|clever-show|tcptalks"
        );
    }
}
