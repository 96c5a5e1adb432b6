//! Whole pickles of one value.

use super::{Nodes, Progress, Table, Writer};
use crate::encoding::value::{deserialize_from, serialize_into};
use crate::encoding::{DecodeError, EncodeError, Rule};
use serde::{Deserialize, Serialize};

/// Reads `pickle` into a value of type `T`, which may borrow text and bytes from there; `table` is used for it.
///
/// It is written as [`to_slice`] says. Unknown fields are skipped, integers are floats where floats are wanted, lists,
/// tuples and sets are alike, and a struct is a map, never a sequence.
pub fn from_slice<'a, T: Deserialize<'a>>(
    pickle: &'a [u8],
    table: &mut Table<impl Nodes>,
) -> Result<T, DecodeError> {
    table.clear();
    match table.scan(pickle, usize::MAX)? {
        Progress::Done { len } if len < pickle.len() => {
            return Err(DecodeError::at(len, Rule::TrailingBytes));
        }
        _ => {}
    }
    let end = DecodeError::at(pickle.len(), Rule::UnexpectedEnd);
    let root = table.root(pickle).ok_or(end)?;
    deserialize_from(&mut root.reader())
}

/// Writes `value` to the start of `out` and returns the length of the pickle.
///
/// Structs and maps become dicts, sequences lists, tuples tuples, `None` and units `None`. An enum's variant without
/// content is its name, with content a dict of one entry.
pub fn to_slice<T: Serialize + ?Sized>(value: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    let mut writer = Writer::new(out)?;
    serialize_into(&mut writer, value)?;
    writer.finish()
}
