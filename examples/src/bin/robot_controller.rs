//! Drives `robot`, or a robot in Python, by TCPTalks.

use clap::Parser;
use ropeway_std::tcptalks::{CallError, Settings, TCP_PORT, Talks, Variant};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Drives a robot by TCPTalks")]
struct Arguments {
    /// Where the robot listens
    #[arg(default_value_t = format!("127.0.0.1:{TCP_PORT}"))]
    robot: String,
    /// What the robot asks for
    #[arg(long)]
    password: Option<String>,
    /// Speak the variant without retcodes
    #[arg(long)]
    old: bool,
    /// How long to try to connect, in seconds
    #[arg(long, default_value_t = 5)]
    connecting: u64,
}

/// Passed by keyword, as Python would: `drive(distance=100, speed=20)`.
#[derive(Serialize)]
struct Drive {
    distance: f64,
    speed: f64,
}

#[derive(Debug, Deserialize)]
struct State {
    position: f64,
    heading: f64,
    battery: f64,
}

const DRIVE: u8 = 0x10;
const TURN: u8 = 0x11;
const SENSORS: u8 = 0x12;
const CHANGED: u8 = 0x20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("robot_controller: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut settings = Settings::default().connecting(Duration::from_secs(arguments.connecting));
    if let Some(password) = arguments.password {
        settings = settings.password(password);
    }
    if arguments.old {
        settings = settings.variant(Variant::Old);
    }
    let mut robot = Talks::connect(&*arguments.robot, &settings)?;
    robot.bind(CHANGED, |_, (what, value): (String, f64)| {
        println!("{what} is now {value}");
        Ok(())
    });

    for distance in [100.0, 250.0] {
        let drive = Drive {
            distance,
            speed: 50.0,
        };
        let seconds: f64 = robot.execute(DRIVE, &drive)?;
        println!("drove {distance} mm in {seconds} s");
        let heading: f64 = robot.execute(TURN, &(90.0,))?;
        println!("heading {heading}°");
    }
    // Its errors are raised here, and the link goes on.
    let standstill = Drive {
        distance: 1.0,
        speed: 0.0,
    };
    match robot.execute::<f64>(DRIVE, &standstill) {
        Err(CallError::Remote(error)) => println!("refused: {error}"),
        other => println!("unexpected: {other:?}"),
    }
    let state: State = robot.execute(SENSORS, &())?;
    println!(
        "at {} mm, heading {}°, battery {} %",
        state.position,
        state.heading,
        state.battery * 100.0
    );
    robot.disconnect()?;
    Ok(())
}
