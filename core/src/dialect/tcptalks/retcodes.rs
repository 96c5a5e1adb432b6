use super::AUTHENTICATE;

/// Draws retcodes that look random and do not come again for 2³² calls.
///
/// They are no secret; the seed only keeps two programs apart that share a log.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Retcodes(u32);

impl Retcodes {
    pub(super) const fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next one, never that of passwords and verdicts.
    pub(super) const fn draw(&mut self) -> u32 {
        loop {
            self.0 = self.0.wrapping_add(STEP);
            let retcode = mix(self.0);
            if retcode as i64 != AUTHENTICATE {
                return retcode;
            }
        }
    }
}

/// Odd, so that adding it goes through every number.
const STEP: u32 = 0x9e37_79b9;

/// Maps each number to another one that seems to have nothing to do with it: the finalizer of MurmurHash3.
const fn mix(mut number: u32) -> u32 {
    number ^= number >> 16;
    number = number.wrapping_mul(0x85eb_ca6b);
    number ^= number >> 13;
    number = number.wrapping_mul(0xc2b2_ae35);
    number ^ number >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn does_not_draw_one_twice() {
        let mut retcodes = Retcodes::new(7);
        let drawn: BTreeSet<u32> = (0..10_000).map(|_| retcodes.draw()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert_ne!(Retcodes::new(7).draw(), Retcodes::new(8).draw());
    }

    #[test]
    fn passes_over_the_one_that_verdicts_come_under() {
        assert_eq!(mix(SEED_OF_0XAA.wrapping_add(STEP)), 0xAA);
        assert_ne!(Retcodes::new(SEED_OF_0XAA).draw(), 0xAA);
    }

    const SEED_OF_0XAA: u32 = 0xf9aa_03af;
}
