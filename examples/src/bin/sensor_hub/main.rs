//! The hub of the sensors in `examples/mcu`, which are boards that are real or emulated, and find it by its beacons.
//!
//! ```text
//! sensor_hub                 prints what sensors read
//! sensor_hub --demo          shows what can be done with the first sensor that comes, and ends
//! ```

mod tour;

use clap::Parser;
use ropeway_std::discovery::{self, Epoch, Running};
use ropeway_std::files::{self, Files};
use ropeway_std::hub::{Hub, Limits, News, PeerId};
use ropeway_std::native::{self, Keyring, Native};
use ropeway_std::{Handlers, Options, Peer};
use ropeway_words::{Reading, Station};
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};
use std::{fs, io};
use tour::Tour;

#[derive(Parser)]
#[command(about = "Prints what sensors read")]
struct Arguments {
    #[arg(long, default_value_t = format!("0.0.0.0:{}", native::TCP_PORT))]
    listen: String,
    /// What sensors look for
    #[arg(long, default_value = "hub")]
    name: String,
    /// A file with a line for each key: its id, and 64 hex digits; without, links are not secure
    #[arg(long)]
    key: Option<PathBuf>,
    /// Show what can be done with the first sensor that comes, and end
    #[arg(long)]
    demo: bool,
    /// How long the demo may take, in seconds
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// Where the demo puts files
    #[arg(long, default_value = "sensor_hub_files")]
    folder: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let config = native::config().registry(Station::ENTRIES, native::Policy::Enforce);
    let config = Arc::new(config.name(&arguments.name));
    let options = match &arguments.key {
        Some(keys) => Options::default().keyring(Keyring::read(keys)?),
        None => Options::default(),
    };
    let ((sensor, came), (file, ended)) = (channel(), channel());
    let of_hub = config.clone();
    let dialect = move |_: &_| native::listening(&of_hub);
    let mut hub = Hub::new(dialect, options, Limits::default())?
        .with_handlers(handlers(sensor, file))
        .with_files(Files::new());
    let port = hub.listen(&arguments.listen)?;
    let address = hub.address(port).ok_or("no address")?;
    println!("listening at {address}");
    let _beacons = announce(&arguments.name, address.port(), &config)?;
    if !arguments.demo {
        return Ok(hub.run(|| false)?);
    }
    fs::create_dir_all(&arguments.folder)?;
    let timeout = Duration::from_secs(arguments.timeout);
    let shown = Tour::new(&mut hub, ended, timeout).go(&came, &arguments.folder);
    hub.shutdown(Duration::from_secs(2))?;
    shown
}

/// Says by beacons where the hub is, until that is dropped.
fn announce(name: &str, port: u16, config: &native::Config) -> io::Result<Running> {
    let hub = discovery::Native::named(name).port(port);
    let hub = hub
        .epoch(Epoch(config.epoch()))
        .fingerprint(config.fingerprint());
    discovery::Settings::native(hub).start()?.spawn(|event| {
        if let discovery::Event::BeaconFailed(error) = event {
            println!("no beacon: {error}");
        }
    })
}

/// Prints what sensors say, once a second at most, and passes on who has come and which files have ended.
fn handlers(sensor: Sender<PeerId>, file: Sender<files::Event>) -> Handlers<Native> {
    let mut handlers = Handlers::new();
    let mut quiet_until = HashMap::new();
    handlers.on::<Reading>(move |peer, Reading { number, celsius }| {
        let now = Instant::now();
        let until = quiet_until.entry(peer.id()).or_insert(now);
        if *until <= now {
            *until = now + Duration::from_secs(1);
            println!("{} {number}: {celsius:.1} °C", name(peer));
        }
    });
    handlers.news(move |peers, news| match news {
        News::Joined(info) => {
            let name = peers.get(info.id).map(|mut peer| name(&mut peer));
            println!(
                "{} has come from {}",
                name.unwrap_or_default(),
                info.address
            );
            let _ = sensor.send(info.id);
        }
        News::Left(info, why) => println!("{} has left: {why}", info.address),
        News::Away(info, why) => println!("{} is away: {why}", info.address),
        News::TurnedAway(info, why) => println!("{} is turned away: {why}", info.address),
        news => println!("{news:?}"),
    });
    handlers.files(move |_, event| {
        if event.is_last() {
            let _ = file.send(event.clone());
        }
    });
    handlers
}

fn name(peer: &mut Peer<'_, Native>) -> String {
    peer.dialect().peer_name().to_string()
}
