//! A robot in TCPTalks's words: it listens, and does what a controller calls it for.
//!
//! Programs in Python can drive it: `talks.execute(0x10, 100, speed=20)`. So can `robot_controller`.

use clap::Parser;
use ropeway_std::tcptalks::{Door, Refused, Settings, TCP_PORT, Variant};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Parser)]
#[command(about = "A robot that a controller drives by TCPTalks")]
struct Arguments {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, default_value_t = format!("0.0.0.0:{TCP_PORT}"))]
    listen: String,
    /// What a controller must show
    #[arg(long)]
    password: Option<String>,
    /// Speak the variant without retcodes
    #[arg(long)]
    old: bool,
    /// How long to wait for a controller, in seconds
    #[arg(long, default_value_t = 3600)]
    wait: u64,
}

/// How far, and how fast; Python may leave the speed out.
#[derive(Deserialize)]
struct Drive {
    distance: f64,
    #[serde(default = "walking")]
    speed: f64,
}

/// What its sensors say.
#[derive(Clone, Serialize)]
struct State {
    position: f64,
    heading: f64,
    battery: f64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            position: 0.0,
            heading: 0.0,
            battery: 0.87,
        }
    }
}

const DRIVE: u8 = 0x10;
const TURN: u8 = 0x11;
const SENSORS: u8 = 0x12;
const CHANGED: u8 = 0x20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("robot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let settings = settings(&arguments);
    let door = Door::bind(&*arguments.listen)?;
    println!("waiting at {}", door.address());
    let mut robot = door.accept(&settings, Duration::from_secs(arguments.wait))?;
    println!("a controller is here");

    let state = Arc::new(Mutex::new(State::default()));
    let shared = state.clone();
    robot.bind(DRIVE, move |robot, drive: Drive| {
        if drive.speed <= 0.0 {
            return Err(Refused::new("ValueError", "the speed must be positive"));
        }
        println!("driving {} mm at {} mm/s", drive.distance, drive.speed);
        let position = {
            let mut state = shared.lock().expect("no handler panics");
            state.position += drive.distance;
            state.position
        };
        // Tells the controller, which is still waiting for the result.
        robot.execute::<()>(CHANGED, &("position", position))?;
        Ok(drive.distance / drive.speed)
    });
    let shared = state.clone();
    robot.bind(TURN, move |_, (degrees,): (f64,)| {
        let mut state = shared.lock().expect("no handler panics");
        state.heading = (state.heading + degrees).rem_euclid(360.0);
        println!("turning to {}°", state.heading);
        Ok(state.heading)
    });
    robot.bind(SENSORS, move |_, ()| {
        Ok(state.lock().expect("no handler panics").clone())
    });
    robot.run()?;
    println!("the controller has gone");
    Ok(())
}

fn settings(arguments: &Arguments) -> Settings {
    let settings = match &arguments.password {
        Some(password) => Settings::default().password(password),
        None => Settings::default(),
    };
    match arguments.old {
        true => settings.variant(Variant::Old),
        false => settings,
    }
}

const fn walking() -> f64 {
    50.0
}
