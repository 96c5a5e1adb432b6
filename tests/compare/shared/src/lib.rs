//! What every program of the comparison shares: its two jobs, what they carry, a core for each side, and what it prints.
//!
//! A program is told how many messages to stream and how many round trips to make, and, where it needs one, the address of
//! a broker. It prints a line of JSON for each job; a message that is lost or changed makes it fail.

mod message;
mod pinned;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use message::{BALL, Sample, ball};
pub use pinned::{PATIENCE, connection, side_by_side};

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a step results in.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Does both jobs and prints what they took. `stream` is told how many messages to carry, and says how long that took;
/// `round_trips` how many to make, and says how long each took.
pub fn run(
    stream: impl FnOnce(u32) -> Outcome<Duration>,
    round_trips: impl FnOnce(u32) -> Outcome<Vec<Duration>>,
) -> ExitCode {
    match jobs(stream, round_trips) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn jobs(
    stream: impl FnOnce(u32) -> Outcome<Duration>,
    round_trips: impl FnOnce(u32) -> Outcome<Vec<Duration>>,
) -> Outcome<()> {
    let count: u32 = argument(1)?.parse()?;
    let trips: u32 = argument(2)?.parse()?;
    let seconds = stream(count)?.as_secs_f64();
    println!(r#"{{"job":"stream","messages":{count},"seconds":{seconds:.9}}}"#);
    let mut times = round_trips(trips + WARM_UP)?.split_off(WARM_UP as usize);
    times.sort();
    let [p50, p99] = [50, 99].map(|percent| {
        let at = (times.len().saturating_sub(1) * percent).div_ceil(100);
        times[at].as_secs_f64() * 1e6
    });
    println!(r#"{{"job":"round trip","trips":{trips},"p50":{p50:.3},"p99":{p99:.3}}}"#);
    Ok(())
}

/// What the program was told, by its place.
pub fn argument(place: usize) -> Outcome<String> {
    let missing = "usage: PROGRAM MESSAGES TRIPS [BROKER]";
    Ok(std::env::args().nth(place).ok_or(missing)?)
}

/// Whether this is the message number `id`.
#[inline]
pub fn expect(id: u32, sample: &Sample) -> Outcome<()> {
    match *sample == Sample::nth(id) {
        true => Ok(()),
        false => Err(lost(id)),
    }
}

/// Whether the ball number `id` has come back.
#[inline]
pub fn caught(id: u32, bytes: &[u8]) -> Outcome<()> {
    match *bytes == ball(id) {
        true => Ok(()),
        false => Err(lost(id)),
    }
}

/// What is wrong when the message number `id` is not what came.
#[cold]
pub fn lost(id: u32) -> Box<dyn std::error::Error + Send + Sync> {
    format!("message {id} is lost").into()
}

/// Makes `count` round trips, each by one call of `trip`, and says how long they took.
pub fn timed(count: u32, mut trip: impl FnMut(u32) -> Outcome<()>) -> Outcome<Vec<Duration>> {
    let mut times = Vec::with_capacity(count as usize);
    for id in 0..count {
        let start = Instant::now();
        trip(id)?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// Round trips before those that are counted.
const WARM_UP: u32 = 100;
