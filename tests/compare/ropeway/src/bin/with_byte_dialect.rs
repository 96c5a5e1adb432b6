//! The byte dialect of cable_car, the bytes that its Python programs understand: M is laid out by hand, as theirs is.

use compare::{Outcome, PATIENCE, Sample, expect, lost};
use ropeway_std::dialect::cable_car::CableCarByte;
use ropeway_std::{Event, Link};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use with_ropeway::{ByHand, Words};

fn main() -> ExitCode {
    compare::run(stream, |count| with_ropeway::round_trips(ENDS, count))
}

const ENDS: [CableCarByte; 2] = [CableCarByte, CableCarByte];

fn stream(count: u32) -> Outcome<Duration> {
    with_ropeway::stream(ENDS, |link| send(link, count), |link| receive(link, count))
}

fn send(mut link: Link<CableCarByte>, count: u32) -> Outcome<()> {
    for id in 0..count {
        link.queue(&ByHand(Sample::nth(id)))?;
    }
    Ok(link.finish()?)
}

fn receive(mut link: Link<CableCarByte>, count: u32) -> Outcome<Instant> {
    for id in 0..count {
        match link.recv(PATIENCE)? {
            Some(Event::Message(Words::ByHand(ByHand(sample)))) => expect(id, &sample)?,
            _ => return Err(lost(id)),
        }
    }
    Ok(Instant::now())
}
