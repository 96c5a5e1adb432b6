use crate::storage::{Growable, Pool};
use crate::wire::{AnyWire, End, Security};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// What a link is made with: its memory, and how its socket behaves.
///
/// ```
/// use ropeway_std::{Keepalive, Options};
/// use std::time::Duration;
///
/// let options = Options::default()
///     .max_message(1 << 20)
///     .send_timeout(Duration::from_secs(5))
///     .keepalive(Keepalive { idle: Duration::from_secs(1), interval: Duration::from_secs(3), tries: 5 });
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    buffer: usize,
    max_message: usize,
    send_timeout: Duration,
    spin: Duration,
    keepalive: Option<Keepalive>,
    security: Security,
}

/// When a silent peer is given up by TCP itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// The silence after which the first probe is sent, whole seconds.
    pub idle: Duration,
    /// The time between probes, whole seconds.
    pub interval: Duration,
    /// How many unanswered probes end the connection.
    pub tries: u32,
}

impl Default for Options {
    /// Buffers of 128 KiB that grow for messages of up to 16 MiB, sends that wait as long as it takes, and TCP's
    /// probes after 10 s of silence, every 3 s, 5 times.
    fn default() -> Self {
        let keepalive = Keepalive {
            idle: Duration::from_secs(10),
            interval: Duration::from_secs(3),
            tries: 5,
        };
        Self {
            buffer: 128 << 10,
            max_message: 16 << 20,
            send_timeout: Duration::MAX,
            spin: Duration::ZERO,
            keepalive: Some(keepalive),
            security: Security::NONE,
        }
    }
}

impl Options {
    /// The size of each of the two buffers in bytes: what one read or write can move, and what may be queued.
    #[must_use]
    pub const fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = bytes;
        self
    }

    /// The largest frame in bytes, sent or received: a buffer grows to it when such a frame comes, and a larger
    /// one is refused. Dialects with frames of bounded size never come near.
    #[must_use]
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// How long a send waits for a peer that does not read; [`Duration::MAX`] waits for ever.
    #[must_use]
    pub const fn send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = timeout;
        self
    }

    /// How long a blocking link tries to read, again and again, before it has the system wait for the peer; not at all by
    /// default.
    ///
    /// What comes meanwhile is there at once: nobody has to be woken, which is half of a round trip between programs that
    /// run at the time. It costs a processor of its own for as long, and six system calls whenever nothing has come, so
    /// it is for links that talk most of the time, and harms where there are more of them than processors.
    #[must_use]
    pub const fn spin(mut self, at_most: Duration) -> Self {
        self.spin = at_most;
        self
    }

    /// TCP's own probes of a silent peer.
    #[must_use]
    pub const fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// No probes of a silent peer.
    #[must_use]
    pub const fn without_keepalive(mut self) -> Self {
        self.keepalive = None;
        self
    }

    /// Links that this program dials are secure, over the native protocol: only a peer that has this key can read them.
    #[cfg(feature = "secure")]
    #[must_use]
    pub fn secure(mut self, key: crate::native::Key) -> Self {
        self.security.dials = Some(key);
        self
    }

    /// Links that this program listens for are secure, over the native protocol: only peers that have one of these keys
    /// are let in.
    #[cfg(feature = "secure")]
    #[must_use]
    pub fn keyring(mut self, keys: crate::native::Keyring) -> Self {
        self.security.listens = Some(keys);
        self
    }

    /// The same, with the keys of `security` where it has any.
    pub(crate) fn secured(mut self, security: Security) -> Self {
        self.security = security.or(self.security);
        self
    }

    /// What lies between the frames and the transport of a link.
    pub(crate) fn wire(&self, end: End) -> io::Result<AnyWire> {
        self.security.wire(end)
    }

    pub(crate) const fn patience_to_send(&self) -> Duration {
        self.send_timeout
    }

    pub(crate) const fn time_to_spin(&self) -> Duration {
        self.spin
    }

    /// The size of a buffer before it has grown, in bytes.
    pub(crate) const fn initial(&self) -> usize {
        match self.buffer < self.max_message {
            true => self.buffer,
            false => self.max_message,
        }
    }

    /// The same, with buffers of so many bytes if they are smaller.
    pub(crate) const fn at_least(mut self, buffer: usize) -> Self {
        if self.buffer < buffer {
            self.buffer = buffer;
        }
        self
    }

    /// The largest frame in bytes.
    pub(crate) const fn largest(&self) -> usize {
        self.max_message
    }

    pub(crate) fn memory(&self) -> Growable {
        Growable::new(self.buffer, self.max_message)
    }

    /// Memory to receive into, and memory to queue `queue` bytes in, for many links.
    pub(crate) fn pools(&self, queue: usize) -> [Arc<Pool>; 2] {
        let input = Pool::new(self.buffer, self.max_message, KEPT);
        [input, Pool::new(queue, self.max_message.max(queue), KEPT)]
    }

    /// Sets up a connected socket: small messages leave at once, and a silent peer is noticed.
    pub(crate) fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        self.apply_to(&SockRef::from(stream))
    }

    /// The same, for the socket of any sort of stream.
    pub(crate) fn apply_to(&self, socket: &SockRef<'_>) -> io::Result<()> {
        socket.set_tcp_nodelay(true)?;
        match self.keepalive {
            Some(keepalive) => socket.set_tcp_keepalive(&keepalive.parameters()),
            None => socket.set_keepalive(false),
        }
    }
}

impl Keepalive {
    fn parameters(self) -> TcpKeepalive {
        let parameters = TcpKeepalive::new()
            .with_time(self.idle)
            .with_interval(self.interval);
        #[cfg(not(windows))]
        let parameters = parameters.with_retries(self.tries);
        parameters
    }
}

/// How many free pieces of memory of a kind are kept for links that have something to say.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn sets_up_the_socket_as_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = SockRef::from(&stream);
        let idle = Duration::from_secs(7);
        let keepalive = Keepalive {
            idle,
            interval: Duration::from_secs(2),
            tries: 4,
        };
        Options::default()
            .keepalive(keepalive)
            .apply(&stream)
            .unwrap();
        assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), idle);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), keepalive.interval);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), keepalive.tries);
        }
        Options::default()
            .without_keepalive()
            .apply(&stream)
            .unwrap();
        assert!(!socket.keepalive().unwrap());
    }
}
