use super::Name;
use crate::message::Entry;
use crate::time::Duration;

/// What all links of a program have in common: who it is, what it knows, how much it takes.
///
/// On a board it is a `static`; links borrow it. On std they share it.
///
/// ```
/// use ropeway_core::dialect::native::{Config, Policy};
/// use ropeway_core::time::Duration;
/// # ropeway_core::messages! { enum Words {} }
///
/// let random = 0x1234_5678_9abc_def0; // from the board's random numbers
/// let config = Config::new(random)
///     .name("sensor-3")
///     .registry(Words::ENTRIES, Policy::Enforce)
///     .silence(Duration::from_secs(3));
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    pub(super) epoch: u64,
    pub(super) name: Name,
    pub(super) entries: &'static [Entry],
    pub(super) fingerprint: u64,
    pub(super) policy: Policy,
    pub(super) window: u32,
    pub(super) largest: u32,
    pub(super) silence: u32,
    pub(super) file_room: u32,
    pub(super) keeps_in_doubt: bool,
}

/// What to do with a peer whose registry differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Policy {
    /// Talk all the same; nothing is compared.
    #[default]
    Unchecked,
    /// Refuse it, by the name of the first entry that differs.
    Enforce,
    /// Map its codes by name, and refuse it only where a schema differs; the link needs [`Adapt`](super::Adapt).
    Adapt,
}

impl Config {
    /// The defaults: no name, any registry, windows and frames as large as the memory, no promise of silence.
    ///
    /// `epoch` is a random number, drawn once when the program starts: peers tell by it that it has restarted.
    pub const fn new(epoch: u64) -> Self {
        Self {
            epoch,
            name: Name::EMPTY,
            entries: &[],
            fingerprint: 0,
            policy: Policy::Unchecked,
            window: u32::MAX,
            largest: u32::MAX,
            silence: 0,
            file_room: 0,
            keeps_in_doubt: false,
        }
    }

    /// The name that peers are shown: at most 32 bytes, longer ones are cut.
    #[must_use]
    pub const fn name(mut self, name: &str) -> Self {
        self.name = Name::new(name);
        self
    }

    /// The messages that the program knows, as `ENTRIES` of its table, to be compared with the peer's.
    #[must_use]
    pub const fn registry(mut self, entries: &'static [Entry], policy: Policy) -> Self {
        self.entries = entries;
        self.policy = policy;
        self.fingerprint = match policy {
            Policy::Unchecked => 0,
            Policy::Enforce | Policy::Adapt => super::fingerprint(entries),
        };
        self
    }

    /// The most bytes of the peer's messages that may be on their way, if the memory lent has room for them.
    #[must_use]
    pub const fn window(mut self, bytes: u32) -> Self {
        self.window = bytes;
        self
    }

    /// No larger a window than input memory of `bytes` has room for besides small frames, where the memory lent can grow
    /// for one long frame: acknowledgements must not have to wait behind messages.
    #[must_use]
    pub const fn fit(mut self, bytes: u32) -> Self {
        let spare = bytes.saturating_sub(super::SMALL_ROOM);
        if spare < self.window {
            self.window = spare;
        }
        self
    }

    /// The longest frame that is taken in, in bytes, if the memory lent has room for it.
    #[must_use]
    pub const fn largest(mut self, bytes: u32) -> Self {
        self.largest = bytes;
        self
    }

    /// The bytes of the input memory that are kept for files: as many as all transfers together let the peer send ahead, and
    /// some for their frames. Without them, files that come in could keep back what makes messages go out.
    #[must_use]
    pub const fn file_room(mut self, bytes: u32) -> Self {
        self.file_room = bytes;
        self
    }

    /// Promises never to be silent for longer; zero promises nothing.
    ///
    /// It is kept by a PING every half of it, so somebody has to turn the link that often.
    #[must_use]
    pub const fn silence(mut self, silence: Duration) -> Self {
        let millis = silence.as_millis();
        self.silence = match millis > u32::MAX as u128 {
            true => u32::MAX,
            false => (millis & 0xFFFF_FFFF) as u32,
        };
        self
    }

    /// In a fresh session, keeps the messages whose fate is not known, so that they can be [looked
    /// at](crate::Messenger::poll_in_doubt); otherwise they are only counted.
    #[must_use]
    pub const fn keep_in_doubt(mut self) -> Self {
        self.keeps_in_doubt = true;
        self
    }

    /// The random number of this start of the program.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What is done with a peer whose registry differs.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// The registry's fingerprint, 0 where it is unchecked.
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}
