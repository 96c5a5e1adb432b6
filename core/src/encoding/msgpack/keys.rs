//! Keys that occur twice.

use super::{
    short,
    token::{Token, token},
};
use crate::encoding::{DecodeError, Rule};
use core::cmp::Ordering;

/// Checks that no map in `body` has two keys that are the same; all else about the value has been checked.
///
/// The first keys of a map are kept in order, and all that follow are looked up among them; then the next ones are
/// kept, and so on. So memory is constant, and each byte is read [`PASSES`] times at most for keys beyond the first
/// [`WINDOW`] of a map: time is linear in the length of `body`. A map that would take longer fails with
/// [`Rule::TooManyValues`].
pub(super) fn check(body: &[u8]) -> Result<(), DecodeError> {
    let mut budget = body.len().saturating_mul(PASSES.into());
    let mut window = [&[][..]; WINDOW as usize];
    let mut rest = body;
    while !rest.is_empty() {
        let start = rest;
        let found = token(start).and_then(|(token, behind)| {
            rest = behind;
            match token {
                Token::Map(count @ 2..) => repeated(behind, count, &mut window, &mut budget),
                _ => Ok(None),
            }
        });
        let (place, rule) = match found {
            Ok(None) => continue,
            Ok(Some(key)) => (key, Rule::DuplicateField),
            Err(rule) => (start, rule),
        };
        return Err(DecodeError::at(body.len() - place.len(), rule));
    }
    Ok(())
}

/// The first key found that the same map has before it; the map's entries are the first `count` of `entries`.
fn repeated<'a>(
    mut entries: &'a [u8],
    mut count: u32,
    window: &mut [&'a [u8]; WINDOW as usize],
    budget: &mut usize,
) -> Result<Option<&'a [u8]>, Rule> {
    loop {
        let mut known = 0;
        let mut unknown = None;
        let mut rest = entries;
        for left in (1..=count).rev() {
            let keys = window.get(..known).unwrap_or_default();
            let new = Simple::new(rest);
            match keys.binary_search_by(|key| compare((Simple::new(key), key), (new, rest))) {
                Ok(_) => return Ok(Some(rest)),
                Err(place) if known < window.len() => {
                    known += 1;
                    insert(window.get_mut(place..known).unwrap_or_default(), rest);
                }
                Err(_) => {
                    unknown.get_or_insert((rest, left));
                }
            }
            rest = behind(behind(rest)?)?;
        }
        let Some(next) = unknown else {
            return Ok(None);
        };
        (entries, count) = next;
        *budget = budget
            .checked_sub(entries.len() - rest.len())
            .ok_or(Rule::TooManyValues { limit: KEYS })?;
    }
}

/// Puts `first` in front of `keys`, the last of which falls out.
fn insert<'a>(keys: &mut [&'a [u8]], first: &'a [u8]) {
    let mut moved = first;
    for key in keys {
        moved = core::mem::replace(key, moved);
    }
}

/// What follows the value that `rest` starts with.
fn behind(mut rest: &[u8]) -> Result<&[u8], Rule> {
    let mut due = 1_u64;
    while due > 0 {
        let (token, behind) = token(rest)?;
        rest = behind;
        due = due - 1 + parts(token);
    }
    Ok(rest)
}

/// How many values a container holds in itself.
fn parts(token: Token<'_>) -> u64 {
    match token {
        Token::Array(count) => count.into(),
        Token::Map(count) => 2 * u64::from(count),
        _ => 0,
    }
}

/// Compares the values at the start of `a` and `b` as keys, whatever the form in which they are written.
///
/// As in Python, true is 1 and 1.0 is 1; as in Python 2 and for all readers of keys, bytes are text.
#[inline]
fn compare(
    (simple, a): (Option<Simple<'_>>, &[u8]),
    (other, b): (Option<Simple<'_>>, &[u8]),
) -> Ordering {
    match (simple, other) {
        (Some(Simple::Text(a)), Some(Simple::Text(b))) => a.cmp(b),
        (Some(Simple::Number(a)), Some(Simple::Number(b))) => a.cmp(&b),
        _ => compare_tokens(a, b),
    }
}

/// What nearly all keys are.
#[derive(Clone, Copy)]
enum Simple<'a> {
    Text(&'a [u8]),
    Number(u64),
}

impl<'a> Simple<'a> {
    #[inline]
    fn new(key: &'a [u8]) -> Option<Self> {
        match short::text(key) {
            Some((text, _)) => Some(Self::Text(text)),
            None => short::unsigned(key).map(|(number, _)| Self::Number(number)),
        }
    }
}

fn compare_tokens(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let mut due = 1_u64;
    while due > 0 {
        let (Ok((one, behind_a)), Ok((other, behind_b))) = (token(a), token(b)) else {
            break;
        };
        let order = order(one, other);
        if order.is_ne() {
            return order;
        }
        (a, b) = (behind_a, behind_b);
        due = due - 1 + parts(one);
    }
    Ordering::Equal
}

fn order(one: Token<'_>, other: Token<'_>) -> Ordering {
    use Token::{Array, Bytes, Extension, Text};
    match (one, other) {
        (Text(a) | Bytes(a), Text(b) | Bytes(b)) => a.cmp(b),
        (Extension(kind, a), Extension(other, b)) => (kind, a).cmp(&(other, b)),
        (Array(a), Array(b)) => a.cmp(&b),
        _ => match (number(one), number(other)) {
            (Some((a, fraction)), Some((b, other))) => a.cmp(&b).then(fraction.total_cmp(&other)),
            _ => rank(one).cmp(&rank(other)),
        },
    }
}

/// What a number is compared by: its integer part, and all of it as a float.
fn number(token: Token<'_>) -> Option<(i128, f64)> {
    Some(match token {
        Token::Bool(value) => (value.into(), f64::from(u8::from(value))),
        Token::Unsigned(value) => (value.into(), value as f64),
        Token::Signed(value) => (value.into(), value as f64),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the integer part is wanted"
        )]
        // Both zeros are the same; a sum would say so too, and bring the code for adding floats.
        Token::Float(value) => (value as i128, if value == 0.0 { 0.0 } else { value }),
        _ => return None,
    })
}

const fn rank(token: Token<'_>) -> u8 {
    match token {
        Token::Nil => 0,
        Token::Bool(_) | Token::Unsigned(_) | Token::Signed(_) | Token::Float(_) => 1,
        Token::Text(_) | Token::Bytes(_) => 2,
        Token::Extension(..) => 3,
        Token::Array(_) => 4,
        Token::Map(_) => 5,
    }
}

/// How many keys are kept at a time.
const WINDOW: u8 = 64;
/// How often each byte may be read again.
const PASSES: u8 = 32;
/// How many keys a map can have at least before it takes too long: on average a pass reads half of it.
const KEYS: u32 = WINDOW as u32 * PASSES as u32 * 2;
