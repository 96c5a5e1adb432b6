use crate::call::{Failure, Refused};
use crate::value::{Map, Value};
use ropeway_core::encoding::pickle::{self, Frame};
use std::fmt;

/// An exception of the peer's program, as it was told of it: nothing of it has been imported or rebuilt.
///
/// It is displayed as Python does: `ValueError: too far`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RemoteError {
    /// The module of its class, such as `builtins`.
    pub module: String,
    /// The name of its class, such as `ValueError`.
    pub class: String,
    /// What it says.
    pub message: String,
    /// The arguments that it was made with, if they were sent.
    pub args: Option<Vec<Value>>,
    /// The attributes of its own.
    pub attributes: Map,
    /// Where it was raised, the outermost place first.
    pub frames: Vec<Place>,
    is_bare: bool,
}

/// One place of a traceback, as far as it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line in the file, from 1; 0 if it was not told.
    pub line: u32,
    /// The function.
    pub function: String,
    /// The line itself; empty if the peer does not know it.
    pub source: String,
}

impl From<pickle::RemoteError<'_, '_>> for RemoteError {
    fn from(error: pickle::RemoteError<'_, '_>) -> Self {
        let args = error.args().and_then(|args| match read(args)? {
            Value::Tuple(args) => Some(args),
            _ => None,
        });
        let attributes = match error.attributes().and_then(read) {
            Some(Value::Map(attributes)) => attributes,
            _ => Map::default(),
        };
        Self {
            module: error.module().into(),
            class: error.name().into(),
            message: error.message().to_string(),
            is_bare: args.as_ref().is_some_and(Vec::is_empty),
            args,
            attributes,
            frames: error.frames().map(Place::from).collect(),
        }
    }
}

/// For [`Node`](crate::Node) and [`Hub`](crate::Hub), which know refusals of all dialects alike.
impl Failure for pickle::RemoteError<'_, '_> {
    fn keep(self) -> Refused {
        let error = RemoteError::from(self);
        let trace = error.frames.iter().map(ToString::to_string).collect();
        Refused::new(error.class, error.message).with_trace(trace)
    }
}

impl RemoteError {
    /// Whether it says that the password has not been accepted yet.
    pub(super) fn is_early(&self) -> bool {
        // The old variant has no class of its own for it.
        self.class == "AuthentificationError"
            || self.class == "RuntimeError" && self.message.contains("authentif")
            || self.class == "RuntimeError" && self.message.contains("authenticat")
    }
}

/// A value that holds no exception itself.
fn read(value: pickle::Value<'_, '_>) -> Option<Value> {
    Value::read(&mut value.reader()).ok()
}

impl From<Frame<'_>> for Place {
    fn from(frame: Frame<'_>) -> Self {
        let text = |text: Option<_>| {
            text.map(|text: ropeway_core::encoding::value::Text<'_>| text.to_string())
        };
        Self {
            file: text(frame.file).unwrap_or_default(),
            line: frame.line.unwrap_or_default(),
            function: text(frame.function).unwrap_or_default(),
            source: text(frame.source).unwrap_or_default(),
        }
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_bare {
            return f.write_str(&self.class);
        }
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for RemoteError {}

/// As Python shows it: file, line, function, and the line itself.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            function,
            source,
        } = self;
        write!(f, "File \"{file}\", line {line}, in {function}")?;
        if source.is_empty() {
            return Ok(());
        }
        write!(f, ": {source}")
    }
}
