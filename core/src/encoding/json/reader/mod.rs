//! The pull reader.

mod skip;
mod typed;
mod verbs;

use core::mem;

use super::scan;
use crate::encoding::value::{
    DEPTH_LIMIT, Kind, Number, Text,
    decimal::{self, Decimal, Flaw},
};
use crate::encoding::{DecodeError, Rule};

/// Reads one JSON text, value by value, in the memory where it was received.
///
/// The text is lent writable because strings are unescaped in place, so that they can be borrowed
/// for as long as the text: after reading, its bytes are no longer what they were. Nothing else is
/// needed, and the reader itself is a few words.
///
/// The verbs follow the text. [`Reader::peek`] tells what comes next; one of [`Reader::null`],
/// [`Reader::bool`], [`Reader::number`], [`Reader::text`], [`Reader::skip`] and
/// [`Reader::raw_value`] takes it, or [`deserialize_from`](crate::encoding::value::deserialize_from). After
/// [`Reader::begin_array`], [`Reader::next_element`] is called before each element until it
/// answers false, which is the end of the array; after [`Reader::begin_map`],
/// [`Reader::next_key`] likewise. After the last value, [`Reader::finish`] checks that nothing
/// follows.
///
/// After an error the reader's place is undefined: drop it.
///
/// ```
/// # use ropeway_core::encoding::{DecodeError, json::Reader};
/// let mut line = *br#"["MsgJoin",{"room":"\u0041"}]"#;
/// let mut reader = Reader::new(&mut line);
/// reader.begin_array()?;
/// assert!(reader.next_element()?);
/// assert!(reader.text()?.eq_str("MsgJoin"));
/// assert!(reader.next_element()?);
/// reader.begin_map()?;
/// while let Some(key) = reader.next_key()? {
///     assert!(key.eq_str("room"));
///     assert_eq!(reader.text()?.into_str()?, "A");
/// }
/// assert!(!reader.next_element()?);
/// reader.finish()?;
/// # Ok::<(), DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Reader<'a> {
    /// What has not been handed out. All before `at` is read.
    buf: &'a mut [u8],
    at: usize,
    /// The offset of `buf` in the whole text.
    base: usize,
    depth: u8,
    depth_limit: u8,
    /// An array or object was just opened, so no comma is due.
    is_fresh: bool,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`, which it may rewrite.
    pub const fn new(text: &'a mut [u8]) -> Self {
        Self {
            buf: text,
            at: 0,
            base: 0,
            depth: 0,
            depth_limit: DEPTH_LIMIT,
            is_fresh: false,
        }
    }

    /// Accepts arrays and objects up to `limit` levels deep, at most [`DEPTH_LIMIT`], which is
    /// also the default.
    #[must_use]
    pub fn with_depth_limit(mut self, limit: u8) -> Self {
        self.depth_limit = limit.min(DEPTH_LIMIT);
        self
    }

    /// How many bytes of the text have been read.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.base + self.at
    }

    /// Skips white space and tells which kind of value comes next.
    ///
    /// Fails with [`Rule::UnexpectedByte`] if none does, [`Rule::UnexpectedEnd`] at the end.
    #[inline]
    pub fn peek(&mut self) -> Result<Kind, DecodeError> {
        match self.peek_byte() {
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Ok(Kind::Number),
            Some(b'{') => Ok(Kind::Map),
            Some(b'[') => Ok(Kind::Array),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.unexpected()),
        }
    }

    /// Takes a `null`.
    ///
    /// Like all that take a certain kind of value, it fails with [`Rule::WrongType`] at another
    /// kind, and then has taken nothing.
    pub fn null(&mut self) -> Result<(), DecodeError> {
        self.expect(Kind::Null)?;
        self.literal(b"null")
    }

    /// Takes `true` or `false`.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        self.expect(Kind::Bool)?;
        let value = self.ahead().first() == Some(&b't');
        self.literal(if value { b"true" } else { b"false" })?;
        Ok(value)
    }

    /// Takes a number, without converting it.
    ///
    /// Fails with [`Rule::InvalidNumber`], and at integers of more than 4300 digits with
    /// [`Rule::TooManyDigits`].
    pub fn number(&mut self) -> Result<Number<'a>, DecodeError> {
        Ok(Number::Decimal(self.decimal()?))
    }

    /// Takes a string, without unescaping it.
    ///
    /// Fails with [`Rule::ControlCharacter`], [`Rule::InvalidEscape`] and [`Rule::InvalidUtf8`].
    #[inline]
    pub fn text(&mut self) -> Result<Text<'a>, DecodeError> {
        if self.peek_byte() != Some(b'"') {
            return Err(self.not(Kind::Text));
        }
        self.quoted()
    }

    /// Enters an array. Fails with [`Rule::TooDeep`] at the depth limit.
    #[inline]
    pub fn begin_array(&mut self) -> Result<(), DecodeError> {
        self.begin(Kind::Array)
    }

    /// Whether another element follows in the array; otherwise the array has ended.
    #[inline]
    pub fn next_element(&mut self) -> Result<bool, DecodeError> {
        self.advance(b']')
    }

    /// Enters an object. Fails with [`Rule::TooDeep`] at the depth limit.
    #[inline]
    pub fn begin_map(&mut self) -> Result<(), DecodeError> {
        self.begin(Kind::Map)
    }

    /// The next key of the object, whose value follows; none if the object has ended.
    ///
    /// Keys may repeat, and for Python the last one counts.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn next_key(&mut self) -> Result<Option<Text<'a>>, DecodeError> {
        if !self.advance(b'}')? {
            return Ok(None);
        }
        if self.peek_byte() != Some(b'"') {
            return Err(self.unexpected());
        }
        let key = self.quoted()?;
        self.colon()?;
        Ok(Some(key))
    }

    /// Checks that only white space follows; fails with [`Rule::TrailingBytes`].
    #[inline]
    pub fn finish(&mut self) -> Result<(), DecodeError> {
        match self.peek_byte() {
            None => Ok(()),
            Some(_) => Err(DecodeError::at(self.offset(), Rule::TrailingBytes)),
        }
    }

    /// The bytes that have not been read.
    pub fn into_rest(self) -> &'a mut [u8] {
        self.buf.get_mut(self.at..).unwrap_or_default()
    }
}

/// What the verbs are made of.
impl<'a> Reader<'a> {
    /// Skips white space and looks at the next byte.
    #[inline]
    fn peek_byte(&mut self) -> Option<u8> {
        loop {
            match self.buf.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                next => return next.copied(),
            }
        }
    }

    /// What has not been read.
    #[inline]
    fn ahead(&self) -> &[u8] {
        self.buf.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn expect(&mut self, expected: Kind) -> Result<(), DecodeError> {
        if self.peek()? == expected {
            Ok(())
        } else {
            Err(self.not(expected))
        }
    }

    /// Takes a number as the text that it is.
    fn decimal(&mut self) -> Result<Decimal<'a>, DecodeError> {
        self.expect(Kind::Number)?;
        let token = decimal::token(self.ahead()).map_err(|flaw| self.flaw(flaw))?;
        let text = self.split_off(self.at, self.at + token.len);
        let text = core::str::from_utf8(text).unwrap_or_default();
        Ok(Decimal::new(text, token.is_integer))
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), DecodeError> {
        decimal::literal(self.ahead(), word).map_err(|flaw| self.flaw(flaw))?;
        self.at += word.len();
        Ok(())
    }

    /// Takes a string whose opening quote is next.
    ///
    /// Strings are most of a message. Where speed counts for more than size, the code for them is
    /// laid out in place, here and in [`Reader::next_key`]; a call costs up to a third.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn quoted(&mut self) -> Result<Text<'a>, DecodeError> {
        self.at += 1;
        let token = scan::text(self.ahead()).map_err(|flaw| self.text_flaw(flaw))?;
        let offset = self.offset();
        let raw = self.split_off(self.at, self.at + token.len);
        self.at += 1;
        Text::new(raw, token.is_escaped, offset)
    }

    #[inline]
    fn begin(&mut self, kind: Kind) -> Result<(), DecodeError> {
        self.expect(kind)?;
        if self.depth >= self.depth_limit {
            let limit = self.depth_limit;
            return Err(DecodeError::at(self.offset(), Rule::TooDeep { limit }));
        }
        self.at += 1;
        self.depth += 1;
        self.is_fresh = true;
        Ok(())
    }

    /// Whether the container that ends with `close` goes on; takes the comma or the end.
    #[inline]
    fn advance(&mut self, close: u8) -> Result<bool, DecodeError> {
        let is_fresh = mem::replace(&mut self.is_fresh, false);
        match self.peek_byte() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(_) if is_fresh => Ok(true),
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.unexpected()),
        }
    }

    #[inline]
    fn colon(&mut self) -> Result<(), DecodeError> {
        match self.peek_byte() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Hands out `buf[from..to]`, and goes on behind it.
    #[inline]
    fn split_off(&mut self, from: usize, to: usize) -> &'a mut [u8] {
        // Both are places in `buf`, so the empty slices are never reached.
        let buf = mem::take(&mut self.buf);
        let (read, rest) = buf.split_at_mut_checked(to).unwrap_or_default();
        self.buf = rest;
        self.at = 0;
        self.base += to;
        read.get_mut(from..).unwrap_or_default()
    }

    /// The error for what is next, which is not the kind of value that it should be.
    #[cold]
    fn not(&mut self, expected: Kind) -> DecodeError {
        match self.peek() {
            Ok(_) => DecodeError::at(self.offset(), Rule::WrongType { expected }),
            Err(error) => error,
        }
    }

    /// The error for a byte that has no place here, or for the end of the text.
    #[cold]
    fn unexpected(&self) -> DecodeError {
        let rule = match self.ahead() {
            [] => Rule::UnexpectedEnd,
            [byte, ..] if byte.is_ascii() => Rule::UnexpectedByte,
            ahead => match ahead.utf8_chunks().next() {
                Some(chunk) if chunk.valid().is_empty() => Rule::InvalidUtf8,
                _ => Rule::UnexpectedByte,
            },
        };
        DecodeError::at(self.offset(), rule)
    }

    #[cold]
    const fn flaw(&self, (rule, offset): Flaw) -> DecodeError {
        DecodeError::at(self.offset() + offset, rule)
    }

    /// As [`Reader::flaw`], but what is no UTF-8 before the flaw comes first.
    #[cold]
    fn text_flaw(&self, (rule, offset): Flaw) -> DecodeError {
        let before = self.ahead().get(..offset).unwrap_or_default();
        match core::str::from_utf8(before) {
            Err(error) if error.error_len().is_some() || rule != Rule::UnexpectedEnd => {
                self.flaw((Rule::InvalidUtf8, error.valid_up_to()))
            }
            _ => self.flaw((rule, offset)),
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Reader<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Reader at {=usize}", self.offset());
    }
}
