//! The `ropeway` command: look who is there, listen, send, call, copy files, and read what crosses the wire.

mod completions;
mod fault;
#[cfg(unix)]
mod hub;
mod keygen;
mod protocol;
mod registry;

use clap::{CommandFactory, Parser, Subcommand};
use fault::Fault;
use std::process::ExitCode;

/// Talks to programs that speak the native protocol, cable_car, packetmq, clever-show or TCPTalks.
#[derive(Parser)]
#[command(name = "ropeway", version, about, after_help = fault::EXIT_CODES, max_term_width = 100)]
struct Arguments {
    /// One line of JSON for whatever is printed, also for errors
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

/// What can be done.
#[derive(Subcommand)]
enum Verb {
    /// Serve many peers, in several protocols at once, with a page to look at them
    #[cfg(unix)]
    Hub(hub::Serving),
    /// Draw a key for secure links
    Keygen(keygen::Keygen),
    /// Print what has a shell complete the command
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.report(json),
    }
}

fn run(arguments: Arguments) -> Result<(), Fault> {
    match arguments.verb {
        #[cfg(unix)]
        Verb::Hub(serving) => serving.run(arguments.json),
        Verb::Keygen(keygen) => keygen.run(),
        Verb::Completions(completions) => completions.run(Arguments::command()),
    }
}
