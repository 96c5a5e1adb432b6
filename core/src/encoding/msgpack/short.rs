//! The forms that nearly all values have, without a detour by tokens.
//!
//! What has another form, or is none, is left to [`token`](super::token::token).

use super::marker::*;

/// An integer of an unsigned form, and what follows it.
#[inline]
pub(super) fn unsigned(rest: &[u8]) -> Option<(u64, &[u8])> {
    match rest {
        [first @ 0..FIX_MAP, rest @ ..] => Some((u64::from(*first), rest)),
        [UINT_8, value, rest @ ..] => Some((u64::from(*value), rest)),
        [UINT_16, rest @ ..] => {
            let (value, rest) = rest.split_first_chunk()?;
            Some((u16::from_be_bytes(*value).into(), rest))
        }
        [UINT_32, rest @ ..] => {
            let (value, rest) = rest.split_first_chunk()?;
            Some((u32::from_be_bytes(*value).into(), rest))
        }
        [UINT_64, rest @ ..] => {
            let (value, rest) = rest.split_first_chunk()?;
            Some((u64::from_be_bytes(*value), rest))
        }
        _ => None,
    }
}

/// A float of either form, and what follows it.
#[inline]
pub(super) fn float(rest: &[u8]) -> Option<(f64, &[u8])> {
    match rest {
        [FLOAT_64, rest @ ..] => {
            let (value, rest) = rest.split_first_chunk()?;
            Some((f64::from_be_bytes(*value), rest))
        }
        [FLOAT_32, rest @ ..] => {
            let (value, rest) = rest.split_first_chunk()?;
            Some((f32::from_be_bytes(*value).into(), rest))
        }
        _ => None,
    }
}

/// A text whose length is in its first byte, and what follows it.
#[inline]
pub(super) fn text(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    match rest {
        [first @ FIX_TEXT..NIL, rest @ ..] => rest.split_at_checked((first - FIX_TEXT).into()),
        _ => None,
    }
}

/// The count of an array if it is in its first byte, and the elements.
#[inline]
pub(super) fn array(rest: &[u8]) -> Option<(u32, &[u8])> {
    match rest {
        [first @ FIX_ARRAY..FIX_TEXT, rest @ ..] => {
            let count = first - FIX_ARRAY;
            (rest.len() >= count.into()).then_some((count.into(), rest))
        }
        _ => None,
    }
}

/// The count of a map if it is in its first byte, and the entries.
#[inline]
pub(super) fn map(rest: &[u8]) -> Option<(u32, &[u8])> {
    match rest {
        [first @ FIX_MAP..FIX_ARRAY, rest @ ..] => {
            let count = first - FIX_MAP;
            (rest.len() / 2 >= count.into()).then_some((count.into(), rest))
        }
        _ => None,
    }
}
