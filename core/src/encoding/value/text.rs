//! A string that stays escaped until somebody needs it otherwise.

use core::{
    cell::Cell,
    char::{DecodeUtf16, DecodeUtf16Error, decode_utf16},
    fmt,
    str::Chars,
};

use super::wtf8;
use crate::encoding::{DecodeError, Rule};

/// A string as it stands in the text: checked, but not unescaped.
///
/// Its escapes are well formed and its bytes are UTF-8. Only [`Text::into_str`] rewrites it, in
/// the memory where it stands; everything else reads it as it is.
pub struct Text<'a> {
    raw: Raw<'a>,
    offset: usize,
}

enum Raw<'a> {
    Plain(&'a str),
    /// UTF-8 with escapes, kept writable.
    #[cfg_attr(not(feature = "json"), allow(dead_code))]
    Escaped(&'a mut [u8], Escapes),
    /// UTF-8 with lone surrogates, three bytes each.
    Surrogates(&'a [u8]),
}

/// Only JSON has escapes: without it no text has any, and no program the code that reads them.
#[cfg(feature = "json")]
type Escapes = ();
#[cfg(not(feature = "json"))]
type Escapes = core::convert::Infallible;

impl<'a> Text<'a> {
    /// A string between its quotes, whose first byte is at `offset` of the text.
    ///
    /// The escapes have been checked, the UTF-8 has not.
    #[cfg(feature = "json")]
    #[inline]
    pub(in crate::encoding) fn new(
        raw: &'a mut [u8],
        is_escaped: bool,
        offset: usize,
    ) -> Result<Self, DecodeError> {
        let misplaced = |error: core::str::Utf8Error| {
            DecodeError::at(offset + error.valid_up_to(), Rule::InvalidUtf8)
        };
        let raw = if is_escaped {
            core::str::from_utf8(raw).map_err(misplaced)?;
            Raw::Escaped(raw, ())
        } else {
            Raw::Plain(core::str::from_utf8(raw).map_err(misplaced)?)
        };
        Ok(Self { raw, offset })
    }

    /// A string that stands in the body as it is; its first byte is at `offset`.
    #[inline]
    pub(in crate::encoding) const fn plain(text: &'a str, offset: usize) -> Self {
        Self {
            raw: Raw::Plain(text),
            offset,
        }
    }

    /// A string without escapes, in UTF-8 but for surrogates, which may stand alone as three bytes: what Python calls
    /// `surrogatepass`. Its first byte is at `offset` of the body.
    pub fn wtf8(raw: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        let raw = match wtf8::surrogates(raw) {
            Ok(false) => Raw::Plain(core::str::from_utf8(raw).unwrap_or_default()),
            Ok(true) => Raw::Surrogates(raw),
            Err(place) => return Err(DecodeError::at(offset + place, Rule::InvalidUtf8)),
        };
        Ok(Self { raw, offset })
    }

    /// Whether the string contains escapes.
    pub const fn is_escaped(&self) -> bool {
        matches!(self.raw, Raw::Escaped(..))
    }

    /// Where the string's content starts, in bytes from the start of the text.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes between the quotes, escapes and all. They are UTF-8, but for lone surrogates that are not escaped.
    pub const fn raw(&self) -> &[u8] {
        match &self.raw {
            Raw::Plain(plain) => plain.as_bytes(),
            Raw::Escaped(raw, _) => raw,
            Raw::Surrogates(raw) => raw,
        }
    }

    /// The string without escapes, in the memory where it stood with them.
    ///
    /// Fails with [`Rule::LoneSurrogate`]; [`Text::utf16`] reads such a string.
    #[inline]
    pub fn into_str(self) -> Result<&'a str, DecodeError> {
        match self.raw {
            Raw::Plain(plain) => Ok(plain),
            Raw::Escaped(raw, _) => unescape(raw).map_err(|error| DecodeError {
                offset: self.offset + error.offset,
                ..error
            }),
            Raw::Surrogates(_) => Err(DecodeError::at(self.offset, Rule::LoneSurrogate)),
        }
    }

    /// Whether the string, unescaped, is `other`. A lone surrogate equals nothing.
    pub fn eq_str(&self, other: &str) -> bool {
        match &self.raw {
            Raw::Plain(plain) => *plain == other,
            Raw::Escaped(raw, _) => {
                let mut rest = other.bytes();
                let same = decode(raw.iter().copied(), |byte| rest.next() == Some(byte));
                same.is_ok() && rest.next().is_none()
            }
            Raw::Surrogates(_) => false,
        }
    }

    /// The string as UTF-16 code units, lone surrogates included.
    pub fn utf16(&self) -> Utf16<'_> {
        let (chars, surrogates) = match &self.raw {
            Raw::Plain(plain) => (plain.chars(), [].as_slice()),
            // It was UTF-8 when it was read and has not been written since.
            Raw::Escaped(raw, _) => (
                core::str::from_utf8(raw).unwrap_or_default().chars(),
                [].as_slice(),
            ),
            Raw::Surrogates(raw) => ("".chars(), *raw),
        };
        Utf16 {
            chars,
            is_escaped: self.is_escaped(),
            surrogates,
            low: None,
        }
    }

    /// The string's characters; each lone surrogate is an error that holds it.
    pub fn chars(&self) -> impl Iterator<Item = Result<char, DecodeUtf16Error>> {
        self.decoded()
    }

    fn decoded(&self) -> DecodeUtf16<Utf16<'_>> {
        decode_utf16(self.utf16())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.eq_str(other)
    }
}

/// Writes the string unescaped, with U+FFFD for each lone surrogate.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unit in self.decoded() {
            fmt::Write::write_char(f, unit.unwrap_or(char::REPLACEMENT_CHARACTER))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text(\"{self}\")")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Text<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}

/// The UTF-16 code units of a [`Text`].
#[derive(Debug, Clone)]
pub struct Utf16<'t> {
    chars: Chars<'t>,
    is_escaped: bool,
    /// In place of characters, where surrogates stand between them.
    surrogates: &'t [u8],
    /// The second half of a character beyond the BMP, not yet handed out.
    low: Option<u16>,
}

impl Iterator for Utf16<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if let Some(low) = self.low.take() {
            return Some(low);
        }
        if let Some(point) = wtf8::next(&mut self.surrogates) {
            return match char::from_u32(point) {
                Some(plain) => self.first_unit(plain),
                None => u16::try_from(point).ok(),
            };
        }
        let mut plain = self.chars.next()?;
        if self.is_escaped && plain == '\\' {
            plain = match self.chars.next()? {
                'u' => {
                    let mut unit = 0;
                    for _ in 0..4 {
                        unit = unit << 4 | hex(self.chars.next()?);
                    }
                    return Some(unit);
                }
                escaped => char::from(short(u8::try_from(escaped).ok()?)),
            };
        }
        self.first_unit(plain)
    }
}

impl Utf16<'_> {
    /// The first unit of a character; the second one comes next.
    fn first_unit(&mut self, plain: char) -> Option<u16> {
        let mut units = [0; 2];
        let mut units = plain.encode_utf16(&mut units).iter().copied();
        let first = units.next();
        self.low = units.next();
        first
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Utf16<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Utf16");
    }
}

/// Unescapes a string where it stands; the result is never longer.
fn unescape(raw: &mut [u8]) -> Result<&str, DecodeError> {
    let cells = Cell::from_mut(&mut *raw).as_slice_of_cells();
    let mut out = cells.iter();
    let mut len = 0;
    decode(cells.iter().map(Cell::get), |byte| {
        let slot = out.next();
        if let Some(slot) = slot {
            slot.set(byte);
            len += 1;
        }
        slot.is_some()
    })?;
    let plain = raw.get(..len).unwrap_or_default();
    core::str::from_utf8(plain)
        .map_err(|error| DecodeError::at(error.valid_up_to(), Rule::InvalidUtf8))
}

/// Gives the bytes of the unescaped string to `put`, until it answers with false.
///
/// Fails with [`Rule::LoneSurrogate`] at the first such escape, or, when `put` has stopped it,
/// with [`Rule::InvalidValue`].
fn decode(
    raw: impl Iterator<Item = u8>,
    mut put: impl FnMut(u8) -> bool,
) -> Result<(), DecodeError> {
    let mut pieces = Pieces { raw, read: 0 };
    let mut pending = pieces.next();
    while let Some((at, piece)) = pending {
        pending = pieces.next();
        let unit = match piece {
            Piece::Byte(byte) => {
                if !put(byte) {
                    return Err(DecodeError::at(at, Rule::InvalidValue));
                }
                continue;
            }
            Piece::Unit(unit) => unit,
        };
        let code = match (unit, pending) {
            (0xd800..0xdc00, Some((_, Piece::Unit(low @ 0xdc00..0xe000)))) => {
                pending = pieces.next();
                0x10000 + (u32::from(unit - 0xd800) << 10 | u32::from(low - 0xdc00))
            }
            _ => u32::from(unit),
        };
        let Some(decoded) = char::from_u32(code) else {
            return Err(DecodeError::at(at, Rule::LoneSurrogate));
        };
        for byte in decoded.encode_utf8(&mut [0; 4]).bytes() {
            if !put(byte) {
                return Err(DecodeError::at(at, Rule::InvalidValue));
            }
        }
    }
    Ok(())
}

/// Takes a string apart into bytes that stand for themselves and escaped code units.
struct Pieces<I> {
    raw: I,
    read: usize,
}

#[derive(Clone, Copy)]
enum Piece {
    Byte(u8),
    Unit(u16),
}

impl<I: Iterator<Item = u8>> Pieces<I> {
    /// The next piece, and where it starts.
    #[inline]
    fn next(&mut self) -> Option<(usize, Piece)> {
        let at = self.read;
        let piece = match self.byte()? {
            b'\\' => match self.byte()? {
                b'u' => {
                    let mut unit = 0;
                    for _ in 0..4 {
                        unit = unit << 4 | hex(char::from(self.byte()?));
                    }
                    Piece::Unit(unit)
                }
                escaped => Piece::Byte(short(escaped)),
            },
            byte => Piece::Byte(byte),
        };
        Some((at, piece))
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        self.read += 1;
        self.raw.next()
    }
}

/// What an escape of one letter stands for.
const fn short(escaped: u8) -> u8 {
    match escaped {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        itself => itself,
    }
}

/// The value of a hexadecimal digit.
fn hex(digit: char) -> u16 {
    // Escapes were checked when the string was read.
    digit
        .to_digit(16)
        .and_then(|value| u16::try_from(value).ok())
        .unwrap_or(0)
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;
    use std::{string::ToString, vec::Vec};

    fn text(raw: &mut [u8]) -> Text<'_> {
        let is_escaped = raw.contains(&b'\\');
        Text::new(raw, is_escaped, 1).unwrap()
    }

    #[test]
    fn unescapes_in_place() {
        let mut raw = *br#"Z\u00fcrich \ud83d\ude81 \"\\\/\b\f\n\r\t\u007f"#;
        let plain = "Z\u{fc}rich \u{1f681} \"\\/\u{8}\u{c}\n\r\t\u{7f}";
        assert!(text(&mut raw).eq_str(plain));
        assert_eq!(text(&mut raw).to_string(), plain);
        assert_eq!(text(&mut raw).into_str(), Ok(plain));
        assert!(raw.starts_with(plain.as_bytes()));
    }

    #[test]
    fn compares_without_writing() {
        let mut raw = *br"a\u0062c";
        let read = text(&mut raw);
        assert!(read.is_escaped());
        assert!(read.eq_str("abc"));
        assert!(!read.eq_str("ab"));
        assert!(!read.eq_str("abcd"));
        assert!(!read.eq_str("abd"));
        assert_eq!(read.raw(), br"a\u0062c");
        assert!(text(&mut b"abc".clone()) == *"abc");
    }

    #[test]
    fn lone_surrogates_are_refused_as_str_and_readable_as_units() {
        for (raw, offset) in [
            (r"\ud83d", 1),
            (r"x\ude81", 2),
            (r"\ud83d\ud83d\ude81", 1),
            (r"\ud83dA", 1),
            (r"\ud83d\n", 1),
        ] {
            let mut bytes: Vec<u8> = raw.into();
            assert!(!text(&mut bytes).eq_str("x"));
            let error = text(&mut bytes).into_str().unwrap_err();
            assert_eq!(error, DecodeError::at(offset, Rule::LoneSurrogate));
        }
        let mut raw = *br"a\ud83d\u00fc";
        let units: Vec<u16> = text(&mut raw).utf16().collect();
        assert_eq!(units, [0x61, 0xd83d, 0xfc]);
        assert_eq!(text(&mut raw).to_string(), "a\u{fffd}\u{fc}");
        let mut raw = *"\u{1f681}".as_bytes().first_chunk::<4>().unwrap();
        let units: Vec<u16> = text(&mut raw).utf16().collect();
        assert_eq!(units, [0xd83d, 0xde81]);
    }

    #[test]
    fn reads_surrogates_that_are_not_escaped() {
        let raw = b"a\xed\xa0\xbd\xf0\x9f\x9a\x81";
        let text = Text::wtf8(raw, 7).unwrap();
        let units: Vec<u16> = text.utf16().collect();
        assert_eq!(units, [0x61, 0xd83d, 0xd83d, 0xde81]);
        assert_eq!(text.to_string(), "a\u{fffd}\u{1f681}");
        assert!(!text.eq_str("a"));
        assert_eq!(
            text.into_str(),
            Err(DecodeError::at(7, Rule::LoneSurrogate))
        );
    }
}
