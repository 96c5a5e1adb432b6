//! Firmware on emulated boards, and the network between them and this machine.

mod board;
mod wire;

pub use board::{Board, alone, forwarded, free_port, random_digits};
pub use wire::{Wire, with_wire};

use std::time::Duration;

/// Far more than anything takes, on a machine that is busy with other things.
const LONG: Duration = Duration::from_secs(60);
