//! A drone of a show, without the drone: says its telemetry, does what it is told, in words.
//!
//!     copter [--server 192.168.1.101:25000] [--id clover-7] [--interval 1] [--files FOLDER]
//!
//! Without `--server` it listens for the server's datagram.

use clap::Parser;
use ropeway_std::clever_show::{Drone, Handlers, Root, Settings, Stage, What};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A drone of a show.
#[derive(Parser)]
struct Options {
    /// Where the server is.
    #[arg(long)]
    server: Option<SocketAddr>,
    /// What the drone is called.
    #[arg(long, default_value = "clover-7")]
    id: String,
    /// How many seconds lie between two reports.
    #[arg(long, default_value_t = 1.0)]
    interval: f64,
    /// Where animations are kept: the server may send files there and fetch them.
    #[arg(long)]
    files: Option<PathBuf>,
}

/// How the drone is.
#[derive(Clone, Serialize)]
struct State {
    battery: (f64, f64),
    armed: bool,
    mode: &'static str,
    selfcheck: &'static str,
    current_position: &'static str,
    last_task: Option<String>,
}

#[derive(Serialize)]
struct Telemetry<'a> {
    value: &'a State,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

#[derive(Deserialize)]
struct Start {
    time: String,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("copter: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    // There is no battery that could be measured: NaN, as a drone without a flight controller says.
    let state = Arc::new(Mutex::new(State {
        battery: (f64::NAN, f64::NAN),
        armed: false,
        mode: "MANUAL",
        selfcheck: "OK",
        current_position: "NO_POS",
        last_task: None,
    }));
    let mut settings = Settings::default();
    if let Some(folder) = &options.files {
        settings = settings.receive(Root::new(folder)).serve(Root::new(folder));
    }
    let mut drone = Drone::new(settings, handlers(options.id, &state))?;
    if let Some(server) = options.server {
        drone = drone.server(server);
    }
    let interval = Duration::from_secs_f64(options.interval);
    let mut next = Instant::now();
    loop {
        let patience = next.saturating_duration_since(Instant::now());
        if let Some(event) = drone.turn(patience)? {
            show(&event.what);
        }
        if next <= Instant::now() {
            next += interval;
            if drone.talk().is_connected() {
                let value = &*lock(&state);
                drone.talk().send("telemetry", &Telemetry { value })?;
            }
        }
    }
}

fn handlers(id: String, state: &Arc<Mutex<State>>) -> Handlers {
    let mut handlers = Handlers::new();
    for (task, is_armed) in [
        ("takeoff", true),
        ("land", false),
        ("flip", true),
        ("stop", false),
    ] {
        let state = state.clone();
        handlers.action(task, move |_, ()| {
            println!("{task}");
            let mut state = lock(&state);
            state.armed = is_armed;
            state.last_task = Some(task.into());
        });
    }
    let report = state.clone();
    handlers
        .action("start", |_, Start { time }| println!("start at {time}"))
        .action("led_fill", |_, Color { red, green, blue }| {
            println!("led {red} {green} {blue}");
        })
        .action("led_test", |_, ()| println!("led test"))
        .request("id", move |_, ()| Ok(id.clone()))
        .request("clover_dir", |_, ()| Ok("error"))
        .request("batt_voltage", |_, ()| Ok(f64::NAN))
        .request("selfcheck", |_, ()| Ok("OK"))
        .request("telemetry", move |_, ()| Ok(lock(&report).clone()));
    handlers
}

fn show(what: &What) {
    match what {
        What::Connected => println!("connected"),
        What::Lost(reason) => println!("lost: {reason}"),
        What::NotConnected(error) => println!("no server: {error}"),
        What::File(file) => match &file.stage {
            Stage::Done => println!("file {}: {} bytes", file.path, file.len),
            Stage::Failed(error) => println!("file {}: {error}", file.path),
            _ => {}
        },
        other => println!("{other:?}"),
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
