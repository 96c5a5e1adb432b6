//! Encoding and decoding one message in memory: in time, and in instructions, which no neighbour disturbs.

use crate::message::{Copies, Fixed, Sample, Samples};
use crate::report::{Report, Target};
use crate::{Outcome, Scale, instructions, rounds};
use ropeway_std::dialect::Carries;
use ropeway_std::dialect::cable_car::CableCarByte;
use ropeway_std::{Event, Messenger};
use std::hint::black_box;
use std::time::Instant;

/// One way to encode and decode messages.
struct Variant {
    name: &'static str,
    /// Both ways for so many messages; says how many came out as they went in.
    run: fn(u32) -> u32,
}

const VARIANTS: [Variant; 4] = [
    Variant {
        name: "hand-written copy",
        run: copy,
    },
    Variant {
        name: "postcard, bare",
        run: postcard,
    },
    Variant {
        name: "Ropeway: frame, table, postcard",
        run: framed_postcard,
    },
    Variant {
        name: "Ropeway: frame, table, fixed layout",
        run: framed_copy,
    },
];
const COPY: usize = 0;
const POSTCARD: usize = 1;
/// The rows with a target: the variant, what it is compared with, and how far above it may be.
const TARGETS: [(usize, usize, f64); 2] = [(2, POSTCARD, 1.10), (3, COPY, 2.5)];

/// Messages that share a buffer, as they share a read in a link.
const BATCH: u32 = 64;

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.section("codec: encode and decode M");
    for variant in &VARIANTS {
        let came = (variant.run)(BATCH * 4);
        report.check(
            &format!("{}: all as sent", variant.name),
            came == BATCH * 4,
            came,
        );
    }
    let count = scale.pick(BATCH * 200, BATCH * 4_000);
    let times = rounds::interleaved(VARIANTS.len(), scale.pick(5, 25), |variant| {
        let start = Instant::now();
        black_box((VARIANTS[variant].run)(black_box(count)));
        Ok(start.elapsed().as_secs_f64() * 1e9 / f64::from(count))
    });
    if let Some(times) = report.succeeds("time", times) {
        let ratios = |a: usize, b: usize| times[a].over(&times[b]);
        rows(report, "ns", |variant| times[variant].median(), ratios);
    }
    let counts = VARIANTS
        .iter()
        .map(|variant| instructions::per_message(variant.name, BATCH * 100, BATCH * 600));
    match counts.collect::<Outcome<Vec<_>>>() {
        Ok(counts) => {
            let ratios = |a: usize, b: usize| counts[a] / counts[b];
            rows(report, "instr.", |variant| counts[variant], ratios);
        }
        Err(error) => report.value("instructions: not counted", error),
    }
}

fn rows(
    report: &mut Report,
    unit: &str,
    value: impl Fn(usize) -> f64,
    ratio: impl Fn(usize, usize) -> f64,
) {
    for (at, variant) in VARIANTS.iter().enumerate() {
        let shown = format!("{:.1} {unit}", value(at));
        let name = variant.name;
        match TARGETS.iter().find(|(target, ..)| *target == at) {
            Some(&(_, to, goal)) => {
                let to_name = VARIANTS[to].name;
                report.target(name, shown, ratio(at, to), to_name, Target::AtMost(goal));
            }
            None => report.value(name, shown),
        }
    }
}

/// Runs the variant called `name`: what is counted under valgrind.
pub(crate) fn run(name: &str, count: u32) -> Option<Outcome<()>> {
    let variant = VARIANTS.iter().find(|variant| variant.name == name)?;
    let came = (variant.run)(black_box(count));
    let lost = || format!("{came} of {count} messages came out").into();
    Some((came == count).then_some(()).ok_or_else(lost))
}

type Receiving = Messenger<CableCarByte, [u8; 4096], [u8; 0]>;

fn copy(count: u32) -> u32 {
    let mut bytes = [0; Sample::LEN];
    one_by_one(count, |sample| {
        sample.to_bytes(&mut bytes);
        Some(Sample::from_bytes(black_box(&bytes)))
    })
}

fn postcard(count: u32) -> u32 {
    let mut bytes = [0; 64];
    one_by_one(count, |sample| {
        let written = postcard::to_slice(sample, &mut bytes).ok()?;
        postcard::from_bytes(black_box(written)).ok()
    })
}

fn framed_postcard(count: u32) -> u32 {
    through_messengers(
        count,
        |sample| *sample,
        |theirs| match theirs.recv()? {
            Event::Message(Samples::Sample(sample)) => Some(sample),
            _ => None,
        },
    )
}

fn framed_copy(count: u32) -> u32 {
    through_messengers(
        count,
        |sample| Fixed(*sample),
        |theirs| match theirs.recv()? {
            Event::Message(Copies::Fixed(Fixed(sample))) => Some(sample),
            _ => None,
        },
    )
}

#[inline]
fn one_by_one(count: u32, mut both_ways: impl FnMut(&Sample) -> Option<Sample>) -> u32 {
    let samples = samples();
    let mut came = 0;
    for _ in 0..count / BATCH {
        for sample in &samples {
            if let Some(decoded) = both_ways(black_box(sample)) {
                came += u32::from(black_box(&decoded).id == sample.id);
            }
        }
    }
    came
}

#[inline]
fn through_messengers<M>(
    count: u32,
    wrap: impl Fn(&Sample) -> M,
    receive: impl Fn(&mut Receiving) -> Option<Sample>,
) -> u32
where
    CableCarByte: Carries<M>,
{
    let samples = samples();
    let mut ours = Messenger::new(CableCarByte, [0; 0], [0; 4096]);
    let mut theirs = Receiving::new(CableCarByte, [0; 4096], [0; 0]);
    let mut came = 0;
    for _ in 0..count / BATCH {
        for sample in &samples {
            if ours.send(&wrap(black_box(sample))).is_err() {
                return came;
            }
        }
        let bytes = ours.poll_output();
        let len = bytes.len();
        theirs.input_room()[..len].copy_from_slice(bytes);
        theirs.handle_input(len);
        ours.handle_written(len);
        for sample in &samples {
            if let Some(decoded) = receive(&mut theirs) {
                came += u32::from(black_box(&decoded).id == sample.id);
            }
        }
    }
    came
}

fn samples() -> [Sample; BATCH as usize] {
    let mut id = 0;
    std::array::from_fn(|_| {
        id += 70_000;
        Sample::nth(id)
    })
}
