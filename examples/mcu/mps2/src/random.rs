//! Bytes that nobody can guess who does not know the seed.

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;

/// A generator from a seed of 64 hexadecimal digits.
///
/// The emulated board has no source of chance, so whoever starts it brings some. What comes out is as good as that,
/// and the same whenever that is the same. It can be read in the list of the host's processes.
pub(crate) fn generator(seed: Option<&str>) -> ChaCha20Rng {
    let seed = seed.and_then(bytes);
    ChaCha20Rng::from_seed(
        seed.expect("seed=… of 64 hexadecimal digits, from `openssl rand -hex 32`"),
    )
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        for &digit in pair {
            *byte = *byte << 4 | char::from(digit).to_digit(16)? as u8;
        }
    }
    Some(bytes)
}
