//! A messenger that talks to itself: a thousand of each message, then everything that can be wrong with one. It prints the stack that
//! all of this took.
#![no_std]
#![no_main]

use ropeway_core::dialect::cable_car::{CableCarByte, Code, Join, Raw};
use ropeway_core::{Event, Malformed, Messenger, Over, Rule, SendError, encoding, framing};
use ropeway_costs::ends::{Checked, is};
use ropeway_costs::words::{Fixed, LENT, Line, Measurement, Packed, Words};
use ropeway_costs::{finish, say, stack};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    stack::paint();
    let mut line = Messenger::new(CableCarByte, &mut INPUT[..], &mut OUTBOX[..]);
    let result = talk(&mut line)
        .and_then(|()| refuse_bodies(&mut line))
        .and_then(|()| refuse_frames(&mut line));
    say::number("stack", stack::deepest());
    finish(result)
}

/// Sends and receives, and compares every value.
fn talk(line: &mut Line) -> Checked {
    for n in 0..1000 {
        let measurement = Measurement::sample(n);
        line.send(&Fixed(measurement))
            .map_err(|_| "fixed not sent")?;
        line.send(&Packed(measurement))
            .map_err(|_| "packed not sent")?;
        line.send(&Join).map_err(|_| "join not sent")?;
        is(
            line.send(&Fixed(measurement)) == Err(SendError::Full),
            "a full outbox took more",
        )?;
        loop_back(line);
        is(
            matches!(line.recv(), Some(Event::Message(Words::Fixed(Fixed(m)))) if m == measurement),
            "fixed differs",
        )?;
        is(
            matches!(line.recv(), Some(Event::Message(Words::Packed(Packed(m)))) if m == measurement),
            "packed differs",
        )?;
        is(
            matches!(line.recv(), Some(Event::Message(Words::Join(Join)))),
            "join differs",
        )?;
        is(line.recv::<Words>().is_none(), "more came than was sent")?;
    }
    Ok(())
}

/// Receives bodies that it must not take, and looks for the report and for the message behind it.
#[inline(never)]
fn refuse_bodies(line: &mut Line) -> Checked {
    let raw = Raw {
        code: Code(0x77),
        body: &[1, 2, 3],
    };
    line.send(&raw).map_err(|_| "raw not sent")?;
    loop_back(line);
    let unknown = matches!(line.recv::<Words>(), Some(Event::Unknown(e)) if e.key == raw.code && e.body == raw.body);
    is(unknown, "unknown code not reported")?;
    still_in_step(line)?;

    let short = Raw {
        code: Code(0x10),
        body: &[0; 25],
    };
    line.send(&short).map_err(|_| "raw not sent")?;
    loop_back(line);
    let refused = malformed(line).ok_or("short body not reported")?;
    is(
        refused.rule == Rule::Body(encoding::Rule::UnexpectedEnd),
        "short body: wrong rule",
    )?;
    is(refused.offset == 27, "short body: wrong place")?;
    still_in_step(line)?;

    let unfinished = Raw {
        code: Code(0x11),
        body: &[0x80],
    };
    line.send(&unfinished).map_err(|_| "raw not sent")?;
    loop_back(line);
    let refused = malformed(line).ok_or("unfinished varint not reported")?;
    is(
        refused.rule == Rule::Body(encoding::Rule::UnexpectedEnd),
        "unfinished varint: wrong rule",
    )?;
    still_in_step(line)
}

/// The same with frames.
#[inline(never)]
fn refuse_frames(line: &mut Line) -> Checked {
    let too_long = LENT as u8 + 1;
    receive(line, &[too_long]);
    let refused = malformed(line).ok_or("too long a frame not reported")?;
    let limit = framing::Rule::Limit {
        len: LENT + 1,
        limit: LENT,
    };
    is(
        refused.rule == Rule::Framing(limit),
        "too long a frame: wrong rule",
    )?;
    is(!refused.is_fatal(), "too long a frame: fatal")?;
    receive(line, &[0xA5; LENT / 2]);
    receive(line, &[0xA5; LENT / 2]);
    still_in_step(line)?;

    receive(line, &[1]);
    let refused = malformed(line).ok_or("bad length not reported")?;
    is(
        refused.rule == Rule::Framing(framing::Rule::Length { len: 1 }),
        "bad length: wrong rule",
    )?;
    is(refused.is_fatal(), "bad length: not fatal")?;
    is(
        line.is_over() == Some(Over::OutOfStep),
        "bad length: goes on",
    )
}

fn malformed(line: &mut Line) -> Option<Malformed> {
    match line.recv::<Words>()? {
        Event::Malformed(malformed) => Some(malformed),
        _ => None,
    }
}

fn still_in_step(line: &mut Line) -> Checked {
    is(line.recv::<Words>().is_none(), "one fault, two reports")?;
    line.send(&Join).map_err(|_| "join not sent")?;
    loop_back(line);
    is(
        matches!(line.recv(), Some(Event::Message(Words::Join(Join)))),
        "out of step",
    )
}

/// Moves what waits in the outbox to the input.
fn loop_back(line: &mut Line) {
    loop {
        let (room, waiting) = line.both_ways();
        let len = room.len().min(waiting.len());
        if len == 0 {
            return;
        }
        room[..len].copy_from_slice(&waiting[..len]);
        line.handle_input(len);
        line.handle_written(len);
    }
}

fn receive(line: &mut Line, bytes: &[u8]) {
    line.input_room()[..bytes.len()].copy_from_slice(bytes);
    line.handle_input(bytes.len());
}
