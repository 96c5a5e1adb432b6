//! The pulled cable: two programs talk while everything that can go wrong between them does, in virtual time.
//!
//! `ROPEWAY_SEEDS=10000` makes so many random runs, `ROPEWAY_SEED=7` the one of that seed, `ROPEWAY_EVERY_BYTE=1` cuts
//! and reboots at every byte where the usual test leaves some out. What fails names what reproduces it.

use ropeway_core::time::Duration;
use ropeway_core::wire::secure::{Key, KeyId, Secure};
use ropeway_core::wire::{Plain, Wire};
use ropeway_tests::rig::{
    Counts, Ending, FILE_ROOM, Fault, MakeWire, Memory, PeerLearns, Planned, Random, Script, Setup,
    Step, When, World, script, script_with_files,
};
use std::time::Instant;

type Cipher = Secure<[(&'static [u8], Key); 1], Memory>;

fn plain(_: usize) -> Plain {
    Plain
}

fn secure(side: usize) -> Cipher {
    let keys = [(&b"fleet"[..], Key::new([7; 32]))];
    let memory = || Memory::new(300);
    match side {
        0 => Secure::dial(
            KeyId::new(b"fleet").expect("short"),
            keys,
            memory(),
            memory(),
        ),
        _ => Secure::listen(keys, memory(), memory()),
    }
}

/// Says what reproduces a failure.
struct Case(String);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed: {}", self.0);
        }
    }
}

/// Exchanges over several windows and sizes of memory, named.
fn setups() -> Vec<(&'static str, Setup)> {
    let silence = Some(Duration::from_secs(1));
    let roomy = Setup {
        silence,
        ..Setup::roomy([script(900), script(900)])
    };
    let mut setups = vec![("roomy", roomy.clone())];
    let narrow = Setup {
        window: 100,
        keeps_in_doubt: true,
        ..roomy.clone()
    };
    setups.push(("narrow window", narrow));
    let mut tight = Setup {
        memory: [(300, 320), (260, 400)],
        pace: Some(Duration::from_millis(4)),
        capacity: 120,
        ..roomy.clone()
    };
    tight.scripts = [script(tight.longest()), script(tight.longest())];
    setups.push(("little memory, slowly taken", tight));
    let uneven = Setup {
        memory: [(2048, 512), (600, 4096)],
        keeps_in_doubt: true,
        latency: Duration::from_millis(40),
        ..roomy.clone()
    };
    setups.push(("uneven memory, long line", uneven));
    let files = Setup {
        file_room: FILE_ROOM,
        window: 300,
        scripts: [script_with_files(300), script_with_files(300)],
        ..roomy
    };
    setups.push(("files", files));
    setups
}

/// Runs one exchange.
fn run<W: Wire>(
    name: &str,
    setup: &Setup,
    make: MakeWire<W>,
    seed: u64,
    faults: &[Planned],
) -> World<W> {
    let _case = Case(format!("{name}, seed {seed}, {faults:?}, {setup:?}"));
    let mut world =
        World::new(setup.clone(), make, Random::new(seed)).with_faults(faults.iter().copied());
    world.run();
    let late = world.ledger.counts.latest;
    assert!(late <= LATE, "a call ends {late:?} after its deadline");
    world
}

/// A call ends so long after its deadline at most.
const LATE: Duration = Duration::from_millis(1);

/// Runs an exchange with `fault` at every `step`th byte that either side writes.
fn everywhere<W: Wire>(
    name: &str,
    setup: &Setup,
    make: MakeWire<W>,
    step: usize,
    faults: &[Fault],
) -> Counts {
    let whole = run(name, setup, make, 1, &[]);
    let mut counts = Counts::default();
    for side in [0, 1] {
        for (number, fault) in faults.iter().enumerate() {
            // Other faults begin elsewhere, so that few bytes are left out by all.
            let first = number * step / faults.len();
            for at in (first..=whole.written[side]).step_by(step) {
                let when = When::Written(side, at);
                let fault = *fault;
                let world = run(name, setup, make, 1, &[Planned { when, fault }]);
                if !matches!(fault, Fault::Reboot(..)) {
                    assert_eq!(
                        world.ledger.counts.in_doubt, 0,
                        "{name} at {at} of side {side}"
                    );
                    assert_eq!(world.ledger.counts.lost, 0, "{name} at {at} of side {side}");
                }
                assert_eq!(world.ledger.counts.busy, 0, "{name} at {at} of side {side}");
                counts += Counts {
                    longest_at: at as u64,
                    ..world.ledger.counts
                };
            }
        }
    }
    counts
}

/// How many bytes apart faults are, usually and where code is not optimised.
fn step(usual: usize, slow: usize) -> usize {
    match (
        std::env::var_os("ROPEWAY_EVERY_BYTE"),
        cfg!(debug_assertions),
    ) {
        (Some(_), _) => 1,
        (None, false) => usual,
        (None, true) => slow,
    }
}

const CUTS: [Fault; 8] = [
    Fault::Cut(Ending::Eof),
    Fault::Cut(Ending::Reset),
    Fault::HalfOpen(0),
    Fault::HalfOpen(1),
    Fault::Stall(0, MOMENT),
    Fault::Stall(1, MOMENT),
    Fault::Delay(0, MOMENT),
    Fault::Delay(1, MOMENT),
];

/// Less than either side promises to be silent at most.
const MOMENT: Duration = Duration::from_millis(300);

const REBOOTS: [Fault; 4] = [
    Fault::Reboot(0, PeerLearns::AtOnce),
    Fault::Reboot(1, PeerLearns::AtOnce),
    Fault::Reboot(0, PeerLearns::BySilence),
    Fault::Reboot(1, PeerLearns::BySilence),
];

#[test]
fn a_cable_pulled_at_any_byte_loses_and_repeats_nothing() {
    let started = Instant::now();
    let mut counts = Counts::default();
    for (name, setup) in setups() {
        counts += everywhere(name, &setup, plain, step(1, 17), &CUTS);
    }
    println!("plain: {counts}; {:?}", started.elapsed());
}

#[test]
fn a_secure_cable_pulled_at_any_byte_loses_and_repeats_nothing() {
    let started = Instant::now();
    let mut counts = Counts::default();
    for (name, setup) in setups() {
        counts += everywhere(name, &setup, secure, step(5, 501), &CUTS[..2]);
    }
    println!("secure: {counts}; {:?}", started.elapsed());
}

#[test]
fn a_reboot_at_any_byte_loses_only_what_was_in_doubt() {
    let started = Instant::now();
    let mut counts = Counts::default();
    for (name, setup) in setups() {
        counts += everywhere(name, &setup, plain, step(1, 23), &REBOOTS);
        counts += everywhere(name, &setup, secure, step(20, 901), &REBOOTS[..2]);
    }
    println!("reboots: {counts}; {:?}", started.elapsed());
}

/// One run in which chance decides on all.
fn chance(seed: u64) -> Counts {
    let mut random = Random::new(seed);
    let setup = Setup::random(&mut random);
    let faults = Planned::random(&mut random, 3_000, Duration::from_secs(5));
    match random.once_in(8) {
        true => {
            run("random, secure", &setup, secure, seed, &faults)
                .ledger
                .counts
        }
        false => run("random", &setup, plain, seed, &faults).ledger.counts,
    }
}

#[test]
fn whatever_chance_brings_loses_only_what_was_in_doubt() {
    let started = Instant::now();
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let seeds = match (number("ROPEWAY_SEED"), number("ROPEWAY_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => 0..count,
        (None, None) if cfg!(debug_assertions) => 0..300,
        (None, None) => 0..2_000,
    };
    let mut counts = Counts::default();
    for seed in seeds.clone() {
        counts += Counts {
            longest_at: seed,
            ..chance(seed)
        };
    }
    println!("seeds {seeds:?}: {counts}; {:?}", started.elapsed());
}

/// Both ends send until nothing fits, and take one message only when nothing moves any more.
#[test]
fn two_blocked_senders_never_lock_each_other() {
    for (window, memory) in [
        (u32::MAX, [(256, 256); 2]),
        (40, [(1024, 512); 2]),
        (100, [(300, 2048), (2048, 300)]),
    ] {
        let setup = Setup {
            window,
            memory,
            latency: Duration::ZERO,
            capacity: 50,
            ..Setup::roomy([Script::new(), Script::new()])
        };
        let _case = Case(format!("{setup:?}"));
        let mut world = World::new(setup.clone(), plain, Random::new(1));
        world.run_now();
        let mut sent = 0;
        for round in 1..=100 {
            let mut is_moving = true;
            while is_moving {
                let before = sent;
                for side in [0, 1] {
                    let World {
                        ends, ledger, now, ..
                    } = &mut world;
                    // Some are larger than the window.
                    while ends[side].take_step(Step::Note(sent % setup.longest()), *now, ledger) {
                        sent += 7;
                    }
                }
                is_moving = world.move_bytes() || sent > before;
            }
            for side in [0, 1] {
                let World {
                    ends, ledger, now, ..
                } = &mut world;
                let taken = ends[side].take_one(*now, ledger);
                assert!(
                    taken,
                    "nothing has come through to side {side} in round {round}"
                );
            }
            assert_eq!(world.ledger.counts.messages, 2 * round);
        }
        world.run();
        println!("window {window}: {}", world.ledger.counts);
    }
}

/// Whoever opens and goes, at whatever byte, leaves the session as it was: the peer itself, and strangers.
#[test]
fn a_half_finished_opening_never_corrupts_a_later_resume() {
    let mut counts = Counts::default();
    for (name, setup) in setups() {
        for at in 0..230 {
            let side = at % 2;
            let _case = Case(format!("{name}, opening cut at {} of side {side}", at / 2));
            let setup = Setup {
                silence: None,
                ..setup.clone()
            };
            let mut world = World::new(setup, plain, Random::new(1));
            world.run_until(60);
            let written = world.written[side];
            let faults = [0, 30, 60].map(|more| Planned {
                when: When::Written(side, written + at / 2 + more),
                fault: Fault::Cut(Ending::Reset),
            });
            world.intrude(at / 2);
            world.break_it(Fault::Cut(Ending::Reset));
            world = world.with_faults(faults);
            world.wait(Duration::from_millis(50));
            world.run_now();
            world.intrude(at / 2);
            world.run();
            assert_eq!(world.ledger.counts.in_doubt, 0);
            assert_eq!(world.ledger.counts.lost, 0);
            counts += world.ledger.counts;
        }
    }
    println!("{counts}");
}
