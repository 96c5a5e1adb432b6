//! Finds peers on the network by UDP broadcast and connects to them by TCP: native programs, as core's SPEC.md says, and
//! hosts that speak cable_car, as its `BroadcastConnector` does.
//!
//! A [`Discovery`] holds the sockets and is driven by its owner, who calls [`poll`](Discovery::poll) as often as
//! it likes and gets [`Event`]s; [`spawn`](Discovery::spawn) drives it in a thread and calls back on each
//! connection instead.
//!
//! Who is there, without a connection:
//!
//! ```no_run
//! use ropeway_std::discovery::{Event, Native, Settings};
//! use std::time::Duration;
//!
//! let mut discovery = Settings::native(Native::named("pilot")).start()?;
//! while let Some(event) = discovery.poll(Duration::from_secs(3))? {
//!     if let Event::Found(peer) = event {
//!         println!("{:?} at {:?}", peer.program(), peer.address());
//!     }
//! }
//! println!("{} in all", discovery.peers().count());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`Native::listen`] and [`Native::dials`] bring about connections, too, as they do with everyone who speaks cable_car:
//!
//! ```no_run
//! use ropeway_std::dialect::cable_car::{CableCarJson, Join};
//! use ropeway_std::discovery::{Event, Settings};
//! use ropeway_std::{Link, Options};
//! use std::time::Duration;
//!
//! let mut discovery = Settings::default().start()?;
//! loop {
//!     if let Some(Event::Connected(connection)) = discovery.poll(Duration::MAX)? {
//!         println!("found {}", connection.remote());
//!         let mut link = Link::over(CableCarJson, connection, &Options::default())?;
//!         std::thread::spawn(move || link.send(&Join));
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cable_car;
mod connection;
mod driver;
mod event;
mod native;
mod network;
mod running;
mod settings;

pub use connection::{Connection, Protocol};
pub use driver::Discovery;
pub use event::Event;
pub use native::{Native, UDP_PORT};
pub use ropeway_core::discovery::{
    ConnectionId, Counts, Dials, Direction, Epoch, Name, Outcome, Peer, Program, Refused, Speaks,
};
pub use running::Running;
pub use settings::{CableCar, Loopback, Settings};
