use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// A number that nobody can foresee: every map of the standard library is keyed by such.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}
