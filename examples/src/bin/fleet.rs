//! A hub that rovers report to: stop and start any of them, and they find each other again.
//!
//! ```text
//! fleet hub
//! fleet rover 127.0.0.1:8225 --name spirit
//! ```

use clap::Parser;
use ropeway_std::hub::{Hub, Limits};
use ropeway_std::{Handlers, Options, messages, native};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[derive(Serialize, Deserialize)]
struct Reading(u32, f32);

#[derive(Serialize, Deserialize)]
struct Interval(Duration);

messages! { enum Words { Reading(Reading) = 0x10, Interval(Interval) = 0x11 } }

#[derive(Parser)]
#[command(about = "A hub and its rovers")]
enum Role {
    /// Hears all rovers, and tells them how often to report
    Hub {
        #[arg(long, default_value_t = format!("0.0.0.0:{}", native::TCP_PORT))]
        listen: String,
    },
    /// Reports to the hub
    Rover {
        hub: String,
        #[arg(long, default_value = "rover")]
        name: String,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    match Role::parse() {
        Role::Hub { listen } => hub(&listen, Arc::new(config.name("hub"))),
        Role::Rover { hub, name } => rover(hub, &Arc::new(config.name(&name))),
    }
}

fn hub(listen: &str, config: Arc<native::Config>) -> Result<(), Box<dyn Error>> {
    let mut handlers = Handlers::<native::Native>::new();
    handlers.on::<Reading>(|peer, Reading(number, celsius)| {
        println!("{} {number}: {celsius} °C", peer.dialect().peer_name());
    });
    handlers.news(|hub, news| {
        println!("{news:?}");
        // The more there are, the less often each reports.
        let rovers = u32::try_from(hub.len()).unwrap_or(u32::MAX);
        hub.broadcast(&Interval(Duration::from_millis(200).saturating_mul(rovers)));
    });
    let dialect = move |_: &_| native::listening(&config);
    let hub = Hub::new(dialect, Options::default(), Limits::default())?;
    let mut hub = hub.with_handlers(handlers);
    let port = hub.listen(listen)?;
    println!("listening at {}", hub.address(port).ok_or("no address")?);
    Ok(hub.run(|| false)?)
}

fn rover(hub: String, config: &Arc<native::Config>) -> Result<(), Box<dyn Error>> {
    let (set, changed) = mpsc::channel();
    let mut handlers = Handlers::new();
    handlers.on::<Interval>(move |_, Interval(interval)| _ = set.send(interval));
    handlers.standing(|_, standing| println!("{standing:?}"));
    let mut client = native::Dial::new(hub).client(config, handlers)?;
    let (mut interval, mut next) = (Duration::from_secs(1), Instant::now());
    for number in 0.. {
        client.send(&Reading(number, 20.0 + (number % 50) as f32 / 10.0))?;
        next += interval;
        while Instant::now() < next {
            client.turn(next.saturating_duration_since(Instant::now()))?;
            interval = changed.try_iter().last().unwrap_or(interval);
        }
    }
    Ok(())
}
