//! How a value becomes the body of a frame, and back.
//!
//! Bytes of a type's own making need no module: see [`Encode`](crate::message::Encode). [`postcard`] serves
//! serde types in dialects whose bodies are bytes; [`json`], [`msgpack`] and [`pickle`] are what the Python peers speak.

mod error;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "msgpack")]
pub mod msgpack;
#[cfg(feature = "pickle")]
pub mod pickle;
pub mod postcard;
pub mod value;

pub use error::{DecodeError, EncodeError, Rule};
