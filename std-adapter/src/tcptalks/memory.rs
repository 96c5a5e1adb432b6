use ropeway_core::encoding::pickle::{Node, Nodes};
use std::fmt;

/// Memory for the values of one message, which grows with the largest one, up to a limit.
pub struct Values {
    nodes: Vec<Node>,
    limit: usize,
}

impl Values {
    /// None yet, at most `limit` ever.
    pub const fn new(limit: usize) -> Self {
        Self {
            nodes: Vec::new(),
            limit,
        }
    }
}

impl AsRef<[Node]> for Values {
    fn as_ref(&self) -> &[Node] {
        &self.nodes
    }
}

impl AsMut<[Node]> for Values {
    fn as_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }
}

impl Nodes for Values {
    fn limit(&self) -> usize {
        self.limit
    }

    fn grow(&mut self, len: usize) -> bool {
        let len = len.max(FIRST.min(self.limit));
        if len > self.nodes.len() && len <= self.limit {
            self.nodes.resize(len, Node::EMPTY);
        }
        self.nodes.len() >= len
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("memory", &self.nodes.len())
            .field("limit", &self.limit)
            .finish()
    }
}

/// Enough for most messages.
const FIRST: usize = 64;
