//! serde types in postcard's wire format, one value a body.
//!
//! ```
//! use ropeway_core::encoding::postcard;
//!
//! let mut out = [0; 8];
//! let len = postcard::encode(&(300_u16, true), &mut out)?;
//! assert_eq!(&out[..len], [0xac, 0x02, 0x01]);
//! assert_eq!(postcard::decode::<(u16, bool)>(&out[..len]), Ok((300, true)));
//! # Ok::<(), ropeway_core::encoding::EncodeError>(())
//! ```

mod ser;

use super::{DecodeError, EncodeError, Rule};
use ::postcard::{Deserializer, Error};
use ser::Writer;
use serde::{Deserialize, Serialize};

/// Writes `value` to the front of `out` and returns its length.
#[inline]
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    let mut writer = Writer::new(out);
    value.serialize(&mut writer)?;
    Ok(writer.written())
}

/// Reads a value from the whole of `body`; text and bytes in it borrow from there.
#[inline]
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    let mut reader = Deserializer::from_bytes(body);
    let value = T::deserialize(&mut reader);
    let rest = reader.finalize().unwrap_or_default();
    match value {
        Ok(value) if rest.is_empty() => Ok(value),
        value => Err(misread(body.len() - rest.len(), value.as_ref().err())),
    }
}

/// What stopped the reader at `offset`; no error of its own means that there was more to read.
#[cold]
fn misread(offset: usize, error: Option<&Error>) -> DecodeError {
    let rule = match error {
        None => Rule::TrailingBytes,
        Some(Error::DeserializeUnexpectedEnd) => Rule::UnexpectedEnd,
        Some(Error::DeserializeBadUtf8) => Rule::InvalidUtf8,
        Some(_) => Rule::InvalidValue,
    };
    DecodeError::at(offset, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_rule_and_the_place() {
        let fails = |body: &[u8]| decode::<(u16, bool)>(body).unwrap_err();
        assert_eq!(fails(&[0xac]), DecodeError::at(1, Rule::UnexpectedEnd));
        assert_eq!(fails(&[0xac, 2]), DecodeError::at(2, Rule::UnexpectedEnd));
        assert_eq!(fails(&[1, 7]), DecodeError::at(2, Rule::InvalidValue));
        assert_eq!(
            fails(&[1, 1, 9, 9]),
            DecodeError::at(2, Rule::TrailingBytes)
        );
        assert_eq!(
            decode::<&str>(&[2, 0xff, 0xff]).unwrap_err().rule,
            Rule::InvalidUtf8
        );
    }

    #[test]
    fn tells_a_small_slot_from_an_unencodable_value() {
        assert_eq!(encode(&300_u16, &mut [0; 1]), Err(EncodeError::Full));
        assert_eq!(encode(&300_u16, &mut [0; 2]), Ok(2));
    }
}
