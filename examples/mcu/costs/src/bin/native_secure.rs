//! The same as `native_files`, over the secure wire.
//!
//! With `no-panic` it does not link: the compiler has left what it could not rule out in crates for ciphers, and none of it can
//! happen. `curve25519_dalek::Scalar::bits_le` looks at 256 bits in 32 bytes by an index that counts to 255;
//! `chacha20poly1305` expects (`StreamCipher::apply_keystream`) that a record is shorter than the 256 GiB after which ChaCha20
//! repeats.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::mem::MaybeUninit;
use ropeway_core::Messenger;
use ropeway_core::dialect::native::{Config, Native, Notice};
use ropeway_core::file::Slot;
use ropeway_core::wire::secure::Secure;
use ropeway_costs::native::calls::answer;
use ropeway_costs::native::files::{self, Files, MEMORY, Memory, PACE};
use ropeway_costs::native::secure::{Listening, RANDOM, WIRE, key};
use ropeway_costs::native::{self, LENT, Node, line};
use ropeway_costs::painted;
use ropeway_costs::words::Measurement;

static CONFIG: Config = files::config(1);

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTBOX: [u8; LENT] = [0; LENT];
    static mut SEALED_IN: [u8; WIRE] = [0; WIRE];
    static mut SEALED_OUT: [u8; WIRE] = [0; WIRE];
    static mut RECEIVED: [u8; MEMORY] = [0; MEMORY];
    static mut NODE: MaybeUninit<Node<Listening>> = MaybeUninit::uninit();
    static mut FILES: MaybeUninit<Files> = MaybeUninit::uninit();
    painted::start();
    let node = native::place(NODE, || {
        let native = Native::listening(&CONFIG);
        let wire = Secure::listen(key(), &mut SEALED_IN[..], &mut SEALED_OUT[..]);
        Messenger::new(native, &mut INPUT[..], &mut OUTBOX[..]).with_wire(wire)
    });
    node.handle_connected_with(RANDOM);
    let transfers = native::place(FILES, || Files::new([Slot::EMPTY; 2], PACE));
    let memory = Memory(Cell::from_mut(&mut RECEIVED[..]).as_slice_of_cells());
    let mut latest = Measurement::sample(0);
    line::serve(node, |node| {
        let notify = |notice: Notice<'_>| {
            painted::opened(&notice);
            files::hear(transfers, memory, notice);
        };
        match answer(node, &mut latest, notify) {
            Some(answered) => answered.is_ok() || ropeway_costs::exit(false),
            None => files::say(node, transfers),
        }
    });
    painted::end(2 * LENT + 2 * WIRE + MEMORY);
    ropeway_costs::exit(true)
}
