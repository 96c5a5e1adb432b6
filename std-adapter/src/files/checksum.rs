use ropeway_core::file::Checksum;

/// The CRC by what the processor has for it.
///
/// The core's own engine goes byte by byte, in 1 KiB of table, as a board wants it. Here files are large and processors can
/// multiply without carry, so that this one is many times as fast: it is no longer what a transfer waits for.
pub(super) struct FastCrc;

impl Checksum for FastCrc {
    fn extend(crc: u32, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new_with_initial(crc);
        hasher.update(bytes);
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropeway_core::file::SmallCrc;

    #[test]
    fn both_engines_agree_however_the_bytes_are_cut() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in 0..=bytes.len() {
            let (start, end) = bytes.split_at(cut);
            let fast = FastCrc::extend(FastCrc::extend(0, start), end);
            assert_eq!(fast, SmallCrc::extend(0, &bytes), "cut at {cut}");
        }
    }
}
