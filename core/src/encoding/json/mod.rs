//! JSON as Python's `json` module writes and reads it, without allocation.
//!
//! Strict JSON is not what the peers speak: `NaN` and infinities are bare words, integers have any
//! size, strings may hold half of a surrogate pair, and floats have Python's text (`1e-05`). All of
//! it is read and written here; the wire formats that need it are cable_car's JSON transport and
//! clever_show.
//!
//! - [`Reader`] pulls one value after the other out of a text and unescapes strings where they
//!   stand, so that they can be borrowed. Numbers stay text until a type is asked for.
//! - [`Writer`] writes in one of the two [`Style`]s that occur on the wires.
//! - [`from_slice`] and [`to_slice`] carry serde types; what [`value`](super::value) has for all
//!   encodings does so in the middle of a text. [`measure`] tells beforehand how long one will be.
//!
//! What a peer sends costs no more memory than the text has, and no more stack than
//! [`DEPTH_LIMIT`](super::value::DEPTH_LIMIT) levels of the receiving type. A text that breaks a rule is a
//! [`DecodeError`](super::DecodeError) that names the [`Rule`](super::Rule) and the offset.
//!
//! ```
//! use ropeway_core::encoding::json::{Style, from_slice, to_slice};
//!
//! #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
//! struct Position<'a> {
//!     name: &'a str,
//!     height: f64,
//! }
//!
//! let position = Position { name: "Zürich", height: 4e-5 };
//! let mut buffer = [0; 64];
//! let len = to_slice(&position, Style::Ascii, &mut buffer)?;
//! assert_eq!(&buffer[..len], br#"{"name":"Z\u00fcrich","height":4e-05}"#);
//! assert_eq!(from_slice::<Position>(&mut buffer[..len])?, position);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod float;
mod reader;
mod scan;
mod short;
mod slice;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::Reader;
pub use slice::{from_slice, measure, to_slice};
pub use writer::{Style, Writer};
