//! Values as Python shows them.

use core::fmt::{self, Write as _};

use super::value::Value;
use crate::encoding::value::{Kind, Number, Text};

/// Writes a value as `str` does: text stands for itself.
pub(super) fn write_plain(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value.text() {
        Some(text) => fmt::Display::fmt(&text, f),
        None => write(value, f),
    }
}

/// Writes a value as `repr` does, but for what is nested deeper than [`SHOWN`] levels.
pub(super) fn write(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    nested(value, f, SHOWN)
}

/// Writes a value and so many levels of what is in it: each takes its part of the stack, which may be small.
fn nested(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>, levels: u8) -> fmt::Result {
    let kind = value.kind();
    let Some(levels) = levels.checked_sub(1) else {
        let has_parts = kind.is_sequence() || matches!(kind, Kind::Map | Kind::Exception);
        return match has_parts {
            true => f.write_str("..."),
            false => leaf(value, f),
        };
    };
    match kind {
        Kind::Array => list(value, f, levels, "[", "]"),
        Kind::Tuple if value.elements().nth(1).is_none() && value.elements().next().is_some() => {
            list(value, f, levels, "(", ",)")
        }
        Kind::Tuple => list(value, f, levels, "(", ")"),
        Kind::Set if value.elements().next().is_none() => f.write_str("set()"),
        Kind::Set => list(value, f, levels, "{", "}"),
        Kind::FrozenSet if value.elements().next().is_none() => f.write_str("frozenset()"),
        Kind::FrozenSet => list(value, f, levels, "frozenset({", "})"),
        Kind::Map => map(value, f, levels),
        Kind::Exception => match value.exception() {
            Some(error) => {
                f.write_str(error.name())?;
                match error.args() {
                    Some(args) => list(args, f, levels, "(", ")"),
                    None => write!(f, "({})", error.message()),
                }
            }
            None => Ok(()),
        },
        _ => leaf(value, f),
    }
}

/// Writes a value that holds no others.
fn leaf(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value.kind() {
        Kind::Bool if value.bool() == Some(true) => f.write_str("True"),
        Kind::Bool => f.write_str("False"),
        Kind::Number => value
            .number()
            .map_or(Ok(()), |number| self::number(number, f)),
        Kind::Text => value.text().map_or(Ok(()), |text| self::text(&text, f)),
        Kind::Bytes => bytes(value.bytes().unwrap_or_default(), f),
        Kind::ByteArray => {
            f.write_str("bytearray(")?;
            bytes(value.bytes().unwrap_or_default(), f)?;
            f.write_str(")")
        }
        _ => f.write_str("None"),
    }
}

fn list(
    value: Value<'_, '_>,
    f: &mut fmt::Formatter<'_>,
    levels: u8,
    open: &str,
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (place, element) in value.elements().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        nested(element, f, levels)?;
    }
    f.write_str(close)
}

fn map(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>, levels: u8) -> fmt::Result {
    f.write_str("{")?;
    for (place, part) in value.elements().enumerate() {
        match place {
            0 => {}
            _ if place % 2 == 1 => f.write_str(": ")?,
            _ => f.write_str(", ")?,
        }
        nested(part, f, levels)?;
    }
    f.write_str("}")
}

fn number(number: Number<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match number {
        Number::Float(value) if value.is_nan() => f.write_str("nan"),
        Number::Float(value) => float(value, f),
        _ => write!(f, "{number}"),
    }
}

/// Rust's shortest digits are Python's; exponents differ: `1e16` is `1e+16`, `1e-5` is `1e-05`.
fn float(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut buffer = Buffer {
        bytes: [0; 32],
        len: 0,
    };
    write!(buffer, "{value:?}")?;
    let text = buffer.bytes.get(..buffer.len).unwrap_or_default();
    let text = core::str::from_utf8(text).unwrap_or_default();
    match text.split_once('e') {
        None => f.write_str(text),
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => write!(f, "{digits}e-{exponent:0>2}"),
            None => write!(f, "{digits}e+{exponent:0>2}"),
        },
    }
}

/// Room for the text of a float.
struct Buffer {
    bytes: [u8; 32],
    len: usize,
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let slot = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        slot.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn text(text: &Text<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let has = |wanted| {
        text.chars()
            .any(|unit| matches!(unit, Ok(c) if c == wanted))
    };
    let quote = quote(has('\''), has('"'));
    f.write_char(quote)?;
    for unit in text.chars() {
        match unit {
            Ok(c) if c == quote || c == '\\' => write!(f, "\\{c}")?,
            Ok('\n') => f.write_str("\\n")?,
            Ok('\r') => f.write_str("\\r")?,
            Ok('\t') => f.write_str("\\t")?,
            Ok(c) if c < ' ' || ('\u{7f}'..='\u{a0}').contains(&c) || c == '\u{ad}' => {
                write!(f, "\\x{:02x}", u32::from(c))?;
            }
            Ok(c) => f.write_char(c)?,
            Err(lone) => write!(f, "\\u{:04x}", lone.unpaired_surrogate())?,
        }
    }
    f.write_char(quote)
}

fn bytes(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let quote = quote(bytes.contains(&b'\''), bytes.contains(&b'"'));
    f.write_char('b')?;
    f.write_char(quote)?;
    for byte in bytes {
        match char::from(*byte) {
            c if c == quote || c == '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c @ ' '..='~' => f.write_char(c)?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    f.write_char(quote)
}

/// Single quotes, unless only they would have to be escaped.
const fn quote(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

/// How many levels of containers are shown; in place of those below stand three dots, as in Python where a value
/// contains itself.
const SHOWN: u8 = 16;
