use crate::Timeouts;
use embassy_time::Duration;
use ropeway_core::Backoff;

/// How links are got and given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settings {
    /// How long a silent peer is waited for.
    pub timeouts: Timeouts,
    /// How long the peer may take to open a link that there is.
    pub opening: Duration,
    /// How long to wait before dialling again.
    pub backoff: Backoff,
}

impl Default for Settings {
    /// A peer that has not been heard for 10 s is gone, and is asked every 3 s; links open within 10 s.
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            opening: Duration::from_secs(10),
            backoff: Backoff::default(),
        }
    }
}

impl Default for Timeouts {
    /// 10 s of silence, and a question every 3 s.
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(10),
            keep_alive: Duration::from_secs(3),
        }
    }
}
