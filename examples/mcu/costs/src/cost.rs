//! What work costs in instructions, on the emulator's clock of instructions.
//!
//! Each count is the difference of a long and a short loop, so that what is around the loop cancels out; what the loop
//! itself takes, two or three instructions, is counted.

use crate::board::timer;
use crate::ends::End;
use crate::{exit, say};
use core::hint::black_box;
use ropeway_core::dialect::Carries;

/// Prints what a message costs on its way out of one end and into the other, which `take`s it from its messenger and
/// says whether it was the message.
pub fn both_ways<D: Carries<M>, M>(
    here: &mut End<D>,
    there: &mut End<D>,
    message: &M,
    take: impl Fn(&mut End<D>) -> bool,
) {
    let out = per_round(|| {
        is(here.send(black_box(message)).is_ok());
        let len = here.poll_output().len();
        here.handle_written(black_box(len));
    });
    is(here.send(message).is_ok());
    let len = here.poll_output().len();
    for (room, byte) in there.input_room().iter_mut().zip(here.poll_output()) {
        *room = *byte;
    }
    here.handle_written(len);
    // The memory keeps the frame when it has been taken: noting its length again is receiving it again.
    let receive = per_round(|| {
        black_box(there.input_room());
        there.handle_input(black_box(len));
        is(take(there));
    });
    say::number("out", out);
    say::number("in", receive);
    say::number("bytes", len);
}

/// The instructions that `work` takes, rounded to the nearest.
pub fn per_round(mut work: impl FnMut()) -> usize {
    let (short, long) = (ticks(SHORT, &mut work), ticks(SHORT + ROUNDS, &mut work));
    let instructions = long.wrapping_sub(short) * TICK_NS / INSTRUCTION_NS;
    ((instructions + ROUNDS / 2) / ROUNDS) as usize
}

#[inline(never)]
fn ticks(rounds: u32, work: &mut impl FnMut()) -> u32 {
    let start = timer::ticks();
    for _ in 0..rounds {
        work();
    }
    timer::ticks() - start
}

/// Counts the instructions of pieces of work, and nothing between them.
#[derive(Default)]
pub struct Meter {
    ticks: u32,
    pieces: u32,
    rounds: u32,
}

impl Meter {
    /// Counts the first piece of a round.
    #[inline(always)]
    pub fn count(&mut self, work: impl FnOnce()) {
        self.rounds += 1;
        self.count_on(work);
    }

    /// Counts a further piece of the same round.
    #[inline(always)]
    pub fn count_on(&mut self, work: impl FnOnce()) {
        let start = timer::ticks();
        work();
        self.ticks = self.ticks.wrapping_add(timer::ticks() - start);
        self.pieces += 1;
    }

    /// The instructions of a round, without those that look at the clock, rounded to the nearest.
    pub fn per_round(&self) -> usize {
        let mut nothing = Self::default();
        for _ in 0..ROUNDS {
            nothing.count(|| ());
        }
        let looks = nothing.ticks * self.pieces / ROUNDS;
        let instructions = (self.ticks - looks) * TICK_NS / INSTRUCTION_NS;
        ((instructions + self.rounds / 2) / self.rounds) as usize
    }
}

fn is(so: bool) {
    if !so {
        exit(false);
    }
}

const SHORT: u32 = 100;
const ROUNDS: u32 = 1000;
const TICK_NS: u32 = 40;
const INSTRUCTION_NS: u32 = 64;
