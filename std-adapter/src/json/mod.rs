//! JSON whose shape is known only when it arrives: values, and messages of any class.
//!
//! [`Value`] holds all that Python's `json` writes, also what strict JSON cannot say: NaN and infinities,
//! integers of any size, text with lone surrogates, keys in their order. [`Dynamic`] is a whole message.
//!
//! ```
//! use ropeway_std::json::Value;
//!
//! let value: Value = r#"{"pos":{"x":1.0},"big":100000000000000000000,"nan":NaN}"#.parse()?;
//! assert_eq!(value["pos"]["x"].as_f64(), Some(1.0));
//! assert_eq!(value.to_string(), r#"{"pos":{"x":1.0},"big":100000000000000000000,"nan":NaN}"#);
//! # Ok::<(), ropeway_std::encoding::DecodeError>(())
//! ```

mod access;
mod build;
mod dynamic;
mod integer;
mod key;
mod object;
mod read;
mod strict;
mod write;

pub use dynamic::Dynamic;
pub use integer::Integer;
pub use key::Key;
pub use object::Object;
pub use strict::StrictError;

/// Any value of JSON.
///
/// What a peer sends costs at most some dozens of times the memory of its text, and is nested no deeper than
/// [`DEPTH_LIMIT`](ropeway_core::encoding::value::DEPTH_LIMIT).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction and exponent, of any size.
    Integer(Integer),
    /// Any other number, NaN and infinities included.
    Float(f64),
    /// A string.
    Text(String),
    /// A string that is no Unicode text, because it holds half of a surrogate pair.
    Utf16(Vec<u16>),
    /// `[...]`
    Array(Vec<Self>),
    /// `{...}`
    Object(Object),
}
