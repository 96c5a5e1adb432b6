//! What a program has to say.

use super::words::Wish;
use ropeway_tests::rig::Random;
use std::collections::VecDeque;
use std::time::Duration;

/// One thing that a program does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// It says nothing for so long.
    Wait(Duration),
    /// It sends a message with so many bytes of filler.
    Note(usize),
    /// It asks, and goes on.
    Ask {
        wish: Wish,
        within: Duration,
        cancel_after: Option<Cancel>,
    },
    /// It asks for what may be done twice, and goes on.
    Again,
    /// It asks, and waits for the answer, if it can.
    Call(Wish),
    /// It offers a file of so many bytes.
    Offer(usize),
    /// It asks for a file of so many bytes.
    AskFor(usize),
}

/// How a request is given up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cancel {
    ById(Duration),
    /// Its ticket is dropped.
    ByTicket(Duration),
}

pub(super) type Script = VecDeque<Step>;

/// So long that it never passes.
pub(super) const PATIENT: Duration = Duration::from_secs(60);

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn ask(wish: Wish) -> Step {
    Step::Ask {
        wish,
        within: PATIENT,
        cancel_after: None,
    }
}

const fn cancelled(cancel: Cancel) -> Step {
    Step::Ask {
        wish: Wish::Silence,
        within: PATIENT,
        cancel_after: Some(cancel),
    }
}

/// A bit of everything in a few hundred bytes: by the side that dials, and by that which listens.
pub(super) fn scripts() -> [Script; 2] {
    let dialler = [
        Step::Note(3),
        ask(Wish::Answer(0)),
        cancelled(Cancel::ById(ms(1))),
        Step::Call(Wish::Answer(1)),
        Step::Note(90),
        Step::Call(Wish::Refuse),
        Step::Again,
        Step::Note(0),
    ];
    let listener = [
        Step::Note(1),
        ask(Wish::Answer(1)),
        ask(Wish::Refuse),
        Step::Note(70),
        cancelled(Cancel::ByTicket(ms(1))),
        Step::Again,
        Step::Note(9),
    ];
    [dialler.into(), listener.into()]
}

/// The same with a file each way, offered, and one each way, asked for.
pub(super) fn with_files() -> [Script; 2] {
    let mut scripts = scripts();
    for (script, len) in scripts.iter_mut().zip([700, 900]) {
        script.insert(1, Step::Offer(len));
        script.insert(4, Step::AskFor(len + 50));
    }
    scripts
}

/// What chance makes, with messages of at most `longest` bytes.
pub(super) fn random(random: &mut Random, longest: usize, has_files: bool) -> Script {
    let count = 5 + random.below(30);
    let step = |random: &mut Random| match has_files && random.once_in(8) {
        true if random.once_in(2) => Step::Offer(random.below(20_000)),
        true => Step::AskFor(random.below(20_000)),
        false => random_step(random, longest),
    };
    (0..count).map(|_| step(random)).collect()
}

fn random_step(random: &mut Random, longest: usize) -> Step {
    let wish = match random.below(4) {
        0 => Wish::Refuse,
        1 => Wish::Answer(0),
        _ => Wish::Answer(random.one_of(&[1, 5, 60])),
    };
    let after = ms(random.one_of(&[0, 0, 1, 20]));
    match random.below(16) {
        0 => Step::Wait(ms(random.one_of(&[1, 10, 80]))),
        1..6 => Step::Note(random.below(20)),
        6 | 7 => Step::Note(random.below(longest)),
        8 => cancelled(Cancel::ById(after)),
        9 => cancelled(Cancel::ByTicket(after)),
        10 => Step::Ask {
            wish: Wish::Silence,
            within: ms(random.one_of(&[1, 30, 150])),
            cancel_after: None,
        },
        11 => Step::Again,
        12 => Step::Call(wish),
        _ => ask(wish),
    }
}
