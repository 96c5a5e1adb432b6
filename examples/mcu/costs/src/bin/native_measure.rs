//! What a message and a call of the native protocol cost in instructions, on the emulator's clock of instructions.
//!
//! Two ends in one program, and nothing but the work of one end is counted: what the other does, and the way of the bytes,
//! are not. It prints `name value` a line.
#![no_std]
#![no_main]

use core::hint::black_box;
use ropeway_core::dialect::cable_car::Join;
use ropeway_core::dialect::native::{CallId, Config, Native};
use ropeway_core::dialect::{Answers, Carries};
use ropeway_core::encoding::{EncodeError, postcard};
use ropeway_core::message::{Answer, Call, Decode, Encode};
use ropeway_core::{Event, Messenger};
use ropeway_costs::board::timer;
use ropeway_costs::cost::{Meter, per_round};
use ropeway_costs::ends::carry;
use ropeway_costs::native::calls::{Station, Sum};
use ropeway_costs::native::{LENT, Node};
use ropeway_costs::words::{Fixed, Measurement, Packed, Words};
use ropeway_costs::{exit, say};

type Dialect = Native<&'static Config>;

static BOARD: Config = Config::new(1);
static HUB: Config = Config::new(2);

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: [[u8; LENT]; 4] = [[0; LENT]; 4];
    timer::start();
    let [a, b, c, d] = MEMORY;
    let mut here = Messenger::new(Native::dialling(&BOARD), &mut a[..], &mut b[..]);
    let mut there = Messenger::new(Native::listening(&HUB), &mut c[..], &mut d[..]);
    // What is sent waits for the opening.
    is(here.send(&Join).is_ok());
    for _ in 0..4 {
        carry(&mut here, &mut there);
        while there.recv::<Words>().is_some() {}
        carry(&mut there, &mut here);
        while here.recv::<Words>().is_some() {}
    }
    say::number("native_state", size_of::<Node>() - 4 * size_of::<usize>());
    let measurement = Measurement::sample(1000);
    both_ways(
        ["native_unit_out", "native_unit_in"],
        &mut here,
        &mut there,
        &Join,
    );
    let fixed = &Fixed(measurement);
    both_ways(
        ["native_fixed_out", "native_fixed_in"],
        &mut here,
        &mut there,
        fixed,
    );
    let packed = &Packed(measurement);
    both_ways(
        ["native_postcard_out", "native_postcard_in"],
        &mut here,
        &mut there,
        packed,
    );
    acknowledge(&mut here, &mut there);
    call(&mut here, &mut there);
    exit(true)
}

/// Prints what a message costs on its way out of one end and into the other, without acknowledgements.
fn both_ways<M>(names: [&str; 2], here: &mut Node, there: &mut Node, message: &M)
where
    Dialect: Carries<M>,
{
    let (mut out, mut receive) = (Meter::default(), Meter::default());
    for _ in 0..ROUNDS {
        out.count(|| {
            is(here.send(black_box(message)).is_ok());
            black_box(here.poll_output());
        });
        let len = move_bytes(here, there);
        out.count_on(|| here.handle_written(len));
        receive.count(|| {
            there.handle_input(black_box(len));
            let heard = black_box(there.recv::<Words>());
            is(matches!(heard, Some(Event::Message(_))));
        });
        settle(here, there);
    }
    say::number(names[0], out.per_round());
    say::number(names[1], receive.per_round());
}

/// Prints what an acknowledgement costs who makes it and who takes it: one for as many messages as were taken before it.
fn acknowledge(here: &mut Node, there: &mut Node) {
    let (mut out, mut receive) = (Meter::default(), Meter::default());
    for _ in 0..ROUNDS {
        is(here.send(&Join).is_ok());
        carry(here, there);
        is(there.recv::<Words>().is_some());
        out.count(|| {
            black_box(there.poll_output());
        });
        let len = move_bytes(there, here);
        is(len > 0);
        out.count_on(|| there.handle_written(len));
        receive.count(|| {
            here.handle_input(black_box(len));
            is(black_box(here.recv::<Words>()).is_none());
        });
    }
    say::number("native_ack_out", out.per_round());
    say::number("native_ack_in", receive.per_round());
}

/// Prints what a call costs who asks and who answers, bodies and all; each answer acknowledges its request.
fn call(here: &mut Node, there: &mut Node) {
    let (mut ask, mut answer) = (Meter::default(), Meter::default());
    for number in 0..ROUNDS {
        let id = CallId(number);
        let request = &Sum(70_000, -3);
        ask.count(|| {
            is(here.send(black_box(&Call { id, request })).is_ok());
            black_box(here.poll_output());
        });
        let len = move_bytes(here, there);
        ask.count_on(|| here.handle_written(len));
        answer.count(|| {
            there.handle_input(black_box(len));
            let Some(Event::Request(id, Station::Sum(Sum(a, b)))) = black_box(there.recv()) else {
                exit(false)
            };
            let value = &(i64::from(a) + i64::from(b));
            is(there.send(&Answer::<_, Sum> { id, value }).is_ok());
        });
        answer.count_on(|| {
            black_box(there.poll_output());
        });
        let len = move_bytes(there, here);
        answer.count_on(|| there.handle_written(len));
        ask.count_on(|| {
            here.handle_input(black_box(len));
            let Some(Event::Answer(answered, envelope)) = black_box(here.recv::<Station>()) else {
                exit(false)
            };
            let sum = <Dialect as Answers<'_, Sum>>::read_answer(envelope);
            is(answered == id && matches!(sum, Ok(Ok(69_997))));
        });
        // What acknowledges the answer is uncounted.
        settle(there, here);
    }
    say::number("native_ask", ask.per_round());
    say::number("native_answer", answer.per_round());
    call_bodies();
}

/// Prints what the bodies of the same call cost alone.
fn call_bodies() {
    let (mut request, mut answer) = ([0; 16], [0; 16]);
    let (mut request_len, mut answer_len) = (0, 0);
    let asked = per_round(|| {
        request_len = written(Sum(70_000, -3).encode(black_box(&mut request)));
    });
    let read = per_round(|| is(black_box(Sum::decode(black_box(&request[..request_len]))).is_ok()));
    let answered = per_round(|| {
        answer_len = written(postcard::encode(
            black_box(&69_997_i64),
            black_box(&mut answer),
        ));
    });
    let heard = per_round(|| {
        let sum: Result<i64, _> = postcard::decode(black_box(&answer[..answer_len]));
        is(black_box(sum) == Ok(69_997));
    });
    say::number("native_ask_bodies", asked + heard);
    say::number("native_answer_bodies", read + answered);
}

fn written(encoded: Result<usize, EncodeError>) -> usize {
    encoded.unwrap_or_else(|_| exit(false))
}

/// Brings the acknowledgement back, uncounted.
fn settle(here: &mut Node, there: &mut Node) {
    carry(there, here);
    is(here.recv::<Words>().is_none());
}

/// Puts what waits here where the next input goes there, and returns its length.
fn move_bytes(here: &mut Node, there: &mut Node) -> usize {
    let output = here.poll_output();
    for (room, byte) in there.input_room().iter_mut().zip(output) {
        *room = *byte;
    }
    output.len()
}

fn is(so: bool) {
    if !so {
        exit(false);
    }
}

const ROUNDS: u32 = 1000;
