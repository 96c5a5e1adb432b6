//! The native protocol: sessions, which keep every message until the other side has taken it. Its body is postcard, by serde's
//! derive.

use compare::{Outcome, PATIENCE, Sample, expect, lost};
use ropeway_std::dialect::Dialect;
use ropeway_std::native::{self, Native, Notice, Policy};
use ropeway_std::{Error, Event, Link};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use with_ropeway::{Derived, Words};

fn main() -> ExitCode {
    compare::run(stream, |count| with_ropeway::round_trips(ends(), count))
}

fn stream(count: u32) -> Outcome<Duration> {
    with_ropeway::stream(
        ends(),
        |link| send(link, count),
        |link| receive(link, count),
    )
}

fn ends() -> [Native; 2] {
    let config = native::config().registry(Words::ENTRIES, Policy::Enforce);
    let config = Arc::new(config.name("compare"));
    [native::dialling(&config), native::listening(&config)]
}

fn send(mut link: Link<Native>, count: u32) -> Outcome<()> {
    for id in 0..count {
        link.queue(&Derived(Sample::nth(id)))?;
    }
    link.dialect().quit();
    let has_left = matches!(link.recv::<Words>(PATIENCE), Err(Error::Closed));
    match has_left && link.queued() == 0 {
        true => Ok(()),
        false => Err("not all was acknowledged".into()),
    }
}

fn receive(mut link: Link<Native>, count: u32) -> Outcome<Instant> {
    for id in 0..count {
        match link.recv(PATIENCE)? {
            Some(Event::Message(Words::Derived(Derived(sample)))) => expect(id, &sample)?,
            _ => return Err(lost(id)),
        }
    }
    let end = Instant::now();
    match link.recv::<Words>(PATIENCE)? {
        Some(Event::Notice(Notice::Bye { .. })) => Ok(end),
        _ => Err("the peer has not taken its leave".into()),
    }
}
