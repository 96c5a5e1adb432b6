//! Instructions by valgrind's callgrind, which runs this program again with a hidden command.

use crate::{Outcome, codec, stream};
use std::process::Command;

/// The hidden command: a contender's name and a number of messages.
pub(crate) const COUNTED: &str = "counted";

/// Instructions per message: two runs of different length, so that all else cancels out.
pub(crate) fn per_message(name: &str, few: u32, many: u32) -> Outcome<f64> {
    let more = callgrind(name, many)? - callgrind(name, few)?;
    Ok(more / f64::from(many - few))
}

/// What the hidden command does.
pub(crate) fn run(name: &str, count: u32) -> Outcome<()> {
    codec::run(name, count)
        .or_else(|| stream::run(name, count))
        .ok_or("no such contender")?
}

fn callgrind(name: &str, count: u32) -> Outcome<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([COUNTED, name, &count.to_string()])
        .output()
        .map_err(|error| format!("no valgrind ({error}); type: sudo apt install valgrind"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("valgrind failed: {said}").into()),
    }
}
