//! The `ropeway` command: look who is there, listen, send, call, copy files, and read what crosses the wire.

mod bench;
mod completions;
mod connect;
mod decode;
mod discover;
mod drone;
mod ends;
mod eye;
mod fault;
mod hearing;
#[cfg(unix)]
mod hub;
mod input;
mod interrupt;
mod keygen;
mod line;
mod listen;
mod output;
mod progress;
mod protocol;
mod proxy;
mod registry;
mod replies;
mod said;
mod send;
mod show;
mod span;
mod standing;
mod tap;
mod target;
mod transfer;
mod words;

use clap::{CommandFactory, Parser, Subcommand};
use fault::Fault;
use output::Output;
use std::process::ExitCode;

/// Talks to programs that speak the native protocol, cable_car, packetmq, clever-show or TCPTalks.
#[derive(Parser)]
#[command(name = "ropeway", version, after_help = fault::EXIT_CODES, max_term_width = 100)]
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
    /// Say what recorded bytes are: a stream, hexadecimal digits, or a capture of packets
    Decode(decode::Decode),
    /// Sit between two peers, say what passes, and let links go wrong
    Proxy(proxy::Proxy),
    /// Serve many peers, in several protocols at once, with a page to look at them
    #[cfg(unix)]
    Hub(hub::Serving),
    /// Draw a key for secure links
    Keygen(keygen::Keygen),
    /// Print what has a shell complete the command
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    let Arguments { json, verb } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && std::env::args_os().any(|part| part == "--json") => {
            return unfit(&error).report(true);
        }
        Err(error) => error.exit(),
    };
    match verb.run(Output { is_json: json }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.report(json),
    }
}

/// What is wrong with the arguments; how they are used is for people.
fn unfit(error: &clap::Error) -> Fault {
    let text = error.to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more").next().unwrap_or_default();
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ");
    Fault::input(text.strip_prefix("error: ").unwrap_or(&text)).hint("see --help")
}

impl Verb {
    fn run(self, output: Output) -> Result<(), Fault> {
        match self {
            Self::Discover(discover) => discover.run(output),
            Self::Listen(listen) => listen.run(),
            Self::Connect(connect) => connect.run(),
            Self::Send(send) => send.run(),
            Self::Call(call) => call.run(),
            Self::Get(get) => get.run(output),
            Self::Put(put) => put.run(output),
            Self::Bench(bench) => bench.run(output),
            Self::Decode(decode) => decode.run(output),
            Self::Proxy(proxy) => proxy.run(output),
            #[cfg(unix)]
            Self::Hub(serving) => serving.run(output.is_json),
            Self::Keygen(keygen) => keygen.run(),
            Self::Completions(completions) => completions.run(Arguments::command()),
        }
    }
}
