//! The arguments of a call, as Python has them: by position and by name.
//!
//! A type says by its shape where its values go:
//!
//! | type | positional | by name |
//! |---|---|---|
//! | struct with named fields | | its fields |
//! | map | | its entries, whose keys are text |
//! | tuple, tuple struct, sequence | its elements | |
//! | newtype struct | its one field | |
//! | [`Args`] | `args` | `kwargs` |
//! | `()`, unit struct | | |
//!
//! Read, a struct with named fields takes positional arguments too, in the order of its fields, as Python binds them.
//!
#![cfg_attr(feature = "json", doc = "```")]
#![cfg_attr(not(feature = "json"), doc = "```ignore")]
//! use ropeway_core::encoding::json::{Reader, Style, Writer};
//! use ropeway_core::encoding::value::{Sequence, read_arguments, write_args, write_kwargs};
//!
//! #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
//! struct Move { x: f64, y: f64 }
//!
//! let mut out = [0; 64];
//! let mut text = Writer::new(&mut out, Style::Ascii);
//! write_args(&mut text, Sequence::Array, &Move { x: 1.0, y: 2.0 })?;
//! write_kwargs(&mut text, &Move { x: 1.0, y: 2.0 })?;
//! assert_eq!(text.as_bytes(), br#"[],{"x":1.0,"y":2.0}"#);
//!
//! let (mut args, mut kwargs) = (*b"[1]", *br#"{"y":2}"#);
//! let (args, kwargs) = (Reader::new(&mut args), Reader::new(&mut kwargs));
//! let read: Move = read_arguments(Some(args), Some(kwargs))?;
//! assert_eq!(read, Move { x: 1.0, y: 2.0 });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;
#[cfg(all(test, feature = "json"))]
mod tests;
mod write;

pub use read::read_arguments;
pub use write::{Sequence, write_args, write_kwargs};

use serde::{Deserialize, Serialize};

/// Arguments by position and arguments by name.
///
/// A message of one's own passes them on with `#[serde(transparent)]`: as a newtype alone it would have one
/// positional argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[serde(rename = "$ropeway::Args")]
pub struct Args<A, K> {
    /// By position: a tuple, a sequence, or `()` for none.
    pub args: A,
    /// By name: a struct, a map, or `()` for none.
    pub kwargs: K,
}

/// How [`Args`] makes itself known to this module.
const ARGS: &str = "$ropeway::Args";
