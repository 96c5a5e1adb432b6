//! Pickle as plain data, without allocation.
//!
//! A pickle is a program for a stack machine. What Python writes for plain values is read here, and nothing is ever
//! imported or called: what asks for it is refused, but for sets and byte arrays by their exact names, and for
//! exceptions, which are described as [`RemoteError`] and never rebuilt.
//!
//! - [`Table::scan`] finds the end of a pickle while its bytes arrive, checks it, and lists its values in lent
//!   memory, whose size is the limit on all that a pickle can ask for.
//! - [`Value`] and [`Reader`] read the values from the list, and never see an opcode.
//! - [`Writer`] writes protocol 3, which every Python 3 reads.
//! - [`from_slice`] and [`to_slice`] carry serde types; what [`value`](super::value) has for all encodings does so in
//!   the middle of a pickle.
//!
//! All follow `tests/vectors/tcptalks.json`.
//!
//! ```
//! use ropeway_core::encoding::pickle::{Node, Progress, Table};
//!
//! let input = b"\x80\x03C\x01AK\xaa\x88\x85\x87.";
//! let mut table = Table::new([Node::EMPTY; 32]);
//! assert_eq!(table.scan(&input[..5], 100)?, Progress::More);
//! assert_eq!(table.scan(input, 100)?, Progress::Done { len: 11 });
//!
//! let message = table.root(input).expect("the scan is done");
//! let mut parts = message.elements();
//! assert_eq!(parts.next().and_then(|role| role.bytes()), Some(&b"A"[..]));
//! # Ok::<(), ropeway_core::encoding::DecodeError>(())
//! ```

mod call;
mod execute;
mod machine;
mod memo;
mod message;
mod node;
mod opcode;
mod reader;
mod remote_error;
mod repr;
mod scan;
mod slice;
mod table;
#[cfg(test)]
mod tests;
mod traceback;
mod tree;
mod value;
mod writer;

pub use message::Message;
pub use node::Node;
pub use reader::Reader;
pub use remote_error::RemoteError;
pub use slice::{from_slice, to_slice};
pub use table::{Nodes, Progress, Table};
pub use traceback::{Frame, Frames};
pub use value::{Elements, Value};
pub use writer::{Open, Place, Writer};

/// The highest protocol that is read.
pub const HIGHEST_PROTOCOL: u8 = 5;

/// How long an integer may be in bytes: as long as Python's limit of 4300 digits allows.
pub const LONG_LIMIT: usize = 1786;
