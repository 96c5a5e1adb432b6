//! MessagePack as Python programs send it, without allocation.
//!
//! - [`Reader`] pulls one value after the other out of a body, and lends text and bytes from there.
//! - [`Writer`] writes every value in its shortest form, and floats in 8 bytes.
//! - [`from_slice`] and [`to_slice`] carry serde types; what [`value`](super::value) has for all encodings does so in
//!   the middle of a body.
//! - [`Timestamp`] is the one extension that the format itself gives a meaning.
//! - [`validate`] checks a value with all that is in it, and tells its length.
//!
//! What a peer sends costs no more memory than a reader has, and no more stack than
//! [`DEPTH_LIMIT`](crate::encoding::value::DEPTH_LIMIT) levels of the receiving type. The specification is
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>; beyond it, keys are no maps and do not occur twice, as
//! in a Python `dict`. Structs refuse fields that occur twice by themselves; where other maps must be right too,
//! [`validate`] the body first.
//!
//! ```
//! use ropeway_core::encoding::msgpack::{from_slice, to_slice};
//!
//! #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
//! struct Position<'a> {
//!     name: &'a str,
//!     height: u16,
//! }
//!
//! let position = Position { name: "Zürich", height: 408 };
//! let mut buffer = [0; 64];
//! let len = to_slice(&position, &mut buffer)?;
//! assert_eq!(&buffer[..len], b"\x82\xa4name\xa7Z\xc3\xbcrich\xa6height\xcd\x01\x98");
//! assert_eq!(from_slice::<Position>(&buffer[..len])?, position);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod flat;
mod keys;
mod marker;
mod reader;
mod short;
mod slice;
#[cfg(test)]
mod tests;
mod timestamp;
mod token;
mod validate;
mod writer;

pub use reader::Reader;
pub use slice::{from_slice, to_slice};
pub use timestamp::Timestamp;
pub use validate::validate;
pub use writer::{Open, Writer};
