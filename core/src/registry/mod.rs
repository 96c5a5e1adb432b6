//! The table of the messages that a program knows: declared once by [`messages!`](crate::messages).
//!
//! ```
//! use ropeway_core::messages;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Reading { celsius: f32 }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Limit { celsius: f32 }
//!
//! messages! { enum Station { Reading(Reading) = 0x10, Limit(Limit) = 0x11 -> bool } }
//!
//! let rows = Station::ENTRIES.iter().map(|entry| (entry.name, entry.code));
//! assert!(rows.eq([("Reading", Some(0x10)), ("Limit", Some(0x11))]));
//! ```

mod check;
#[cfg(feature = "schema")]
mod schema;
mod table;

use crate::Malformed;
use crate::dialect::cable_car::{CableCarByte, Raw};
use crate::dialect::native::{Codes, Config, Native};
use crate::dialect::{Dialect, Envelope};
use core::borrow::Borrow;

pub use check::{RESERVED, check};
#[cfg(feature = "schema")]
pub use schema::{request_schema, schema};

/// A table of messages that arrive in the dialect `D`, as the enum to match on.
///
/// Written by [`messages!`](crate::messages), for every dialect that carries all of its messages.
pub trait Registry<'a, D: Dialect>: Sized {
    /// Reads the message that `envelope` names.
    fn decode(envelope: Envelope<'a, D>) -> Result<Self, Rejected<'a, D>>;
}

/// Why an envelope did not become a message of the table.
#[derive(Debug)]
pub enum Rejected<'a, D: Dialect> {
    /// The table has no message by this key.
    Unknown(Envelope<'a, D>),
    /// The message's body breaks a rule.
    Malformed(Malformed),
}

#[cfg(feature = "defmt")]
impl<'a, D: Dialect<Key<'a>: defmt::Format, Body<'a>: defmt::Format>> defmt::Format
    for Rejected<'a, D>
{
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Unknown(envelope) => defmt::write!(f, "Unknown({})", envelope),
            Self::Malformed(malformed) => defmt::write!(f, "Malformed({})", malformed),
        }
    }
}

/// As a table, [`Raw`] has every message there is.
impl<'a> Registry<'a, CableCarByte> for Raw<'a> {
    fn decode(envelope: Envelope<'a, CableCarByte>) -> Result<Self, Rejected<'a, CableCarByte>> {
        Ok(Self {
            code: envelope.key,
            body: envelope.body,
        })
    }
}

impl<'a, C: Borrow<Config>, M: Codes> Registry<'a, Native<C, M>> for Raw<'a> {
    fn decode(envelope: Envelope<'a, Native<C, M>>) -> Result<Self, Rejected<'a, Native<C, M>>> {
        Ok(Self {
            code: envelope.key,
            body: envelope.body,
        })
    }
}
