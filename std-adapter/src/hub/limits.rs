use std::time::Duration;

/// What a hub allows its peers, so that none costs more than is meant.
///
/// ```
/// use ropeway_std::hub::Limits;
/// use std::time::Duration;
///
/// let limits = Limits::default().peers(50).peers_per_address(4).idle(Duration::from_secs(60));
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub(super) peers: usize,
    pub(super) peers_per_address: usize,
    pub(super) queue: usize,
    pub(super) calls: usize,
    pub(super) requests: usize,
    pub(super) burst: usize,
    pub(super) posts: usize,
    pub(super) opening: Duration,
    pub(super) idle: Duration,
    pub(super) linger: Duration,
    pub(super) openings: usize,
    pub(super) sessions: usize,
    pub(super) session_life: Duration,
}

impl Default for Limits {
    /// 1024 peers from anywhere, queues of 64 KiB, 64 calls a peer, 32 messages a turn, 1024 posts; 10 s for the
    /// opening, any silence after it, 2 s for a farewell. Where sessions outlive connections, 256 openings at a time,
    /// 1024 requests a peer that are answered later, and 1024 sessions that wait for their peers for 60 s.
    fn default() -> Self {
        Self {
            peers: 1024,
            peers_per_address: usize::MAX,
            queue: 64 << 10,
            calls: 64,
            requests: 1024,
            burst: 32,
            posts: 1024,
            opening: Duration::from_secs(10),
            idle: Duration::MAX,
            linger: Duration::from_secs(2),
            openings: 256,
            sessions: 1024,
            session_life: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// How many peers there may be, those still opening included; more are turned away.
    ///
    /// Where sessions outlive connections, those that have not yet said who they are do not count, and neither do
    /// those that are away.
    #[must_use]
    pub const fn peers(mut self, peers: usize) -> Self {
        self.peers = peers;
        self
    }

    /// How many peers there may be from one IP address; more are turned away. As many may be away besides, and the oldest of
    /// more gives way.
    #[must_use]
    pub const fn peers_per_address(mut self, peers: usize) -> Self {
        self.peers_per_address = peers;
        self
    }

    /// How many bytes may wait to be written to one peer.
    #[must_use]
    pub const fn queue(mut self, bytes: usize) -> Self {
        self.queue = bytes;
        self
    }

    pub(crate) const fn queued(&self) -> usize {
        self.queue
    }

    /// How many calls to one peer may wait for their answers.
    #[must_use]
    pub const fn calls(mut self, calls: usize) -> Self {
        self.calls = calls;
        self
    }

    /// How many requests of one peer may be [answered later](crate::Handlers::answer_later) at once, where sessions are kept;
    /// more are refused, and the peer is told that this one is busy.
    #[must_use]
    pub const fn requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// How many messages are taken from one peer before others have their turn, and by [`next`](super::Hub::next) before it
    /// looks at all links again.
    #[must_use]
    pub const fn burst(mut self, messages: usize) -> Self {
        self.burst = messages;
        self
    }

    /// How many things other threads may have wait to be done.
    #[must_use]
    pub const fn posts(mut self, posts: usize) -> Self {
        self.posts = posts;
        self
    }

    /// How long a connection may take until it is open for messages.
    #[must_use]
    pub const fn opening(mut self, timeout: Duration) -> Self {
        self.opening = timeout;
        self
    }

    /// How long an open peer may say nothing, or take nothing of what waits for it; [`Duration::MAX`] is for ever.
    #[must_use]
    pub const fn idle(mut self, timeout: Duration) -> Self {
        self.idle = timeout;
        self
    }

    /// How long a link that is being closed may take to let out what is queued, and its peer to close too.
    #[must_use]
    pub const fn linger(mut self, timeout: Duration) -> Self {
        self.linger = timeout;
        self
    }

    /// How many connections may wait to say who they are, where sessions outlive connections; the oldest gives
    /// way, of those from the address with most.
    #[must_use]
    pub const fn openings(mut self, openings: usize) -> Self {
        self.openings = openings;
        self
    }

    /// How many sessions are kept whose peers are away; the oldest gives way, of those from the address with most. Peers that
    /// the hub was told to connect to do not count.
    #[must_use]
    pub const fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// How long a session is kept whose peer is away. Peers that the hub was told to connect to are dialled for ever.
    #[must_use]
    pub const fn session_life(mut self, life: Duration) -> Self {
        self.session_life = life;
        self
    }
}
