use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// The CRC-32 of IEEE 802.3, that of Ethernet and zip, by whatever engine a program likes.
///
/// [`SmallCrc`] has a table of 1 KiB. On std, `crc32fast` fits behind this and is a hundred times as fast:
/// `Hasher::new_with_initial(crc)`, `update(bytes)`, `finalize()`.
pub trait Checksum {
    /// The CRC of some bytes whose CRC is `crc`, followed by `bytes`. That of no bytes is 0.
    fn extend(crc: u32, bytes: &[u8]) -> u32;
}

/// A [`Checksum`] with a table of 1 KiB: what fits a board.
#[derive(Clone, Copy, Debug)]
pub struct SmallCrc;

impl Checksum for SmallCrc {
    fn extend(crc: u32, bytes: &[u8]) -> u32 {
        // The crate takes the register's start and reverses it, as it does with that of the catalogue.
        let mut digest = ENGINE.digest_with_initial((!crc).reverse_bits());
        digest.update(bytes);
        digest.finalize()
    }
}

static ENGINE: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_crc_of_the_catalogue_however_the_bytes_are_cut() {
        let bytes = b"123456789";
        for cut in 0..=bytes.len() {
            let (start, end) = bytes.split_at(cut);
            let crc = SmallCrc::extend(SmallCrc::extend(0, start), end);
            assert_eq!(crc, 0xcbf4_3926, "cut at {cut}");
        }
        assert_eq!(SmallCrc::extend(0, b""), 0);
    }
}
