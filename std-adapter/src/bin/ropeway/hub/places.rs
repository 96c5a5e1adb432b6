//! Where which protocol is spoken.

use crate::fault::Fault;
use crate::protocol::Protocol;
use clap::ValueEnum;
use std::str::FromStr;

/// A protocol, and the address that was given for it, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) protocol: Protocol,
    pub(crate) address: Option<String>,
}

impl Place {
    pub(crate) fn is_native(&self) -> bool {
        self.protocol == Protocol::Native
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (protocol, address) = match text.split_once('=') {
            Some((protocol, address)) => (protocol, Some(address.to_owned())),
            None => (text, None),
        };
        Ok(Self {
            protocol: Protocol::from_str(protocol, false)?,
            address,
        })
    }
}

/// The same with an address each: `listen`, unless one was given.
pub(crate) fn resolve(places: &[Place], listen: &str) -> Result<Vec<Place>, Fault> {
    let mut resolved: Vec<Place> = Vec::new();
    for place in places {
        let protocol = place.protocol;
        let address = protocol.address(place.address.as_deref().unwrap_or(listen));
        let mut others = resolved
            .iter()
            .filter_map(|other| Some((other.protocol, other.address.as_ref()?)));
        if let Some((other, _)) =
            others.find(|(_, taken)| **taken == address && !address.ends_with(":0"))
        {
            let text = format!("{other} and {protocol} cannot both listen at {address}");
            let hint = format!(
                "give one of them another: --protocol {protocol}=0.0.0.0:{}",
                protocol.port() + 1
            );
            return Err(Fault::input(text).hint(hint));
        }
        resolved.push(Place {
            protocol,
            address: Some(address),
        });
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(places: &[&str], listen: &str) -> Result<Vec<String>, Fault> {
        let places: Vec<Place> = places.iter().map(|text| text.parse().unwrap()).collect();
        let resolved = resolve(&places, listen)?;
        Ok(resolved
            .into_iter()
            .filter_map(|place| place.address)
            .collect())
    }

    #[test]
    fn each_protocol_has_its_port_unless_it_is_given_another() {
        let places = ["native", "packetmq=10.0.0.1", "tcptalks=[::1]:7"];
        let addresses = resolved(&places, "0.0.0.0").unwrap();
        assert_eq!(addresses, ["0.0.0.0:8225", "10.0.0.1:8080", "[::1]:7"]);
        assert_eq!(
            resolved(&["native"], "127.0.0.1:0").unwrap(),
            ["127.0.0.1:0"]
        );
    }

    #[test]
    fn two_that_would_share_a_port_are_told_how_not_to() {
        let error = resolved(&["cable-car-byte", "cable-car-json"], "0.0.0.0").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("--protocol cable-car-json=0.0.0.0:8224"),
            "{error}"
        );
        assert!(resolved(&["cable-car-byte", "cable-car-json"], "0.0.0.0:0").is_ok());
    }

    #[test]
    fn an_unknown_protocol_is_named() {
        assert!("native=0.0.0.0:1".parse::<Place>().is_ok());
        assert!("telnet".parse::<Place>().unwrap_err().contains("telnet"));
    }
}
