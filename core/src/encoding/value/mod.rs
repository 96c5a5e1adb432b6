//! Values as Python programs send them: what JSON, MessagePack and pickle have in common.
//!
//! Each of the three has one reader and one writer. They share their verbs, [`Read`] and [`Write`], the kinds of
//! value, the errors and the limits; serde's types and dynamic values are built on the verbs alone, once.
//!
//! A reader pulls one value after the other out of memory that was received, and lends text and bytes from there.
//! A writer puts one value after the other into a slot that is lent. Neither allocates, and neither goes deeper than
//! [`DEPTH_LIMIT`].

mod kind;
mod number;
mod read;
mod text;
mod write;
mod wtf8;

pub use kind::Kind;
pub use number::Number;
pub use read::{Key, Read};
pub use text::{Text, Utf16};
pub use write::Write;
#[cfg(feature = "pickle")]
pub(super) use wtf8::is_utf8 as wtf8_is_utf8;

/// How deep values may be nested, unless a reader is told otherwise.
pub const DEPTH_LIMIT: u8 = 128;
