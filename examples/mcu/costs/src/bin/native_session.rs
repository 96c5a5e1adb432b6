//! A node of the native protocol on a serial line, for one peer that dials: it answers each message in another form. It is
//! what `serial` is, with sessions.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use ropeway_core::Messenger;
use ropeway_core::dialect::native::{Config, Native};
use ropeway_costs::native::{self, LENT, Node, line};
use ropeway_costs::painted;

static CONFIG: Config = native::config(1);

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
    line::serve(node, |node| match native::answer(node) {
        Some(answered) => answered.is_ok() || ropeway_costs::exit(false),
        None => false,
    });
    painted::end(2 * LENT);
    ropeway_costs::exit(true)
}
