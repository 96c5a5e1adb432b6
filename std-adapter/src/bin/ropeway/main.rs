//! The `ropeway` command: look who is there, listen, send, call, copy files, and read what crosses the wire.

mod completions;
mod decode;
mod eye;
mod fault;
mod keygen;
mod output;
mod protocol;
mod proxy;
mod registry;
mod show;
mod span;

use clap::{CommandFactory, Parser, Subcommand};
use fault::Fault;
use output::Output;
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
    /// Say what recorded bytes are: a stream, hexadecimal digits, or a capture of packets
    Decode(decode::Decode),
    /// Sit between two peers, say what passes, and let links go wrong
    Proxy(proxy::Proxy),
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
    let output = Output {
        is_json: arguments.json,
    };
    match arguments.verb {
        Verb::Decode(decode) => decode.run(output),
        Verb::Proxy(proxy) => proxy.run(output),
        Verb::Keygen(keygen) => keygen.run(),
        Verb::Completions(completions) => completions.run(Arguments::command()),
    }
}
