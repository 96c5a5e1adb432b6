//! The board MPS2 AN385 as QEMU emulates it: a Cortex-M3 with a network, and a host that starts it.
//!
//! ```text
//!  start       takes the board: what an application sees of it, its network, and what the command line says
//!  ─────────────────────────────────────────────────────────────────────────────────────────────────────────
//!  ethernet    a driver for embassy-net          clock      time for embassy-time
//!  executor    runs tasks, else sleeps           random     chance from a seed
//!  interrupt   who is called when                host       command line, lines of text, exit code
//!  register    a word of a device
//! ```
//!
//! Words on the command line are `key=value`:
//!
//! | key | value | without it |
//! |---|---|---|
//! | `seed` | 64 hexadecimal digits, new for each start: `openssl rand -hex 32` | exit code 1 |
//! | `ip` | `dhcp`, or an address as in `10.0.0.2/24` | `dhcp` |
//! | `gateway` | an address beside a fixed `ip` | none |
//! | `name` | what the node is called | `mps2` |
//! | `celsius` | what its thermometer shows | 20 |
//!
//! A panic says its message and ends the emulator with exit code 1.

#![no_std]

mod board;
mod clock;
mod ethernet;
mod executor;
mod host;
mod interrupt;
mod random;
mod register;

pub use board::{Mps2, start};
pub use ethernet::Ethernet;
pub use executor::Executor;
