//! What `native_secure` is checked with: the same as `native_peer`, over the secure wire.
#![no_std]
#![no_main]

use core::cell::Cell;
use ropeway_core::Messenger;
use ropeway_core::dialect::native::{Config, Native};
use ropeway_core::wire::secure::Secure;
use ropeway_costs::board::uart;
use ropeway_costs::finish;
use ropeway_costs::native::LENT;
use ropeway_costs::native::files::{self, MEMORY, Memory};
use ropeway_costs::native::secure::{KEY_ID, WIRE, key};
use ropeway_costs::native::visit::{ask, exchange, leave, say};

static CONFIG: Config = files::config(2);

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    static mut SEALED_IN: [u8; WIRE] = [0; WIRE];
    static mut SEALED_OUT: [u8; WIRE] = [0; WIRE];
    static mut RECEIVED: [u8; MEMORY] = [0; MEMORY];
    uart::start();
    let wire = Secure::dial(KEY_ID, key(), &mut SEALED_IN[..], &mut SEALED_OUT[..]);
    let native = Native::dialling(&CONFIG);
    let node = Messenger::new(native, &mut INPUT[..], &mut OUTBOX[..]);
    let mut node = node.with_wire(wire);
    node.handle_connected_with([1; 32]);
    let memory = Memory(Cell::from_mut(&mut RECEIVED[..]).as_slice_of_cells());
    let result = say(&mut node)
        .and_then(|()| ask(&mut node))
        .and_then(|()| exchange(&mut node, memory))
        .and_then(|()| leave(&mut node));
    finish(result)
}
