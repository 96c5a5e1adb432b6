//! Values that occur again: the memo, at the end of the nodes, four entries in each.

use super::machine::{Halt, Machine};
use super::node::{FROZEN, Node};
use crate::encoding::Rule;

impl Machine<'_> {
    /// Gives the uppermost value a place in the memo.
    pub(super) fn remember(&mut self, index: u32) -> Result<(), Halt> {
        if index > self.offset().max(FEW) {
            return Err(self.flaw(Rule::Memo { index }).into());
        }
        let top = self.top()?;
        let target = self.tree().resolve(top);
        let slot = index / 4;
        if slot >= self.state.slots {
            let needed = self.state.used as usize + slot as usize + 1;
            let len = self.nodes.len();
            if needed > len {
                return Err(Halt::Full { needed });
            }
            let fresh = len - slot as usize - 1..len - self.state.slots as usize;
            if let Some(fresh) = self.nodes.get_mut(fresh) {
                fresh.fill(Node::EMPTY);
            }
            self.state.slots = slot + 1;
        }
        let mut is_new = false;
        self.lane(index, |lane| {
            is_new = *lane == 0;
            *lane = target + 1;
        });
        self.state.entries += u32::from(is_new);
        Ok(())
    }

    /// Pushes a reference to a value of the memo.
    pub(super) fn recall(&mut self, index: u32) -> Result<(), Halt> {
        let mut stored = 0;
        if index / 4 < self.state.slots {
            self.lane(index, |lane| stored = *lane);
        }
        let Some(target) = stored.checked_sub(1) else {
            return Err(self.flaw(Rule::Memo { index }).into());
        };
        let to = self.node(target);
        let is_hashable = self.tree().is_hashable(to);
        self.push(Node::reference(self.offset(), target, to, is_hashable))?;
        self.set(target, |node| node.set(FROZEN, true));
        self.state.repeated = self.state.repeated.saturating_add(to.size());
        if self.state.repeated > self.budget {
            let limit = self.budget;
            return Err(self.flaw(Rule::TooManyValues { limit }).into());
        }
        Ok(())
    }

    fn lane(&mut self, index: u32, change: impl FnOnce(&mut u32)) {
        let place = self.nodes.len().checked_sub(index as usize / 4 + 1);
        if let Some(node) = place.and_then(|place| self.nodes.get_mut(place)) {
            change(node.lane(index));
        }
    }
}

/// The memo may be as large as this; beyond, it has no more places than the pickle has bytes, so that memory that
/// can be enlarged is not for the asking.
const FEW: u32 = u8::MAX as u32;
