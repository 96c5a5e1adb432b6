use super::{OpenError, Settings, Talks};
use crate::transport::transport_error;
use crate::waits::Deadline;
use crate::{Cancel, Connect, Listener, Polled};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A port where one client is waited for, as TCPTalks does: once it is there, nobody else is let in.
///
/// ```
/// use ropeway_std::tcptalks::{Door, Settings, Talks};
/// use std::time::Duration;
///
/// let settings = Settings::default().password("secret");
/// let door = Door::bind("127.0.0.1:0")?;
/// let address = door.address();
/// std::thread::scope(|scope| {
///     let controller = scope.spawn(|| Talks::connect(address, &settings));
///     let robot = door.accept(&settings, Duration::from_secs(10));
///     assert!(robot.is_ok() && controller.join().unwrap().is_ok());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Door {
    listener: Listener,
}

impl Door {
    /// Listens at `address`; port 0 takes any that is free.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = Listener::bind(address)?;
        Ok(Self { listener })
    }

    /// Lets `cancel` end the waiting.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.listener = self.listener.cancel(cancel);
        self
    }

    /// The address it listens at, with the port that was free.
    pub const fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The first client with the right password, waited for as long as `timeout`; all others are sent away.
    pub fn accept(mut self, settings: &Settings, timeout: Duration) -> Result<Talks, OpenError> {
        let deadline = Deadline::after(timeout);
        loop {
            let accepted = self.listener.stream(deadline.left());
            let Some((stream, _)) = accepted.map_err(OpenError::Listen)? else {
                return Err(OpenError::NobodyCame);
            };
            match polled(stream, settings).and_then(|stream| Talks::listen_over(stream, settings)) {
                // One that is refused, says nothing or goes away is nobody's.
                Err(OpenError::Refused | OpenError::Silent | OpenError::Link(_)) => {}
                opened => return opened,
            }
            if deadline.has_passed() {
                return Err(OpenError::NobodyCame);
            }
        }
    }
}

impl Talks {
    /// Connects to a robot at `address`, and shows the password. While nobody listens there, it is tried again.
    pub fn connect(address: impl ToSocketAddrs, settings: &Settings) -> Result<Self, OpenError> {
        Self::connect_by(
            Connect::new(address)
                .retry(RETRY)
                .deadline(settings.connecting),
            settings,
        )
    }

    /// The same, as `connect` says: where to, how long, and what may cancel it.
    pub fn connect_by(connect: Connect, settings: &Settings) -> Result<Self, OpenError> {
        Self::dial_over(polled(connect.stream()?, settings)?, settings)
    }

    /// Waits at `address` for one controller with the right password, as long as `timeout`.
    pub fn listen(
        address: impl ToSocketAddrs,
        settings: &Settings,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
        let door = Door::bind(address).map_err(OpenError::Listen)?;
        door.accept(settings, timeout)
    }
}

fn polled(stream: TcpStream, settings: &Settings) -> Result<Polled, OpenError> {
    let prepared = settings.options.apply(&stream);
    let polled = prepared.and_then(|()| Polled::new(stream));
    Ok(polled.map_err(transport_error)?)
}

/// How long to wait after a refused connection.
const RETRY: Duration = Duration::from_millis(100);
