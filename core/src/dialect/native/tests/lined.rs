//! Sessions over a serial line that garbles.

use super::rig::{Number, Random, Words};
use super::{Config, Native, Notice, Opening};
use crate::wire::serial::Serial;
use crate::{Event, Instant, Messenger, SendError};
use std::vec::Vec;

type End = Messenger<Native<Config>, [u8; 512], [u8; 512], Serial<[u8; 512], [u8; 512]>>;

fn end(native: Native<Config>, random: &mut Random, now: u64) -> End {
    let wire = Serial::new([0; 512], [0; 512]);
    let mut end = Messenger::new(native, [0; 512], [0; 512]).with_wire(wire);
    end.handle_time(Instant::from_micros(now * 1_000));
    let mut bytes = [0; 32];
    bytes.fill_with(|| random.next().to_le_bytes()[0]);
    end.handle_connected_with(bytes);
    end
}

/// Moves what is written, and garbles a byte of a thousand.
fn carry(from: &mut End, to: &mut End, random: &mut Random) {
    let mut line: Vec<u8> = from.poll_output().into();
    from.handle_written(line.len());
    for at in (0..line.len()).rev() {
        match random.below(3_000) {
            0 => line[at] ^= 1 << random.below(8),
            1 => drop(line.remove(at)),
            2 => line.insert(at, random.next().to_le_bytes()[0]),
            _ => {}
        }
    }
    let mut left = &line[..];
    while !left.is_empty() {
        let room = to.input_room();
        let len = room.len().min(left.len());
        assert!(len > 0, "a serial line always has room");
        let (now, later) = left.split_at(len);
        room[..len].copy_from_slice(now);
        to.handle_input(len);
        left = later;
    }
}

/// How many go each way.
const NUMBERS: u32 = if cfg!(miri) { 10 } else { 200 };

#[test]
fn garbage_on_the_line_delays_messages_and_loses_none() {
    let seeds = if cfg!(miri) { 1..2 } else { 1..20 };
    let mut slowest = 0;
    for seed in seeds {
        let mut random = Random(seed * 0x51_2345);
        let mut ends = [
            end(Native::dialling(Config::new(1)), &mut random, 0),
            end(Native::listening(Config::new(2)), &mut random, 0),
        ];
        let (mut sent, mut heard) = ([0_u32; 2], [0_u32; 2]);
        let mut now = 0;
        while heard != [NUMBERS; 2] {
            now += 1;
            assert!(now < 600_000, "seed {seed}: stuck at {sent:?} {heard:?}");
            for side in 0..2 {
                let [a, b] = &mut ends;
                let (here, there) = if side == 0 { (a, b) } else { (b, a) };
                here.handle_time(Instant::from_micros(now * 1_000));
                if sent[side] < NUMBERS {
                    match here.send(&Number(sent[side])) {
                        Ok(()) => sent[side] += 1,
                        Err(error) => assert_eq!(error, SendError::Full),
                    }
                }
                carry(here, there, &mut random);
                while let Some(event) = there.recv::<Words<'_>>() {
                    match event {
                        Event::Message(Words::Number(Number(number))) => {
                            assert_eq!(number, heard[1 - side], "seed {seed}");
                            heard[1 - side] += 1;
                        }
                        Event::Notice(Notice::Met(_) | Notice::Opened(_)) => {}
                        other => panic!("seed {seed}: {other:?}"),
                    }
                }
            }
        }
        slowest = slowest.max(now);
    }
    std::println!("the slowest took {slowest} ms of the line's time");
}

/// A board that reboots starts the line anew, and its peer goes on by itself.
#[test]
fn a_peer_that_reboots_is_told_as_a_fresh_session() {
    let mut random = Random(7);
    let mut board = end(Native::dialling(Config::new(1)), &mut random, 0);
    let mut hub = end(Native::listening(Config::new(2)), &mut random, 0);
    let mut told = Vec::new();
    const END: u64 = if cfg!(miri) { 1_600 } else { 4_000 };
    // How often anything happens, in milliseconds.
    const STEP: usize = if cfg!(miri) { 10 } else { 1 };
    for now in (0..END).step_by(STEP) {
        if now == END / 2 {
            board = end(Native::dialling(Config::new(3)), &mut random, now);
            hub.send(&Number(5)).unwrap();
        }
        for end in [&mut board, &mut hub] {
            end.handle_time(Instant::from_micros(now * 1_000));
        }
        carry(&mut board, &mut hub, &mut random);
        carry(&mut hub, &mut board, &mut random);
        while let Some(event) = board.recv::<Words<'_>>() {
            if let Event::Message(Words::Number(Number(number))) = event {
                told.push(number);
            }
        }
        while let Some(event) = hub.recv::<Words<'_>>() {
            if let Event::Notice(Notice::Opened(Opening::Fresh { cause, .. })) = event {
                told.push(cause as u32 + 100);
            }
        }
    }
    told.sort_unstable();
    assert_eq!(told, [5, 100, 101]);
}
