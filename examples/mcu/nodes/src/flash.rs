use core::convert::Infallible;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// Flash of `N` bytes that is memory: what is in it is gone with the power.
///
/// As in flash, bits that are written can only be cleared, until the sector is erased.
pub struct Flash<const N: usize> {
    bytes: [u8; N],
}

impl<const N: usize> Flash<N> {
    /// Flash full of zeros, so that it takes no room in the program: no sector has been erased yet.
    #[expect(clippy::new_without_default, reason = "it is for statics")]
    pub const fn new() -> Self {
        Self { bytes: [0; N] }
    }
}

impl<const N: usize> ErrorType for &mut Flash<N> {
    type Error = Infallible;
}

impl<const N: usize> ReadNorFlash for &mut Flash<N> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let offset = offset as usize;
        bytes.copy_from_slice(&self.bytes[offset..offset + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        N
    }
}

impl<const N: usize> NorFlash for &mut Flash<N> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 512;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.bytes[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let places = &mut self.bytes[offset as usize..][..bytes.len()];
        for (place, byte) in places.iter_mut().zip(bytes) {
            *place &= byte;
        }
        Ok(())
    }
}
