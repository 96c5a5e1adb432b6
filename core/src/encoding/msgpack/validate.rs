use super::{Reader, flat, keys};
use crate::encoding::DecodeError;

/// Checks the value that `body` starts with, with all that is in it, and returns its length.
///
/// All is checked that a [`Reader`] checks, and that no map has a key twice ([`Rule::DuplicateField`]): keys are
/// the same if Python takes them for the same, so `1` is `1.0`, or if one is text and the other bytes with the same
/// content. What follows the value is not looked at.
///
/// It takes constant memory and a time linear in the length. Maps of up to 4096 keys are always checked, if no map of
/// many keys is in another; fails with [`Rule::TooManyValues`] at one that would take longer.
///
/// [`Rule::DuplicateField`]: crate::encoding::Rule::DuplicateField
/// [`Rule::TooManyValues`]: crate::encoding::Rule::TooManyValues
///
/// ```
/// # use ropeway_core::encoding::{Rule, msgpack::validate};
/// assert_eq!(validate(&[0x92, 1, 2, 0xc0]), Ok(3));
/// assert_eq!(validate(&[0x92, 1]).unwrap_err().rule, Rule::UnexpectedEnd);
/// assert_eq!(validate(b"\x82\xa1a\x01\xa1a\x02").unwrap_err().rule, Rule::DuplicateField);
/// ```
pub fn validate(body: &[u8]) -> Result<usize, DecodeError> {
    match flat::check(body) {
        Some(len) => Ok(len),
        None => look_at_everything(body),
    }
}

fn look_at_everything(body: &[u8]) -> Result<usize, DecodeError> {
    let value = Reader::new(body).raw_value()?;
    keys::check(value)?;
    Ok(value.len())
}
