//! Encoding and decoding one message in memory: in time, and in instructions, which no neighbour disturbs.

use crate::message::{Copies, Fixed, Sample, Samples};
use crate::report::{Report, Target};
use crate::{Outcome, Scale, rounds};
use ropeway_std::dialect::Carries;
use ropeway_std::dialect::cable_car::CableCarByte;
use ropeway_std::{Event, Messenger};
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

/// One way to encode and decode messages.
struct Variant {
    key: &'static str,
    name: &'static str,
    /// Both ways for so many messages; says how many came out as they went in.
    run: fn(u32) -> u32,
}

const VARIANTS: [Variant; 4] = [
    Variant {
        key: "copy",
        name: "hand-written copy",
        run: copy,
    },
    Variant {
        key: "postcard",
        name: "postcard, bare",
        run: postcard,
    },
    Variant {
        key: "framed-postcard",
        name: "Ropeway: frame, table, postcard",
        run: framed_postcard,
    },
    Variant {
        key: "framed-copy",
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
    match instructions() {
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

/// Runs the variant called `key`: what is counted under valgrind.
pub(crate) fn run(key: &str, count: u32) -> Outcome<()> {
    let variant = VARIANTS.iter().find(|variant| variant.key == key);
    let came = (variant.ok_or("no such variant")?.run)(black_box(count));
    if came == count {
        Ok(())
    } else {
        Err(format!("{came} of {count} messages came out").into())
    }
}

/// Instructions per message of each variant: two runs of different length, so that all else cancels out.
fn instructions() -> Outcome<Vec<f64>> {
    const FEW: u32 = BATCH * 100;
    const MANY: u32 = BATCH * 600;
    let each = |variant: &Variant| -> Outcome<f64> {
        let more = callgrind(variant.key, MANY)? - callgrind(variant.key, FEW)?;
        Ok(more / f64::from(MANY - FEW))
    };
    VARIANTS.iter().map(each).collect()
}

fn callgrind(key: &str, count: u32) -> Outcome<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([crate::COUNTED, key, &count.to_string()])
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
