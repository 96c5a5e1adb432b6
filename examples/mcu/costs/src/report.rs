//! The message whose cost is compared between the dialects.

use crate::words::Measurement;
use ropeway_core::messages;

messages! {
    /// A measurement under a name and a code that fit everywhere.
    pub enum Reports {
        Measurement(Measurement) as "board:measured" = 0x20,
    }
}
