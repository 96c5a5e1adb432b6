//! What the nodes of the native protocol are checked with: it dials over the serial line, and compares all that comes. Its
//! command line says what the node can do: `messages`, `calls` or `files`.
#![no_std]
#![no_main]

use core::cell::Cell;
use ropeway_core::Messenger;
use ropeway_core::dialect::native::{Config, Native};
use ropeway_costs::board::uart;
use ropeway_costs::native::files::{MEMORY, Memory};
use ropeway_costs::native::visit::{ask, exchange, leave, say};
use ropeway_costs::native::{self, LENT, calls, files};
use ropeway_costs::{arguments, finish};

static MESSAGES: Config = native::config(2);
static CALLS: Config = calls::config(2);
static FILES: Config = files::config(2);

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    static mut RECEIVED: [u8; MEMORY] = [0; MEMORY];
    uart::start();
    let (config, does) = match arguments::command_line(&mut [0; 64]) {
        "messages" => (&MESSAGES, 1),
        "calls" => (&CALLS, 2),
        "files" => (&FILES, 3),
        _ => finish(Err("no such node")),
    };
    let native = Native::dialling(config);
    let mut node = Messenger::new(native, &mut INPUT[..], &mut OUTBOX[..]);
    let memory = Memory(Cell::from_mut(&mut RECEIVED[..]).as_slice_of_cells());
    let mut result = say(&mut node);
    if does >= 2 {
        result = result.and_then(|()| ask(&mut node));
    }
    if does >= 3 {
        result = result.and_then(|()| exchange(&mut node, memory));
    }
    finish(result.and_then(|()| leave(&mut node)))
}
