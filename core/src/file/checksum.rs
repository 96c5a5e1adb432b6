/// The CRC-32 of IEEE 802.3, that of Ethernet and zip, by whatever engine a program likes.
///
/// [`SmallCrc`] has a table of 64 bytes. On std, `crc32fast` fits behind this and is hundreds of times as fast:
/// `Hasher::new_with_initial(crc)`, `update(bytes)`, `finalize()`.
pub trait Checksum {
    /// The CRC of some bytes whose CRC is `crc`, followed by `bytes`. That of no bytes is 0.
    fn extend(crc: u32, bytes: &[u8]) -> u32;
}

/// A [`Checksum`] that takes bytes by their halves, with a table of 64 bytes: what fits a board.
#[derive(Clone, Copy, Debug)]
pub struct SmallCrc;

impl Checksum for SmallCrc {
    fn extend(crc: u32, bytes: &[u8]) -> u32 {
        let take_half = |register: u32| (register >> 4) ^ HALVES[(register & 0xF) as usize];
        let register = bytes.iter().fold(!crc, |register, byte| {
            take_half(take_half(register ^ u32::from(*byte)))
        });
        !register
    }
}

/// What four bits do to the register when they leave it.
static HALVES: [u32; 16] = {
    let mut halves = [0; 16];
    let mut bits = 0_u32;
    while bits < 16 {
        let mut register = bits;
        let mut left = 4;
        while left > 0 {
            register = (register >> 1) ^ if register & 1 == 1 { POLYNOMIAL } else { 0 };
            left -= 1;
        }
        halves[bits as usize] = register;
        bits += 1;
    }
    halves
};

/// That of IEEE 802.3, its bits reversed.
const POLYNOMIAL: u32 = 0xEDB8_8320;

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
