//! Ropeway's speed beside the limits of the machine it runs on, in one table.
//!
//! ```text
//! cargo run --release -p ropeway-tests --bin bench             everything, a minute or two
//! cargo run --release -p ropeway-tests --bin bench -- --smoke  a few seconds: do the checks hold?
//! cargo run --release -p ropeway-tests --bin bench -- native   only what is called so
//! ```
//!
//! # What is measured
//!
//! M is `{id: u32, t: u64, x, y, z: f32, flags: u16}`: 26 bytes in a fixed layout, about 21 in postcard.
//!
//! - *codec*: M encoded and decoded in memory, in nanoseconds and, by valgrind's callgrind, in instructions. Two
//!   runs of different length are subtracted, so that start-up cancels out. The peers work on one buffer of their
//!   own; Ropeway's messages go in batches of 64 through an outbox, a copy and an input, as in a link.
//! - *stream*: M, one way over TCP on the loopback, from one thread to another, each on a core of its own. The
//!   limits are 64 KiB writes of bytes that are there already, read and dropped, or decoded by hand; the peers
//!   are the loops one would write by hand, with slabs of 64 KiB. The receiver checks every id. Beside the rate
//!   stand the processor time per message of the busier thread, which neighbours disturb less and which bounds the
//!   rate, and the instructions of both threads outside the kernel.
//! - *JSON stream*: the same with a struct of five fields, against serde_json writing and reading the same lines.
//! - *MessagePack, clever-show and TCPTalks streams*: M through the dialects of Python programs, against the codecs
//!   that one would take by hand, over the same slabs: rmp-serde, serde_json, and Ropeway's own pickles without the
//!   dialect, since serde-pickle finds no ends. The floats are 8 bytes long, as Python writes them; beside it stands
//!   what rmp-serde does with its own of 4. That both sides write the same bytes is checked. *Calls* are the same with
//!   answers, 64 under way.
//! - *native stream*: M in sessions whose outbox keeps every message until it is acknowledged, against the byte dialect,
//!   which has no session; in secure sessions, against ChaCha20-Poly1305 by hand over the same slabs. *Native calls*, 64 under
//!   way, against the same bytes, ready before, in the same batches.
//! - *calls through a node*, one at a time, against the bytes of the same calls thrown there and back by hand. The native
//!   calls carry the acknowledgement of the last answer; spinning ones try to read for a millisecond before they wait. Secure
//!   ones stand beside the same bytes sealed by hand, those in tasks of tokio beside the same bytes in such tasks.
//! - *many links*: a hub of native sessions against a bare echo on mio, both under the same load from one thread: 16 messages
//!   at a time on each link. Memory is what the hub's thread has asked for, of the larger number of links beyond the
//!   smaller, when all are idle.
//! - *a file* from a drone to a server of clever-show, against `std::io::copy` on both sides, and the most memory
//!   that each side held; and from a native client to a hub, plain and secure, against loops with a checksum, and with
//!   ChaCha20-Poly1305, that end with the file on the disk, as native transfers do.
//! - *round trip*: 32 bytes there and back, against `std::net`, 50th and 99th percentile.
//! - *system calls* of a link, counted at its [`Transport`](ropeway_std::transport::Transport), and *allocations*
//!   of both threads after a warm-up.
//!
//! # How
//!
//! Contenders take turns within a round, and a ratio is the median of the ratios within rounds. On a machine with
//! neighbours the same program still differs from itself by 10 to 30 per cent; instructions, system calls and
//! allocations do not. So a missed target is only reported. The checks, whatever must hold on any machine, are
//! counted in the last line, and one that fails makes the program fail.

mod aead;
mod allocations;
mod calls;
mod codec;
mod files;
mod hub;
mod instructions;
mod message;
mod pinned;
mod report;
mod round_trip;
mod rounds;
mod slab;
mod stream;
mod system_calls;

use instructions::COUNTED;
use report::Report;
use std::process::ExitCode;

/// What a step results in; any error is a failed check.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Smoke,
    Full,
}

impl Scale {
    fn pick<T>(self, smoke: T, full: T) -> T {
        match self {
            Self::Smoke => smoke,
            Self::Full => full,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [COUNTED, name, count] => counted(name, count),
        ["--smoke", ref parts @ ..] => table(Scale::Smoke, parts),
        ref parts => table(Scale::Full, parts),
    }
}

/// What stands in the table, and how each part of it is called.
const PARTS: [Part; 8] = [
    ("codec", codec::measure),
    ("stream", stream::measure),
    ("native", stream::measure_native),
    ("round-trip", round_trip::measure),
    ("calls", calls::measure),
    ("hub", hub::measure),
    ("files", files::measure),
    ("system-calls", system_calls::measure),
];

/// All parts, or those that are named.
fn table(scale: Scale, only: &[&str]) -> ExitCode {
    let names = PARTS.map(|(name, _)| name);
    if only.iter().any(|name| !names.contains(name)) {
        eprintln!("usage: bench [--smoke] [{}]...", names.join(" | "));
        return ExitCode::FAILURE;
    }
    let mut report = Report::new();
    for (name, measure) in PARTS {
        if only.is_empty() || only.contains(&name) {
            measure(&mut report, scale);
        }
    }
    report.finish()
}

fn counted(name: &str, count: &str) -> ExitCode {
    let run = count.parse().map_err(Into::into);
    match run.and_then(|count| instructions::run(name, count)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A part of the table, by its name.
type Part = (&'static str, fn(&mut Report, Scale));
