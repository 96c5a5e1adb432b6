//! A node at the end of a serial line: it answers each message in another form, and what it cannot read with
//! [`Retry`]. This is the program whose size counts.
#![no_std]
#![no_main]

use ropeway_core::dialect::cable_car::{CableCarByte, Join, Retry};
use ropeway_core::{Event, Messenger, SendError};
use ropeway_costs::board::uart;
use ropeway_costs::words::{Fixed, LENT, Line, Packed, Words};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    let mut line = Messenger::new(CableCarByte, &mut INPUT[..], &mut OUTBOX[..]);
    uart::start();
    loop {
        if let Some(room) = line.input_room().first_mut() {
            *room = uart::read();
            line.handle_input(1);
        }
        while let Some(answered) = answer(&mut line) {
            if answered.is_err() {
                ropeway_costs::exit(false);
            }
            while let Some(&byte) = line.poll_output().first() {
                uart::write(byte);
                line.handle_written(1);
            }
        }
        if line.is_over().is_some() {
            ropeway_costs::exit(true);
        }
    }
}

/// Answers the next message, if there is one.
fn answer(line: &mut Line) -> Option<Result<(), SendError>> {
    Some(match line.recv()? {
        Event::Message(Words::Fixed(Fixed(measurement))) => line.send(&Packed(measurement)),
        Event::Message(Words::Packed(Packed(measurement))) => line.send(&Fixed(measurement)),
        Event::Message(Words::Join(Join)) => line.send(&Join),
        Event::Unknown(_) | Event::Malformed(_) => line.send(&Retry),
    })
}
