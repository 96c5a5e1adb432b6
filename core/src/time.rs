//! Points in time, as the caller's clock gives them.
//!
//! ```
//! use ropeway_core::time::{Duration, Instant};
//!
//! let start = Instant::from_micros(1_500_000);
//! let later = start + Duration::from_secs(2);
//! assert_eq!(later - start, Duration::from_secs(2));
//! assert_eq!(start - later, Duration::ZERO);
//! assert_eq!(later.to_string(), "3.500000 s");
//! ```

use core::fmt;
use core::ops::{Add, Sub};
pub use core::time::Duration;

/// A point in time: microseconds since an origin that the caller's clock chose.
///
/// Nothing in this crate reads a clock: whoever drives a state machine passes `now`, which must never go
/// back. 64 bits last for half a million years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant {
    micros: u64,
}

impl Instant {
    /// The point `micros` microseconds after the clock's origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// Microseconds since the clock's origin.
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// How long `earlier` lies back, zero if it does not.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of time, so that "never" can be said by a very long duration.
    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self::from_micros(self.micros.saturating_add(micros))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:06} s",
            self.micros / 1_000_000,
            self.micros % 1_000_000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_and_subtracts_without_overflow() {
        let start = Instant::from_micros(5);
        assert_eq!(
            start + Duration::from_millis(1),
            Instant::from_micros(1_005)
        );
        assert_eq!(start + Duration::MAX, Instant::from_micros(u64::MAX));
        assert_eq!(start - Instant::from_micros(9), Duration::ZERO);
        assert_eq!(Instant::from_micros(9) - start, Duration::from_micros(4));
    }
}
