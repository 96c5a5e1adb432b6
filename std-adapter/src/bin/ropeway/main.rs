//! The `ropeway` command: look who is there, listen, send, call, copy files, and read what crosses the wire.

mod bench;
mod completions;
mod connect;
mod discover;
mod drone;
mod fault;
mod hearing;
mod input;
mod keygen;
mod line;
mod listen;
mod progress;
mod protocol;
mod registry;
mod replies;
mod send;
mod standing;
mod tap;
mod target;
mod transfer;
mod words;

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
    /// List who is there
    Discover(discover::Discover),
    /// Wait for peers, print what they say, and say to all of them what comes on standard input
    Listen(listen::Listen),
    /// Say what comes on standard input to a peer, and print what it says
    Connect(connect::Connect),
    /// Send one message
    Send(send::Send),
    /// Make one call, and print its answer
    Call(send::Call),
    /// Get a file from a peer
    Get(transfer::Get),
    /// Give a peer a file
    Put(transfer::Put),
    /// Measure how fast the link to a peer is
    Bench(bench::Bench),
    /// Draw a key for secure links
    Keygen(keygen::Keygen),
    /// Print what has a shell complete the command
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match run(arguments, json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.report(json),
    }
}

fn run(arguments: Arguments, json: bool) -> Result<(), Fault> {
    match arguments.verb {
        Verb::Discover(discover) => discover.run(json),
        Verb::Listen(listen) => listen.run(),
        Verb::Connect(connect) => connect.run(),
        Verb::Send(send) => send.run(),
        Verb::Call(call) => call.run(),
        Verb::Get(get) => get.run(json),
        Verb::Put(put) => put.run(json),
        Verb::Bench(bench) => bench.run(json),
        Verb::Keygen(keygen) => keygen.run(),
        Verb::Completions(completions) => completions.run(Arguments::command()),
    }
}
