//! Values whose shape is known only when they arrive.
//!
//! [`Value`] holds all that Python programs send, be it JSON, MessagePack or pickle: NaN and infinities, integers of
//! any size, text with lone surrogates, bytes, tuples and sets, keys of any kind in their order. It is read and
//! written by the verbs that all encodings share, and it may stand inside a message of serde's types.
//!
//! ```
//! use ropeway_std::value::Value;
//!
//! let value: Value = r#"{"pos":{"x":1.0},"big":100000000000000000000,"nan":NaN}"#.parse()?;
//! assert_eq!(value["pos"]["x"].as_f64(), Some(1.0));
//! assert_eq!(value.to_string(), r#"{"pos":{"x":1.0},"big":100000000000000000000,"nan":NaN}"#);
//! # Ok::<(), ropeway_std::encoding::DecodeError>(())
//! ```

mod access;
mod build;
mod convert;
mod integer;
mod json;
mod map;
#[cfg(feature = "rmpv")]
mod msgpack;
mod read;
mod strict;
mod typed;
mod write;

pub use convert::ConvertError;
pub use integer::Integer;
pub use map::Map;

/// Any value.
///
/// What a peer sends costs at most some dozens of times the memory of its text, and is nested no deeper than
/// [`DEPTH_LIMIT`](ropeway_core::encoding::value::DEPTH_LIMIT).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing: `null`, nil, `None`.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number without fraction and exponent, of any size.
    Integer(Integer),
    /// Any other number, NaN and infinities included.
    Float(f64),
    /// Text.
    Text(String),
    /// Text that is no Unicode, because it holds half of a surrogate pair.
    Utf16(Vec<u16>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Bytes that may change: Python's `bytearray`.
    ByteArray(Vec<u8>),
    /// A list.
    Array(Vec<Self>),
    /// A list of fixed length.
    Tuple(Vec<Self>),
    /// A set, in the order in which it came.
    Set(Vec<Self>),
    /// A set that does not change, in the order in which it came.
    FrozenSet(Vec<Self>),
    /// A map.
    Map(Map),
    /// Bytes with a type number: MessagePack's ext.
    Extension {
        /// The type.
        kind: i8,
        /// What it holds.
        bytes: Vec<u8>,
    },
}
