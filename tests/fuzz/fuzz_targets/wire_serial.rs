#![no_main]
//! Whatever happens on a serial line: no panic, always room for input, no talk without end; and where bytes are
//! only lost, what is heard is what was said, and all of it is heard once the line is good again.

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ropeway_core::Instant;
use ropeway_core::buf::Storage;
use ropeway_core::wire::serial::Serial;
use ropeway_core::wire::{Fault, Wire};
use std::collections::VecDeque;
use std::iter;

#[derive(Arbitrary, Debug)]
struct Plan<'a> {
    memories: [(u16, u16); 2],
    steps: Vec<(bool, Step<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Say(u8),
    Take(u16),
    /// So many bytes are written to the line.
    Write(u16),
    /// So many bytes of the line arrive.
    Arrive(u16),
    /// So many bytes of it are lost instead.
    Lose(u8),
    /// Bytes of nobody's arrive.
    Garbage(&'a [u8]),
    /// The next bytes of the line are changed.
    Garble(&'a [u8]),
    Wait(u16),
    Start,
}

#[derive(Debug)]
struct Memory(Vec<u8>);

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Storage for Memory {}

struct End {
    which: u8,
    serial: Serial<Memory, Memory>,
    starts: u8,
    said: usize,
    heard: Vec<u8>,
    line: VecDeque<u8>,
}

impl End {
    fn new(which: u8, (input, output): (u16, u16)) -> Self {
        let memory = |len: u16| Memory(vec![0; 64 + usize::from(len % 2048)]);
        Self {
            which,
            serial: Serial::new(memory(input), memory(output)),
            starts: 0,
            said: 0,
            heard: Vec::new(),
            line: VecDeque::new(),
        }
    }

    fn start(&mut self) {
        self.starts = self.starts.wrapping_add(1);
        (self.said, self.heard) = (0, Vec::new());
        let mut random = [self.which; 32];
        random[0] = self.starts;
        self.serial.handle_connected(random);
    }

    fn say(&mut self, len: usize) {
        let bytes: Vec<u8> = (self.said..self.said + len).map(pattern).collect();
        self.said += self.serial.send_stream(&bytes);
    }

    fn write(&mut self, most: usize) -> usize {
        let mut left = most;
        loop {
            let bytes = self.serial.poll_output();
            let len = bytes.len().min(left);
            if len == 0 {
                return most - left;
            }
            self.line.extend(&bytes[..len]);
            self.serial.handle_written(len);
            left -= len;
        }
    }

    fn receive(&mut self, bytes: impl Iterator<Item = u8>) {
        let mut bytes = bytes.peekable();
        while bytes.peek().is_some() {
            let room = self.serial.input_room();
            assert!(!room.is_empty());
            let mut len = 0;
            for (place, byte) in iter::zip(room, &mut bytes) {
                *place = byte;
                len += 1;
            }
            self.serial.handle_input(len);
        }
    }

    fn take(&mut self, most: usize) {
        match self.serial.poll_stream() {
            Ok(bytes) => {
                let len = bytes.len().min(most);
                self.heard.extend(&bytes[..len]);
                self.serial.take_stream(len);
            }
            Err(fault) => {
                assert_eq!(fault, Fault::Restarted);
                self.start();
            }
        }
    }
}

fuzz_target!(|plan: Plan<'_>| {
    let [one, other] = plan.memories;
    let mut ends = [End::new(1, one), End::new(2, other)];
    for end in &mut ends {
        end.start();
    }
    let is_hostile = plan
        .steps
        .iter()
        .any(|(_, step)| matches!(step, Step::Garbage(_) | Step::Garble(_)));
    let mut now = 0;
    for (which, step) in &plan.steps {
        let [first, second] = &mut ends;
        let (end, other) = match which {
            false => (first, second),
            true => (second, first),
        };
        match *step {
            Step::Say(len) => end.say(len.into()),
            Step::Take(len) => end.take(len.into()),
            Step::Write(len) => {
                end.write(len.into());
            }
            Step::Arrive(len) => {
                let len = other.line.len().min(len.into());
                end.receive(other.line.drain(..len));
            }
            Step::Lose(len) => {
                let len = other.line.len().min(len.into());
                other.line.drain(..len);
            }
            Step::Garbage(bytes) => end.receive(bytes.iter().copied()),
            Step::Garble(bytes) => {
                for (byte, mask) in iter::zip(&mut other.line, bytes) {
                    *byte ^= mask;
                }
            }
            Step::Wait(millis) => {
                now += u64::from(millis) * 1000;
                end.serial.handle_time(Instant::from_micros(now));
                other.serial.handle_time(Instant::from_micros(now));
            }
            Step::Start => end.start(),
        }
        if !is_hostile {
            heard_is_said(&ends);
        }
    }
    if !is_hostile {
        recover(ends, now);
    }
});

/// The line is good again: both start over, say something, and all of it comes over in seconds.
fn recover(mut ends: [End; 2], mut now: u64) {
    for _ in 0..1200 {
        now += 10_000;
        for which in 0..2 {
            let (end, other) = match &mut ends {
                [first, second] if which == 0 => (first, second),
                [first, second] => (second, first),
            };
            end.serial.handle_time(Instant::from_micros(now));
            end.receive(other.line.drain(..));
            end.take(usize::MAX);
            end.say(TOTAL.saturating_sub(end.said).min(100));
            assert!(end.write(1 << 20) < 1 << 20, "talks without end");
        }
        heard_is_said(&ends);
        let is_done = |end: &End| end.heard.len() >= TOTAL && end.serial.is_open();
        if ends.iter().all(is_done) {
            return;
        }
    }
    panic!(
        "the line stays dead: {:?} {:?}",
        ends[0].serial, ends[1].serial
    );
}

fn heard_is_said(ends: &[End; 2]) {
    for end in ends {
        let is_said = (0..).zip(&end.heard).all(|(at, byte)| *byte == pattern(at));
        assert!(is_said, "{:?}", end.heard);
    }
}

fn pattern(at: usize) -> u8 {
    (at as u32).wrapping_mul(0x9e37_79b1).to_be_bytes()[1] & 0xf7
}

const TOTAL: usize = 500;
