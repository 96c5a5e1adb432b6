use core::fmt;

use super::node::{NIL, Tag};
use super::tree::{Children, Tree};
use super::value::Value;
use crate::encoding::value::Text;

/// The frames of a traceback.
#[derive(Clone)]
pub struct Frames<'n, 'a> {
    tree: Tree<'n, 'a>,
    frames: Children<'n, 'a>,
}

impl<'n, 'a> Frames<'n, 'a> {
    /// The frames in a list of tuples, or in what Python makes of them.
    pub(super) fn new(tree: Tree<'n, 'a>, list: u32) -> Self {
        let mut frames = tree.children(list);
        if tree.node(list).tag() == Tag::Frames {
            // Class and arguments of the list of frames.
            frames.nth(1);
        }
        Self { tree, frames }
    }
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
