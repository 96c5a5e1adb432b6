#![doc = include_str!("from_tcptalks.md")]

mod asking;
mod bound;
mod door;
mod error;
mod handle;
mod kept;
mod memory;
mod oddity;
mod remote_error;
mod server;
mod settings;
mod speech;
mod talks;

pub use crate::call::Refused;
pub use door::Door;
pub use error::{CallError, OpenError};
pub use handle::{Handle, Running};
pub use memory::Values;
pub use oddity::Oddity;
pub use remote_error::{Place, RemoteError};
pub use ropeway_core::dialect::tcptalks::{CallId, Opcode, Password, TCP_PORT, Variant};
pub use server::{Client, Happening, Server, ServerHandle};
pub use settings::Settings;
pub use speech::Arguments;
pub(crate) use speech::Spoken;
pub use talks::Talks;

/// The dialect with memory that grows as it is needed.
pub type Dialect = ropeway_core::dialect::tcptalks::TcpTalks<Values, String>;
