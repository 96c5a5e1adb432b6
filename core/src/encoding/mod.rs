//! How a value becomes the body of a frame, and back.
//!
//! Bytes of a type's own making need no module: see [`Encode`](crate::message::Encode). [`postcard`] serves
//! serde types in dialects whose bodies are bytes. [`json`], [`msgpack`] and [`pickle`] are encodings of [`value`]s,
//! which describe themselves and share all but their bytes: serde's types, the errors, the limits.
//!
//! ```
//! use ropeway_core::encoding::postcard;
//!
//! let mut body = [0; 16];
//! let len = postcard::encode(&(21.5_f32, "attic"), &mut body)?;
//! assert_eq!(len, 10);
//! assert_eq!(postcard::decode::<(f32, &str)>(&body[..len]), Ok((21.5, "attic")));
//! # Ok::<(), ropeway_core::encoding::EncodeError>(())
//! ```

mod error;
mod fault;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "msgpack")]
pub mod msgpack;
#[cfg(feature = "pickle")]
pub mod pickle;
pub mod postcard;
mod refused;
pub mod value;

pub use error::{DecodeError, EncodeError, Rule};
pub use fault::Fault;
