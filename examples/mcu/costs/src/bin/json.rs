//! The JSON dialect without an allocator: numbers with a point out as Python writes them, and in again.
#![no_std]
#![no_main]

use ropeway_core::dialect::cable_car::{CableCarJson, Join};
use ropeway_core::{Event, Messenger, messages};
use ropeway_costs::board::timer;
use ropeway_costs::ends::{self, Checked, carry, is, put};
use ropeway_costs::words::Measurement;
use ropeway_costs::{cost, finish, say, stack};
use serde::{Deserialize, Serialize};

messages! {
    enum Words<'a> {
        Join(Join),
        Measured(Measurement),
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

type End = ends::End<CableCarJson>;

const LENT: usize = 192;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: [[u8; LENT]; 4] = [[0; LENT]; 4];
    stack::paint();
    timer::start();
    let [a, b, c, d] = MEMORY;
    let here = Messenger::new(CableCarJson, &mut a[..], &mut b[..]);
    let there = Messenger::new(CableCarJson, &mut c[..], &mut d[..]);
    let result = talk(here, there);
    say::number("stack", stack::deepest());
    finish(result)
}

fn talk(mut here: End, mut there: End) -> Checked {
    say::number("lent", 2 * LENT);
    say::number("state", size_of::<End>() - 4 * size_of::<usize>());
    here.send(&STATS).map_err(|_| "not sent")?;
    is(here.poll_output() == LINE, "written differently")?;
    carry(&mut here, &mut there);
    put(&mut there, LOOSE);
    for _ in 0..2 {
        let read =
            matches!(there.recv(), Some(Event::Message(Words::Stats(stats))) if stats == STATS);
        is(read, "read differently")?;
    }
    put(
        &mut there,
        b"[\"MsgStats\",{\"cpu\":0.1.2}]\n[\"MsgJoin\",{}]\n",
    );
    is(
        matches!(there.recv::<Words<'_>>(), Some(Event::Malformed(_))),
        "broken line not reported",
    )?;
    is(
        matches!(there.recv(), Some(Event::Message(Words::Join(Join)))),
        "out of step",
    )?;
    cost::both_ways(&mut here, &mut there, &Measurement::sample(1000), |end| {
        matches!(end.recv(), Some(Event::Message(Words::Measured(_))))
    });
    Ok(())
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
