//! The writer.

use core::fmt::{self, Write};

use super::{float, scan, ser::EncodeError};

/// Writes JSON as Python's `json.dumps` does, into memory that is lent.
///
/// Commas and colons come by themselves, so values are written one after the other:
///
/// ```
/// # use ropeway_core::encoding::json::{Full, Style, Writer};
/// let mut out = [0; 64];
/// let mut writer = Writer::new(&mut out, Style::Ascii);
/// writer.begin_array()?;
/// writer.text("Telemetry")?;
/// writer.begin_object()?;
/// writer.key("größe")?;
/// writer.f64(1e16)?;
/// writer.end_object()?;
/// writer.end_array()?;
/// assert_eq!(writer.as_bytes(), br#"["Telemetry",{"gr\u00f6\u00dfe":1e+16}]"#);
/// # Ok::<(), Full>(())
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

/// The memory lent to a [`Writer`] is too small for the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Full;

impl<'a> Writer<'a> {
    /// A writer that fills `out` from its start.
    pub const fn new(out: &'a mut [u8], style: Style) -> Self {
        Self {
            out,
            len: 0,
            style,
            is_comma_due: false,
        }
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
    /// Fails with [`EncodeError::NotAnInteger`] if `text` is not what JSON takes for one.
    pub fn integer_text(&mut self, text: &str) -> Result<(), EncodeError> {
        match scan::number(text.as_bytes()) {
            Ok(token) if token.is_integer && token.len == text.len() => {
                self.value()?;
                Ok(self.push(text.as_bytes())?)
            }
            _ => Err(EncodeError::NotAnInteger),
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
    /// Fails with [`EncodeError::Custom`] if the value's `Display` fails.
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
        for decoded in char::decode_utf16(units) {
            match decoded {
                Ok(decoded) => self.fragment(decoded.encode_utf8(&mut [0; 4]))?,
                Err(lone) => self.escape_unit(lone.unpaired_surrogate())?,
            }
        }
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
    pub fn begin_object(&mut self) -> Result<(), Full> {
        self.begin(b"{")
    }

    /// Ends the innermost object.
    pub fn end_object(&mut self) -> Result<(), Full> {
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

    /// Writes text between quotes, the second of which is a part of `after`.
    #[inline]
    fn quoted<const N: usize>(&mut self, text: &str, after: &[u8; N]) -> Result<(), Full> {
        if self.plain_run(text) < text.len() {
            return self.quoted_slowly(text, after);
        }
        // Mostly nothing is to be escaped, and one look at the free memory is enough.
        let slots = self.reserve(1 + text.len() + N)?;
        let slots = put(slots, b"\"");
        let slots = put(slots, text.as_bytes());
        put(slots, after);
        Ok(())
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
        displayed.map_err(|fmt::Error| EncodeError::Custom)
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

    pub(super) fn float(&mut self, value: f64) -> Result<(), Full> {
        if value.is_finite() {
            float::write_f64(self, value)
        } else {
            self.not_finite(value.is_nan(), value < 0.0)
        }
    }

    pub(super) fn short_float(&mut self, value: f32) -> Result<(), Full> {
        if value.is_finite() {
            float::write_f32(self, value)
        } else {
            self.not_finite(value.is_nan(), value < 0.0)
        }
    }

    fn not_finite(&mut self, is_nan: bool, is_negative: bool) -> Result<(), Full> {
        self.push(match (is_nan, is_negative) {
            (true, _) => b"NaN",
            (_, true) => b"-Infinity",
            (_, false) => b"Infinity",
        })
    }

    #[inline]
    pub(super) fn signed(&mut self, value: i64) -> Result<(), Full> {
        if value < 0 {
            self.push(b"-")?;
        }
        self.digits(value.unsigned_abs())
    }

    #[inline]
    pub(super) fn digits(&mut self, value: u64) -> Result<(), Full> {
        // Division of 64 bits is slow on small machines.
        if let Ok(value) = u32::try_from(value) {
            let count = value.checked_ilog10().unwrap_or(0) + 1;
            fill_short(self.reserve(count as usize)?, value);
        } else {
            let count = value.checked_ilog10().unwrap_or(0) + 1;
            fill(self.reserve(count as usize)?, value);
        }
        Ok(())
    }

    pub(super) fn long_signed(&mut self, value: i128) -> Result<(), Full> {
        if value < 0 {
            self.push(b"-")?;
        }
        self.long_digits(value.unsigned_abs())
    }

    pub(super) fn long_digits(&mut self, value: u128) -> Result<(), Full> {
        if let Ok(value) = u64::try_from(value) {
            return self.digits(value);
        }
        self.long_digits(value / CHUNK)?;
        let slots = self.reserve(CHUNK_DIGITS)?;
        // The remainder is below 10^19, which a u64 holds.
        fill(slots, u64::try_from(value % CHUNK).unwrap_or(0));
        Ok(())
    }

    /// Writes bytes as they are.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.reserve(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// The next `count` bytes of the memory, which the caller writes.
    #[inline]
    fn reserve(&mut self, count: usize) -> Result<&mut [u8], Full> {
        let slots = self
            .out
            .get_mut(self.len..)
            .and_then(|free| free.get_mut(..count));
        let slots = slots.ok_or(Full)?;
        self.len += count;
        Ok(slots)
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

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text does not fit the memory")
    }
}

impl core::error::Error for Full {}

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

/// Fills `slots` with the last digits of `value`, zeros in front.
fn fill(slots: &mut [u8], mut value: u64) {
    let mut pairs = slots.rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (value % 10) as u8;
    }
}

/// [`fill`] for small values.
#[inline]
fn fill_short(slots: &mut [u8], mut value: u32) {
    let mut pairs = slots.rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (value % 10) as u8;
    }
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut tens = 0;
    while tens < 10u8 {
        let mut ones = 0;
        while ones < 10u8 {
            pairs[(tens * 10 + ones) as usize] = [b'0' + tens, b'0' + ones];
            ones += 1;
        }
        tens += 1;
    }
    pairs
};

/// Long integers are written in parts of so many digits, as many as a `u64` holds.
const CHUNK_DIGITS: usize = 19;
const CHUNK: u128 = 10_000_000_000_000_000_000;
