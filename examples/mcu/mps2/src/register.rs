/// A word of a device, by its address.
#[derive(Clone, Copy)]
pub(crate) struct Register(usize);

impl Register {
    /// The register at an offset from the start of a device of this board, which must be in the map of its memory.
    pub(crate) const fn new(device: usize, offset: usize) -> Self {
        Self(device + offset)
    }

    pub(crate) fn read(self) -> u32 {
        // SAFETY: `new` is only given addresses of registers, which are always there.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    pub(crate) fn write(self, word: u32) {
        // SAFETY: as above; no register of this board reaches memory.
        unsafe { (self.0 as *mut u32).write_volatile(word) }
    }
}
