use core::fmt;

use super::node::{NIL, Tag};
use super::repr;
use super::tree::{Children, Tree};
use super::value::Value;
use crate::encoding::value::{Number, Text};

/// An exception of a Python program, as far as it can be told without rebuilding it.
///
/// It is displayed as Python displays it: `ValueError: bad value`.
#[derive(Clone, Copy)]
pub struct RemoteError<'n, 'a> {
    tree: Tree<'n, 'a>,
    class: u32,
    /// The exception itself, or its message.
    object: u32,
    /// The traceback, if one was sent.
    frames: u32,
}

impl<'n, 'a> RemoteError<'n, 'a> {
    pub(super) fn new(tree: Tree<'n, 'a>, index: u32) -> Option<Self> {
        let mut parts = tree.children(index);
        match tree.node(index).tag() {
            Tag::Exception => Some(Self {
                tree,
                class: parts.next()?,
                object: index,
                frames: NIL,
            }),
            Tag::Failure => Some(Self {
                tree,
                class: parts.next()?,
                object: tree.resolve(parts.next()?),
                frames: tree.resolve(parts.next()?),
            }),
            _ => None,
        }
    }

    /// The module of its class.
    pub fn module(self) -> &'a str {
        self.names().0
    }

    /// The name of its class, without the module.
    pub fn name(self) -> &'a str {
        self.names().1
    }

    fn names(self) -> (&'a str, &'a str) {
        self.tree.names(self.class).unwrap_or_default()
    }

    /// The arguments it was made with, in a tuple; `None` if its message was sent in its place.
    pub fn args(self) -> Option<Value<'n, 'a>> {
        self.part(1)
    }

    /// The attributes of its own, in a map, if it has any.
    pub fn attributes(self) -> Option<Value<'n, 'a>> {
        self.part(2)
    }

    fn part(self, place: usize) -> Option<Value<'n, 'a>> {
        if self.tree.node(self.object).tag() != Tag::Exception {
            return None;
        }
        let part = self.tree.children(self.object).nth(place)?;
        Some(Value::at(self.tree, part))
    }

    /// What it says, derived from its arguments as Python does it.
    pub fn message(self) -> Message<'n, 'a> {
        Message(self)
    }

    /// The frames of its traceback, outermost first.
    pub fn frames(self) -> Frames<'n, 'a> {
        let tree = self.tree;
        let mut frames = tree.children(self.frames);
        if tree.node(self.frames).tag() == Tag::Frames {
            // Class and arguments of the list of frames.
            frames.nth(1);
        }
        Frames { tree, frames }
    }
}

impl fmt::Display for RemoteError<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if self
            .args()
            .is_some_and(|args| args.elements().next().is_none())
        {
            return Ok(());
        }
        write!(f, ": {}", self.message())
    }
}

impl fmt::Debug for RemoteError<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteError({}.{self})", self.module())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for RemoteError<'_, '_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}

/// What an exception says.
///
/// Nothing without arguments, its only argument, or all of them as a tuple; of a `KeyError` as Python shows values,
/// and of an `OSError` or `UnicodeDecodeError` its own form.
#[derive(Clone, Copy)]
pub struct Message<'n, 'a>(RemoteError<'n, 'a>);

impl fmt::Display for Message<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = *self;
        let Some(args) = error.args() else {
            let text = Value::at(error.tree, error.object).text();
            return text.map_or(Ok(()), |text| text.fmt(f));
        };
        let mut elements = args.elements();
        let parts = [
            elements.next(),
            elements.next(),
            elements.next(),
            elements.next(),
            elements.next(),
        ];
        let is_more = elements.next().is_some();
        match (error.name(), parts) {
            (_, [None, ..]) => Ok(()),
            ("KeyError", [Some(key), None, ..]) => repr::write(key, f),
            (_, [Some(only), None, ..]) => repr::write_plain(only, f),
            (name, [Some(number), Some(text), file, _, other])
                if !is_more && is_system(name) && number.number().is_some() =>
            {
                write!(f, "[Errno ")?;
                repr::write(number, f)?;
                write!(f, "] ")?;
                repr::write_plain(text, f)?;
                if let Some(file) = file {
                    write!(f, ": ")?;
                    repr::write(file, f)?;
                }
                if let Some(other) = other {
                    write!(f, " -> ")?;
                    repr::write(other, f)?;
                }
                Ok(())
            }
            (
                "UnicodeDecodeError",
                [
                    Some(codec),
                    Some(bytes),
                    Some(start),
                    Some(end),
                    Some(reason),
                ],
            ) if !is_more && bytes.bytes().is_some() => decode_error(
                f,
                bytes.bytes().unwrap_or_default(),
                [codec, start, end, reason],
            ),
            _ => repr::write(args, f),
        }
    }
}

impl fmt::Debug for Message<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({self})")
    }
}

fn decode_error(
    f: &mut fmt::Formatter<'_>,
    bytes: &[u8],
    [codec, start, end, reason]: [Value<'_, '_>; 4],
) -> fmt::Result {
    let place = |value: Value<'_, '_>| match value.number().map(Number::to_integer::<i64>) {
        Some(Ok(place)) => place,
        _ => 0,
    };
    let (first, behind) = (place(start), place(end));
    let byte = usize::try_from(first)
        .ok()
        .and_then(|first| bytes.get(first));
    write!(f, "'")?;
    repr::write_plain(codec, f)?;
    match byte {
        Some(byte) if behind == first.saturating_add(1) => {
            write!(
                f,
                "' codec can't decode byte 0x{byte:02x} in position {first}: "
            )?;
        }
        _ => {
            let last = behind.saturating_sub(1);
            write!(f, "' codec can't decode bytes in position {first}-{last}: ")?;
        }
    }
    repr::write_plain(reason, f)
}

/// Whether a class is one of `OSError` and its kin.
fn is_system(name: &str) -> bool {
    matches!(
        name,
        "OSError"
            | "IOError"
            | "BlockingIOError"
            | "ChildProcessError"
            | "ConnectionError"
            | "BrokenPipeError"
            | "ConnectionAbortedError"
            | "ConnectionRefusedError"
            | "ConnectionResetError"
            | "FileExistsError"
            | "FileNotFoundError"
            | "InterruptedError"
            | "IsADirectoryError"
            | "NotADirectoryError"
            | "PermissionError"
            | "ProcessLookupError"
            | "TimeoutError"
    )
}

/// The frames of a traceback.
#[derive(Clone)]
pub struct Frames<'n, 'a> {
    tree: Tree<'n, 'a>,
    frames: Children<'n, 'a>,
}

impl fmt::Debug for Frames<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frames")
    }
}

/// One frame of a traceback: what of it was sent, and is of the right type.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Frame<'a> {
    /// The file.
    pub file: Option<Text<'a>>,
    /// The line in the file, from 1.
    pub line: Option<u32>,
    /// The function.
    pub function: Option<Text<'a>>,
    /// The line itself, without the white space around it; empty if the peer does not know it.
    pub source: Option<Text<'a>>,
}

impl<'a> Iterator for Frames<'_, 'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let tree = self.tree;
        let index = tree.resolve(self.frames.next()?);
        let mut frame = Frame::default();
        if tree.node(index).tag() == Tag::Frame {
            let state = tree.children(index).nth(2);
            let attributes = state.and_then(|state| tree.children(tree.resolve(state)).nth(1));
            let attributes = attributes.map_or(NIL, |attributes| tree.resolve(attributes));
            let mut entries = tree.children(attributes);
            while let (Some(key), Some(value)) = (entries.next(), entries.next()) {
                match tree.plain_text(key) {
                    Some("filename") => frame.file = tree.text(value),
                    Some("lineno") => frame.line = line(tree, value),
                    Some("name") => frame.function = tree.text(value),
                    Some("_line" | "_lines") => frame.source = source(tree, value),
                    _ => {}
                }
            }
        } else {
            let mut parts = Value::at(tree, index).elements().map(Value::index);
            frame.file = parts.next().and_then(|part| tree.text(part));
            frame.line = parts.next().and_then(|part| line(tree, part));
            frame.function = parts.next().and_then(|part| tree.text(part));
            frame.source = parts.next().and_then(|part| source(tree, part));
        }
        Some(frame)
    }
}

fn line(tree: Tree<'_, '_>, index: u32) -> Option<u32> {
    tree.number(index)?.to_integer().ok()
}

fn source<'a>(tree: Tree<'_, 'a>, index: u32) -> Option<Text<'a>> {
    match tree.plain_text(index) {
        Some(text) => {
            let offset = tree.node(index).offset as usize;
            Some(Text::plain(text.trim(), offset))
        }
        None => tree.text(index),
    }
}
