//! Lists who is on the network: native programs, and hosts that speak cable_car.
//!
//!     cargo run --bin who_is_there -- --name pilot
//!
//! Run it on two machines, or twice on one: each copy lists the other. It calls nobody, and nobody calls it.

use clap::Parser;
use ropeway_std::discovery::{CableCar, Discovery, Event, Native, Peer, Settings};
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Lists who is on the network")]
struct Arguments {
    /// What this program calls itself
    #[arg(long, default_value = "who_is_there")]
    name: String,
    /// How long to listen, in seconds
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let end = std::time::Instant::now() + Duration::from_secs(arguments.seconds);
    let settings = Settings::native(Native::named(&arguments.name)).cable_car(CableCar::Heard);
    let mut discovery = settings.start()?;
    loop {
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if let Some(event) = discovery.poll(left)? {
            say(&event, &discovery);
        }
    }
}

fn say(event: &Event, discovery: &Discovery) {
    match event {
        Event::Found(peer) => println!("found {}", describe(peer)),
        Event::Lost(peer) => println!("lost {}", describe(peer)),
        Event::Restarted(peer) => println!("restarted {}", describe(peer)),
        Event::Refused { from, rule } => {
            let count = discovery.counts().all_refused();
            println!("no beacon from {from}: {rule} ({count} so far)");
        }
        other => println!("{other:?}"),
    }
}

/// A name may hold anything, so it is shown escaped.
fn describe(peer: &Peer) -> String {
    match (peer.program(), peer.address()) {
        (Some(program), Some(address)) => format!("{:?}, which listens at {address}", program.name),
        (Some(program), None) => format!("{:?} on {}", program.name, peer.host),
        (None, _) => format!("a host that speaks cable_car, {}", peer.host),
    }
}
