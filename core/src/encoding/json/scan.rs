//! Where strings end, and whether they are well formed.
//!
//! Pure functions over bytes; offsets in their errors count from the start of the slice given.

use crate::encoding::Rule;
use crate::encoding::value::decimal::Flaw;

/// A string up to its closing quote.
pub(super) struct TextToken {
    /// Bytes before the closing quote.
    pub(super) len: usize,
    /// Whether any of them is a backslash.
    pub(super) is_escaped: bool,
}

/// Finds the end of a string; `bytes` starts after the opening quote.
///
/// Escapes are checked, UTF-8 is not.
#[inline]
pub(super) fn text(bytes: &[u8]) -> Result<TextToken, Flaw> {
    let len = plain_run(bytes);
    if bytes.get(len) == Some(&b'"') {
        return Ok(TextToken {
            len,
            is_escaped: false,
        });
    }
    text_from(bytes, len)
}

/// [`text`], with the first `at` bytes known to be plain and more than a quote ahead.
fn text_from(bytes: &[u8], mut at: usize) -> Result<TextToken, Flaw> {
    let mut is_escaped = false;
    loop {
        match bytes.get(at) {
            None => return Err((Rule::UnexpectedEnd, bytes.len())),
            Some(b'"') => {
                return Ok(TextToken {
                    len: at,
                    is_escaped,
                });
            }
            Some(b'\\') => {
                is_escaped = true;
                at += escape(bytes, at)?;
            }
            Some(_) => return Err((Rule::ControlCharacter, at)),
        }
        at += plain_run(from(bytes, at));
    }
}

/// The length of the escape whose backslash is at `at`.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    match bytes.get(at + 1) {
        None => Err((Rule::UnexpectedEnd, bytes.len())),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => {
            for index in at + 2..at + 6 {
                match bytes.get(index) {
                    None => return Err((Rule::UnexpectedEnd, bytes.len())),
                    Some(byte) if byte.is_ascii_hexdigit() => {}
                    Some(_) => return Err((Rule::InvalidEscape, at)),
                }
            }
            Ok(6)
        }
        Some(_) => Err((Rule::InvalidEscape, at)),
    }
}

/// How many bytes from the start are neither quote, backslash nor control character.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    run(bytes, special, |byte| {
        matches!(byte, b'"' | b'\\') || byte < 0x20
    })
}

/// How many bytes from the start are printable ASCII but quote and backslash.
#[inline]
pub(super) fn printable_run(bytes: &[u8]) -> usize {
    run(
        bytes,
        |word| special(word) | (word & HIGH) | zero_byte(word ^ (ONES * 0x7f)),
        |byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\'),
    )
}

/// Counts bytes until one is special, a word at a time as long as there are whole words.
///
/// `word` marks special bytes by their high bit; marks above the lowest one may be false.
#[inline(always)]
fn run(bytes: &[u8], word: impl Fn(usize) -> usize, byte: impl Fn(u8) -> bool) -> usize {
    let mut count = 0;
    let mut ahead = bytes;
    while let Some((chunk, rest)) = ahead.split_first_chunk() {
        let marks = word(usize::from_le_bytes(*chunk));
        if marks != 0 {
            return count + (marks.trailing_zeros() / 8) as usize;
        }
        count += size_of::<usize>();
        ahead = rest;
    }
    count + ahead.iter().take_while(|next| !byte(**next)).count()
}

/// Marks quotes, backslashes and control characters.
#[inline(always)]
const fn special(word: usize) -> usize {
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    control | zero_byte(word ^ (ONES * b'"' as usize)) | zero_byte(word ^ (ONES * b'\\' as usize))
}

/// Marks bytes that are zero.
#[inline(always)]
const fn zero_byte(word: usize) -> usize {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The bytes from `at` on; none when there are not that many.
#[inline]
fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

const ONES: usize = usize::MAX / 0xff;
const HIGH: usize = ONES << 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stop_at_every_special_byte_at_every_place() {
        for special in (0..=255u8).step_by(if cfg!(miri) { 17 } else { 1 }) {
            for place in 0..20 {
                let mut bytes = [b'x'; 20];
                bytes[place] = special;
                let plain = special >= 0x20 && special != b'"' && special != b'\\';
                let printable = plain && special < 0x7f;
                assert_eq!(plain_run(&bytes), if plain { 20 } else { place });
                assert_eq!(printable_run(&bytes), if printable { 20 } else { place });
            }
        }
    }
}
