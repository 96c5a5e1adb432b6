//! The protocol of the Python library cable_car 1.0.1: equal peers, no handshake, no acknowledgement.
//!
//! It has two transports, chosen by the program and never announced: [`CableCarByte`] with frames of at most
//! 255 bytes, and [`CableCarJson`] with a line of JSON a message. Both know the [`standard`] messages; what
//! those mean is left to the program.
//!
//! ```
//! use ropeway_core::dialect::cable_car::{CableCarByte, Identify};
//! use ropeway_core::{Messenger, SendError};
//!
//! let mut messenger = Messenger::new(CableCarByte, [0; 64], [0; 64]);
//! messenger.send(&Identify::new("pilot", "base"))?;
//! assert_eq!(messenger.poll_output(), b"\x0c\x01pilot@base");
//! # Ok::<(), SendError>(())
//! ```

mod byte;
#[cfg(feature = "json")]
mod json;
pub mod standard;

pub use byte::{CableCarByte, Code, Raw};
#[cfg(feature = "json")]
pub use json::{CableCarJson, Name, Named};
pub use standard::{Identify, Join, Quit, Retry, STANDARD};

/// The TCP port that programs listen on by default.
pub const TCP_PORT: u16 = 8223;

/// The UDP port of discovery by default.
pub const UDP_PORT: u16 = 8222;
