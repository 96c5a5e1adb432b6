/// Memory that a buffer lives in.
///
/// Fixed memory needs no more than `impl Storage for T {}`; memory that can be enlarged says so by
/// [`limit`](Self::limit) and [`grow`](Self::grow), memory that can be given back by [`ready`](Self::ready) and
/// [`release`](Self::release). The length of `as_ref()` must not change otherwise.
pub trait Storage: AsRef<[u8]> + AsMut<[u8]> {
    /// The most bytes this memory can ever have.
    fn limit(&self) -> usize {
        self.as_ref().len()
    }

    /// How many bytes there are without enlarging it for a frame: what a peer may fill with frames that wait.
    fn ready(&self) -> usize {
        self.as_ref().len()
    }

    /// Enlarges the memory to `len` bytes or more, its content kept, and says whether it has as many now.
    fn grow(&mut self, len: usize) -> bool {
        self.as_ref().len() >= len
    }

    /// Gives the memory back, whose content is not needed any more, until [`grow`](Self::grow) asks for it again.
    fn release(&mut self) {}
}

impl Storage for &mut [u8] {}

impl<const N: usize> Storage for [u8; N] {}
