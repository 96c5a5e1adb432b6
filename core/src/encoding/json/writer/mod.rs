//! The writer.

mod long;
mod number;
mod text;
mod verbs;

use crate::encoding::EncodeError;
use crate::encoding::value::decimal;
use crate::framing::Full;
use core::fmt;

/// Writes JSON as Python's `json.dumps` does, into memory that is lent.
///
/// Commas and colons come by themselves, so values are written one after the other:
///
/// ```
/// # use ropeway_core::encoding::json::{Style, Writer};
/// let mut out = [0; 64];
/// let mut writer = Writer::new(&mut out, Style::Ascii);
/// writer.begin_array()?;
/// writer.text("Telemetry")?;
/// writer.begin_map()?;
/// writer.key("größe")?;
/// writer.f64(1e16)?;
/// writer.end_map()?;
/// writer.end_array()?;
/// assert_eq!(writer.as_bytes(), br#"["Telemetry",{"gr\u00f6\u00dfe":1e+16}]"#);
/// # Ok::<(), ropeway_core::framing::Full>(())
/// ```
///
/// The caller sees to it that what is begun is ended and that in objects each value has its key.
/// After [`Full`], the memory holds the start of a text that is to be thrown away.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    style: Style,
    /// Whether a value has been written that the next must be separated from.
    is_comma_due: bool,
    /// Whether bytes are only counted.
    is_counting: bool,
}

/// How a text is written; both are what one of Python's settings writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Style {
    /// No spaces, and only printable ASCII: `separators=(",", ":")`.
    Ascii,
    /// A space after commas and colons, and UTF-8 as it is: `ensure_ascii=False`.
    Utf8,
}

impl<'a> Writer<'a> {
    /// A writer that fills `out` from its start.
    pub const fn new(out: &'a mut [u8], style: Style) -> Self {
        Self {
            out,
            len: 0,
            style,
            is_comma_due: false,
            is_counting: false,
        }
    }

    /// A writer that keeps nothing and is never full: it counts, for [`written`](Self::written) to tell.
    pub const fn counting(style: Style) -> Self {
        let mut writer = Self::new(&mut [], style);
        writer.is_counting = true;
        writer
    }

    /// How many bytes have been written.
    pub const fn written(&self) -> usize {
        self.len
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        self.out.get(..self.len).unwrap_or_default()
    }

    /// Writes `null`.
    pub fn null(&mut self) -> Result<(), Full> {
        self.value()?;
        self.push(b"null")
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, value: bool) -> Result<(), Full> {
        self.value()?;
        self.push(if value { b"true" } else { b"false" })
    }

    /// Writes an integer.
    #[inline]
    pub fn i64(&mut self, value: i64) -> Result<(), Full> {
        self.value()?;
        self.signed(value)
    }

    /// Writes an integer.
    #[inline]
    pub fn u64(&mut self, value: u64) -> Result<(), Full> {
        self.value()?;
        self.digits(value)
    }

    /// Writes an integer.
    pub fn i128(&mut self, value: i128) -> Result<(), Full> {
        self.value()?;
        self.long_signed(value)
    }

    /// Writes an integer.
    pub fn u128(&mut self, value: u128) -> Result<(), Full> {
        self.value()?;
        self.long_digits(value)
    }

    /// Writes an integer of any size, given in decimal.
    ///
    /// Fails with [`EncodeError::Unencodable`] if `text` is not what JSON takes for one.
    pub fn integer_text(&mut self, text: &str) -> Result<(), EncodeError> {
        match decimal::token(text.as_bytes()) {
            Ok(token) if token.is_integer && token.len == text.len() => {
                self.value()?;
                Ok(self.push(text.as_bytes())?)
            }
            _ => Err(EncodeError::Unencodable),
        }
    }

    /// Writes a float as Python's `repr` does: `1.0`, `1e+16`, `1e-05`, `NaN`, `-Infinity`.
    pub fn f64(&mut self, value: f64) -> Result<(), Full> {
        self.value()?;
        self.float(value)
    }

    /// Writes a float with as many digits as an `f32` needs, not as many as an `f64` would.
    pub fn f32(&mut self, value: f32) -> Result<(), Full> {
        self.value()?;
        self.short_float(value)
    }

    /// Writes a string.
    #[inline]
    pub fn text(&mut self, text: &str) -> Result<(), Full> {
        self.value()?;
        self.quoted(text, b"\"")
    }

    /// Writes what a value displays as a string.
    ///
    /// Fails with [`EncodeError::Unencodable`] if the value's `Display` fails.
    pub fn display(&mut self, value: &(impl fmt::Display + ?Sized)) -> Result<(), EncodeError> {
        self.value()?;
        self.push(b"\"")?;
        self.displayed(value)?;
        Ok(self.push(b"\"")?)
    }

    /// Writes a string of UTF-16 code units.
    ///
    /// Lone surrogates become single `\ud8xx` escapes, in either style.
    pub fn utf16(&mut self, units: impl IntoIterator<Item = u16>) -> Result<(), Full> {
        self.value()?;
        self.push(b"\"")?;
        self.units(units)?;
        self.push(b"\"")
    }

    /// Begins an array; its elements follow as values.
    pub fn begin_array(&mut self) -> Result<(), Full> {
        self.begin(b"[")
    }

    /// Ends the innermost array.
    pub fn end_array(&mut self) -> Result<(), Full> {
        self.end(b"]")
    }

    /// Begins an object; keys and values follow in turn.
    pub fn begin_map(&mut self) -> Result<(), Full> {
        self.begin(b"{")
    }

    /// Ends the innermost object.
    pub fn end_map(&mut self) -> Result<(), Full> {
        self.end(b"}")
    }

    /// Writes a key and its colon; the value must follow.
    #[inline]
    pub fn key(&mut self, key: &str) -> Result<(), Full> {
        self.value()?;
        self.is_comma_due = false;
        match self.style {
            Style::Ascii => self.quoted(key, b"\":"),
            Style::Utf8 => self.quoted(key, b"\": "),
        }
    }

    /// Writes a key of UTF-16 code units and its colon, as [`Writer::utf16`] would; the value must follow.
    pub fn key_utf16(&mut self, units: impl IntoIterator<Item = u16>) -> Result<(), Full> {
        self.begin_key()?;
        self.units(units)?;
        self.end_key()
    }
}

/// The parts that values are made of.
impl Writer<'_> {
    /// Begins a key that is no text, which is to be written between quotes.
    pub(super) fn begin_key(&mut self) -> Result<(), Full> {
        self.value()?;
        self.push(b"\"")
    }

    /// Ends what [`Writer::begin_key`] began.
    pub(super) fn end_key(&mut self) -> Result<(), Full> {
        self.is_comma_due = false;
        match self.style {
            Style::Ascii => self.push(b"\":"),
            Style::Utf8 => self.push(b"\": "),
        }
    }

    /// Writes the separator that is due before a value.
    #[inline]
    fn value(&mut self) -> Result<(), Full> {
        if self.is_comma_due {
            match self.style {
                Style::Ascii => self.push(b",")?,
                Style::Utf8 => self.push(b", ")?,
            }
        }
        self.is_comma_due = true;
        Ok(())
    }

    fn begin(&mut self, bracket: &[u8]) -> Result<(), Full> {
        self.value()?;
        self.is_comma_due = false;
        self.push(bracket)
    }

    fn end(&mut self, bracket: &[u8]) -> Result<(), Full> {
        self.is_comma_due = true;
        self.push(bracket)
    }

    /// Writes bytes as they are.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.put(bytes.len(), |slots| slots.copy_from_slice(bytes))
    }

    /// Lets `write` fill the next `count` bytes of the memory.
    #[inline]
    fn put(&mut self, count: usize, write: impl FnOnce(&mut [u8])) -> Result<(), Full> {
        let free = self.out.get_mut(self.len..);
        let Some(slots) = free.and_then(|free| free.get_mut(..count)) else {
            return self.only_count(count);
        };
        self.len += count;
        write(slots);
        Ok(())
    }

    /// Takes `count` bytes for written, where bytes are only counted.
    #[inline]
    fn only_count(&mut self, count: usize) -> Result<(), Full> {
        if !self.is_counting {
            return Err(Full);
        }
        self.len = self.len.saturating_add(count);
        Ok(())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Writer<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Writer at {=usize} of {=usize}",
            self.len,
            self.out.len()
        );
    }
}
