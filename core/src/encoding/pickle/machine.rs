//! The stack and the tree, which share one piece of memory with the memo.
//!
//! Nodes are taken from the front; the memo grows from the end. A value on the stack links to the one below; in a
//! container the last child links to the first, so that both ends are at hand.

use super::node::{FROZEN, HASHABLE, KEY, NIL, Node, Tag};
use super::tree::Tree;
use crate::encoding::{DecodeError, Rule, value::DEPTH_LIMIT};

/// Why an opcode was not executed.
#[derive(Debug)]
pub(super) enum Halt {
    /// There are too few nodes; the opcode has had no effect.
    Full {
        /// How many there should be.
        needed: usize,
    },
    /// The pickle breaks a rule.
    Flaw(DecodeError),
}

impl From<DecodeError> for Halt {
    #[inline]
    fn from(flaw: DecodeError) -> Self {
        Self::Flaw(flaw)
    }
}

/// What is remembered from opcode to opcode, beside the nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// The uppermost value of the stack.
    pub(super) top: u32,
    /// The first of the nodes that were used and are free again, by their links.
    free: u32,
    /// How many nodes at the front have been used.
    pub(super) used: u32,
    /// How many nodes at the end serve the memo.
    pub(super) slots: u32,
    /// How many values the memo holds.
    pub(super) entries: u32,
    /// How many values references have added.
    pub(super) repeated: u32,
}

impl State {
    pub(super) const NEW: Self = Self {
        top: NIL,
        free: NIL,
        used: 0,
        slots: 0,
        entries: 0,
        repeated: 0,
    };
}

/// Executes the opcodes of one pickle.
pub(super) struct Machine<'m> {
    pub(super) state: &'m mut State,
    pub(super) nodes: &'m mut [Node],
    pub(super) input: &'m [u8],
    /// Where the opcode stands.
    pub(super) at: usize,
    /// How many values references may add.
    pub(super) budget: u32,
}

/// Values taken from the stack, linked into a ring.
#[derive(Clone, Copy)]
pub(super) struct Ring {
    pub(super) first: u32,
    last: u32,
    pub(super) count: u32,
    size: u32,
    height: u8,
    is_hashable: bool,
    /// One of them that is no plain data.
    pub(super) special: Option<u32>,
}

/// Which values a container takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Plain data.
    Plain,
    /// Anything; what is no plain data is to be looked at.
    Any,
    /// What may be a key.
    Hashable,
    /// Keys and values in turn.
    Entries,
}

/// Where the values to take end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Mark,
    Count(u32),
}

impl Machine<'_> {
    /// `rule` is broken by the opcode.
    #[cold]
    pub(super) const fn flaw(&self, rule: Rule) -> DecodeError {
        DecodeError::at(self.at, rule)
    }

    /// The opcode has found other operands than it needs.
    #[cold]
    pub(super) fn operands(&self) -> DecodeError {
        let opcode = self.input.get(self.at).copied().unwrap_or_default();
        self.flaw(Rule::Operands { opcode })
    }

    #[inline]
    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(super) const fn tree(&self) -> Tree<'_, '_> {
        Tree {
            nodes: self.nodes,
            input: self.input,
        }
    }

    #[inline]
    pub(super) fn node(&self, index: u32) -> Node {
        self.tree().node(index)
    }

    #[inline]
    pub(super) fn set(&mut self, index: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(index as usize) {
            change(node);
        }
    }

    /// Pushes a value.
    #[inline]
    pub(super) fn push(&mut self, mut node: Node) -> Result<u32, Halt> {
        let index = self.allocate()?;
        node.set_link(self.state.top);
        self.set(index, |slot| *slot = node);
        self.state.top = index;
        Ok(index)
    }

    /// Takes a node out of use or from the front.
    #[inline]
    pub(super) fn allocate(&mut self) -> Result<u32, Halt> {
        let free = self.state.free;
        if free != NIL {
            self.state.free = self.node(free).link();
            return Ok(free);
        }
        let index = self.state.used;
        let needed = (index + self.state.slots) as usize + 1;
        if needed > self.nodes.len() {
            return Err(Halt::Full { needed });
        }
        self.state.used += 1;
        Ok(index)
    }

    /// Gives a mark back.
    #[inline]
    fn release(&mut self, index: u32) {
        let mut node = Node::EMPTY;
        node.set_link(self.state.free);
        self.set(index, |slot| *slot = node);
        self.state.free = index;
    }

    /// The uppermost value, unless it is a mark or none.
    #[inline]
    pub(super) fn top(&self) -> Result<u32, DecodeError> {
        self.value(self.state.top)
    }

    /// The value below another.
    #[inline]
    pub(super) fn below(&self, index: u32) -> Result<u32, DecodeError> {
        self.value(self.node(index).link())
    }

    #[inline]
    fn value(&self, index: u32) -> Result<u32, DecodeError> {
        match self.node(index).tag() {
            Tag::Free | Tag::Mark => Err(self.operands()),
            _ => Ok(index),
        }
    }

    /// Takes values from the stack and links them into a ring.
    #[inline]
    pub(super) fn take(&mut self, want: Want, until: Until) -> Result<Ring, DecodeError> {
        let last = self.state.top;
        let mut ring = Ring {
            first: NIL,
            last,
            count: 0,
            size: 0,
            height: 0,
            is_hashable: true,
            special: None,
        };
        let mut at = last;
        while until != Until::Count(ring.count) {
            let node = self.node(at);
            match node.tag() {
                Tag::Mark if until == Until::Mark => break,
                Tag::Mark | Tag::Free => return Err(self.operands()),
                _ => {}
            }
            let is_hashable = self.tree().is_hashable(node);
            let is_key = want == Want::Entries && ring.count % 2 == 1;
            if !is_hashable {
                self.admit(at, want, is_key, &mut ring)?;
            }
            let above = ring.first;
            self.set(at, |node| {
                node.set_link(above);
                node.set(KEY, is_key);
            });
            ring.first = at;
            ring.count += 1;
            ring.size = ring.size.saturating_add(node.size());
            ring.height = ring.height.max(node.height());
            ring.is_hashable &= is_hashable;
            at = node.link();
        }
        if want == Want::Entries && ring.count % 2 == 1 {
            return Err(self.operands());
        }
        let first = ring.first;
        if first != NIL {
            self.set(last, |node| node.set_link(first));
        }
        self.state.top = at;
        Ok(ring)
    }

    /// Checks that a container may hold the value at `index`, which cannot be a key.
    fn admit(
        &self,
        index: u32,
        want: Want,
        is_key: bool,
        ring: &mut Ring,
    ) -> Result<(), DecodeError> {
        let tag = self.tree().tag(index);
        match want {
            Want::Any if tag >= Tag::Exception => {
                ring.special = Some(index);
                Ok(())
            }
            _ if tag >= Tag::Exception => Err(self.forbidden(index)),
            Want::Hashable => Err(self.operands()),
            Want::Entries if is_key => Err(self.operands()),
            _ => Ok(()),
        }
    }

    /// The value at `index` stands where plain data is needed.
    #[cold]
    pub(super) fn forbidden(&self, index: u32) -> DecodeError {
        let tree = self.tree();
        let offset = tree.node(tree.resolve(index)).offset as usize;
        let opcode = self.input.get(offset).copied().unwrap_or_default();
        DecodeError::at(offset, Rule::Forbidden { opcode })
    }

    /// Makes the container `tag` of what lies above the mark.
    pub(super) fn close(&mut self, tag: Tag, ring: Ring) -> Result<(), DecodeError> {
        let mark = self.state.top;
        let below = self.node(mark).link();
        let mut node = Node::container(tag, self.offset());
        node.set_link(below);
        self.set(mark, |slot| *slot = node);
        self.extend(mark, ring)
    }

    /// Puts a container that consists of `ring` at `index` and on the stack.
    pub(super) fn place(&mut self, index: u32, tag: Tag, ring: Ring) -> Result<(), DecodeError> {
        let mut node = Node::container(tag, self.offset());
        node.set_link(self.state.top);
        self.set(index, |slot| *slot = node);
        self.state.top = index;
        self.extend(index, ring)
    }

    /// Adds values from the top of the stack to the container below them, which must be a `tag`.
    pub(super) fn add(&mut self, tag: Tag, want: Want, until: Until) -> Result<(), DecodeError> {
        let ring = self.take(want, until)?;
        if until == Until::Mark {
            let mark = self.state.top;
            self.state.top = self.node(mark).link();
            self.release(mark);
        }
        let container = self.top()?;
        let node = self.node(container);
        let is_traceback = tag == Tag::List && node.tag() == Tag::Frames;
        if node.tag() != tag && !is_traceback {
            return Err(match self.tree().tag(container) {
                shared if shared == tag => self.flaw(Rule::Recursive),
                _ => self.operands(),
            });
        }
        if node.has(FROZEN) {
            return Err(self.flaw(Rule::Recursive));
        }
        if is_traceback {
            self.frames(ring)?;
        } else if let Some(special) = ring.special {
            return Err(self.forbidden(special));
        }
        self.extend(container, ring)
    }

    /// Checks that all values of a ring are frames of a traceback.
    fn frames(&self, ring: Ring) -> Result<(), DecodeError> {
        let mut at = ring.first;
        for _ in 0..ring.count {
            if !matches!(self.tree().tag(at), Tag::Frame | Tag::Tuple) {
                return Err(self.operands());
            }
            at = self.node(at).link();
        }
        Ok(())
    }

    /// Adds a ring of values to a container.
    #[inline]
    pub(super) fn extend(&mut self, container: u32, ring: Ring) -> Result<(), DecodeError> {
        let mut node = self.node(container);
        if ring.count > 0 {
            let first = if node.extent == NIL {
                ring.first
            } else {
                let first = self.node(node.extent).link();
                self.set(node.extent, |last| last.set_link(ring.first));
                first
            };
            self.set(ring.last, |last| last.set_link(first));
            node.extent = ring.last;
            node.enlarge(ring.size, ring.height.saturating_add(1));
            if !ring.is_hashable {
                node.set(HASHABLE, false);
            }
            self.set(container, |slot| *slot = node);
        }
        if node.height() > DEPTH_LIMIT {
            return Err(self.flaw(Rule::TooDeep { limit: DEPTH_LIMIT }));
        }
        Ok(())
    }
}
