//! The JSON dialect without an allocator: numbers with a point out as Python writes them, and in again.
#![no_std]
#![no_main]

use ropeway_core::dialect::cable_car::{CableCarJson, Join};
use ropeway_core::{Event, Messenger, messages};
use serde::{Deserialize, Serialize};

messages! {
    enum Words<'a> {
        Join(Join),
        Stats(Stats<'a>) as "MsgStats",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Stats<'a> {
    host: &'a str,
    cpu: f64,
    celsius: f32,
    uptime: u32,
}

const STATS: Stats<'static> = Stats {
    host: "board",
    cpu: 0.1,
    celsius: 36.625,
    uptime: 86_400,
};
const LINE: &[u8] =
    b"[\"MsgStats\",{\"host\":\"board\",\"cpu\":0.1,\"celsius\":36.625,\"uptime\":86400}]\n";
/// The same as another program may write it, in other words and another order.
const LOOSE: &[u8] = b" [\"MsgStats\", {\"uptime\": 86400, \"cpu\": 1e-1, \"host\": \"b\\u006fard\", \"celsius\": 36.6250}]\n";

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; 128] = [0; 128];
    static mut OUTBOX: [u8; 128] = [0; 128];
    let mut line = Messenger::new(CableCarJson, &mut INPUT[..], &mut OUTBOX[..]);
    ropeway_mcu::finish(talk(&mut line))
}

fn talk(line: &mut Messenger<CableCarJson, &'static mut [u8]>) -> Result<(), &'static str> {
    line.send(&STATS).map_err(|_| "not sent")?;
    is(line.poll_output() == LINE, "written differently")?;
    for bytes in [LINE, LOOSE] {
        line.input_room()[..bytes.len()].copy_from_slice(bytes);
        line.handle_input(bytes.len());
        is(
            matches!(line.recv(), Some(Event::Message(Words::Stats(stats))) if stats == STATS),
            "read differently",
        )?;
    }
    let broken = b"[\"MsgStats\",{\"cpu\":0.1.2}]\n[\"MsgJoin\",{}]\n";
    line.input_room()[..broken.len()].copy_from_slice(broken);
    line.handle_input(broken.len());
    is(
        matches!(line.recv::<Words<'_>>(), Some(Event::Malformed(_))),
        "broken line not reported",
    )?;
    is(
        matches!(line.recv(), Some(Event::Message(Words::Join(Join)))),
        "out of step",
    )
}

fn is(so: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if so { Ok(()) } else { Err(otherwise) }
}
