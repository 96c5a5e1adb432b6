//! What nearly all bodies are: one map of texts to values that hold nothing, checked in one go.

use super::{marker::*, short};

/// The length of the map that `body` starts with, if it has few entries, short texts as keys, each of them once, and
/// values that hold no others.
///
/// What is otherwise, right or wrong, is left to those that look at everything.
pub(super) fn check(body: &[u8]) -> Option<usize> {
    let (count, mut rest) = short::map(body)?;
    let mut prints = [0; FIX_COUNT];
    for known in 0..usize::try_from(count).ok()? {
        let (key, value) = short::text(rest)?;
        let print = print(key)?;
        if prints.get(..known)?.contains(&print) {
            return None;
        }
        *prints.get_mut(known)? = print;
        rest = behind(value)?;
    }
    Some(body.len() - rest.len())
}

/// A number that is the same for the same key, and rarely for others, if the key is ASCII.
#[inline]
fn print(key: &[u8]) -> Option<u64> {
    match (key.first_chunk(), key.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            let is_ascii = (first | last) & NOT_ASCII == 0 && (key.len() <= 16 || key.is_ascii());
            is_ascii.then_some(first.rotate_left(5).wrapping_add(last))
        }
        _ => {
            let bytes = key.iter().map(|byte| u64::from(*byte));
            let print = bytes.fold(0, |print, byte| print << 8 | byte);
            (print & NOT_ASCII == 0).then_some(print)
        }
    }
}

/// What follows the value that `rest` starts with, if that is no container, extension or long text.
#[inline]
fn behind(rest: &[u8]) -> Option<&[u8]> {
    let len = match *rest.first()? {
        0..FIX_MAP | 0xe0.. | NIL | FALSE | TRUE => 1,
        UINT_8 | INT_8 => 2,
        UINT_16 | INT_16 => 3,
        UINT_32 | INT_32 | FLOAT_32 => 5,
        UINT_64 | INT_64 | FLOAT_64 => 9,
        _ => {
            let (text, rest) = short::text(rest)?;
            return core::str::from_utf8(text).is_ok().then_some(rest);
        }
    };
    rest.get(len..)
}

const NOT_ASCII: u64 = u64::from_ne_bytes([0x80; 8]);

#[cfg(test)]
mod tests {
    use super::check;
    use crate::encoding::msgpack::{Reader, keys};

    /// What is said of a body without this shortcut.
    fn slowly(body: &[u8]) -> Option<usize> {
        let value = Reader::new(body).raw_value().ok()?;
        keys::check(value).ok().map(|()| value.len())
    }

    #[test]
    fn tells_the_length_of_plain_maps() {
        let plain: [&[u8]; 5] = [
            b"\x80",
            b"\x80\xc1",
            b"\x81\xa0\xc0",
            b"\x83\xa2id\xce\0\0\0\x07\xa8longlong\xcb\0\0\0\0\0\0\0\0\xa9longlong1\xa2\xc3\xbc",
            b"\x84\xa1a\xff\xa1b\xd0\x80\xa2aa\xc3\xa2ab\xcf\0\0\0\0\0\0\0\0\x01",
        ];
        for body in plain {
            assert!(check(body).is_some(), "{body:x?}");
            assert_eq!(check(body), slowly(body), "{body:x?}");
        }
    }

    #[test]
    fn leaves_all_else_to_others() {
        let others: [&[u8]; 11] = [
            b"",
            b"\x01",
            b"\x81",
            b"\x81\xa1a",
            b"\x81\xa1a\xcd\x01",
            b"\x82\xa1a\x01\xa1a\x02",
            b"\x82\xa9longlong1\x01\xa9longlong1\x02",
            b"\x81\xa1\xff\x01",
            b"\x81\xa9longlong\xff\x01",
            b"\x81\xa1a\xa1\xff",
            b"\x81\xa1a\x90",
        ];
        for body in others {
            assert_eq!(check(body), None, "{body:x?}");
        }
    }

    #[test]
    fn never_says_otherwise_than_those_that_look_at_everything() {
        let body = b"\x83\xa2id\xce\0\0\0\x07\xa1t\xa3two\xa1\x7f\xcb\0\0\0\0\0\0\0\0";
        for at in 0..body.len() {
            for byte in 0..=0xff {
                let mut changed = *body;
                changed[at] = byte;
                if let Some(len) = check(&changed) {
                    assert_eq!(Some(len), slowly(&changed), "{changed:x?}");
                }
            }
            assert_eq!(check(&body[..at]), None);
        }
    }
}
