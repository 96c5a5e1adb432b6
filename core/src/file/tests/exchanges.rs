use super::rig::{Cut, Faults, Random, Rig, Task, no_faults};
use crate::file::{By, Config, Reason};
use std::cell::{Cell, RefCell};
use std::format;
use std::println;
use std::rc::Rc;

const SMALL: Config = Config {
    window: 300,
    chunk: 100,
};

/// Miri is slow: it looks at some of the cuts only.
const STEP: usize = if cfg!(miri) { 300 } else { 1 };

/// Files both ways at once, offered and asked for, one of them empty.
fn scripted() -> Rig {
    let mut rig = Rig::new(6, SMALL, no_faults());
    let mut random = Random(1);
    for at in [0, 1] {
        for (task, len) in [(Task::Send, 950), (Task::Send, 0), (Task::Fetch, 700)] {
            let name = format!("{at}/{len}");
            let owner = if task == Task::Send { at } else { 1 - at };
            rig.hosts[owner].add_original(&name, random.bytes(len));
            rig.hosts[at].add_job(task, &name);
        }
    }
    rig
}

fn run_until(rig: &mut Rig, delivered: usize) {
    while rig.delivered < delivered {
        rig.round();
    }
}

/// Only what was asked for in an older session is given up, to be asked for again.
fn check_stops(rig: &Rig) {
    let mut stops = rig.hosts.iter().flat_map(|host| &host.stops);
    assert!(stops.all(|(_, by)| *by == By::Fresh));
}

#[test]
fn files_arrive_both_ways_at_once() {
    let mut rig = scripted();
    rig.finish();
    println!("{} frames", rig.delivered);
}

#[test]
fn files_arrive_whichever_frame_the_link_is_cut_at() {
    let mut whole = scripted();
    whole.finish();
    let mut runs = 0;
    for delivered in (0..=whole.delivered).step_by(STEP) {
        for cut in [Cut::Resume, Cut::Fresh, Cut::Reboot(0), Cut::Reboot(1)] {
            let mut rig = scripted();
            run_until(&mut rig, delivered);
            rig.lose();
            rig.begin(cut);
            rig.finish();
            check_stops(&rig);
            runs += 1;
        }
    }
    println!(
        "{runs} runs, one for each of {} frames and each kind of cut",
        whole.delivered
    );
}

#[test]
fn files_arrive_when_the_link_is_cut_at_every_frame_in_turn() {
    for kinds in [
        &[Cut::Resume][..],
        &[Cut::Fresh, Cut::Resume],
        &[Cut::Resume, Cut::Reboot(0), Cut::Reboot(1)],
    ] {
        for every in (12..40).step_by(STEP) {
            let mut rig = scripted();
            for cut in kinds.iter().cycle().take(60 / STEP.min(20)) {
                let next = rig.delivered + every;
                let mut rounds = 0;
                while rig.delivered < next && rounds < 200 {
                    rig.round();
                    rounds += 1;
                }
                rig.lose();
                rig.begin(*cut);
            }
            rig.finish();
            check_stops(&rig);
        }
    }
}

#[test]
fn files_arrive_or_faults_are_reported_whatever_happens() {
    let (mut delivered, mut cuts, mut stops) = (0, 0, 0);
    let seeds = if cfg!(miri) { 0..1 } else { 0..3000 };
    for seed in seeds.clone() {
        // Shown only when the test fails.
        println!("seed {seed}");
        let rig = random_run(seed);
        delivered += rig.delivered;
        cuts += rig.cuts;
        stops += rig.hosts.iter().map(|host| host.stops.len()).sum::<usize>();
    }
    println!(
        "seeds {seeds:?}: {delivered} frames, {cuts} cuts, {stops} transfers stopped and begun again"
    );
}

fn random_run(seed: u64) -> Rig {
    let mut random = Random(seed);
    let faults = Faults {
        left: Rc::new(Cell::new(8)),
        random: Rc::new(RefCell::new(Random(!seed))),
    };
    let config = Config {
        window: 1 + u32::try_from(random.below(600)).unwrap(),
        chunk: 1 + u32::try_from(random.below(400)).unwrap(),
    };
    let mut rig = Rig::new(2 + random.below(4), config, faults.clone());
    rig.vary(&mut random);
    for job in 0..1 + random.below(6) {
        let at = random.below(2);
        let task = if random.one_in(2) {
            Task::Send
        } else {
            Task::Fetch
        };
        let owner = if task == Task::Send { at } else { 1 - at };
        let name = format!("file {job}");
        let len = random.below(1500) * random.below(2);
        rig.hosts[owner].add_original(&name, random.bytes(len));
        rig.hosts[at].add_job(task, &name);
    }
    for _ in 0..1500 {
        random_step(&mut rig, &mut random, &faults);
        if rig.is_done() {
            break;
        }
    }
    if !rig.is_up {
        rig.begin(Cut::Resume);
    }
    faults.left.set(0);
    for _ in 0..200_000 {
        if rig.is_done() {
            break;
        }
        calm_step(&mut rig, &mut random);
    }
    rig.finish();
    let mut originals = rig.hosts.iter().flat_map(|host| host.originals.values());
    let changed = originals.any(|original| !original.borrow().older.is_empty());
    let mut stops = rig.hosts.iter().flat_map(|host| &host.stops);
    let is_wrong = stops.any(|(reason, _)| *reason == Reason::WrongCrc);
    assert!(changed || !is_wrong, "a wrong CRC of what never changed");
    rig
}

fn calm_step(rig: &mut Rig, random: &mut Random) {
    let at = random.below(2);
    match random.below(8) {
        0 => rig.act(at),
        1..3 => rig.queue(at),
        3..6 => _ = rig.send(at),
        _ => _ = rig.deliver(at),
    }
}

fn random_step(rig: &mut Rig, random: &mut Random, faults: &Faults) {
    match random.below(60) {
        0 if rig.is_up => rig.lose(),
        0..5 if !rig.is_up => rig.begin(match random.below(8) {
            0 => Cut::Fresh,
            1 => Cut::Reboot(0),
            2 => Cut::Reboot(1),
            _ => Cut::Resume,
        }),
        5 if faults.strike(4) => {
            let host = &rig.hosts[random.below(2)];
            for original in host.originals.values() {
                let len = random.below(1500);
                original.borrow_mut().change(random.bytes(len));
            }
        }
        6 if faults.strike(4) => {
            let host = &mut rig.hosts[random.below(2)];
            for job in &mut host.jobs {
                if let Some(file) = job.file.take() {
                    let _ = host.side.cancel(file);
                }
            }
        }
        _ => calm_step(rig, random),
    }
}
