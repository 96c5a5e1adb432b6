//! Firmware on emulated boards, against programs on this machine: see `LINES_TO_TYPE` in `tests/src/firmware` for how to run them.

mod files;
mod host;

mod bad_input;
mod broadcast;
mod faults;
mod talk;

use std::time::Duration;

/// Far more than anything here takes, on a machine that is busy with other things.
const LONG: Duration = Duration::from_secs(60);
