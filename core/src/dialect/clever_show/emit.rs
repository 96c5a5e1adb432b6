//! How a message is put together: its lengths stand before what they count.

use super::header::Header;
use crate::buf;
use crate::encoding::EncodeError;
use crate::encoding::json::{Style, Writer};
use crate::encoding::value::{Sequence, serialize_into, write_args, write_kwargs};
use serde::Serialize;

/// Writes one message to the front of `slot` and returns its length, or that of its header where a file follows.
///
/// `header` goes on behind `"message-type": "`, with the type and its quote. The content is written once, behind a
/// header that expects a length of two digits, and is moved by the difference if it has others.
pub(super) fn compose(
    slot: &mut [u8],
    content_type: &str,
    header: impl FnOnce(&mut Out<'_>) -> Result<(), EncodeError>,
    content: impl FnOnce(&mut Out<'_>) -> Result<Length, EncodeError>,
) -> Result<usize, EncodeError> {
    let mut out = Out { slot, at: 0 };
    out.push(&[0; Header::START])?;
    out.push(BYTE_ORDER)?;
    out.push(content_type.as_bytes())?;
    out.push(b"\", \"content-encoding\": \"utf-8\", \"content-length\": ")?;
    let digits_at = out.at;
    out.push(&[b'0'; EXPECTED])?;
    out.push(b", \"message-type\": \"")?;
    header(&mut out)?;
    out.push(b"}")?;
    let content_at = out.at;
    let len = match content(&mut out)? {
        Length::Counted => u64::try_from(out.at - content_at).unwrap_or(u64::MAX),
        Length::Follows(len) => len,
    };
    let mut digits = [0; 20];
    let digits = decimal(&mut digits, len);
    out.replace(digits_at, EXPECTED, digits)?;
    let header_len = content_at - EXPECTED + digits.len() - Header::START;
    let too_long = EncodeError::TooLong {
        limit: usize::from(u16::MAX),
    };
    let header_len = u16::try_from(header_len).map_err(|_| too_long)?;
    out.put(0, &header_len.to_be_bytes())?;
    Ok(out.at)
}

/// How long a content is.
pub(super) enum Length {
    /// As long as what was written.
    Counted,
    /// So long, and written later.
    Follows(u64),
}

/// A message on its way into a slot.
pub(super) struct Out<'a> {
    slot: &'a mut [u8],
    at: usize,
}

impl Out<'_> {
    /// Writes bytes as they are.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.put(self.at, bytes)?;
        self.at += bytes.len();
        Ok(())
    }

    /// Writes text as JSON.
    pub(super) fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.json(|writer| Ok(writer.text(text)?))
    }

    /// Writes any value as JSON.
    pub(super) fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), EncodeError> {
        self.json(|writer| serialize_into(writer, value))
    }

    /// Writes JSON.
    pub(super) fn json(
        &mut self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let slot = self.slot.get_mut(self.at..).unwrap_or_default();
        let mut writer = Writer::new(slot, Style::Utf8);
        write(&mut writer)?;
        self.at += writer.written();
        Ok(())
    }

    /// Writes both kinds of arguments, as fields of an object.
    pub(super) fn arguments(
        &mut self,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<(), EncodeError> {
        self.push(b"\"args\": ")?;
        self.json(|writer| write_args(writer, Sequence::Array, arguments))?;
        self.push(b", \"kwargs\": ")?;
        self.json(|writer| write_kwargs(writer, arguments))
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> Result<(), EncodeError> {
        let slot = self.slot.get_mut(at..at + bytes.len());
        slot.ok_or(EncodeError::Full)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Puts `bytes` in the place of `len` bytes at `at`, and moves what stands behind.
    fn replace(&mut self, at: usize, len: usize, bytes: &[u8]) -> Result<(), EncodeError> {
        let (from, to) = (at + len, at + bytes.len());
        if from != to {
            let end = self.at + to - from;
            if end > self.slot.len() {
                return Err(EncodeError::Full);
            }
            buf::move_within(self.slot, from..self.at, to);
            self.at = end;
        }
        self.put(at, bytes)
    }
}

/// The digits of a number, in a part of `digits`.
fn decimal(digits: &mut [u8; 20], mut number: u64) -> &[u8] {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

/// How many digits a length mostly has.
const EXPECTED: usize = 2;

/// The start of every header.
const BYTE_ORDER: &[u8] = if cfg!(target_endian = "little") {
    b"{\"byteorder\": \"little\", \"content-type\": \""
} else {
    b"{\"byteorder\": \"big\", \"content-type\": \""
};
