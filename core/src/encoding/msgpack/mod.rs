//! MessagePack as Python programs send it, without allocation.
//!
//! - [`Reader`] pulls one value after the other out of a body, and lends text and bytes from there.
//! - [`Writer`] writes every value in its shortest form, and floats in 8 bytes.
//! - [`Timestamp`] is the one extension that the format itself gives a meaning.
//! - [`validate`] checks a value with all that is in it, and tells its length.
//!
//! What a peer sends costs no more memory than a reader has, and no more stack than
//! [`DEPTH_LIMIT`](crate::encoding::value::DEPTH_LIMIT) levels of the receiving type. The specification is
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>; beyond it, keys are no maps and do not occur twice, as
//! in a Python `dict`. Structs refuse fields that occur twice by themselves; where other maps must be right too,
//! [`validate`] the body first.

mod keys;
mod marker;
mod reader;
#[cfg(test)]
mod tests;
mod timestamp;
mod token;
mod validate;
mod writer;

pub use reader::Reader;
pub use timestamp::Timestamp;
pub use validate::validate;
pub use writer::{Open, Writer};
