//! Firmware on emulated boards, against programs on this machine: see `LINES_TO_TYPE` in board.rs for how to run them.

mod board;
mod files;
mod host;
mod wire;

mod bad_input;
mod broadcast;
mod faults;
mod talk;

use std::time::Duration;

/// Far more than anything here takes, on a machine that is busy with other things.
const LONG: Duration = Duration::from_secs(60);
