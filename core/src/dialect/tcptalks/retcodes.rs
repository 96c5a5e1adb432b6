use super::AUTHENTICATE;

/// Retcodes that look random, each of them once in 2³² calls.
///
/// They are no secret; the seed only keeps programs apart.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Retcodes {
    seed: u32,
}

impl Retcodes {
    pub(super) const fn new(seed: u32) -> Self {
        Self { seed }
    }

    /// That of call `number`, never that of passwords and verdicts.
    pub(super) const fn of_call(self, number: u32) -> u32 {
        let retcode = mix(self.seed.wrapping_add(number));
        if retcode as i64 == AUTHENTICATE {
            mix(self.seed.wrapping_add(SPARE))
        } else {
            retcode
        }
    }
}

/// The number of a call as far as it can be from the others.
const SPARE: u32 = 1 << 31;

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
    fn none_comes_twice() {
        let retcodes = Retcodes::new(7);
        let count = if cfg!(miri) { 100 } else { 10_000 };
        let drawn: BTreeSet<u32> = (0..count).map(|number| retcodes.of_call(number)).collect();
        assert_eq!(drawn.len(), count as usize);
        assert_ne!(retcodes.of_call(0), Retcodes::new(8).of_call(0));
    }

    #[test]
    fn none_is_that_of_verdicts() {
        assert_eq!(mix(BEFORE_0XAA), 0xAA);
        assert_ne!(Retcodes::new(BEFORE_0XAA).of_call(0), 0xAA);
    }

    const BEFORE_0XAA: u32 = 0x97e1_7d68;
}
