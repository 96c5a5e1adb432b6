//! One program that talks to programs of five protocols, and passes on what each of them says to all the others.
//!
//! ```text
//! five_protocols [--host 127.0.0.1] [--free]
//! ```

use clap::Parser;
use ropeway_std::dialect::cable_car::{self, CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::{self, CleverShow};
use ropeway_std::dialect::tcptalks::{self, TcpTalks};
use ropeway_std::dialect::{Carries, Delivers, Refuses};
use ropeway_std::encoding::pickle::Node;
use ropeway_std::hub::{Hub, Limits, Together};
use ropeway_std::packetmq::{Packetmq, Packets, Policy};
use ropeway_std::{Handlers, Options, messages, native};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// What all of them say.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reading {
    sensor: String,
    celsius: f32,
}

messages! { enum Words { Reading(Reading) = 0x10 } }

/// Passes on what programs of five protocols say.
#[derive(Parser)]
struct Settings {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Listen at ports that are free, not at those that are usual
    #[arg(long)]
    free: bool,
}

/// Says a reading to everybody who speaks one of the protocols.
type Tell = Box<dyn Fn(&Reading)>;

/// What was said, and in which protocol.
type Said = (&'static str, Reading);

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::parse();
    let port = |usual| match settings.free {
        true => (settings.host.as_str(), 0),
        false => (settings.host.as_str(), usual),
    };
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    let config = Arc::new(config.name("five protocols"));
    let mut packets = Packets::default();
    packets.add("Reading", 0x10)?;
    let nodes = || [Node::EMPTY; 64];

    let (said, heard) = channel();
    let mut tell = Vec::new();
    let mut hubs = Together::new()?
        .with(hub(
            "native",
            move |_| native::listening(&config),
            port(native::TCP_PORT),
            &said,
            &mut tell,
        )?)?
        .with(hub(
            "cable_car",
            |_| CableCarByte,
            port(cable_car::TCP_PORT),
            &said,
            &mut tell,
        )?)?
        .with(hub(
            "cable_car JSON",
            |_| CableCarJson,
            port(8226),
            &said,
            &mut tell,
        )?)?
        .with(hub(
            "packetmq",
            move |_| Packetmq::new(Policy::Static, packets.clone()),
            port(8080),
            &said,
            &mut tell,
        )?)?
        .with(hub(
            "clever-show",
            |_| CleverShow::new(),
            port(clever_show::TCP_PORT),
            &said,
            &mut tell,
        )?)?
        .with(hub(
            "TCPTalks",
            move |_| TcpTalks::listening(nodes(), 0).password("secret"),
            port(tcptalks::TCP_PORT),
            &said,
            &mut tell,
        )?)?;
    loop {
        hubs.turn(Duration::MAX)?;
        for (protocol, reading) in heard.try_iter() {
            println!("{protocol}: {} {}", reading.sensor, reading.celsius);
            for (_, tell) in tell.iter().filter(|(other, _)| *other != protocol) {
                tell(&reading);
            }
        }
    }
}

/// A hub of one protocol.
fn hub<D>(
    protocol: &'static str,
    dialect: impl FnMut(&ropeway_std::hub::PeerInfo) -> D + Send + 'static,
    port: (&str, u16),
    said: &Sender<Said>,
    tell: &mut Vec<(&'static str, Tell)>,
) -> io::Result<Hub<D>>
where
    D: Refuses + Carries<Reading> + for<'a> Delivers<'a, Reading> + 'static,
{
    let said = said.clone();
    let mut handlers = Handlers::new();
    handlers.on::<Reading>(move |_, reading| said.send((protocol, reading)).unwrap_or_default());
    let mut hub = Hub::new(dialect, Options::default(), Limits::default())?.with_handlers(handlers);
    let port = hub.listen(port)?;
    println!(
        "{protocol} {}",
        hub.address(port).expect("it listens there")
    );
    let handle = hub.handle();
    let say = move |reading: &Reading| {
        if let Err(error) = handle.broadcast(reading.clone()) {
            eprintln!("{protocol}: {error}");
        }
    };
    tell.push((protocol, Box::new(say)));
    Ok(hub)
}
