use super::PeerId;
use ropeway_core::Instant;
use std::collections::VecDeque;

/// Peers in the order in which they began to wait for something. Who has stopped is passed over later.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: VecDeque<(Instant, PeerId)>,
    count: usize,
}

impl Waiting {
    /// How many wait.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Those who wait, and some who have stopped.
    pub(super) fn iter(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.queue.iter().map(|(_, id)| *id)
    }

    /// One more waits, until `until`; `still` says who does.
    pub(super) fn join(
        &mut self,
        until: Instant,
        id: PeerId,
        still: impl Fn(Instant, PeerId) -> bool,
    ) {
        if self.queue.len() > self.count * 2 + SLACK {
            self.queue.retain(|(until, id)| still(*until, *id));
        }
        self.queue.push_back((until, id));
        self.count += 1;
    }

    /// One of them, whichever, waits no more.
    pub(super) const fn leave(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// Who has waited for longest; it stays until it leaves.
    pub(super) fn oldest(&mut self, still: impl Fn(Instant, PeerId) -> bool) -> Option<PeerId> {
        while let Some((until, id)) = self.queue.front() {
            if still(*until, *id) {
                return Some(*id);
            }
            self.queue.pop_front();
        }
        None
    }
}

/// So many may have stopped before they are looked for.
const SLACK: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_stopped_is_passed_over_and_forgotten() {
        let id = |slot| PeerId {
            slot,
            generation: 0,
        };
        let mut waiting = Waiting::default();
        let at = |micros: u32| Instant::from_micros(micros.into());
        for n in 0..10_000 {
            waiting.join(at(n), id(n), |until, _| until >= at(n.saturating_sub(3)));
            if n >= 3 {
                waiting.leave();
            }
        }
        assert_eq!(waiting.count(), 3);
        assert!(waiting.queue.len() < 100);
        assert_eq!(
            waiting.oldest(|until, _| until > at(9_997)),
            Some(id(9_998))
        );
    }
}
