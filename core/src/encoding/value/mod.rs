//! Values as Python programs send them: what JSON, MessagePack and pickle have in common.
//!
//! Each of the three has one reader and one writer. They share their verbs, [`Read`] and [`Write`], the kinds of
//! value, the errors and the limits; serde's types and dynamic values are built on the verbs alone, once:
//! [`deserialize_from`] and [`serialize_into`] carry serde's types, [`deserialize_attributes`] and
//! [`serialize_attributes`] those that must be maps, [`read_arguments`], [`write_args`] and [`write_kwargs`] the
//! arguments of a call.
//!
//! A reader pulls one value after the other out of memory that was received, and lends text and bytes from there.
//! A writer puts one value after the other into a slot that is lent. Neither allocates, and neither goes deeper than
//! [`DEPTH_LIMIT`].
//!
//! One function for whatever the encoding is:
//!
//! ```
//! # #[cfg(feature = "json")] {
//! use ropeway_core::encoding::DecodeError;
//! use ropeway_core::encoding::json::Reader;
//! use ropeway_core::encoding::value::{Kind, Read};
//!
//! /// The largest of a list of integers.
//! fn largest<'de>(reader: &mut impl Read<'de>) -> Result<Option<i64>, DecodeError> {
//!     assert_eq!(reader.peek()?, Kind::Array);
//!     let mut largest = None;
//!     reader.begin_array()?;
//!     while reader.next_element()? {
//!         largest = largest.max(Some(reader.integer()?));
//!     }
//!     Ok(largest)
//! }
//!
//! let mut text = *b"[3, 40, -1]";
//! assert_eq!(largest(&mut Reader::new(&mut text)), Ok(Some(40)));
//! # }
//! ```

pub mod arguments;
mod attributes;
mod compound;
mod de;
pub(in crate::encoding) mod decimal;
mod display;
#[cfg(any(test, target_os = "none"))]
mod exact;
mod key_reader;
mod key_writer;
mod kind;
pub(in crate::encoding) mod nearest;
mod number;
mod read;
mod ser;
mod serializers;
mod text;
mod write;
mod wtf8;

pub use arguments::{Args, Sequence, read_arguments, write_args, write_kwargs};
pub use attributes::{deserialize_attributes, serialize_attributes};
pub use de::deserialize_from;
pub use decimal::Decimal;
pub use display::DISPLAY_LIMIT;
pub use kind::Kind;
pub use number::Number;
pub use read::{Key, Read};
pub use ser::serialize_into;
pub use text::{Text, Utf16};
pub use write::Write;
#[cfg(feature = "pickle")]
pub(super) use {
    number::{little_to_f32, little_to_f64},
    wtf8::surrogates,
};

/// How deep values may be nested, unless a reader is told otherwise.
pub const DEPTH_LIMIT: u8 = 128;

/// The most decimal digits an integer may have, as in Python since 3.11.
pub const DIGIT_LIMIT: u16 = 4300;
