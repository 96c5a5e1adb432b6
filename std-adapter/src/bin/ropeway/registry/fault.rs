//! Why a body cannot be read, or a value not be written.

use super::shape::Type;
use crate::fault::{Fault, Kind};
use ropeway_std::encoding::Rule;
use ropeway_std::value::Value;
use std::fmt;

/// A body that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    /// Where, in bytes from its start.
    pub(crate) offset: usize,
    /// Which.
    pub(crate) rule: Rule,
}

/// A value that is not what the registry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// The field, with those around it in front; nothing for the whole.
    path: String,
    rule: Wanted,
}

/// What a value should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Missing,
    Unknown { known: String },
    Other { wanted: String, is: &'static str },
    InRange { wanted: String, is: String },
    Length { wanted: usize, is: usize },
    NoAnswer,
}

impl Unfit {
    pub(super) fn missing() -> Self {
        Self::new(Wanted::Missing)
    }

    pub(super) fn unknown(known: String) -> Self {
        Self::new(Wanted::Unknown { known })
    }

    pub(super) fn other(wanted: &Type, is: &Value) -> Self {
        let (wanted, is) = (wanted.to_string(), kind(is));
        Self::new(Wanted::Other { wanted, is })
    }

    pub(super) fn not_fields(wanted: String, is: &Value) -> Self {
        let is = kind(is);
        Self::new(Wanted::Other { wanted, is })
    }

    pub(super) fn out_of_range(wanted: &Type, is: &Value) -> Self {
        let (wanted, is) = (wanted.to_string(), is.to_string());
        Self::new(Wanted::InRange { wanted, is })
    }

    pub(super) fn length(wanted: usize, is: usize) -> Self {
        Self::new(Wanted::Length { wanted, is })
    }

    pub(super) fn no_answer() -> Self {
        Self::new(Wanted::NoAnswer)
    }

    const fn new(rule: Wanted) -> Self {
        let path = String::new();
        Self { path, rule }
    }

    /// The same, in this field.
    pub(super) fn within(mut self, field: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => field.to_owned(),
            inner if inner.starts_with('[') => format!("{field}{inner}"),
            inner => format!("{field}.{inner}"),
        };
        self
    }

    /// The same, in this element.
    pub(super) fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {} of the body)", self.rule, self.offset)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, rule } = self;
        match rule {
            Wanted::Missing => write!(f, "field `{path}` is missing"),
            Wanted::Unknown { known } if known.is_empty() => {
                write!(f, "there is no field `{path}`, nor any other")
            }
            Wanted::Unknown { known } => write!(f, "there is no field `{path}`, but {known}"),
            Wanted::NoAnswer => f.write_str("the registry says of no answer to this message"),
            rule => {
                if !path.is_empty() {
                    write!(f, "field `{path}`: ")?;
                }
                match rule {
                    Wanted::Other { wanted, is } => write!(f, "{wanted} is wanted, not {is}"),
                    Wanted::InRange { wanted, is } => write!(f, "{is} does not fit {wanted}"),
                    Wanted::Length { wanted, is } => {
                        write!(f, "{wanted} elements are wanted, not {is}")
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

impl From<Misread> for Fault {
    fn from(misread: Misread) -> Self {
        Self::new(Kind::Protocol, misread)
    }
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        Self::input(unfit)
    }
}

/// What a value is, in words of JSON.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Text(_) | Value::Utf16(_) => "a string",
        Value::Bytes(_) | Value::ByteArray(_) | Value::Extension { .. } => "bytes",
        Value::Array(_) | Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) => "a list",
        Value::Map(_) => "an object",
    }
}
