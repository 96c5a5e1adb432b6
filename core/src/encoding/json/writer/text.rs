//! Strings: what is written as it is, and what is escaped.

use core::fmt::{self, Write};

use super::{super::scan, Style, Writer};
use crate::encoding::EncodeError;
use crate::framing::Full;

impl Writer<'_> {
    /// Writes text between quotes, the second of which is a part of `after`.
    #[inline]
    pub(super) fn quoted<const N: usize>(
        &mut self,
        text: &str,
        after: &[u8; N],
    ) -> Result<(), Full> {
        if self.plain_run(text) < text.len() {
            return self.quoted_slowly(text, after);
        }
        // Mostly nothing is to be escaped, and one look at the free memory is enough.
        self.put(1 + text.len() + N, |slots| {
            let slots = put(slots, b"\"");
            let slots = put(slots, text.as_bytes());
            put(slots, after);
        })
    }

    fn quoted_slowly(&mut self, text: &str, after: &[u8]) -> Result<(), Full> {
        self.push(b"\"")?;
        self.fragment(text)?;
        self.push(after)
    }

    /// How many bytes at the start of `text` are written as they are.
    #[inline]
    fn plain_run(&self, text: &str) -> usize {
        match self.style {
            Style::Ascii => scan::printable_run(text.as_bytes()),
            Style::Utf8 => scan::plain_run(text.as_bytes()),
        }
    }

    /// Writes a part of a string's content.
    pub(super) fn fragment(&mut self, text: &str) -> Result<(), Full> {
        let mut rest = text;
        loop {
            let plain = self.plain_run(rest);
            let (plain, special) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            self.push(plain.as_bytes())?;
            let mut chars = special.chars();
            let Some(special) = chars.next() else {
                return Ok(());
            };
            self.escape(special)?;
            rest = chars.as_str();
        }
    }

    /// Writes UTF-16 code units as a part of a string's content.
    pub(super) fn units(&mut self, units: impl IntoIterator<Item = u16>) -> Result<(), Full> {
        for decoded in char::decode_utf16(units) {
            match decoded {
                Ok(decoded) => self.fragment(decoded.encode_utf8(&mut [0; 4]))?,
                Err(lone) => self.escape_unit(lone.unpaired_surrogate())?,
            }
        }
        Ok(())
    }

    /// Writes what a value displays as a part of a string's content.
    pub(super) fn displayed(
        &mut self,
        value: &(impl fmt::Display + ?Sized),
    ) -> Result<(), EncodeError> {
        let mut fragments = Fragments {
            writer: self,
            full: Ok(()),
        };
        let displayed = write!(fragments, "{value}");
        fragments.full?;
        displayed.map_err(|fmt::Error| EncodeError::Unencodable)
    }

    /// Writes a character as an escape.
    fn escape(&mut self, special: char) -> Result<(), Full> {
        match special {
            '"' => self.push(b"\\\""),
            '\\' => self.push(b"\\\\"),
            '\n' => self.push(b"\\n"),
            '\r' => self.push(b"\\r"),
            '\t' => self.push(b"\\t"),
            '\u{8}' => self.push(b"\\b"),
            '\u{c}' => self.push(b"\\f"),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    self.escape_unit(*unit)?;
                }
                Ok(())
            }
        }
    }

    fn escape_unit(&mut self, unit: u16) -> Result<(), Full> {
        let mut escape = *b"\\u0000";
        let mut rest = unit;
        for digit in escape.iter_mut().rev().take(4) {
            *digit = match (rest & 0xf) as u8 {
                value @ 0..10 => b'0' + value,
                value => b'a' + (value - 10),
            };
            rest >>= 4;
        }
        self.push(&escape)
    }
}

/// Passes what a value displays on to the writer, and keeps its error, which `fmt` cannot carry.
struct Fragments<'w, 'a> {
    writer: &'w mut Writer<'a>,
    full: Result<(), Full>,
}

impl fmt::Write for Fragments<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.full = self.writer.fragment(text);
        self.full.map_err(|Full| fmt::Error)
    }
}

/// Writes `bytes` to the start of `slots` and returns what is left.
#[inline]
fn put<'s>(slots: &'s mut [u8], bytes: &[u8]) -> &'s mut [u8] {
    // The caller has reserved enough.
    match slots.split_at_mut_checked(bytes.len()) {
        Some((slots, rest)) => {
            slots.copy_from_slice(bytes);
            rest
        }
        None => &mut [],
    }
}
