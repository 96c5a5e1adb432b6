//! The limit: the fields of M laid out by hand, 64 KiB to a system call, on `std::net`. There are no frames, since all messages
//! are of one size, and nothing but M could be told.

use compare::{BALL, Outcome, Sample, ball, caught, connection, expect, lost, side_by_side, timed};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const SLAB: usize = 64 << 10;

fn main() -> ExitCode {
    compare::run(stream, round_trips)
}

fn stream(count: u32) -> Outcome<Duration> {
    let (here, there) = connection()?;
    let (start, end) = side_by_side(|| send(here, count), || receive(there, count))?;
    Ok(end - start)
}

fn send(mut stream: TcpStream, count: u32) -> Outcome<Instant> {
    let start = Instant::now();
    let mut slab = vec![0; SLAB];
    let mut end = 0;
    for id in 0..count {
        if end + Sample::LEN > SLAB {
            stream.write_all(&slab[..end])?;
            end = 0;
        }
        slab[end..end + Sample::LEN].copy_from_slice(&Sample::nth(id).to_bytes());
        end += Sample::LEN;
    }
    stream.write_all(&slab[..end])?;
    Ok(start)
}

fn receive(mut stream: TcpStream, count: u32) -> Outcome<Instant> {
    let mut slab = vec![0; SLAB];
    let (mut id, mut left) = (0, 0);
    while id < count {
        match stream.read(&mut slab[left..])? {
            0 => return Err(lost(id)),
            len => left += len,
        }
        let (messages, rest) = slab[..left].as_chunks::<{ Sample::LEN }>();
        for bytes in messages {
            expect(id, &Sample::from_bytes(bytes).ok_or_else(|| lost(id))?)?;
            id += 1;
        }
        let rest = left - rest.len()..left;
        left = rest.len();
        slab.copy_within(rest, 0);
    }
    Ok(Instant::now())
}

fn round_trips(count: u32) -> Outcome<Vec<Duration>> {
    let (here, there) = connection()?;
    let (times, ()) = side_by_side(|| throw(here, count), || give_back(there, count))?;
    Ok(times)
}

fn throw(mut stream: TcpStream, count: u32) -> Outcome<Vec<Duration>> {
    timed(count, |id| {
        let mut bytes = ball(id);
        stream.write_all(&bytes)?;
        stream.read_exact(&mut bytes)?;
        caught(id, &bytes)
    })
}

fn give_back(mut stream: TcpStream, count: u32) -> Outcome<()> {
    let mut bytes = [0; BALL];
    for _ in 0..count {
        stream.read_exact(&mut bytes)?;
        stream.write_all(&bytes)?;
    }
    Ok(())
}
