use super::beacon::Refused;

/// How many native beacons came, and what became of them. Counts stop at their largest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// Beacons of others.
    pub heard: u32,
    /// Those of them that were answered.
    pub answered: u32,
    /// Those that were not, since there were too many.
    pub unanswered: u32,
    /// Those of programs for which no slot was free.
    pub turned_away: u32,
    refused: [u32; Refused::RULES],
}

impl Counts {
    pub(super) const NONE: Self = Self {
        heard: 0,
        answered: 0,
        unanswered: 0,
        turned_away: 0,
        refused: [0; Refused::RULES],
    };

    /// Datagrams that broke this rule, whatever the number in it.
    pub fn refused(&self, rule: Refused) -> u32 {
        self.refused.get(rule.number()).copied().unwrap_or_default()
    }

    /// Datagrams that were no beacons, by whatever rule.
    pub fn all_refused(&self) -> u32 {
        self.refused
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    pub(super) fn refuse(&mut self, rule: Refused) {
        if let Some(count) = self.refused.get_mut(rule.number()) {
            add_one(count);
        }
    }
}

pub(super) const fn add_one(count: &mut u32) {
    *count = count.saturating_add(1);
}
