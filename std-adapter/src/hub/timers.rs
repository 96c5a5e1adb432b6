use super::PeerId;
use ropeway_core::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// When to look at which peer. An entry may have become too early: then looking finds nothing to do.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, PeerId)>>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, id: PeerId) {
        self.heap.push(Reverse((at, id)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next entry whose time has come.
    pub(super) fn poll(&mut self, now: Instant) -> Option<(Instant, PeerId)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
