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

/// Writes a value as `repr` does. It goes as deep as the value, which the scan has bounded.
pub(super) fn write(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        Kind::Array => list(value, f, "[", "]"),
        Kind::Tuple if value.elements().nth(1).is_none() && value.elements().next().is_some() => {
            list(value, f, "(", ",)")
        }
        Kind::Tuple => list(value, f, "(", ")"),
        Kind::Set if value.elements().next().is_none() => f.write_str("set()"),
        Kind::Set => list(value, f, "{", "}"),
        Kind::FrozenSet if value.elements().next().is_none() => f.write_str("frozenset()"),
        Kind::FrozenSet => list(value, f, "frozenset({", "})"),
        Kind::Map => map(value, f),
        Kind::Exception => match value.exception() {
            Some(error) => {
                f.write_str(error.name())?;
                match error.args() {
                    Some(args) => list(args, f, "(", ")"),
                    None => write!(f, "({})", error.message()),
                }
            }
            None => Ok(()),
        },
        _ => f.write_str("None"),
    }
}

fn list(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>, open: &str, close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (place, element) in value.elements().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        write(element, f)?;
    }
    f.write_str(close)
}

fn map(value: Value<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("{")?;
    for (place, part) in value.elements().enumerate() {
        match place {
            0 => {}
            _ if place % 2 == 1 => f.write_str(": ")?,
            _ => f.write_str(", ")?,
        }
        write(part, f)?;
    }
    f.write_str("}")
}

fn number(number: Number<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match number {
        Number::Float(value) if value.is_nan() => f.write_str("nan"),
        // Rust's shortest digits are Python's; exponents differ: `1e16` is `1e+16`, `1e-5` is `1e-05`.
        Number::Float(value) => write!(Exponents { f, is_seen: false }, "{value:?}"),
        _ => write!(f, "{number}"),
    }
}

/// Writes exponents as Python does.
struct Exponents<'f, 'g> {
    f: &'f mut fmt::Formatter<'g>,
    is_seen: bool,
}

impl fmt::Write for Exponents<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let (before, after) = match text.split_once('e') {
            Some((before, after)) if !self.is_seen => (Some(before), after),
            _ => (None, text),
        };
        if let Some(before) = before {
            self.f.write_str(before)?;
            self.is_seen = true;
            self.f.write_char('e')?;
        }
        if !self.is_seen || after.is_empty() {
            return self.f.write_str(after);
        }
        let (sign, digits) = match after.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', after),
        };
        write!(self.f, "{sign}{digits:0>2}")
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
