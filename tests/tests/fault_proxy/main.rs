//! The pulled cable over real sockets: a client and a hub talk through a proxy on which everything goes wrong.
//!
//! `ROPEWAY_SEEDS=10000` makes so many random runs, `ROPEWAY_SEED=7` the one of that seed, `ROPEWAY_EVERY_BYTE=1` lets
//! faults happen at every byte where the usual test leaves some out. What fails names what reproduces it.

mod counts;
mod end;
mod folders;
mod hostile;
mod judge;
mod ledger;
mod program;
mod script;
mod words;

use counts::Counts;
use program::{Setup, run};
use ropeway_tests::proxy::{Ending, Fault, Learns, Planned, When};
use ropeway_tests::rig::Random;
use script::ms;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// When a run must be over.
const LIMIT: Duration = Duration::from_secs(20);

/// The exchange that faults happen to at given bytes.
fn scripted(is_polled: bool) -> Setup {
    Setup {
        scripts: script::scripts(),
        buffers: [1024, 1024],
        silence: SILENCE,
        session_life: Duration::from_secs(60),
        is_polled,
        can_wait: true,
        has_files: false,
    }
}

/// Makes runs in as many threads as are of use to waiting, and adds up what there was; the first that fails is told.
fn all<T: Sync>(
    cases: &[T],
    run: impl Fn(&T) -> (String, Result<Counts, String>) + Sync,
) -> Counts {
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Counts::default());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while failed.lock().unwrap().is_empty() {
                    let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) else {
                        break;
                    };
                    match run(case) {
                        (_, Ok(counts)) => *sum.lock().unwrap() += counts,
                        (name, Err(wrong)) => failed.lock().unwrap().push((name, wrong)),
                    }
                }
            });
        }
    });
    if let Some((name, wrong)) = failed.into_inner().unwrap().pop() {
        panic!("failed: {name}\n{wrong}");
    }
    sum.into_inner().unwrap()
}

/// The bytes at which faults happen: every `step`th of what `side` says in a whole exchange.
fn everywhere(step: usize, faults: &[Fault], alter: impl Fn(&mut Setup)) -> Vec<Planned> {
    let step = match std::env::var_os("ROPEWAY_EVERY_BYTE") {
        Some(_) => 1,
        None => step,
    };
    let whole = whole_exchange(alter);
    let mut cases = Vec::new();
    for (side, said) in whole.into_iter().enumerate() {
        for (number, fault) in faults.iter().enumerate() {
            // Other faults begin elsewhere, so that few bytes are left out by all.
            let first = number * step / faults.len();
            let at = (first..=said).step_by(step);
            cases.extend(at.map(|at| Planned {
                when: When::Said(side, at),
                fault: *fault,
            }));
        }
    }
    cases
}

/// How many bytes each side says if nothing goes wrong.
fn whole_exchange(alter: impl Fn(&mut Setup)) -> [usize; 2] {
    // What is said of acknowledgements is up to the moment; the longest of some counts.
    (0..4).fold([0, 0], |longest, n| {
        let mut setup = scripted(n % 2 == 0);
        alter(&mut setup);
        let counts = run(&setup, &[]).expect("nothing goes wrong");
        [0, 1].map(|side| counts.said[side].max(longest[side]))
    })
}

/// Has faults happen to the scripted exchange.
fn exchange(case: &[Planned], alter: impl FnOnce(&mut Setup)) -> (String, Result<Counts, String>) {
    // Both sorts of sockets, whatever the step is.
    let number = |planned: &Planned| match *planned {
        Planned {
            when: When::Said(_, at),
            fault: Fault::Kill(Ending::Reset),
        } => at + 1,
        Planned {
            when: When::Said(_, at),
            ..
        } => at,
        Planned { .. } => 0,
    };
    let mut setup = scripted(case.iter().map(number).sum::<usize>() % 2 == 0);
    alter(&mut setup);
    let counts = run(&setup, case);
    (format!("{case:?}, {setup:?}"), counts)
}

fn tell(what: &str, start: Instant, counts: &Counts) {
    println!("{what}: {counts}; {:?}", start.elapsed());
}

#[test]
fn a_link_killed_at_any_byte_loses_and_repeats_nothing() {
    let start = Instant::now();
    let mut cases = everywhere(1, &[Fault::Kill(Ending::Fin)], |_| ());
    cases.extend(everywhere(1, &[Fault::Kill(Ending::Reset)], |_| ()));
    let counts = all(&cases, |case| exchange(&[*case], |_| ()));
    tell("killed", start, &counts);
}

#[test]
fn a_link_killed_again_while_it_opens_loses_and_repeats_nothing() {
    let start = Instant::now();
    let kills = [Fault::Kill(Ending::Fin), Fault::Kill(Ending::Reset)];
    let cases = everywhere(11, &kills, |_| ());
    // In an opening, at its end, and at what comes first behind it.
    let again = [1, 30, 55, 58, 61, 68];
    let cases: Vec<_> = cases
        .into_iter()
        .flat_map(|first| again.map(|more| [first, later(first, more), later(first, more * 2)]))
        .collect();
    let counts = all(&cases, |case| exchange(case, |_| ()));
    tell("killed three times", start, &counts);
}

/// The same, so many bytes later.
fn later(planned: Planned, bytes: usize) -> Planned {
    let when = match planned.when {
        When::Said(side, at) => When::Said(side, at + bytes),
        When::After(span) => When::After(span),
    };
    Planned { when, ..planned }
}

#[test]
fn a_link_that_is_half_open_or_stalls_at_any_byte_loses_and_repeats_nothing() {
    let start = Instant::now();
    let faults = [
        Fault::HalfOpen(0),
        Fault::HalfOpen(1),
        Fault::Stall(0, SILENCE / 4),
        Fault::Stall(1, SILENCE / 4),
        Fault::Stall(0, SILENCE * 2),
        Fault::Stall(1, SILENCE * 2),
        Fault::Delay(0, ms(5)),
        Fault::Delay(1, ms(5)),
    ];
    let cases = everywhere(23, &faults, |_| ());
    let counts = all(&cases, |case| exchange(&[*case], |_| ()));
    tell("half open, stalled, delayed", start, &counts);
}

#[test]
fn a_reboot_at_any_byte_loses_only_what_was_in_doubt() {
    let start = Instant::now();
    let faults = [
        Fault::Reboot(0, Learns::AtOnce),
        Fault::Reboot(1, Learns::AtOnce),
        Fault::Reboot(0, Learns::BySilence),
        Fault::Reboot(1, Learns::BySilence),
    ];
    let cases = everywhere(19, &faults, |_| ());
    let counts = all(&cases, |case| {
        exchange(&[*case], |setup| {
            setup.session_life = SILENCE * 4;
            setup.can_wait = false;
        })
    });
    tell("reboots", start, &counts);
}

#[test]
fn files_come_whole_over_links_killed_at_any_byte() {
    let start = Instant::now();
    let faults = [
        Fault::Kill(Ending::Fin),
        Fault::Kill(Ending::Reset),
        Fault::HalfOpen(0),
        Fault::HalfOpen(1),
        Fault::Reboot(0, Learns::AtOnce),
        Fault::Reboot(1, Learns::AtOnce),
    ];
    let with_files = |setup: &mut Setup| {
        setup.scripts = script::with_files();
        setup.has_files = true;
        setup.can_wait = false;
    };
    let cases = everywhere(31, &faults, with_files);
    let counts = all(&cases, |case| exchange(&[*case], with_files));
    tell("files", start, &counts);
}

/// One run in which chance decides on all.
fn chance(seed: u64) -> (String, Result<Counts, String>) {
    let mut random = Random::new(seed);
    let buffers = [0; 2].map(|_| random.one_of(&[512, 700, 1024, 4096, 1 << 16]));
    let longest = random.one_of(&[60, 600, 3_000]);
    let has_files = random.once_in(5);
    let scripts = [0; 2].map(|_| script::random(&mut random, longest, has_files));
    let faults = Planned::random(&mut random, 1_500, ms(200));
    let dies = |planned: &Planned| matches!(planned.fault, Fault::Reboot(0, _));
    let is_mortal = faults.iter().any(dies);
    let setup = Setup {
        scripts,
        buffers,
        silence: SILENCE,
        session_life: match is_mortal {
            true => SILENCE * 4,
            false => Duration::from_secs(60),
        },
        is_polled: random.once_in(2),
        // Who waits for an answer is not started anew meanwhile.
        can_wait: !is_mortal,
        has_files,
    };
    let counts = run(&setup, &faults);
    (
        format!("ROPEWAY_SEED={seed}: {faults:?}, {setup:?}"),
        counts,
    )
}

#[test]
fn whatever_chance_brings_loses_only_what_was_in_doubt() {
    let start = Instant::now();
    let number = |name| {
        let text = std::env::var(name).ok();
        text.map(|text| text.parse::<u64>().expect("a number"))
    };
    let seeds = match (number("ROPEWAY_SEED"), number("ROPEWAY_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => 0..count,
        (None, None) => 0..200,
    };
    let cases: Vec<u64> = seeds.clone().collect();
    let counts = all(&cases, |seed| chance(*seed));
    tell(&format!("seeds {seeds:?}"), start, &counts);
}

/// What both sides promise: short, so that who is lost is missed soon.
const SILENCE: Duration = Duration::from_millis(200);

/// Runs at a time: most of them wait.
const THREADS: usize = 48;
