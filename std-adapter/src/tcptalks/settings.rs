use super::memory::Values;
use super::{Dialect, Password, Variant};
use crate::Options;
use ropeway_core::dialect::tcptalks::TcpTalks;
use ropeway_core::encoding::pickle::Nodes;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// How to talk: the password, the variant, the patience, the limits.
///
/// ```
/// use ropeway_std::tcptalks::Settings;
/// use std::time::Duration;
///
/// let settings = Settings::default()
///     .password("secret")
///     .identity("arm")
///     .patience(Duration::from_secs(1));
/// # let _ = settings;
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    password: Password<String>,
    variant: Variant,
    identity: Option<String>,
    pub(super) opening: Duration,
    pub(super) connecting: Duration,
    pub(super) patience: Duration,
    pub(super) kept: usize,
    values: usize,
    pub(super) options: Options,
}

impl Default for Settings {
    /// No password, the current variant, an identity of six random letters; as in Python, 5 s to connect and for
    /// each call, and 1 s for the password. Messages have at most 16 MiB and 131,072 values, and 256 replies are kept.
    fn default() -> Self {
        Self {
            password: Password::None,
            variant: Variant::Current,
            identity: None,
            opening: Duration::from_secs(1),
            connecting: Duration::from_secs(5),
            patience: Duration::from_secs(5),
            kept: 256,
            values: 1 << 17,
            options: Options::default(),
        }
    }
}

impl Settings {
    /// The password to show, or to ask for; none unless given.
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Self {
        self.any_password(Password::Text(password.into()))
    }

    /// The password to show, or to ask for, of any kind, [`Password::None`] by default; who listens without one takes
    /// any.
    #[must_use]
    pub fn any_password(mut self, password: Password<String>) -> Self {
        self.password = password;
        self
    }

    /// Which variant to speak, [`Variant::Current`] by default.
    #[must_use]
    pub const fn variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// Under which name a server of several clients is to know this one, by default six random letters; who listens
    /// has none.
    #[must_use]
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// How long the password may take, and the verdict on it, 1 s by default.
    #[must_use]
    pub const fn opening(mut self, timeout: Duration) -> Self {
        self.opening = timeout;
        self
    }

    /// How long to try to connect while nobody listens, 5 s by default.
    #[must_use]
    pub const fn connecting(mut self, timeout: Duration) -> Self {
        self.connecting = timeout;
        self
    }

    /// How long a call waits for its reply, 5 s by default.
    #[must_use]
    pub const fn patience(mut self, timeout: Duration) -> Self {
        self.patience = timeout;
        self
    }

    /// How many replies are kept until they are polled for, 256 by default; then the oldest goes.
    #[must_use]
    pub const fn kept(mut self, replies: usize) -> Self {
        self.kept = replies;
        self
    }

    /// How many values a message of the peer may have, 131,072 by default, those that it repeats by reference counted
    /// each time. A value takes 16 bytes, which are taken as they are needed.
    ///
    /// A peer's message beyond that ends the link. What this end says is not counted.
    #[must_use]
    pub const fn values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }

    /// The memory and the socket of the link: among others how large a message may be, 16 MiB by default.
    ///
    /// A peer's message beyond [`max_message`](Options::max_message) ends the link. What this end sends or answers
    /// beyond it is refused here, and the link goes on.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The dialect of the side that connects, for a [`Link`](crate::Link), [`Node`](crate::Node) or
    /// [`Hub`](crate::Hub).
    pub fn dialling(&self) -> Dialect {
        let identity = self.identity.clone().unwrap_or_else(random_name);
        self.dress(TcpTalks::dialling(self.memory(), seed()))
            .identity(identity)
    }

    /// The dialect of the side that listens, for a [`Link`](crate::Link), [`Node`](crate::Node) or
    /// [`Hub`](crate::Hub).
    pub fn listening(&self) -> Dialect {
        self.listening_in(self.memory())
    }

    pub(super) fn listening_in<S: Nodes>(&self, memory: S) -> TcpTalks<S, String> {
        let talks = self.dress(TcpTalks::listening(memory, seed()));
        match &self.identity {
            Some(identity) => talks.identity(identity.clone()),
            None => talks,
        }
    }

    fn dress<S: Nodes>(&self, talks: TcpTalks<S, String>) -> TcpTalks<S, String> {
        talks
            .any_password(self.password.clone())
            .variant(self.variant)
    }

    pub(super) const fn memory(&self) -> Values {
        Values::new(self.values)
    }
}

/// Six letters.
pub(super) fn random_name() -> String {
    let mut bits = RandomState::new().hash_one(0);
    let letter = |_| {
        let letter = b'a' + u8::try_from(bits % 26).unwrap_or(0);
        bits /= 26;
        char::from(letter)
    };
    (0..6).map(letter).collect()
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "any 32 bits of it are as random"
)]
fn seed() -> u32 {
    RandomState::new().hash_one(0) as u32
}
