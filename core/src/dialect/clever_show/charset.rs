//! JSON content in another encoding than UTF-8: no program sends it, but the original reads it.

use super::header::Header;
use crate::buf::move_within;
use crate::encoding::value::Text;

/// How JSON content is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, and ASCII, which is the same; null, which is the machine's own.
    #[default]
    Utf8,
    Latin1,
    /// With a byte order mark, or little endian.
    Utf16,
    Utf16Le,
    Utf16Be,
    Unknown {
        /// Where its name stands.
        at: usize,
    },
}

impl Encoding {
    /// The encoding of that name; Python takes no notice of case, and hyphens and underscores are one.
    pub(super) fn named(name: &Text<'_>) -> Self {
        let is = |known: &str| {
            let same = |(a, b): (u8, u8)| a.to_ascii_lowercase() == b || (a == b'_' && b == b'-');
            let raw = name.raw();
            raw.len() == known.len() && raw.iter().copied().zip(known.bytes()).all(same)
        };
        if ["utf-8", "utf8", "ascii", "us-ascii"].into_iter().any(is) {
            Self::Utf8
        } else if ["latin-1", "latin1", "iso-8859-1"].into_iter().any(is) {
            Self::Latin1
        } else if is("utf-16") || is("utf16") {
            Self::Utf16
        } else if is("utf-16-le") || is("utf-16le") {
            Self::Utf16Le
        } else if is("utf-16-be") || is("utf-16be") {
            Self::Utf16Be
        } else {
            Self::Unknown {
                at: Header::START + name.offset(),
            }
        }
    }
}

/// Why content could not be brought into UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It has no room.
    Expands,
    /// It is not of the encoding that it says, from this byte of it on.
    Invalid { at: usize },
}

/// Brings the content in `buf[from..]` into UTF-8 in `buf[to..]`, `to` being the smaller, and returns where it ends.
pub(super) fn to_utf8(
    buf: &mut [u8],
    from: usize,
    to: usize,
    encoding: Encoding,
) -> Result<usize, Failure> {
    match encoding {
        Encoding::Utf8 | Encoding::Unknown { .. } => {
            let end = buf.len();
            move_within(buf, from..end, to);
            Ok(to + buf.len().saturating_sub(from))
        }
        Encoding::Latin1 => {
            let mut out = Out { buf, from, to };
            while let Some(&byte) = out.buf.get(out.from) {
                out.from += 1;
                out.put(char::from(byte))?;
            }
            Ok(out.to)
        }
        Encoding::Utf16 | Encoding::Utf16Le | Encoding::Utf16Be => {
            let mark = buf.get(from..from + 2);
            let is_utf16 = encoding == Encoding::Utf16;
            let is_big = encoding == Encoding::Utf16Be || is_utf16 && mark == Some(&[0xFE, 0xFF]);
            let has_mark = is_utf16 && matches!(mark, Some([0xFE, 0xFF] | [0xFF, 0xFE]));
            let from = if has_mark { from + 2 } else { from };
            Out { buf, from, to }.utf16(is_big)
        }
    }
}

/// Writes behind where it reads.
struct Out<'a> {
    buf: &'a mut [u8],
    from: usize,
    to: usize,
}

impl Out<'_> {
    fn utf16(mut self, is_big: bool) -> Result<usize, Failure> {
        let start = self.from;
        while self.from < self.buf.len() {
            let invalid = Failure::Invalid {
                at: self.from - start,
            };
            let first = self.unit(is_big).ok_or(invalid)?;
            let mut units = [first, 0];
            let is_pair = matches!(first, 0xD800..=0xDBFF);
            if is_pair {
                units[1] = self.unit(is_big).ok_or(invalid)?;
            }
            let units = units.into_iter().take(if is_pair { 2 } else { 1 });
            for decoded in char::decode_utf16(units) {
                self.put(decoded.map_err(|_| invalid)?)?;
            }
        }
        Ok(self.to)
    }

    fn unit(&mut self, is_big: bool) -> Option<u16> {
        let bytes = self.buf.get(self.from..)?.first_chunk::<2>()?;
        self.from += 2;
        Some(match is_big {
            true => u16::from_be_bytes(*bytes),
            false => u16::from_le_bytes(*bytes),
        })
    }

    fn put(&mut self, c: char) -> Result<(), Failure> {
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).as_bytes();
        let end = self.to + bytes.len();
        if end > self.from {
            return Err(Failure::Expands);
        }
        let slot = self.buf.get_mut(self.to..end).ok_or(Failure::Expands)?;
        slot.copy_from_slice(bytes);
        self.to = end;
        Ok(())
    }
}
