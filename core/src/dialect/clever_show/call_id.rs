use crate::encoding::json::{Reader, Style, Writer};
use crate::encoding::value::{Kind, Text};
use crate::encoding::{DecodeError, Rule};
use core::fmt;
use core::str::FromStr;

/// What tells the answers to different requests apart: any value of JSON of at most 32 bytes, as it came.
///
/// Requests of one's own have four decimal digits as text, from `"0000"` to `"9999"`, as the original has them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    len: u8,
    json: [u8; Self::MAX],
}

impl CallId {
    /// The most bytes that an id may have as JSON, the quotes of text included.
    pub const MAX: usize = 32;

    /// How many ids there are for requests of one's own.
    pub const COUNT: u32 = 10_000;

    /// The id of a request of one's own: the last four digits of `number`.
    ///
    /// Take one that no other request waits under.
    pub const fn new(number: u32) -> Self {
        let mut json = [0; Self::MAX];
        json[0] = b'"';
        let mut place = 4;
        let mut rest = number;
        while place > 0 {
            json[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
            place -= 1;
        }
        json[5] = b'"';
        Self { len: 6, json }
    }

    /// The id as JSON.
    pub fn as_json(&self) -> &[u8] {
        self.json.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The id that this JSON is, unless it is too long.
    pub(super) fn from_json(raw: &[u8]) -> Option<Self> {
        let mut json = [0; Self::MAX];
        json.get_mut(..raw.len())?.copy_from_slice(raw);
        let len = u8::try_from(raw.len()).ok()?;
        Some(Self { len, json })
    }

    /// The id that is this text, whatever escapes it came with, unless it is too long.
    pub(super) fn from_text(text: &Text<'_>) -> Option<Self> {
        let mut json = [0; Self::MAX];
        let mut writer = Writer::new(&mut json, Style::Utf8);
        writer.utf16(text.utf16()).ok()?;
        let len = u8::try_from(writer.written()).ok()?;
        Some(Self { len, json })
    }
}

/// From JSON of at most 32 bytes.
impl FromStr for CallId {
    type Err = DecodeError;

    fn from_str(json: &str) -> Result<Self, DecodeError> {
        let mut text = [0; Self::MAX];
        let too_long = DecodeError::at(Self::MAX, Rule::InvalidLength);
        let text = text.get_mut(..json.len()).ok_or(too_long)?;
        text.copy_from_slice(json.as_bytes());
        let mut reader = Reader::new(text);
        let kind = reader.peek()?;
        let id = match kind {
            Kind::Text => Self::from_text(&reader.text()?),
            _ => Self::from_json(reader.raw_value()?),
        };
        reader.finish()?;
        id.ok_or(too_long)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

/// As JSON.
impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.as_json()).unwrap_or_default())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for CallId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn is_four_digits_as_text() {
        assert_eq!(CallId::new(0).to_string(), "\"0000\"");
        assert_eq!(CallId::new(42).to_string(), "\"0042\"");
        assert_eq!(CallId::new(9_999).to_string(), "\"9999\"");
        assert_ne!(CallId::new(1), CallId::new(2));
    }

    #[test]
    fn takes_any_json_that_fits() {
        assert_eq!(CallId::from_json(b"17").unwrap().to_string(), "17");
        assert!(CallId::from_json(&[b'1'; 32]).is_some());
        assert!(CallId::from_json(&[b'1'; 33]).is_none());
    }
}
