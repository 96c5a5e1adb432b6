//! Passing over values without a look at what they mean.

use super::{super::token::Token, Reader};
use crate::encoding::{DecodeError, value::Read};

impl Reader<'_> {
    /// Takes a value of any kind, with all that is in it, and checks it completely, but for keys that occur twice.
    ///
    /// It works without recursion.
    pub(super) fn skip_value(&mut self) -> Result<(), DecodeError> {
        // One bit for each container that was entered here, the innermost lowest: whether it is a map, and whether
        // the value of an entry is next.
        let mut maps = 0_u128;
        let mut values = 0_u128;
        let around = self.depth;
        loop {
            let is_key = maps & values & 1 == 1;
            match self.token()? {
                (Token::Map(_), _) if is_key || self.key_depth.is_some() => {
                    return Err(self.map_in_key());
                }
                (token @ (Token::Map(count) | Token::Array(count)), rest) => {
                    let depth = self.depth;
                    self.enter(count, rest)?;
                    let is_map = matches!(token, Token::Map(_));
                    if is_key {
                        self.key_depth = Some(depth);
                    }
                    maps = maps << 1 | u128::from(is_map);
                    values <<= 1;
                }
                (Token::Text(text), rest) => {
                    self.checked_text(text, rest)?;
                }
                (_, rest) => self.rest = rest,
            }
            loop {
                if self.depth == around {
                    return Ok(());
                }
                if maps & values & 1 == 1 {
                    // The key has been taken.
                    values ^= 1;
                    break;
                }
                if self.next_element()? {
                    values |= maps & 1;
                    break;
                }
                maps >>= 1;
                values >>= 1;
            }
        }
    }
}
