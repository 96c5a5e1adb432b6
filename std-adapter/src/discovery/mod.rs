//! Finds peers on the network by UDP broadcast and connects to them by TCP, as cable_car's
//! `BroadcastConnector` does.
//!
//! A [`Discovery`] holds the sockets and is driven by its owner, who calls [`poll`](Discovery::poll) as often as
//! it likes and gets [`Event`]s; [`spawn`](Discovery::spawn) drives it in a thread and calls back on each
//! connection instead.
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

mod connection;
mod driver;
mod network;
mod running;
mod settings;

pub use connection::Connection;
pub use driver::{Discovery, Event};
pub use ropeway_core::discovery::{ConnectionId, Direction, Peer};
pub use running::Running;
pub use settings::{Loopback, Settings};
