//! Messages one way over TCP, as fast as they go, and calls with many under way.

mod bytes;
mod clever_show;
mod json;
pub(crate) mod native;
mod packetmq;
pub(crate) mod tcptalks;

use crate::message::{Sample, Samples};
use crate::pinned::{self, PATIENCE};
use crate::report::{Report, Target};
use crate::rounds::Series;
use crate::slab::{Allocated, WARM_UP, steadily};
use crate::{Outcome, Scale, instructions, rounds};
use ropeway_std::dialect::{Carries, Dialect};
use ropeway_std::registry::Registry;
use ropeway_std::{Event, Link, Messenger, Options};
use std::hint::black_box;
use std::net::TcpStream;
use std::time::Instant;

/// Contenders that carry the same, with their goals.
struct Section {
    title: &'static str,
    contenders: &'static [Contender],
    goals: &'static [Goal],
    /// Whether both sides of the goals put the same bytes on the wire, where that is to be seen.
    is_same: fn() -> Outcome<()>,
    /// How many messages a run has.
    count: u32,
}

/// One way to bring messages from a socket to another.
struct Contender {
    name: &'static str,
    send: fn(TcpStream, u32) -> Outcome<Allocated>,
    receive: fn(TcpStream, u32) -> Outcome<Allocated>,
}

/// A row with a target: the contender, what it is compared with, and the share of it to reach.
type Goal = (usize, usize, f64);

const SECTIONS: [&Section; 6] = [
    &bytes::STREAM,
    &json::STREAM,
    &packetmq::STREAM,
    &clever_show::STREAM,
    &tcptalks::STREAM,
    &tcptalks::CALLS,
];

const NATIVE: [&Section; 3] = [&native::STREAM, &native::SECURE, &native::CALLS];

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    sections(report, scale, &SECTIONS);
}

/// The same for the native protocol.
pub(crate) fn measure_native(report: &mut Report, scale: Scale) {
    sections(report, scale, &NATIVE);
}

fn sections(report: &mut Report, scale: Scale, sections: &[&Section]) {
    if !pinned::has_two_cores() {
        report.value("only one core: streams compete for it", "");
    }
    for section in sections {
        report.section(section.title);
        report.succeeds("the same bytes on the wire", (section.is_same)());
        let count = scale.pick(section.count / 25, section.count);
        let (contenders, goals) = (section.contenders, section.goals);
        table(report, contenders, goals, count, scale.pick(3, 11));
    }
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
        let counts =
            [to, at].map(|at| instructions::per_message(contenders[at].name, WARM_UP, 4 * WARM_UP));
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
    let sections = SECTIONS.iter().chain(&NATIVE);
    let mut contenders = sections.flat_map(|section| section.contenders);
    let contender = contenders.find(|of| of.name == name)?;
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

/// A link whose opening is done.
fn open<D: Dialect>(dialect: D, stream: TcpStream) -> Outcome<Link<D>>
where
    Samples: for<'a> Registry<'a, D>,
{
    open_with(dialect, stream, &Options::default())
}

fn open_with<D: Dialect>(dialect: D, stream: TcpStream, options: &Options) -> Outcome<Link<D>>
where
    Samples: for<'a> Registry<'a, D>,
{
    let mut link = Link::new(dialect, stream, options)?;
    while !link.dialect().is_open() || link.dialect().has_notice() {
        match link.recv::<Samples>(PATIENCE)? {
            Some(Event::Notice(_)) => {}
            _ => return Err("the link does not open".into()),
        }
    }
    link.flush()?;
    Ok(link)
}

/// Queues every message, and ends the link.
#[inline]
fn send_link<D: Dialect + Carries<M>, M>(
    mut link: Link<D>,
    count: u32,
    nth: impl Fn(u32) -> M,
) -> Outcome<Allocated> {
    let allocated = steadily(count, |id| Ok(link.queue(&nth(id))?))?;
    link.finish()?;
    Ok(allocated)
}

/// The bytes that one end sends for `message`, once both have opened the link.
pub(crate) fn frame<D: Dialect + Carries<M>, M>(ends: [D; 2], message: &M) -> Outcome<Vec<u8>>
where
    Samples: for<'a> Registry<'a, D>,
{
    let mut ends = ends.map(|dialect| Messenger::new(dialect, [0; 1024], [0; 1024]));
    // An opening has few steps, and an even number of turns brings the ends back to their places.
    for _ in 0..16 {
        let [here, there] = &mut ends;
        let bytes = here.poll_output();
        let len = bytes.len();
        there.input_room()[..len].copy_from_slice(bytes);
        there.handle_input(len);
        here.handle_written(len);
        while there.recv::<Samples>().is_some() {}
        ends.reverse();
    }
    let [here, _] = &mut ends;
    here.send(message)?;
    Ok(here.poll_output().to_vec())
}

/// Whether `ours` is what `emit` writes for the message of this id.
fn is_same(id: u32, ours: &[u8], emit: fn(u32, &mut [u8]) -> Outcome<usize>) -> Outcome<()> {
    let mut slot = [0; 512];
    let len = emit(id, &mut slot)?;
    if slot[..len] == *ours {
        Ok(())
    } else {
        let theirs = slot[..len].escape_ascii();
        Err(format!("{} is not {theirs}", ours.escape_ascii()).into())
    }
}

#[inline]
fn expect(id: u32, sample: &Sample) -> Outcome<()> {
    if black_box(sample).id == id {
        Ok(())
    } else {
        Err(lost(id))
    }
}

#[cold]
fn lost(id: u32) -> Box<dyn std::error::Error + Send + Sync> {
    format!("message {id} is lost").into()
}
