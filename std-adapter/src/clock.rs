use ropeway_core::Instant;

/// The core's time, from the machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: std::time::Instant,
    read: fn() -> std::time::Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self::of(std::time::Instant::now)
    }

    /// A clock of somebody's own, who can stop it, say.
    pub(crate) fn of(read: fn() -> std::time::Instant) -> Self {
        Self {
            origin: read(),
            read,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        let micros = (self.read)()
            .saturating_duration_since(self.origin)
            .as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}
