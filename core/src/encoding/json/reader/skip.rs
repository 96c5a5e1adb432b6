//! Passing over values without a look at what they mean.

use super::{super::scan, Reader};
use crate::encoding::value::{Kind, decimal};
use crate::encoding::{DecodeError, Rule};

impl<'a> Reader<'a> {
    /// Takes a value of any kind, with all that is in it, and checks it completely.
    ///
    /// It works without recursion and writes nothing.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        // One bit for each open container, the innermost lowest: 1 is an object.
        let mut kinds = 0u128;
        let mut open = 0u8;
        loop {
            match self.peek()? {
                kind @ (Kind::Array | Kind::Map) => {
                    self.begin(kind)?;
                    kinds = kinds << 1 | u128::from(kind == Kind::Map);
                    open += 1;
                }
                Kind::Text => self.skip_text()?,
                Kind::Number => {
                    let token = decimal::token(self.ahead()).map_err(|flaw| self.flaw(flaw))?;
                    self.at += token.len;
                }
                Kind::Bool => {
                    self.bool()?;
                }
                // A text has no other kinds.
                _ => self.null()?,
            }
            loop {
                if open == 0 {
                    return Ok(());
                }
                if self.skip_to_value(kinds)? {
                    break;
                }
                open -= 1;
                kinds >>= 1;
            }
        }
    }

    /// Takes a value of any kind and hands out its exact bytes, checked completely.
    ///
    /// The bytes make a text of their own for another reader, whose offsets start at 0.
    pub fn raw_value(&mut self) -> Result<&'a mut [u8], DecodeError> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(self.split_off(start, self.at))
    }

    /// Goes to the next value in the innermost open container, or past the container's end.
    fn skip_to_value(&mut self, kinds: u128) -> Result<bool, DecodeError> {
        if kinds & 1 == 0 {
            return self.next_element();
        }
        if !self.advance(b'}')? {
            return Ok(false);
        }
        if self.peek_byte() != Some(b'"') {
            return Err(self.unexpected());
        }
        self.skip_text()?;
        self.colon()?;
        Ok(true)
    }

    /// Takes a string whose opening quote is next.
    fn skip_text(&mut self) -> Result<(), DecodeError> {
        self.at += 1;
        let token = scan::text(self.ahead()).map_err(|flaw| self.text_flaw(flaw))?;
        let raw = self.ahead().get(..token.len).unwrap_or_default();
        if let Err(error) = core::str::from_utf8(raw) {
            let place = self.offset() + error.valid_up_to();
            return Err(DecodeError::at(place, Rule::InvalidUtf8));
        }
        self.at += token.len + 1;
        Ok(())
    }
}
