//! The values of a pickle, as far as they have been scanned.

use super::node::{HASHABLE, NIL, Node, Tag};
use super::opcode;

/// Nodes, and the bytes that they are about.
#[derive(Clone, Copy)]
pub(super) struct Tree<'n, 'a> {
    pub(super) nodes: &'n [Node],
    pub(super) input: &'a [u8],
}

impl<'n, 'a> Tree<'n, 'a> {
    /// The node at `index`; a free one where there is none.
    #[inline]
    pub(super) fn node(self, index: u32) -> Node {
        self.nodes
            .get(index as usize)
            .copied()
            .unwrap_or(Node::NOWHERE)
    }

    /// The node itself, or the one that it refers to.
    #[inline]
    pub(super) fn resolve(self, index: u32) -> u32 {
        let node = self.node(index);
        if node.tag() == Tag::Ref {
            node.extent
        } else {
            index
        }
    }

    /// What a node is, references followed.
    #[inline]
    pub(super) fn tag(self, index: u32) -> Tag {
        self.node(self.resolve(index)).tag()
    }

    /// The bytes of text, bytes, numbers and names.
    #[inline]
    pub(super) fn content(self, node: Node) -> &'a [u8] {
        let offset = node.offset as usize;
        let header = self
            .input
            .get(offset)
            .map_or(1, |opcode| opcode::header(*opcode));
        let behind = self.input.get(offset + header..).unwrap_or_default();
        behind.get(..node.extent as usize).unwrap_or_default()
    }

    /// Whether a value may be a key.
    #[inline]
    pub(super) fn is_hashable(self, node: Node) -> bool {
        match node.tag() {
            Tag::Tuple | Tag::Ref => node.has(HASHABLE),
            tag if tag <= Tag::Bytes => true,
            Tag::FrozenSet | Tag::FrozenSetCall => true,
            _ => false,
        }
    }

    /// The children of a container, references not followed.
    #[inline]
    pub(super) fn children(self, container: u32) -> Children<'n, 'a> {
        let last = self.node(container).extent;
        Children {
            tree: self,
            at: last,
            last: if last == NIL { None } else { Some(last) },
        }
    }

    /// Module and name.
    pub(super) fn names(self, class: u32) -> Option<(&'a str, &'a str)> {
        let class = self.node(self.resolve(class));
        match class.tag() {
            Tag::Name => {
                let lines = core::str::from_utf8(self.content(class)).ok()?;
                lines.split_once('\n')
            }
            Tag::StackName => {
                let name = class.extent;
                let module = self.node(name).link();
                Some((self.plain_text(module)?, self.plain_text(name)?))
            }
            _ => None,
        }
    }

    /// Text without lone surrogates.
    pub(super) fn plain_text(self, index: u32) -> Option<&'a str> {
        let node = self.node(self.resolve(index));
        match node.tag() {
            Tag::Text | Tag::TextLine => core::str::from_utf8(self.content(node)).ok(),
            _ => None,
        }
    }
}

/// Goes through the children of one container.
#[derive(Clone, Copy)]
pub(super) struct Children<'n, 'a> {
    tree: Tree<'n, 'a>,
    /// The child handed out before; at first the last one, whose link is the first.
    at: u32,
    last: Option<u32>,
}

impl<'n, 'a> Children<'n, 'a> {
    pub(super) const fn tree(&self) -> Tree<'n, 'a> {
        self.tree
    }
}

impl Iterator for Children<'_, '_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let last = self.last?;
        self.at = self.tree.node(self.at).link();
        if self.at == last {
            self.last = None;
        }
        Some(self.at)
    }
}
