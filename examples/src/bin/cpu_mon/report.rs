use ropeway_std::dialect::cable_car::{Identify, Join, Quit, Retry};
use ropeway_std::messages;
use serde::{Deserialize, Deserializer, Serialize};

/// The figures of one machine, as cable_car's monitor names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The machine's name.
    pub host: String,
    /// How busy the processors were since the last report, all together.
    pub cpu_percent: f64,
    /// How many programs wanted to run, over 1, 5 and 15 minutes.
    pub load_avg: [f64; 3],
    /// The share of memory that is not available to programs.
    pub memory_percent: f64,
    /// Bytes.
    #[serde(deserialize_with = "whole")]
    pub memory_total: u64,
    /// The share of swap space that is in use.
    pub swap_percent: f64,
    /// Bytes.
    #[serde(deserialize_with = "whole")]
    pub swap_total: u64,
    /// The warmest sensor in degrees Celsius, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temp: Option<f64>,
}

messages! {
    /// What monitors say to each other.
    #[derive(Debug)]
    pub(crate) enum Words<'a> {
        Identify(Identify<'a>),
        Join(Join),
        Retry(Retry),
        Quit(Quit),
        Report(Report) as "MsgStats",
    }
}

/// A number of bytes, also from programs that count them in floats: those are whole, and never too many.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, which is right for a size"
)]
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    f64::deserialize(deserializer).map(|bytes| bytes as u64)
}
