use super::PeerId;
use super::hosts::Hosts;
use ropeway_core::Instant;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Peers in the order in which they began to wait for something. Who has stopped is passed over later.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: VecDeque<(Instant, PeerId)>,
    count: usize,
    by_host: Hosts,
}

impl Waiting {
    /// How many wait.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// How many of them come from one address.
    pub(super) fn count_from(&self, host: IpAddr) -> usize {
        self.by_host.count(host)
    }

    /// Where they come from.
    pub(super) fn hosts(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.by_host.iter()
    }

    /// Those who wait, who has waited for longest first, and some who have stopped.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Instant, PeerId)> + '_ {
        self.queue.iter().copied()
    }

    /// One more waits, until `until`; `still` says who does.
    pub(super) fn join(
        &mut self,
        until: Instant,
        id: PeerId,
        host: IpAddr,
        still: impl Fn(Instant, PeerId) -> bool,
    ) {
        if self.queue.len() > self.count * 2 + SLACK {
            self.queue.retain(|(until, id)| still(*until, *id));
        }
        self.queue.push_back((until, id));
        self.count += 1;
        self.by_host.add(host);
    }

    /// One of them, whichever, waits no more.
    pub(super) fn leave(&mut self, host: IpAddr) {
        self.count = self.count.saturating_sub(1);
        self.by_host.remove(host);
    }
}

/// So many may have stopped before they are looked for.
const SLACK: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_stopped_is_forgotten() {
        let id = |slot| PeerId {
            slot,
            generation: 0,
        };
        let mut waiting = Waiting::default();
        let host = IpAddr::from([127, 0, 0, 1]);
        let at = |micros: u32| Instant::from_micros(micros.into());
        for n in 0..10_000 {
            waiting.join(at(n), id(n), host, |until, _| {
                until >= at(n.saturating_sub(3))
            });
            if n >= 3 {
                waiting.leave(host);
            }
        }
        assert_eq!(waiting.count(), 3);
        assert!(waiting.queue.len() < 100);
        assert_eq!(waiting.count_from(host), 3);
        assert!(waiting.iter().any(|waits| waits == (at(9_997), id(9_997))));
        (0..3).for_each(|_| waiting.leave(host));
        assert_eq!(waiting.hosts().count(), 0);
    }
}
