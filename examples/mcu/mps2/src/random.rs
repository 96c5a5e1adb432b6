//! Bytes that nobody can guess who does not know the seed.

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;
use ropeway_nodes::Settings;

/// A generator from a seed of 64 hexadecimal digits.
///
/// The emulated board has no source of chance, so whoever starts it brings some. What comes out is as good as that,
/// and the same whenever that is the same. It can be read in the list of the host's processes.
pub(crate) fn generator(settings: &Settings<'_>) -> ChaCha20Rng {
    let seed = settings.bytes("seed");
    ChaCha20Rng::from_seed(
        seed.expect("seed=… of 64 hexadecimal digits, from `openssl rand -hex 32`"),
    )
}
