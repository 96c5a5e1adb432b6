//! Whole texts of one value.

use super::{Reader, Style, Writer};
use crate::encoding::value::{deserialize_from, serialize_into};
use crate::encoding::{DecodeError, EncodeError};
use serde::{Deserialize, Serialize};

/// Reads `text`, which must be one value and white space, into a value of type `T`.
///
/// The value may borrow its strings from `text`, where they are unescaped in place. It is written
/// as [`to_slice`] says. Unknown fields are skipped, integers are floats where
/// floats are wanted, and a struct is an object, never an array.
pub fn from_slice<'a, T: Deserialize<'a>>(text: &'a mut [u8]) -> Result<T, DecodeError> {
    let mut reader = Reader::new(text);
    let value = deserialize_from(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Writes `value` to the start of `out` and returns the length of the text.
///
/// Structs and maps become objects, sequences, tuples and bytes become arrays, `None` and units
/// become `null`. An enum's variant without content is its name, with content an object of one
/// entry. Keys that are integers, floats, booleans or `None` become text, as for Python.
pub fn to_slice<T: Serialize + ?Sized>(
    value: &T,
    style: Style,
    out: &mut [u8],
) -> Result<usize, EncodeError> {
    let mut writer = Writer::new(out, style);
    serialize_into(&mut writer, value)?;
    Ok(writer.written())
}

/// How long a text will be: what `write` writes is counted and not kept.
///
/// For texts whose length stands before them. What is written must be the same again.
///
/// ```
/// use ropeway_core::encoding::json::{Style, measure};
/// use ropeway_core::encoding::value::serialize_into;
///
/// let len = measure(Style::Utf8, |text| serialize_into(text, &["a", "ü"]))?;
/// assert_eq!(len, r#"["a", "ü"]"#.len());
/// # Ok::<(), ropeway_core::encoding::EncodeError>(())
/// ```
pub fn measure(
    style: Style,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    let mut writer = Writer::counting(style);
    write(&mut writer)?;
    Ok(writer.written())
}
