//! What a message costs in instructions, on the emulator's clock of instructions.
//!
//! It prints `name value` a line.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::size_of;
use cortex_m_semihosting::hprintln;
use ropeway_core::dialect::Carries;
use ropeway_core::dialect::cable_car::{CableCarByte, Join};
use ropeway_core::message::{Decode, Encode};
use ropeway_core::{Event, Messenger};
use ropeway_costs::board::timer;
use ropeway_costs::cost::per_round;
use ropeway_costs::exit;
use ropeway_costs::words::{Fixed, LENT, Line, Measurement, Packed, Words};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    let mut line = Messenger::new(CableCarByte, &mut INPUT[..], &mut OUTBOX[..]);
    timer::start();
    let measurement = Measurement::sample(1000);
    let (fixed, packed) = (Fixed(measurement), Packed(measurement));

    hprintln!("messenger {}", size_of::<Line>());
    both_ways("unit", &mut line, &Join);
    both_ways("fixed", &mut line, &fixed);
    both_ways("postcard", &mut line, &packed);
    body("fixed", &fixed);
    body("postcard", &packed);
    exit(true)
}

/// Prints what a message costs through the messenger, out and in.
fn both_ways<M>(name: &str, line: &mut Line, message: &M)
where
    CableCarByte: Carries<M>,
{
    let out = per_round(|| {
        is(line.send(black_box(message)).is_ok());
        let len = line.poll_output().len();
        line.handle_written(black_box(len));
    });
    let len = put_in_front(line, message);
    // The memory keeps the frame when it has been taken: noting its length again is receiving it again.
    let receive = per_round(|| {
        black_box(line.input_room());
        line.handle_input(black_box(len));
        is(matches!(
            black_box(line.recv::<Words>()),
            Some(Event::Message(_))
        ));
    });
    hprintln!("{}_out {}", name, out);
    hprintln!("{}_in {}", name, receive);
}

/// Prints what the body alone costs, out and in.
fn body<M: Encode + for<'a> Decode<'a>>(name: &str, message: &M) {
    let mut memory = [0; LENT];
    let mut len = 0;
    let out = per_round(|| {
        let written = black_box(message).encode(black_box(&mut memory[..]));
        is(written.is_ok());
        len = written.unwrap_or_default();
    });
    let receive = per_round(|| is(black_box(M::decode(black_box(&memory[..len]))).is_ok()));
    hprintln!("{}_body_out {}", name, out);
    hprintln!("{}_body_in {}", name, receive);
}

/// Puts the frame of `message` where the next input goes and returns its length.
fn put_in_front<M>(line: &mut Line, message: &M) -> usize
where
    CableCarByte: Carries<M>,
{
    is(line.send(message).is_ok());
    let (room, waiting) = line.both_ways();
    let len = waiting.len();
    room[..len].copy_from_slice(waiting);
    line.handle_written(len);
    len
}

fn is(so: bool) {
    if !so {
        exit(false);
    }
}
