//! A bad line in virtual time, and two ends on it.

use super::Random;
use crate::buf::Storage;
use crate::time::{Duration, Instant};
use crate::wire::serial::Serial;
use crate::wire::{Fault, Wire};
use std::collections::VecDeque;
use std::vec::Vec;

/// What happens to the bytes of one direction: shares in millionths, by byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    pub(super) flipped: u32,
    pub(super) lost: u32,
    pub(super) inserted: u32,
    /// How often a run of 100 bytes is garbled or lost.
    pub(super) bursts: u32,
}

impl Trouble {
    /// Something between a good line and one of which 5 % of the bytes are hit, bursts included.
    pub(super) fn draw(random: &mut Random) -> Self {
        let most = [0, 10, 100, 1000, 10_000, 50_000][random.below(6)];
        // Each kind gets a share of its own of what is left.
        let mut left = most;
        let mut draw = |random: &mut Random| {
            let share = u32::try_from(random.below(left as usize + 1)).unwrap();
            left -= share;
            share
        };
        Self {
            bursts: draw(random) / BURST,
            flipped: draw(random),
            lost: draw(random),
            inserted: draw(random),
        }
    }
}

/// One direction: bytes arrive in order, as late as the line is long, or not as they were.
#[derive(Debug)]
pub(super) struct Line {
    trouble: Trouble,
    random: Random,
    burst: u32,
    is_burst_lost: bool,
    on_the_way: VecDeque<(u64, u8)>,
}

impl Line {
    pub(super) fn new(trouble: Trouble, seed: u64) -> Self {
        Self {
            trouble,
            random: Random(seed),
            burst: 0,
            is_burst_lost: false,
            on_the_way: VecDeque::new(),
        }
    }

    pub(super) fn carry(&mut self, byte: u8, arrives: u64) {
        let mut hit = |share: u32| share > 0 && self.random.below(1_000_000) < share as usize;
        if self.burst == 0 && hit(self.trouble.bursts) {
            self.burst = BURST;
            self.is_burst_lost = hit(500_000);
        }
        let is_in_burst = self.burst > 0;
        self.burst = self.burst.saturating_sub(1);
        let is_lost = hit(self.trouble.lost) || is_in_burst && self.is_burst_lost;
        let is_flipped = hit(self.trouble.flipped);
        let is_inserted = hit(self.trouble.inserted);
        if is_inserted {
            let garbage = self.random.byte();
            self.on_the_way.push_back((arrives, garbage));
        }
        if is_lost {
            return;
        }
        let byte = match (is_in_burst, is_flipped) {
            (true, _) => self.random.byte(),
            (false, true) => byte ^ 1 << self.random.below(8),
            (false, false) => byte,
        };
        self.on_the_way.push_back((arrives, byte));
    }

    fn arrive(&mut self, now: u64) -> Option<u8> {
        let (at, byte) = *self.on_the_way.front()?;
        (at <= now).then(|| {
            self.on_the_way.pop_front();
            byte
        })
    }
}

/// Memory that grows when it is first needed, as that of the std adapter.
#[derive(Debug)]
pub(super) struct Memory {
    bytes: Vec<u8>,
    limit: usize,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Self {
        let bytes = Vec::new();
        Self { bytes, limit }
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Storage for Memory {
    fn limit(&self) -> usize {
        self.limit
    }

    fn grow(&mut self, len: usize) -> bool {
        assert!(len <= self.limit);
        self.bytes.resize(len.max(self.bytes.len()), 0xaa);
        true
    }
}

/// One end, and what its holder has said and heard on it.
pub(super) struct End {
    pub(super) serial: Serial<Memory, Memory>,
    memory: (usize, usize),
    random: Random,
    pub(super) starts: u32,
    pub(super) sent: usize,
    /// What it says next.
    pending: Vec<u8>,
    /// How much of what was heard has been looked at.
    pub(super) checked: usize,
    pub(super) heard: Vec<u8>,
    pub(super) restarts: u32,
    pub(super) takes: bool,
}

impl End {
    pub(super) fn new(memory: (usize, usize), seed: u64) -> Self {
        let mut end = Self {
            serial: Serial::new(Memory::new(0), Memory::new(0)),
            memory,
            random: Random(seed),
            starts: 0,
            sent: 0,
            pending: Vec::new(),
            checked: 0,
            heard: Vec::new(),
            restarts: 0,
            takes: true,
        };
        end.reboot();
        end
    }

    /// All is forgotten but how often it has started, which it keeps to tell its streams apart.
    pub(super) fn reboot(&mut self) {
        let (input, output) = self.memory;
        self.serial = Serial::new(Memory::new(input), Memory::new(output));
        self.connect();
    }

    fn connect(&mut self) {
        let mut random = [0; 32];
        random.fill_with(|| self.random.byte());
        self.serial.handle_connected(random);
        self.starts += 1;
        self.sent = 0;
        self.checked = 0;
        self.pending.clear();
        self.heard.clear();
    }

    /// Lets the holder say what it has to say and take what there is.
    fn hold(&mut self, say: &impl Fn(u32, usize) -> Vec<u8>) {
        match self.serial.poll_stream() {
            Err(fault) => {
                assert_eq!(fault, Fault::Restarted);
                self.restarts += 1;
                self.connect();
            }
            Ok(bytes) if self.takes => {
                let len = bytes.len();
                self.heard.extend_from_slice(bytes);
                self.serial.take_stream(len);
            }
            Ok(_) => {}
        }
        if self.serial.is_open() {
            if self.pending.is_empty() {
                self.pending = say(self.starts, self.sent);
            }
            let len = self.serial.send_stream(&self.pending);
            self.pending.drain(..len);
            self.sent += len;
        }
    }
}

/// Two ends, a line each way, and a clock.
pub(super) struct Rig {
    pub(super) ends: [End; 2],
    pub(super) lines: [Line; 2],
    pub(super) now: u64,
    /// Bytes a millisecond.
    pub(super) speed: usize,
    /// Microseconds from one end to the other.
    pub(super) delay: u64,
    pub(super) carried: [u64; 2],
}

impl Rig {
    pub(super) fn new(memories: [(usize, usize); 2], trouble: Trouble, seed: u64) -> Self {
        let [one, other] = memories;
        Self {
            ends: [End::new(one, seed ^ 0x55), End::new(other, seed ^ 0xaaaa)],
            lines: [
                Line::new(trouble, seed ^ 0x1111),
                Line::new(trouble, seed ^ 0x2222_2222),
            ],
            now: 1_000_000_000,
            speed: 92,
            delay: 1500,
            carried: [0; 2],
        }
    }

    /// Lets a millisecond pass. `say` is what an end says next, by which end, its start and what it has said.
    pub(super) fn step(&mut self, say: &impl Fn(usize, u32, usize) -> Vec<u8>) {
        self.now += 1000;
        for from in 0..2 {
            let end = &mut self.ends[from];
            let now = Instant::from_micros(self.now);
            let due = end.serial.next_timeout();
            end.serial.handle_time(now);
            assert!(due.is_none() || end.serial.next_timeout() != due || due > Some(now));
            let back = &mut self.lines[1 - from];
            loop {
                let room = end.serial.input_room();
                assert!(!room.is_empty());
                let mut len = 0;
                while let Some(place) = room.get_mut(len) {
                    let Some(byte) = back.arrive(self.now) else {
                        break;
                    };
                    *place = byte;
                    len += 1;
                }
                if len == 0 {
                    break;
                }
                end.serial.handle_input(len);
                end.hold(&|start, sent| say(from, start, sent));
            }
            end.hold(&|start, sent| say(from, start, sent));
            let mut left = self.speed;
            loop {
                let bytes = end.serial.poll_output();
                let len = bytes.len().min(left);
                if len == 0 {
                    break;
                }
                for byte in &bytes[..len] {
                    self.lines[from].carry(*byte, self.now + self.delay);
                }
                end.serial.handle_written(len);
                left -= len;
                self.carried[from] += len as u64;
                end.hold(&|start, sent| say(from, start, sent));
            }
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now - 1_000_000_000)
    }
}

const BURST: u32 = 100;
