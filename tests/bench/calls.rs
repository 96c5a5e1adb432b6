//! Calls through a node, one at a time, beside the same bytes thrown there and back by hand.

mod sealed;
mod tasks;

use crate::message::{Sample, Samples};
use crate::pinned::{self, PATIENCE};
use crate::report::{Report, Target};
use crate::rounds::{Series, percentile};
use crate::slab::{Allocated, steadily};
use crate::stream::{frame, native, tcptalks};
use crate::{Outcome, Scale};
use ropeway_std::call::Failure;
use ropeway_std::dialect::clever_show::{self, CleverShow};
use ropeway_std::dialect::{Answers, Asks, Replies};
use ropeway_std::message::{Answer, Call};
use ropeway_std::native::{CallId, Dial};
use ropeway_std::registry::Registry;
use ropeway_std::{Handlers, Link, Node, Options};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.section("calls through a node, one at a time, over TCP");
    let ends = || [tcptalks::dialling(), tcptalks::listening()];
    rows(
        report,
        scale,
        "TCPTalks",
        &ends,
        tcptalks::retcode(7).into(),
    );
    let ends = || [CleverShow::new(), CleverShow::new()];
    let id = clever_show::CallId::new(7);
    rows(report, scale, "clever-show", &ends, id);
    let spinning = Options::default().spin(Duration::from_millis(1));
    native_rows(report, scale, "Client::call", &Options::default(), 1.05);
    native_rows(report, scale, "call, spinning", &spinning, 0.55);
    secure_rows(report, scale);
    tasks::rows(report, scale);
}

fn rows<D>(
    report: &mut Report,
    scale: Scale,
    dialect: &str,
    ends: &impl Fn() -> [D; 2],
    id: D::CallId,
) where
    D: Asks<Sample> + Replies<Sample> + Send + 'static,
    for<'a> <D as Answers<'a, Sample>>::Failure: Failure,
    Samples: for<'a> Registry<'a, D>,
{
    let turns = frames(ends, id).and_then(|frames| {
        turns(&frames, scale, |trips| {
            let (here, there) = pinned::connection()?;
            let [asking, answering] = ends();
            let options = Options::default();
            pinned::side_by_side(
                || ask(asking, here, trips),
                || reply(answering, there, &options, trips),
            )
        })
    });
    show(report, dialect, "Node::call", 1.25, turns);
}

/// A client of the native protocol; each call takes the acknowledgement of the last answer along, and the other way round.
fn native_rows(report: &mut Report, scale: Scale, ours: &str, options: &Options, goal: f64) {
    let turns = native_frames()
        .and_then(|frames| turns(&frames, scale, |trips| call_native([options; 2], trips)));
    show(report, "native", ours, goal, turns);
}

/// The same over secure links, beside the same bytes in records sealed by hand.
fn secure_rows(report: &mut Report, scale: Scale) {
    let turns = native_frames().and_then(|frames| {
        let options = [native::secure()?, native::keyring()?];
        let by_hand = [sealed::throw as Side, sealed::give_back];
        turns_beside(by_hand, &frames, scale, |trips| {
            call_native(options.each_ref(), trips)
        })
    });
    show(report, "secure", "Client::call", 1.05, turns);
}

/// The bytes of a native call and of its answer, each with the acknowledgement that goes along.
fn native_frames() -> Outcome<[Vec<u8>; 2]> {
    let mut frames = frames(&|| [native::dialling(), native::listening()], CallId(7))?;
    for frame in &mut frames {
        frame.extend([0; native::ACK]);
    }
    Ok(frames)
}

fn call_native(
    [dialling, listening]: [&Options; 2],
    trips: u32,
) -> Outcome<((Vec<f64>, Allocated), Allocated)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    pinned::side_by_side(
        || {
            let dial = Dial::new(address).options(dialling);
            ask_node(dial.client(&native::config(), Handlers::new())?, trips)
        },
        || {
            let (there, _) = listener.accept()?;
            there.set_read_timeout(Some(PATIENCE))?;
            reply(native::listening(), there, listening, trips)
        },
    )
}

fn show(report: &mut Report, dialect: &str, ours: &str, goal: f64, turns: Outcome<Turns>) {
    let name = format!("{dialect}: every call is answered");
    let Some(turns) = report.succeeds(&name, turns) else {
        return;
    };
    report.value(&name, "ok");
    let contender = ours;
    for (name, percent, goal) in [("p50", 50, goal), ("p99", 99, 1.25)] {
        let [raw, ours] = turns.times.each_ref().map(|rounds| {
            let rounds = rounds.iter().cloned();
            let times = rounds.map(|times| percentile(times, percent));
            times.collect::<Series>()
        });
        let micros = |series: &Series| format!("{:.2} us", series.median());
        let by_hand = format!("{dialect}, by hand");
        report.value(&format!("{name} {by_hand}"), micros(&raw));
        let name = format!("{name} {dialect}, {contender}");
        let (ratio, target) = (ours.over(&raw), Target::AtMost(goal));
        report.target(&name, micros(&ours), ratio, &by_hand, target);
    }
    let allocated = turns.allocated;
    report.check(
        &format!("{dialect}: allocations"),
        allocated == 0,
        allocated,
    );
}

/// Microseconds of each trip, by contender and round, and what the nodes allocated on both sides.
struct Turns {
    times: [Vec<Vec<f64>>; 2],
    allocated: Allocated,
}

/// The bytes of a call and of its answer.
fn frames<D>(ends: &impl Fn() -> [D; 2], id: D::CallId) -> Outcome<[Vec<u8>; 2]>
where
    D: Asks<Sample> + Replies<Sample>,
    Samples: for<'a> Registry<'a, D>,
{
    let (request, value) = (&Sample::nth(7), &7);
    let call = frame(ends(), &Call { id, request })?;
    let answer = frame(ends(), &Answer::<'_, '_, _, Sample> { id, value })?;
    Ok([call, answer])
}

/// Throws the bytes there and back in turns with `ours`, which makes so many calls and answers them.
fn turns(
    frames: &[Vec<u8>; 2],
    scale: Scale,
    ours: impl FnMut(u32) -> Outcome<((Vec<f64>, Allocated), Allocated)>,
) -> Outcome<Turns> {
    turns_beside([throw as Side, give_back], frames, scale, ours)
}

/// One side that throws bytes there and back: the connection, the bytes of a call and of its answer, and how often. Says
/// how long each trip took, if it is the side that asks.
type Side = fn(TcpStream, &[Vec<u8>; 2], u32) -> Outcome<Vec<f64>>;

fn turns_beside(
    [throw, give_back]: [Side; 2],
    frames: &[Vec<u8>; 2],
    scale: Scale,
    mut ours: impl FnMut(u32) -> Outcome<((Vec<f64>, Allocated), Allocated)>,
) -> Outcome<Turns> {
    let (trips, rounds) = (scale.pick(200, 2_000), scale.pick(5, 25));
    let mut times = [Vec::new(), Vec::new()];
    let mut allocated = 0;
    for round in 0..=rounds {
        let (here, there) = pinned::connection()?;
        let (raw, _) = pinned::side_by_side(
            || throw(here, frames, trips),
            || give_back(there, frames, trips),
        )?;
        let ((ours, asker), answerer) = ours(trips)?;
        allocated = asker + answerer;
        if round > 0 {
            times[0].push(raw);
            times[1].push(ours);
        }
    }
    Ok(Turns { times, allocated })
}

fn throw(mut stream: TcpStream, [call, answer]: &[Vec<u8>; 2], trips: u32) -> Outcome<Vec<f64>> {
    let mut times = Vec::with_capacity(trips as usize);
    let mut bytes = vec![0; answer.len()];
    for id in 0..trips {
        let start = Instant::now();
        stream.write_all(call)?;
        stream.read_exact(&mut bytes)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        if bytes != *answer {
            return Err(format!("answer {id} is another").into());
        }
    }
    Ok(times)
}

fn give_back(
    mut stream: TcpStream,
    [call, answer]: &[Vec<u8>; 2],
    trips: u32,
) -> Outcome<Vec<f64>> {
    let mut bytes = vec![0; call.len()];
    for _ in 0..trips {
        stream.read_exact(&mut bytes)?;
        stream.write_all(answer)?;
    }
    Ok(Vec::new())
}

fn ask<D>(dialect: D, stream: TcpStream, trips: u32) -> Outcome<(Vec<f64>, Allocated)>
where
    D: Asks<Sample> + Replies<Sample>,
    for<'a> <D as Answers<'a, Sample>>::Failure: Failure,
{
    let link = Link::new(dialect, stream, &Options::default())?;
    ask_node(Node::new(link, Handlers::new()), trips)
}

fn ask_node<D>(mut node: Node<D>, trips: u32) -> Outcome<(Vec<f64>, Allocated)>
where
    D: Asks<Sample> + Replies<Sample>,
    for<'a> <D as Answers<'a, Sample>>::Failure: Failure,
{
    if !node.open(PATIENCE)? {
        return Err("the link does not open".into());
    }
    let mut times = Vec::with_capacity(trips as usize);
    let allocated = steadily(trips, |id| {
        let sample = Sample::nth(id);
        let start = Instant::now();
        let answer: u32 = node.call(&sample, PATIENCE)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        if answer == id {
            Ok(())
        } else {
            Err(format!("call {id} was answered with {answer}").into())
        }
    })?;
    Ok((times, allocated))
}

fn reply<D>(dialect: D, stream: TcpStream, options: &Options, trips: u32) -> Outcome<Allocated>
where
    D: Replies<Sample> + 'static,
{
    let answered = Arc::new(AtomicU32::new(0));
    let count = answered.clone();
    let mut handlers = Handlers::new();
    handlers.answer(move |_, sample: Sample| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(sample.id)
    });
    let link = Link::new(dialect, stream, options)?;
    let mut node = Node::new(link, handlers);
    steadily(trips, |id| {
        while answered.load(Ordering::Relaxed) <= id {
            if !node.turn(PATIENCE)? {
                return Err(format!("call {id} did not come").into());
            }
        }
        Ok(())
    })
}
