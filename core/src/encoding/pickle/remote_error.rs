use core::fmt;

use super::message::Message;
use super::node::{NIL, Tag};
use super::traceback::Frames;
use super::tree::Tree;
use super::value::Value;
use crate::encoding::value::Text;

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

    /// The text that was sent in place of the exception.
    pub(super) fn text(self) -> Option<Text<'a>> {
        Value::at(self.tree, self.object).text()
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
        Message::new(self)
    }

    /// The frames of its traceback, outermost first.
    pub fn frames(self) -> Frames<'n, 'a> {
        Frames::new(self.tree, self.frames)
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
