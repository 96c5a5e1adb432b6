use super::Root;
use crate::{Keepalive, Options};
use std::time::Duration;

/// What holds for every connection of a server or a drone.
///
/// ```
/// use ropeway_std::clever_show::{Root, Settings};
///
/// let settings = Settings::default()
///     .receive(Root::new("/var/lib/drone/files"))
///     .max_file(100 << 20)
///     .without_resend();
/// # let _ = settings;
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) options: Options,
    pub(super) receive: Option<Root>,
    pub(super) serve: Option<Root>,
    pub(super) max_file: u64,
    pub(super) max_queue: usize,
    pub(super) max_calls: usize,
    pub(super) resume_queue: bool,
    pub(super) resend_requests: bool,
}

impl Default for Settings {
    /// Messages of at most 1 MiB, no files from peers and none for them; the queue survives a lost connection, and
    /// requests are sent again. A silent peer is probed after 1 s, every 3 s, 5 times.
    fn default() -> Self {
        let keepalive = Keepalive {
            idle: Duration::from_secs(1),
            interval: Duration::from_secs(3),
            tries: 5,
        };
        Self {
            options: Options::default()
                .buffer(16 << 10)
                .max_message(1 << 20)
                .keepalive(keepalive),
            receive: None,
            serve: None,
            max_file: 1 << 40,
            max_queue: 4 << 20,
            max_calls: 1_000,
            resume_queue: true,
            resend_requests: true,
        }
    }
}

impl Settings {
    /// The memory of each connection, and how its socket behaves.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Takes files that peers send, under `root`.
    #[must_use]
    pub fn receive(mut self, root: Root) -> Self {
        self.receive = Some(root);
        self
    }

    /// Gives peers the files that they ask for, from under `root`.
    #[must_use]
    pub fn serve(mut self, root: Root) -> Self {
        self.serve = Some(root);
        self
    }

    /// The longest file that is taken, in bytes; longer ones are passed over.
    #[must_use]
    pub const fn max_file(mut self, len: u64) -> Self {
        self.max_file = len;
        self
    }

    /// How many bytes of messages may wait to be sent, at each connection.
    #[must_use]
    pub const fn max_queue(mut self, bytes: usize) -> Self {
        self.max_queue = bytes;
        self
    }

    /// How many requests may wait for their answers, at each connection; at most 10,000, since ids have four digits.
    #[must_use]
    pub const fn max_calls(mut self, calls: usize) -> Self {
        self.max_calls = if calls < 10_000 { calls } else { 10_000 };
        self
    }

    /// Drops what is queued when the connection is lost, and takes nothing while there is none.
    #[must_use]
    pub const fn without_resume(mut self) -> Self {
        self.resume_queue = false;
        self
    }

    /// Ends requests that wait for their answers when the connection is lost.
    #[must_use]
    pub const fn without_resend(mut self) -> Self {
        self.resend_requests = false;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;
    use std::net::{TcpListener, TcpStream};

    #[test]
    #[cfg(target_os = "linux")]
    fn sets_up_sockets_as_the_original_does() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = SockRef::from(&stream);
        Settings::default().options.apply_to(&socket).unwrap();
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(1));
        let interval = socket.tcp_keepalive_interval().unwrap();
        assert_eq!(interval, Duration::from_secs(3));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 5);
    }
}
