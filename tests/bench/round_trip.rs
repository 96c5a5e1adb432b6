//! 32 bytes there and back, one at a time.

use crate::message::{Ball, Balls};
use crate::pinned::{self, PATIENCE};
use crate::report::{Report, Target};
use crate::rounds::{Series, percentile};
use crate::slab::{Allocated, steadily};
use crate::{Outcome, Scale};
use ropeway_std::dialect::cable_car::CableCarByte;
use ropeway_std::transport::Transport;
use ropeway_std::{Event, Link, Options};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// Length, code and ball.
const FRAME: usize = 2 + Ball::LEN;

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.section("round trip of 32 bytes over TCP");
    let (trips, rounds) = (scale.pick(200, 2_000), scale.pick(5, 25));
    let Some(turns) = report.succeeds("every ball came back", turns(trips, rounds)) else {
        return;
    };
    report.value("every ball came back", "ok");
    for (name, percent, goal) in [("p50", 50, 1.05), ("p99", 99, 1.25)] {
        let [raw, ours] = turns.times.each_ref().map(|rounds| {
            let rounds = rounds.iter().cloned();
            rounds
                .map(|times| percentile(times, percent))
                .collect::<Series>()
        });
        let micros = |series: &Series| format!("{:.2} us", series.median());
        report.value(&format!("{name} std::net"), micros(&raw));
        let target = Target::AtMost(goal);
        report.target(
            &format!("{name} Ropeway"),
            micros(&ours),
            ours.over(&raw),
            "std::net",
            target,
        );
    }
    let allocated = turns.allocated;
    report.check("Ropeway: allocations", allocated == 0, allocated);
}

/// Microseconds of each trip, by contender and round, and what Ropeway allocated on both sides.
struct Turns {
    times: [Vec<Vec<f64>>; 2],
    allocated: Allocated,
}

fn turns(trips: u32, rounds: usize) -> Outcome<Turns> {
    let mut times = [Vec::new(), Vec::new()];
    let mut allocated = 0;
    for round in 0..=rounds {
        let (here, there) = pinned::connection()?;
        let (raw, ()) =
            pinned::side_by_side(|| throw_raw(here, trips), || return_raw(there, trips))?;
        let (here, there) = pinned::connection()?;
        let ((ours, thrower), returner) =
            pinned::side_by_side(|| throw(here, trips), || give_back(there, trips))?;
        allocated = thrower + returner;
        if round > 0 {
            times[0].push(raw);
            times[1].push(ours);
        }
    }
    Ok(Turns { times, allocated })
}

fn throw_raw(mut stream: TcpStream, trips: u32) -> Outcome<Vec<f64>> {
    let mut times = Vec::with_capacity(trips as usize);
    for id in 0..trips {
        let mut bytes = [0; FRAME];
        bytes[..4].copy_from_slice(&id.to_le_bytes());
        let sent = bytes;
        let start = Instant::now();
        stream.write_all(&bytes)?;
        stream.read_exact(&mut bytes)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        if bytes != sent {
            return Err(format!("ball {id} came back changed").into());
        }
    }
    Ok(times)
}

fn return_raw(mut stream: TcpStream, trips: u32) -> Outcome<()> {
    let mut bytes = [0; FRAME];
    for _ in 0..trips {
        stream.read_exact(&mut bytes)?;
        stream.write_all(&bytes)?;
    }
    Ok(())
}

fn throw(stream: TcpStream, trips: u32) -> Outcome<(Vec<f64>, Allocated)> {
    let mut link = Link::new(CableCarByte, stream, &Options::default())?;
    let mut times = Vec::with_capacity(trips as usize);
    let allocated = steadily(trips, |id| {
        let ball = Ball::nth(id);
        let start = Instant::now();
        trip(&mut link, &ball, id)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        Ok(())
    })?;
    Ok((times, allocated))
}

fn give_back(stream: TcpStream, trips: u32) -> Outcome<Allocated> {
    let mut link = Link::new(CableCarByte, stream, &Options::default())?;
    steadily(trips, |id| answer(&mut link, id))
}

/// Sends a ball and waits until it is back.
#[inline]
pub(crate) fn trip<T: Transport>(
    link: &mut Link<CableCarByte, T>,
    ball: &Ball,
    id: u32,
) -> Outcome<()> {
    link.send(ball)?;
    match link.recv(PATIENCE)? {
        Some(Event::Message(Balls::Ball(back))) if back == *ball => Ok(()),
        _ => Err(format!("ball {id} did not come back").into()),
    }
}

/// Waits for a ball and sends it back.
#[inline]
pub(crate) fn answer<T: Transport>(link: &mut Link<CableCarByte, T>, id: u32) -> Outcome<()> {
    match link.recv(PATIENCE)? {
        Some(Event::Message(Balls::Ball(ball))) => Ok(link.send(&ball)?),
        _ => Err(format!("ball {id} did not come").into()),
    }
}
