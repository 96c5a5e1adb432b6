//! Whole bodies of one value.

use super::{Reader, Writer};
use crate::encoding::value::{deserialize_from, serialize_into};
use crate::encoding::{DecodeError, EncodeError};
use serde::{Deserialize, Serialize};

/// Reads `body`, which must be one value, into a value of type `T`, which may borrow text and bytes from there.
///
/// It is written as [`to_slice`] says. Unknown fields are skipped, integers are floats where floats are wanted, bytes
/// are text where text is, and a struct is a map, never an array. A struct refuses a field that occurs twice; other
/// types and what is skipped are [`validate`](super::validate)'s to check.
pub fn from_slice<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    let mut reader = Reader::new(body);
    let value = deserialize_from(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Writes `value` to the start of `out` and returns the length of the body.
///
/// Structs and maps become maps, sequences and tuples arrays, `None` and units nil. An enum's variant without content
/// is its name, with content a map of one entry.
pub fn to_slice<T: Serialize + ?Sized>(value: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    let mut writer = Writer::new(out);
    serialize_into(&mut writer, value)?;
    Ok(writer.written())
}
