//! The same as `native_calls`, with files both ways.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::mem::MaybeUninit;
use ropeway_core::Messenger;
use ropeway_core::dialect::native::{Config, Native};
use ropeway_core::file::Slot;
use ropeway_costs::native::calls::answer;
use ropeway_costs::native::files::{self, Files, MEMORY, Memory, PACE};
use ropeway_costs::native::{self, LENT, Node, line};
use ropeway_costs::painted;
use ropeway_costs::words::Measurement;

static CONFIG: Config = files::config(1);

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    static mut RECEIVED: [u8; MEMORY] = [0; MEMORY];
    static mut NODE: MaybeUninit<Node> = MaybeUninit::uninit();
    static mut FILES: MaybeUninit<Files> = MaybeUninit::uninit();
    painted::start();
    let node = native::place(NODE, || {
        let native = Native::listening(&CONFIG);
        Messenger::new(native, &mut INPUT[..], &mut OUTBOX[..])
    });
    let transfers = native::place(FILES, || Files::new([Slot::EMPTY; 2], PACE));
    let memory = Memory(Cell::from_mut(&mut RECEIVED[..]).as_slice_of_cells());
    let mut latest = Measurement::sample(0);
    line::serve(node, |node| {
        match answer(node, &mut latest, |notice| {
            files::hear(transfers, memory, notice)
        }) {
            Some(answered) => answered.is_ok() || ropeway_costs::exit(false),
            None => files::say(node, transfers),
        }
    });
    painted::end(2 * LENT + MEMORY);
    ropeway_costs::exit(true)
}
