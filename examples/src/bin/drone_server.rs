//! A ground station for a drone show: meets drones, shows their telemetry, and tells them what to do.
//!
//!     drone_server [--port 25000] [--files FOLDER] [--announce]
//!
//! Lines on its standard input are orders to all drones: `takeoff`, `land`, `start`, `led 255 0 0`, `battery`,
//! `send FILE`, `quit`.

use clap::Parser;
use ropeway_std::call::CallError;
use ropeway_std::clever_show::{Announce, Event, Handlers, Root, Server, Settings, Stage, What};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A ground station for a drone show.
#[derive(Parser)]
struct Options {
    /// The TCP port that drones connect to; 0 takes a free one.
    #[arg(long, default_value_t = 25_000)]
    port: u16,
    /// Where files from drones are kept.
    #[arg(long)]
    files: Option<PathBuf>,
    /// Say where we are by broadcast, so that drones find us.
    #[arg(long)]
    announce: bool,
}

/// What a drone says once a second. Numbers are NaN while it has no position or no battery.
#[derive(Debug, Deserialize)]
struct Telemetry {
    value: Report,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Report {
    battery: (f64, f64),
    armed: bool,
    last_task: Option<String>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            battery: (f64::NAN, f64::NAN),
            armed: false,
            last_task: None,
        }
    }
}

#[derive(Serialize)]
struct Start {
    /// Seconds since 1970, as text: so the protocol has it.
    time: String,
}

#[derive(Serialize)]
struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drone_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut handlers = Handlers::new();
    handlers
        .action("telemetry", |drone, Telemetry { value }| {
            let (volts, charge) = value.battery;
            println!(
                "{}: {volts:.1} V, {:.0} %, armed: {}, last task: {}",
                drone.peer().ip(),
                charge * 100.0,
                value.armed,
                value.last_task.as_deref().unwrap_or("none"),
            );
        })
        .request("time", |_, ()| Ok(now()));
    let mut settings = Settings::default();
    if let Some(folder) = &options.files {
        settings = settings.receive(Root::new(folder));
    }
    let mut server = Server::bind(("0.0.0.0", options.port), settings, handlers)?;
    if options.announce {
        server = server.announce(Announce::default())?;
    }
    println!("listening at port {}", server.address().port());
    listen_to_orders(&server);
    server.run(|_, event| {
        show(&event);
        false
    })?;
    Ok(())
}

/// Reads orders in a thread of their own, which wakes the server for each.
fn listen_to_orders(server: &Server) {
    let handle = server.handle();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if line.trim() == "quit" {
                break;
            }
            let order = move |server: &mut Server| {
                if let Err(error) = obey(server, &line) {
                    println!("{line}: {error}");
                }
            };
            if handle.post(order).is_err() {
                return;
            }
        }
        handle.stop();
    });
}

fn obey(server: &mut Server, line: &str) -> Result<(), Box<dyn Error>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let told = match words[..] {
        ["takeoff" | "land" | "flip" | "stop" | "led_test"] => server.broadcast(words[0], &())?,
        ["start"] => {
            let time = (now() + 5.0).to_string();
            server.broadcast("start", &Start { time })?
        }
        ["led", red, green, blue] => {
            let (red, green, blue) = (red.parse()?, green.parse()?, blue.parse()?);
            server.broadcast("led_fill", &Color { red, green, blue })?
        }
        ["battery"] => ask_for_voltage(server),
        ["send", path] => send(server, Path::new(path))?,
        [] => return Ok(()),
        _ => return Err("an order that nobody knows".into()),
    };
    println!("{line}: told {told}");
    Ok(())
}

fn ask_for_voltage(server: &mut Server) -> usize {
    let drones = server.drones().filter(|drone| drone.is_connected());
    let asked = drones.map(|drone| {
        let patience = Duration::from_secs(5);
        drone.request("batt_voltage", &(), patience, |drone, volts| {
            let volts: Result<f64, CallError> = volts;
            match volts {
                Ok(volts) => println!("{}: {volts} V", drone.peer().ip()),
                Err(error) => println!("{}: {error}", drone.peer().ip()),
            }
        })
    });
    asked.filter(Result::is_ok).count()
}

fn send(server: &mut Server, path: &Path) -> Result<usize, Box<dyn Error>> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or("no file of that name")?;
    let mut told = 0;
    for drone in server.drones().filter(|drone| drone.is_connected()) {
        drone.send_file(path, name)?;
        told += 1;
    }
    Ok(told)
}

fn show(event: &Event) {
    let drone = event.peer.ip();
    match &event.what {
        What::Connected => println!("{drone}: here"),
        What::Lost(reason) => println!("{drone}: gone: {reason}"),
        What::File(file) => match &file.stage {
            Stage::Done => println!("{drone}: {}: {} bytes", file.path, file.len),
            Stage::Failed(error) => println!("{drone}: {}: {error}", file.path),
            _ => {}
        },
        What::Malformed(malformed) => println!("{drone}: {malformed}"),
        other => println!("{drone}: {other:?}"),
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
