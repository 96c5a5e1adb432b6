//! The native protocol: sessions that outlive their transports, with calls that survive them.
//!
//! A [`Client`] dials, keeps what is said while there is no link, and dials again; a hub or a [`Node`] over
//! [`listening`] is its peer. Both are nodes: messages go to [`Handlers`](crate::Handlers), and calls are as
//! [`call`](crate::call) says. How the link stands is told to [`Handlers::standing`](crate::Handlers::standing).
//!
//! ```
//! use ropeway_std::{Handlers, Link, Listener, Node, Options, messages, native};
//! use serde::{Deserialize, Serialize};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Sum(i32, i32);
//!
//! messages! { enum Words { Sum(Sum) = 0x10 -> i64 where repeatable } }
//!
//! let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
//! let config = Arc::new(config.name("calculator"));
//! let mut listener = Listener::bind("127.0.0.1:0")?;
//! let address = listener.address();
//! let mut client = native::Dial::new(address).client(&config, Handlers::new())?;
//!
//! let calculator = std::thread::spawn(move || {
//!     let native = native::listening(&config);
//!     let link = listener.accept(native, &Options::default(), Duration::MAX)?.expect("a client");
//!     let mut handlers = Handlers::new();
//!     handlers.answer::<Sum>(|_, Sum(a, b)| Ok(i64::from(a) + i64::from(b)));
//!     Node::new(link, handlers).run(|| false)
//! });
//! assert_eq!(client.call(&Sum(2, 3), Duration::from_secs(20))?, 5);
//! assert!(client.close(Duration::from_secs(20))?);
//! # assert!(matches!(calculator.join().unwrap(), Err(ropeway_std::Error::Closed)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Links are secure where there are keys: `Dial::secure` for a client, `Options::secure` and `Options::keyring` for what else
//! dials and listens. Then only who has the key can read or change what is said, and who has not is refused in words.

mod codes;
mod dial;
mod dialler;
mod standing;

use crate::Node;
use crate::random::random;
use ropeway_core::dialect::native;
use std::net::TcpStream;
use std::sync::Arc;

#[cfg(feature = "secure")]
pub use crate::wire::{Key, KeyError, Keyring};
pub use codes::PeerCodes;
pub use dial::Dial;
pub(crate) use dialler::{Dialler, Progress};
pub use ropeway_core::Backoff;
pub use ropeway_core::dialect::native::{
    CallId, Cause, Config, Difference, Failure, Name, Notice, Opening, Policy, Reason, Rule,
    TCP_PORT, UDP_PORT,
};
pub use ropeway_core::wire::Fault;
#[cfg(feature = "secure")]
pub use ropeway_core::wire::secure::KeyId;
pub use standing::{Parting, Standing};

/// The native protocol as it is spoken on std: links share the program's [`Config`].
pub type Native = native::Native<Arc<Config>, PeerCodes>;

/// A node that dials, and dials again when its link is lost: [`Dial`] makes one.
///
/// Over a blocking socket by default, or over [`Polled`](crate::Polled), which costs more system calls and has a
/// [handle](Node::handle) for other threads.
pub type Client<T = TcpStream> = Node<Native, T>;

/// A program's settings, with a random epoch: make them once, when the program starts.
///
/// The window is as large as the [buffer](crate::Options::buffer) that links have by default has room for; it must be
/// smaller than that, so [`fit`](Config::fit) it to another.
pub fn config() -> Config {
    Config::new(random()).fit(128 << 10)
}

/// The end that dials.
pub fn dialling(config: &Arc<Config>) -> Native {
    native::Native::dialling(config.clone()).with_codes(PeerCodes::of(config))
}

/// The end that listens, for one peer at a time; its sessions' ids are drawn at random.
pub fn listening(config: &Arc<Config>) -> Native {
    let listening = native::Native::listening(config.clone()).seed(random());
    listening.with_codes(PeerCodes::of(config))
}
