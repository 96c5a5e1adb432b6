//! The pull reader.

mod levels;
mod skip;

use super::{
    marker::*,
    short,
    token::{self, Token, token},
};
use crate::encoding::{
    DecodeError, Rule,
    value::{DEPTH_LIMIT, Key, Kind, Number, Read, Text},
};
use levels::Levels;

/// Reads MessagePack, value by value, from the memory where it was received.
///
/// Nothing is copied: text and bytes are lent for as long as the body is. The reader itself takes some 550 bytes, nearly
/// all of them for the counts of containers, and touches those only when values nest.
///
/// Its verbs are those of [`Read`]. Sets, tuples and byte arrays do not occur. After an error but
/// [`Rule::WrongType`] the reader's place is undefined: drop it.
///
/// ```
/// # use ropeway_core::encoding::msgpack::Reader;
/// # use ropeway_core::encoding::value::{Key, Read};
/// let mut reader = Reader::new(b"\x82\xa4name\xa7Z\xc3\xbcrich\xa6height\xcd\x01\x98");
/// reader.begin_map()?;
/// while let Some(Key::Text(key)) = reader.next_key()? {
///     match key.into_str()? {
///         "name" => assert_eq!(reader.text()?.into_str()?, "Zürich"),
///         "height" => assert_eq!(reader.integer(), Ok(408_u16)),
///         _ => reader.skip()?,
///     }
/// }
/// reader.finish()?;
/// # Ok::<(), ropeway_core::encoding::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Reader<'a> {
    /// What has not been read.
    rest: &'a [u8],
    len: usize,
    /// What the innermost container still holds.
    left: u32,
    depth: u8,
    depth_limit: u8,
    /// The depth at which an array is being read that is a key.
    key_depth: Option<u8>,
    outer: Levels,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `body`.
    #[inline]
    pub const fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            len: body.len(),
            left: 0,
            depth: 0,
            depth_limit: DEPTH_LIMIT,
            key_depth: None,
            outer: Levels::new(),
        }
    }

    /// Accepts arrays and maps up to `limit` levels deep, at most [`DEPTH_LIMIT`], which is also the default.
    #[must_use]
    pub fn with_depth_limit(mut self, limit: u8) -> Self {
        self.depth_limit = limit.min(DEPTH_LIMIT);
        self
    }

    /// How many bytes have been read.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.len - self.rest.len()
    }

    /// Takes a value of any kind and hands out its exact bytes, checked as [`skip`](Read::skip) checks.
    ///
    /// They make a body of their own for another reader, whose offsets start at 0.
    pub fn raw_value(&mut self) -> Result<&'a [u8], DecodeError> {
        let body = self.rest;
        self.skip()?;
        let len = body.len() - self.rest.len();
        Ok(body.get(..len).unwrap_or_default())
    }

    /// Checks that nothing follows; fails with [`Rule::TrailingBytes`].
    #[inline]
    pub fn finish(&mut self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.broken(Rule::TrailingBytes))
        }
    }
}

impl<'a> Read<'a> for Reader<'a> {
    #[inline]
    fn peek(&mut self) -> Result<Kind, DecodeError> {
        let first = self.rest.first().ok_or(Rule::UnexpectedEnd);
        first
            .and_then(|first| token::kind(*first))
            .map_err(|rule| self.broken(rule))
    }

    #[inline]
    fn offset(&self) -> usize {
        Reader::offset(self)
    }

    #[inline]
    fn null(&mut self) -> Result<(), DecodeError> {
        match self.rest {
            [NIL, rest @ ..] => {
                self.rest = rest;
                Ok(())
            }
            _ => Err(self.not(Kind::Null)),
        }
    }

    #[inline]
    fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.rest {
            [first @ (FALSE | TRUE), rest @ ..] => {
                self.rest = rest;
                Ok(*first == TRUE)
            }
            _ => Err(self.not(Kind::Bool)),
        }
    }

    fn number(&mut self) -> Result<Number<'a>, DecodeError> {
        let (number, rest) = match self.token()? {
            (Token::Unsigned(value), rest) => (Number::Unsigned(value), rest),
            (Token::Signed(value), rest) => (Number::Signed(value), rest),
            (Token::Float(value), rest) => (Number::Float(value), rest),
            _ => return Err(self.not(Kind::Number)),
        };
        self.rest = rest;
        Ok(number)
    }

    #[inline]
    fn integer<T: TryFrom<i64> + TryFrom<u64> + TryFrom<i128>>(
        &mut self,
    ) -> Result<T, DecodeError> {
        let start = self.offset();
        let fits = match short::unsigned(self.rest) {
            Some((value, rest)) => {
                self.rest = rest;
                T::try_from(value).ok()
            }
            None => match self.number()? {
                Number::Unsigned(value) => T::try_from(value).ok(),
                Number::Signed(value) => T::try_from(value).ok(),
                _ => return Err(DecodeError::at(start, Rule::NotAnInteger)),
            },
        };
        fits.ok_or_else(|| DecodeError::at(start, Rule::OutOfRange))
    }

    #[inline]
    fn f64(&mut self) -> Result<f64, DecodeError> {
        match short::float(self.rest) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(value)
            }
            None => self.long_float(),
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "to the nearest")]
    fn f32(&mut self) -> Result<f32, DecodeError> {
        match short::float(self.rest) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(value as f32)
            }
            None => self.long_single(),
        }
    }

    #[inline]
    fn text(&mut self) -> Result<Text<'a>, DecodeError> {
        if let Some((text, rest)) = short::text(self.rest) {
            return self.checked_text(text, rest);
        }
        match self.token()? {
            (Token::Text(text), rest) => self.checked_text(text, rest),
            _ => Err(self.not(Kind::Text)),
        }
    }

    fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        match self.token()? {
            (Token::Bytes(bytes), rest) => {
                self.rest = rest;
                Ok(bytes)
            }
            _ => Err(self.not(Kind::Bytes)),
        }
    }

    /// Takes an extension: its type and its bytes, of which a [`Timestamp`](super::Timestamp) has 4, 8 or 12.
    fn extension(&mut self) -> Result<(i8, &'a [u8]), DecodeError> {
        match self.token()? {
            (Token::Extension(kind, bytes), rest) => {
                self.rest = rest;
                Ok((kind, bytes))
            }
            _ => Err(self.not(Kind::Extension)),
        }
    }

    #[inline]
    fn begin_array(&mut self) -> Result<(), DecodeError> {
        if let Some((count, rest)) = short::array(self.rest) {
            return self.enter(count, rest);
        }
        match self.token()? {
            (Token::Array(count), rest) => self.enter(count, rest),
            _ => Err(self.not(Kind::Array)),
        }
    }

    #[inline]
    fn next_element(&mut self) -> Result<bool, DecodeError> {
        Ok(self.advance())
    }

    /// Goes into a map. A key, or an array in a key, cannot be one.
    #[inline]
    fn begin_map(&mut self) -> Result<(), DecodeError> {
        if let (Some((count, rest)), None) = (short::map(self.rest), self.key_depth) {
            return self.enter(count, rest);
        }
        match self.token()? {
            (Token::Map(_), _) if self.key_depth.is_some() => Err(self.map_in_key()),
            (Token::Map(count), rest) => self.enter(count, rest),
            _ => Err(self.not(Kind::Map)),
        }
    }

    #[inline]
    fn next_key(&mut self) -> Result<Option<Key<'a>>, DecodeError> {
        if !self.advance() {
            return Ok(None);
        }
        if let Some((text, rest)) = short::text(self.rest) {
            return Ok(Some(Key::Text(self.checked_text(text, rest)?)));
        }
        self.long_key().map(Some)
    }

    fn skip(&mut self) -> Result<(), DecodeError> {
        self.skip_value()
    }
}

/// What the verbs are made of.
impl<'a> Reader<'a> {
    /// The next token, and what follows it.
    #[inline]
    fn token(&self) -> Result<(Token<'a>, &'a [u8]), DecodeError> {
        token(self.rest).map_err(|rule| self.broken(rule))
    }

    /// Hands out the text that ends where `rest` starts.
    #[inline]
    fn checked_text(&mut self, text: &'a [u8], rest: &'a [u8]) -> Result<Text<'a>, DecodeError> {
        let start = self.len - rest.len() - text.len();
        match core::str::from_utf8(text) {
            Ok(text) => {
                self.rest = rest;
                Ok(Text::plain(text, start))
            }
            Err(error) => {
                let place = start + error.valid_up_to();
                Err(DecodeError::at(place, Rule::InvalidUtf8))
            }
        }
    }

    /// An integer as a float. [`Number`] would do the same, but brings what reads floats in decimal.
    fn long_float(&mut self) -> Result<f64, DecodeError> {
        Ok(match self.number()? {
            Number::Unsigned(value) => value as f64,
            Number::Signed(value) => value as f64,
            Number::Float(value) => value,
            _ => f64::NAN,
        })
    }

    /// The same in single precision, rounded once.
    #[expect(clippy::cast_possible_truncation, reason = "to the nearest")]
    fn long_single(&mut self) -> Result<f32, DecodeError> {
        Ok(match self.number()? {
            Number::Unsigned(value) => value as f32,
            Number::Signed(value) => value as f32,
            Number::Float(value) => value as f32,
            _ => f32::NAN,
        })
    }

    /// The key that comes next, unless it is a short text.
    fn long_key(&mut self) -> Result<Key<'a>, DecodeError> {
        match self.token()? {
            (Token::Text(text), rest) => Ok(Key::Text(self.checked_text(text, rest)?)),
            (Token::Bytes(bytes), rest) if core::str::from_utf8(bytes).is_ok() => {
                Ok(Key::Text(self.checked_text(bytes, rest)?))
            }
            (Token::Map(_), _) => Err(self.map_in_key()),
            (Token::Array(_), _) => {
                self.key_depth = Some(self.depth);
                Ok(Key::Value)
            }
            _ => Ok(Key::Value),
        }
    }

    /// Goes into a container of `count` elements or entries, which start with `rest`.
    #[inline]
    fn enter(&mut self, count: u32, rest: &'a [u8]) -> Result<(), DecodeError> {
        if self.depth >= self.depth_limit {
            let limit = self.depth_limit;
            return Err(self.broken(Rule::TooDeep { limit }));
        }
        if self.depth > 0 {
            self.outer.put(self.depth, self.left);
        }
        self.depth += 1;
        self.left = count;
        self.rest = rest;
        Ok(())
    }

    /// Whether the innermost container goes on; leaves it if not.
    #[inline]
    fn advance(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.leave();
                false
            }
        }
    }

    #[inline]
    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth > 0 {
            self.left = self.outer.get(self.depth);
        }
        if self.key_depth == Some(self.depth) {
            self.key_depth = None;
        }
    }

    /// The error for what is next, which is not the kind of value that it should be.
    #[cold]
    fn not(&mut self, expected: Kind) -> DecodeError {
        match self.token() {
            Ok(_) => self.broken(Rule::WrongType { expected }),
            Err(error) => error,
        }
    }

    #[cold]
    fn map_in_key(&self) -> DecodeError {
        self.broken(Rule::UnexpectedType { found: Kind::Map })
    }

    /// The error for what is next: the end, if that came too early.
    #[cold]
    const fn broken(&self, rule: Rule) -> DecodeError {
        let offset = match rule {
            Rule::UnexpectedEnd => self.len,
            _ => self.offset(),
        };
        DecodeError::at(offset, rule)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Reader<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Reader at {=usize}", self.offset());
    }
}
