//! Requests from memory: a hundred rounds of some exchanges, whose answers must be the expected ones. What happens between a
//! request and the next is counted, but for the comparison.
//!
//! The requests and answers are printed, so that they can be told over the serial line too.

use ropeway_costs::board::timer;
use ropeway_costs::{exit, say};

/// A request and its answer.
#[derive(Clone, Copy)]
pub struct Exchange {
    pub request: Frame,
    pub answer: Frame,
}

/// A frame of at most 64 bytes.
#[derive(Clone, Copy)]
pub struct Frame {
    pub bytes: [u8; 64],
    pub len: usize,
}

/// What is asked, and how far that has come.
struct Script {
    exchanges: [Option<Exchange>; 4],
    at: usize,
    is_answered: bool,
    started: u32,
    /// What the first of the exchanges took.
    ticks: u32,
    pieces: u32,
}

static mut SCRIPT: Script = Script {
    exchanges: [None; 4],
    at: 0,
    is_answered: true,
    started: 0,
    ticks: 0,
    pieces: 0,
};

/// Sets what is asked.
pub fn prepare(exchanges: [Exchange; 4]) {
    for Exchange { request, answer } in &exchanges {
        say::bytes("request", request.as_bytes());
        say::bytes("answer", answer.as_bytes());
    }
    script().exchanges = exchanges.map(Some);
    timer::start();
}

/// The next request; `None` when the last has been answered.
pub fn receive(memory: &mut [u8]) -> Option<&mut [u8]> {
    stop();
    let script = script();
    if !script.is_answered {
        exit(false);
    }
    if script.at == ROUNDS * script.exchanges.len() {
        return None;
    }
    let request = script.exchanges[script.at % script.exchanges.len()]?.request;
    script.at += 1;
    script.is_answered = false;
    let frame = memory.get_mut(..request.len)?;
    frame.copy_from_slice(request.as_bytes());
    start();
    Some(frame)
}

/// Compares an answer.
pub fn send(frame: &[u8]) {
    stop();
    let script = script();
    let asked = script.at.checked_sub(1);
    let asked = asked.and_then(|at| script.exchanges[at % script.exchanges.len()]);
    let is_right = asked.is_some_and(|it| it.answer.as_bytes() == frame);
    if !is_right || script.is_answered {
        exit(false);
    }
    script.is_answered = true;
    start();
}

/// Prints what the first of the exchanges took, in instructions.
pub fn end() {
    let script = script();
    let (started, nothing) = (timer::ticks(), timer::ticks());
    let looks = (nothing - started) * script.pieces;
    let instructions = (script.ticks - looks.min(script.ticks)) * 40 / 64;
    say::number("call", instructions as usize / ROUNDS);
}

fn start() {
    script().started = timer::ticks();
}

fn stop() {
    let now = timer::ticks();
    let script = script();
    if script.at % script.exchanges.len() == 1 {
        script.ticks += now - script.started;
        script.pieces += 1;
    }
}

#[expect(static_mut_refs, reason = "nothing interrupts, and no caller keeps it")]
fn script() -> &'static mut Script {
    // SAFETY: as above.
    unsafe { &mut SCRIPT }
}

impl Frame {
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

const ROUNDS: usize = 100;
