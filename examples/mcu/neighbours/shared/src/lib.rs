//! Three endpoints, as `native_calls` has them, and a line of frames that start with their length, up to one of none.
//!
//! With the feature `measured` the frames come from memory: see [`script`].

#![no_std]

#[cfg(feature = "measured")]
pub mod script;
#[cfg(not(feature = "measured"))]
mod uart;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "measured")]
pub use script::{receive, send};
#[cfg(not(feature = "measured"))]
pub use uart::{receive, send};

/// The bytes that a node lends, each way.
pub const LENT: usize = 64;

/// What do these make together?
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Sum(pub i32, pub i32);

/// What was measured last?
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Latest;

/// Takes this for what was measured, and says whether it is another than before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Correct(pub Measurement);

/// Where something was, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Measurement {
    pub id: u32,
    pub time: u64,
    pub position: [f32; 3],
    pub flags: u16,
}

impl Measurement {
    /// The `n`th of many that differ in every field.
    pub fn sample(n: u16) -> Self {
        let x = f32::from(n);
        Self {
            id: 70_000 + u32::from(n),
            time: 1_700_000_000_000_000 + u64::from(n) * 1000,
            position: [x, -x, x + 0.5],
            flags: n,
        }
    }
}

/// What the endpoints do.
pub struct Station {
    latest: Measurement,
}

impl Default for Station {
    fn default() -> Self {
        let latest = Measurement::sample(0);
        Self { latest }
    }
}

impl Station {
    pub fn sum(&self, Sum(a, b): Sum) -> i64 {
        i64::from(a) + i64::from(b)
    }

    pub fn latest(&self) -> Measurement {
        self.latest
    }

    pub fn correct(&mut self, Correct(measurement): Correct) -> bool {
        let is_new = self.latest != measurement;
        self.latest = measurement;
        is_new
    }
}
