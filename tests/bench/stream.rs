//! Messages one way over TCP, as fast as they go.

use crate::message::{Copies, Fixed, Lines, Sample, Samples, Status};
use crate::pinned::{self, PATIENCE};
use crate::report::{Report, Target};
use crate::rounds::Series;
use crate::slab::{self, Allocated, SLAB, WARM_UP, steadily};
use crate::{Outcome, Scale, instructions, rounds};
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::{Carries, Dialect};
use ropeway_std::{Event, Link, Options};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// One way to bring messages from a socket to another.
struct Contender {
    name: &'static str,
    send: fn(TcpStream, u32) -> Outcome<Allocated>,
    receive: fn(TcpStream, u32) -> Outcome<Allocated>,
}

/// A row with a target: the contender, what it is compared with, and the share of it to reach.
type Goal = (usize, usize, f64);

const BYTES: [Contender; 6] = [
    Contender {
        name: "limit 1: bytes that are there already, dropped",
        send: send_ready,
        receive: drop_all,
    },
    Contender {
        name: "limit 2: the same, decoded by hand",
        send: send_ready,
        receive: receive_ready,
    },
    Contender {
        name: "length + hand-written copy, slab",
        send: |stream, count| slab::send(stream, count, emit_fixed),
        receive: |stream, count| slab::receive(stream, count, parse_fixed),
    },
    Contender {
        name: "length + postcard, slab",
        send: |stream, count| slab::send(stream, count, emit_postcard),
        receive: |stream, count| slab::receive(stream, count, parse_postcard),
    },
    Contender {
        name: "Ropeway: byte dialect, fixed layout",
        send: |stream, count| send_link(CableCarByte, stream, count, |id| Fixed(Sample::nth(id))),
        receive: receive_fixed,
    },
    Contender {
        name: "Ropeway: byte dialect, postcard",
        send: |stream, count| send_link(CableCarByte, stream, count, Sample::nth),
        receive: receive_postcard,
    },
];
const BYTE_GOALS: [Goal; 2] = [(4, 2, 0.90), (5, 3, 0.95)];

const JSON: [Contender; 2] = [
    Contender {
        name: "serde_json, the same lines, slab",
        send: |stream, count| slab::send(stream, count, emit_json),
        receive: |stream, count| slab::receive(stream, count, parse_json),
    },
    Contender {
        name: "Ropeway: JSON dialect",
        send: |stream, count| send_link(CableCarJson, stream, count, Status::nth),
        receive: receive_json,
    },
];
const JSON_GOALS: [Goal; 1] = [(1, 0, 0.90)];

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    if !pinned::has_two_cores() {
        report.value("only one core: streams compete for it", "");
    }
    report.section("stream of M, one way over TCP");
    let count = scale.pick(200_000, 5_000_000);
    table(report, &BYTES, &BYTE_GOALS, count, scale.pick(3, 11));
    report.section("stream of JSON, one way over TCP");
    let count = scale.pick(20_000, 400_000);
    table(report, &JSON, &JSON_GOALS, count, scale.pick(3, 11));
}

fn table(report: &mut Report, contenders: &[Contender], goals: &[Goal], count: u32, rounds: usize) {
    let mut runs = vec![Vec::new(); contenders.len()];
    let rates = rounds::interleaved(contenders.len(), rounds, |at| {
        let run = contenders[at]
            .run(count)
            .map_err(|error| format!("{}: {error}", contenders[at].name))?;
        runs[at].push(run);
        Ok(run.rate)
    });
    let Some(rates) = report.succeeds("every message arrived, in order", rates) else {
        return;
    };
    report.value("every message arrived, in order", "ok");
    let goal = |at| goals.iter().find(|(target, ..)| *target == at);
    for (at, contender) in contenders.iter().enumerate() {
        let rate = format!("{:.2} M/s", rates[at].median());
        match goal(at) {
            Some(&(_, to, goal)) => {
                let ratio = rates[at].over(&rates[to]);
                let target = Target::AtLeast(goal);
                report.target(contender.name, rate, ratio, contenders[to].name, target);
            }
            None => report.ratio(contender.name, rate, rates[at].over(&rates[0]), "first row"),
        }
    }
    let busiest: Vec<Series> = runs
        .iter()
        .map(|runs| runs.iter().map(|run| run.processor_time).collect())
        .collect();
    for &(at, to, _) in goals {
        for at in [to, at] {
            let time = format!("{:.1} ns", busiest[at].median());
            let ratio = busiest[at].over(&busiest[to]);
            let name = format!("processor time: {}", contenders[at].name);
            report.ratio(&name, time, ratio, contenders[to].name);
        }
    }
    for &(at, to, _) in goals {
        let counts = [to, at]
            .map(|at| instructions::per_message(contenders[at].name, 3 * WARM_UP, 12 * WARM_UP));
        if let [Ok(theirs), Ok(ours)] = counts {
            for (at, count) in [(to, theirs), (at, ours)] {
                let name = format!("instructions: {}", contenders[at].name);
                let shown = format!("{count:.1} instr.");
                report.ratio(&name, shown, count / theirs, contenders[to].name);
            }
        }
    }
    for &(at, ..) in goals {
        let name = format!("{}: allocations", contenders[at].name);
        let allocated: Allocated = runs[at].iter().map(|run| run.allocated).sum();
        report.check(&name, allocated == 0, allocated);
    }
}

/// Runs the contender called `name`: what is counted under valgrind.
pub(crate) fn run(name: &str, count: u32) -> Option<Outcome<()>> {
    let contender = BYTES.iter().chain(&JSON).find(|of| of.name == name)?;
    Some(contender.run(count).map(drop))
}

/// What came of one run.
#[derive(Clone, Copy)]
struct Run {
    /// Million messages a second.
    rate: f64,
    /// Nanoseconds per message of the thread that needs more.
    processor_time: f64,
    /// By both threads.
    allocated: Allocated,
}

impl Contender {
    fn run(&self, count: u32) -> Outcome<Run> {
        let (here, there) = pinned::connection()?;
        let start = Instant::now();
        let ((received, receiving), (sent, sending)) = pinned::side_by_side(
            || timed(|| (self.receive)(here, count)),
            || timed(|| (self.send)(there, count)),
        )?;
        let messages = f64::from(count);
        Ok(Run {
            rate: messages / start.elapsed().as_secs_f64() / 1e6,
            processor_time: receiving.max(sending) / messages,
            allocated: received + sent,
        })
    }
}

/// What `side` results in, and the processor time that it took.
fn timed<T>(side: impl FnOnce() -> Outcome<T>) -> Outcome<(T, f64)> {
    let before = pinned::processor_time();
    let result = side()?;
    let spent = pinned::processor_time().zip(before);
    Ok((
        result,
        spent.map_or(f64::NAN, |(after, before)| after - before),
    ))
}

/// How many messages of the fixed layout lie ready in one slab.
const READY: u32 = 2520;
const _: () = assert!(READY as usize == SLAB / Sample::LEN);

fn send_ready(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut slab = vec![0; READY as usize * Sample::LEN];
    for (id, bytes) in (0..).zip(slab.as_chunks_mut().0) {
        Sample::nth(id).to_bytes(bytes);
    }
    let mut left = count as usize * Sample::LEN;
    while left > 0 {
        let len = left.min(slab.len());
        stream.write_all(&slab[..len])?;
        left -= len;
    }
    Ok(0)
}

fn drop_all(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut slab = vec![0; SLAB];
    let mut left = count as usize * Sample::LEN;
    while left > 0 {
        match stream.read(&mut slab)? {
            0 => return Err("the stream ended early".into()),
            len => left -= len,
        }
    }
    Ok(0)
}

fn receive_ready(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut next = 0;
    slab::receive(stream, count, |_, bytes| {
        let Some(bytes) = bytes.first_chunk() else {
            return Ok(None);
        };
        expect(next, &Sample::from_bytes(bytes))?;
        next = if next + 1 == READY { 0 } else { next + 1 };
        Ok(Some(Sample::LEN))
    })
}

#[inline]
fn emit_fixed(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let [length, out @ ..] = out else {
        return Err("no room".into());
    };
    *length = u8::try_from(Sample::LEN)?;
    Sample::nth(id).to_bytes(out.first_chunk_mut().ok_or("no room")?);
    Ok(1 + Sample::LEN)
}

#[inline]
fn parse_fixed(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(body) = body(bytes) else {
        return Ok(None);
    };
    let sample = Sample::from_bytes(body.try_into()?);
    expect(id, &sample)?;
    Ok(Some(1 + body.len()))
}

#[inline]
fn emit_postcard(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let [length, out @ ..] = out else {
        return Err("no room".into());
    };
    let len = postcard::to_slice(&Sample::nth(id), out)?.len();
    *length = u8::try_from(len)?;
    Ok(1 + len)
}

#[inline]
fn parse_postcard(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(body) = body(bytes) else {
        return Ok(None);
    };
    expect(id, &postcard::from_bytes(body)?)?;
    Ok(Some(1 + body.len()))
}

/// What lies behind a length byte, if it is here whole.
#[inline]
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = bytes.split_first()?;
    rest.get(..usize::from(length))
}

#[inline]
fn emit_json(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let room = out.len();
    let mut rest = out;
    serde_json::to_writer(&mut rest, &("Status", Status::nth(id)))?;
    rest.write_all(b"\n")?;
    Ok(room - rest.len())
}

#[inline]
fn parse_json(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return Ok(None);
    };
    let (name, status): (&str, Status<'_>) = serde_json::from_slice(&bytes[..end])?;
    if name != "Status" {
        return Err("not a status".into());
    }
    expect_status(id, &status)?;
    Ok(Some(end + 1))
}

#[inline]
fn send_link<D: Dialect + Carries<M>, M>(
    dialect: D,
    stream: TcpStream,
    count: u32,
    nth: impl Fn(u32) -> M,
) -> Outcome<Allocated> {
    let mut link = Link::new(dialect, stream, &Options::default())?;
    let allocated = steadily(count, |id| Ok(link.queue(&nth(id))?))?;
    link.finish()?;
    Ok(allocated)
}

fn receive_fixed(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = Link::new(CableCarByte, stream, &Options::default())?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Copies::Fixed(Fixed(sample)))) => expect(id, &sample),
        _ => Err(lost(id)),
    })
}

fn receive_postcard(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = Link::new(CableCarByte, stream, &Options::default())?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Samples::Sample(sample))) => expect(id, &sample),
        _ => Err(lost(id)),
    })
}

fn receive_json(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = Link::new(CableCarJson, stream, &Options::default())?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Lines::Status(status))) => expect_status(id, &status),
        _ => Err(lost(id)),
    })
}

#[inline]
fn expect(id: u32, sample: &Sample) -> Outcome<()> {
    if black_box(sample).id == id {
        Ok(())
    } else {
        Err(lost(id))
    }
}

#[inline]
fn expect_status(id: u32, status: &Status<'_>) -> Outcome<()> {
    if black_box(status).id == id {
        Ok(())
    } else {
        Err(lost(id))
    }
}

#[cold]
fn lost(id: u32) -> Box<dyn std::error::Error + Send + Sync> {
    format!("message {id} is lost").into()
}
