//! The same as `native_session`, with three endpoints.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use ropeway_core::Messenger;
use ropeway_core::dialect::native::{Config, Native};
use ropeway_costs::native::calls::{self, answer};
use ropeway_costs::native::{self, LENT, Node, line};
use ropeway_costs::painted;
use ropeway_costs::words::Measurement;

static CONFIG: Config = calls::config(1);

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    static mut NODE: MaybeUninit<Node> = MaybeUninit::uninit();
    painted::start();
    let node = native::place(NODE, || {
        let native = Native::listening(&CONFIG);
        Messenger::new(native, &mut INPUT[..], &mut OUTBOX[..])
    });
    let mut latest = Measurement::sample(0);
    line::serve(node, |node| match answer(node, &mut latest, |_| {}) {
        Some(answered) => answered.is_ok() || ropeway_costs::exit(false),
        None => false,
    });
    painted::end(2 * LENT);
    ropeway_costs::exit(true)
}
