//! One value, or the start of one that holds others.

use super::{marker::*, timestamp::Timestamp};
use crate::encoding::{Rule, value::Kind};

/// What the first bytes of a value say, with the text or bytes that belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// An integer below zero.
    Signed(i64),
    Float(f64),
    /// Text, which nobody has looked at yet.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Extension(i8, &'a [u8]),
    /// The start of an array of so many elements.
    Array(u32),
    /// The start of a map of so many entries.
    Map(u32),
}

/// Takes a token from the start of `input`; returns what follows it, too.
///
/// Lengths and counts beyond the end of `input` are refused, whatever else may be wrong.
pub(super) fn token(input: &[u8]) -> Result<(Token<'_>, &[u8]), Rule> {
    let (&first, rest) = input.split_first().ok_or(Rule::UnexpectedEnd)?;
    match first {
        0..FIX_MAP => Ok((unsigned(first), rest)),
        FIX_MAP..FIX_ARRAY => map((first - FIX_MAP).into(), rest),
        FIX_ARRAY..FIX_TEXT => array((first - FIX_ARRAY).into(), rest),
        FIX_TEXT..NIL => text((first - FIX_TEXT).into(), rest),
        NIL => Ok((Token::Nil, rest)),
        FALSE => Ok((Token::Bool(false), rest)),
        TRUE => Ok((Token::Bool(true), rest)),
        BIN_8 => sized(rest, u8::from_be_bytes, bytes),
        BIN_16 => sized(rest, u16::from_be_bytes, bytes),
        BIN_32 => sized(rest, u32::from_be_bytes, bytes),
        EXT_8 => sized(rest, u8::from_be_bytes, extension),
        EXT_16 => sized(rest, u16::from_be_bytes, extension),
        EXT_32 => sized(rest, u32::from_be_bytes, extension),
        FLOAT_32 => number(rest, |bytes| float(f32::from_be_bytes(bytes))),
        FLOAT_64 => number(rest, |bytes| float(f64::from_be_bytes(bytes))),
        UINT_8 => number(rest, |bytes| unsigned(u8::from_be_bytes(bytes))),
        UINT_16 => number(rest, |bytes| unsigned(u16::from_be_bytes(bytes))),
        UINT_32 => number(rest, |bytes| unsigned(u32::from_be_bytes(bytes))),
        UINT_64 => number(rest, |bytes| unsigned(u64::from_be_bytes(bytes))),
        INT_8 => number(rest, |bytes| signed(i8::from_be_bytes(bytes))),
        INT_16 => number(rest, |bytes| signed(i16::from_be_bytes(bytes))),
        INT_32 => number(rest, |bytes| signed(i32::from_be_bytes(bytes))),
        INT_64 => number(rest, |bytes| signed(i64::from_be_bytes(bytes))),
        FIX_EXT_1 => extension(1, rest),
        FIX_EXT_2 => extension(2, rest),
        FIX_EXT_4 => extension(4, rest),
        FIX_EXT_8 => extension(8, rest),
        FIX_EXT_16 => extension(16, rest),
        TEXT_8 => sized(rest, u8::from_be_bytes, text),
        TEXT_16 => sized(rest, u16::from_be_bytes, text),
        TEXT_32 => sized(rest, u32::from_be_bytes, text),
        ARRAY_16 => sized(rest, u16::from_be_bytes, array),
        ARRAY_32 => sized(rest, u32::from_be_bytes, array),
        MAP_16 => sized(rest, u16::from_be_bytes, map),
        MAP_32 => sized(rest, u32::from_be_bytes, map),
        0xe0.. => Ok((signed(first.cast_signed()), rest)),
        0xc1 => Err(Rule::UnexpectedByte),
    }
}

/// The kind of value that starts with the byte `first`.
#[inline]
pub(super) const fn kind(first: u8) -> Result<Kind, Rule> {
    Ok(match first {
        0..FIX_MAP | FLOAT_32..FIX_EXT_1 | 0xe0.. => Kind::Number,
        FIX_MAP..FIX_ARRAY | MAP_16 | MAP_32 => Kind::Map,
        FIX_ARRAY..FIX_TEXT | ARRAY_16 | ARRAY_32 => Kind::Array,
        FIX_TEXT..NIL | TEXT_8..ARRAY_16 => Kind::Text,
        NIL => Kind::Null,
        FALSE | TRUE => Kind::Bool,
        BIN_8..EXT_8 => Kind::Bytes,
        EXT_8..FLOAT_32 | FIX_EXT_1..TEXT_8 => Kind::Extension,
        0xc1 => return Err(Rule::UnexpectedByte),
    })
}

type Taken<'a> = Result<(Token<'a>, &'a [u8]), Rule>;

/// Takes a length of `N` bytes, and with it what it is the length of.
#[inline]
fn sized<'a, L: Into<u32>, const N: usize>(
    rest: &'a [u8],
    length: impl FnOnce([u8; N]) -> L,
    of: impl FnOnce(u32, &'a [u8]) -> Taken<'a>,
) -> Taken<'a> {
    let (bytes, rest) = rest.split_first_chunk().ok_or(Rule::UnexpectedEnd)?;
    of(length(*bytes).into(), rest)
}

/// Takes a number of `N` bytes.
#[inline]
fn number<'a, const N: usize>(
    rest: &'a [u8],
    value: impl FnOnce([u8; N]) -> Token<'static>,
) -> Taken<'a> {
    let (bytes, rest) = rest.split_first_chunk().ok_or(Rule::UnexpectedEnd)?;
    Ok((value(*bytes), rest))
}

fn text(length: u32, rest: &[u8]) -> Taken<'_> {
    let (text, rest) = split(rest, length)?;
    Ok((Token::Text(text), rest))
}

fn bytes(length: u32, rest: &[u8]) -> Taken<'_> {
    let (bytes, rest) = split(rest, length)?;
    Ok((Token::Bytes(bytes), rest))
}

fn extension(length: u32, rest: &[u8]) -> Taken<'_> {
    let (&kind, rest) = rest.split_first().ok_or(Rule::UnexpectedEnd)?;
    let (bytes, rest) = split(rest, length)?;
    let kind = kind.cast_signed();
    if kind == Timestamp::EXTENSION && !Timestamp::LENGTHS.contains(&bytes.len()) {
        return Err(Rule::InvalidLength);
    }
    Ok((Token::Extension(kind, bytes), rest))
}

/// An array, each of whose elements takes a byte or more.
fn array(count: u32, rest: &[u8]) -> Taken<'_> {
    split(rest, count)?;
    Ok((Token::Array(count), rest))
}

/// A map, each of whose entries takes two bytes or more.
fn map(count: u32, rest: &[u8]) -> Taken<'_> {
    let (_, second_halves) = split(rest, count)?;
    split(second_halves, count)?;
    Ok((Token::Map(count), rest))
}

#[inline]
fn split(rest: &[u8], length: u32) -> Result<(&[u8], &[u8]), Rule> {
    let length = usize::try_from(length).map_err(|_| Rule::UnexpectedEnd)?;
    rest.split_at_checked(length).ok_or(Rule::UnexpectedEnd)
}

fn unsigned(value: impl Into<u64>) -> Token<'static> {
    Token::Unsigned(value.into())
}

/// An integer of a signed form, which need not be below zero.
fn signed(value: impl Into<i64>) -> Token<'static> {
    let value = value.into();
    match u64::try_from(value) {
        Ok(value) => Token::Unsigned(value),
        Err(_) => Token::Signed(value),
    }
}

fn float(value: impl Into<f64>) -> Token<'static> {
    Token::Float(value.into())
}
