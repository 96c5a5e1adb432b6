//! Shows how busy every machine on the network is.
//!
//!     cargo run --release --bin cpu_mon -- --loopback
//!
//! Each copy finds the others by broadcast, sends them its figures every three seconds and shows theirs: the
//! monitor that cable_car's users know, which it talks to as well. Run it on two machines, or twice on one with
//! `--loopback`.

mod machine;
mod monitor;
mod report;
mod settings;
mod show;

use clap::Parser;
use machine::Machine;
use monitor::{Monitor, News};
use settings::Settings;
use show::Show;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    match run(&Settings::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cpu_mon: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let mut machine = Machine::new()?;
    let mut monitor = Monitor::start(settings)?;
    let mut show = Show::new(settings);
    show.greet(&monitor);

    let start = Instant::now();
    let mut next_report = start + Machine::FIRST_REPORT;
    loop {
        if Instant::now() >= next_report {
            next_report += settings.interval();
            let report = machine.report();
            monitor.send(&report);
            show.own(&report)?;
        }
        for news in monitor.turn(TURN)? {
            show.news(&news)?;
            if settings.once && matches!(news, News::Report { .. }) {
                return Ok(ExitCode::SUCCESS);
            }
        }
        show.refresh(&monitor)?;
        if settings
            .timeout()
            .is_some_and(|timeout| start.elapsed() >= timeout)
        {
            show.farewell(&monitor);
            return Ok(if settings.once {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            });
        }
    }
}

/// How long one turn may wait for something to happen on the sockets of discovery.
const TURN: Duration = Duration::from_millis(50);
