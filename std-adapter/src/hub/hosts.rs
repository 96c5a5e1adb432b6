use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

/// How many of something come from each address.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<IpAddr, usize>);

impl Hosts {
    pub(super) fn count(&self, host: IpAddr) -> usize {
        self.0.get(&host).copied().unwrap_or(0)
    }

    /// From where there is at least one.
    pub(super) fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.0.keys().copied()
    }

    /// One more comes from `host`.
    pub(super) fn add(&mut self, host: IpAddr) {
        *self.0.entry(host).or_default() += 1;
    }

    /// One of those from `host` is gone.
    pub(super) fn remove(&mut self, host: IpAddr) {
        if let Entry::Occupied(mut count) = self.0.entry(host) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
