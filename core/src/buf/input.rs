use super::Storage;

/// Received bytes, in one piece: filled at the end, consumed at the front.
///
/// What has been consumed is reclaimed by moving the rest to the front, when that moves no more bytes than were
/// consumed or when a frame fills the memory, so the work stays linear in the bytes received.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Input<B> {
    storage: B,
    start: usize,
    end: usize,
    /// Bytes consumed and moved over since.
    reclaimed: u64,
}

impl<B: Storage> Input<B> {
    /// An empty buffer in `storage`.
    pub const fn new(storage: B) -> Self {
        Self {
            storage,
            start: 0,
            end: 0,
            reclaimed: 0,
        }
    }

    /// The bytes received and not yet consumed.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.storage
            .as_ref()
            .get(self.start..self.end)
            .unwrap_or_default()
    }

    /// The same bytes, for a look that needs to write; what it leaves there is what is read next.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.storage
            .as_mut()
            .get_mut(self.start..self.end)
            .unwrap_or_default()
    }

    /// Gives up the first `len` bytes and lends them a last time, for decoding in place.
    #[inline]
    pub fn take(&mut self, len: usize) -> &mut [u8] {
        let received = self.start..self.end;
        self.consume(len);
        let received = self.storage.as_mut().get_mut(received).unwrap_or_default();
        let len = len.min(received.len());
        received.split_at_mut(len).0
    }

    /// Whether every byte has been consumed.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The most bytes that can ever wait here at once.
    #[inline]
    pub fn limit(&self) -> usize {
        self.storage.limit()
    }

    /// The most bytes that may wait here without a frame that needs more.
    #[inline]
    pub fn ready(&self) -> usize {
        self.storage.ready()
    }

    /// Whether the memory was enlarged for a long frame.
    pub(crate) fn has_grown(&self) -> bool {
        self.storage.as_ref().len() > self.storage.ready()
    }

    /// Gives the memory back until it is needed again, if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.compact();
            self.storage.release();
        }
    }

    /// How many bytes have been consumed since the start of the stream.
    pub const fn consumed(&self) -> u64 {
        self.reclaimed + self.start as u64
    }

    /// Room for the next bytes to be received, as much as there is without [`enlarge`](Self::enlarge).
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 && !self.is_more_than_consumed() {
            self.compact();
        }
        self.storage
            .as_mut()
            .get_mut(self.end..)
            .unwrap_or_default()
    }

    /// Whether there is no [`room`](Self::room).
    pub fn is_full(&self) -> bool {
        self.end == self.storage.as_ref().len() && (self.start == 0 || self.is_more_than_consumed())
    }

    /// Makes room for the rest of a frame that fills the memory: moves it to the front, or takes more memory.
    pub fn enlarge(&mut self) {
        self.compact();
        let len = self.storage.as_ref().len();
        if self.end == len {
            self.storage
                .grow(len.saturating_mul(2).max(64).min(self.storage.limit()));
        }
    }

    /// Moves what waits to the front, if that frees enough to be worth it.
    pub(crate) fn reclaim(&mut self) {
        if self.start >= WORTH {
            self.compact();
        }
    }

    /// Notes that the first `len` bytes of [`room`](Self::room) have been received.
    pub fn fill(&mut self, len: usize) {
        let room = self.storage.as_ref().len() - self.end;
        self.end += len.min(room);
    }

    /// Gives up the first `len` bytes.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        self.start += len.min(self.end - self.start);
    }

    /// Takes `len` bytes out of the middle, `at` bytes behind the front: they count as consumed.
    pub(crate) fn remove(&mut self, at: usize, len: usize) {
        let waiting = self.as_mut_slice();
        let Some(rest) = waiting.get_mut(at..) else {
            return;
        };
        let len = len.min(rest.len());
        rest.copy_within(len.., 0);
        self.end -= len;
        self.reclaimed += len as u64;
    }

    /// Starts over, for another stream.
    pub(crate) const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
        self.reclaimed = 0;
    }

    /// Whether what waits is more than what was consumed before it, so that moving it is not worth it yet.
    const fn is_more_than_consumed(&self) -> bool {
        self.end - self.start > self.start
    }

    #[inline(never)]
    fn compact(&mut self) {
        if !self.is_empty() {
            let received = self.storage.as_mut().get_mut(..self.end);
            if let Some(received) = received.filter(|received| self.start <= received.len()) {
                received.copy_within(self.start.., 0);
            }
        }
        self.reclaimed += self.start as u64;
        self.end -= self.start;
        self.start = 0;
    }
}

/// Fewer bytes are not worth moving the rest for: a few small frames.
const WORTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn receive<B: Storage>(input: &mut Input<B>, bytes: &[u8]) -> usize {
        if input.room().is_empty() {
            input.enlarge();
        }
        let room = input.room();
        let taken = room.len().min(bytes.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        input.fill(taken);
        taken
    }

    #[test]
    fn keeps_order_through_many_fills_and_consumes() {
        let mut input = Input::new([0; 7]);
        let sent: std::vec::Vec<u8> = (0..=255).collect();
        let (mut given, mut read) = (0, std::vec::Vec::new());
        while read.len() < sent.len() {
            given += receive(&mut input, &sent[given..]);
            let part = input.as_slice().len().min(3);
            read.extend_from_slice(&input.as_slice()[..part]);
            input.consume(part);
        }
        assert_eq!(read, sent);
        assert_eq!(input.consumed(), 256);
    }

    #[test]
    fn offers_no_room_while_full_and_all_of_it_after() {
        let mut memory = [0; 4];
        let mut input = Input::new(&mut memory[..]);
        assert_eq!(receive(&mut input, b"abcdef"), 4);
        assert!(input.room().is_empty());
        input.consume(4);
        assert!(input.is_empty());
        assert_eq!(input.room().len(), 4);
    }

    #[test]
    fn grows_from_nothing() {
        let mut input = Input::new(crate::buf::tests::Growing::new(0, 100));
        assert!(input.is_full());
        assert_eq!(receive(&mut input, &[7; 200]), 64);
        assert_eq!(receive(&mut input, &[7; 200]), 36);
        assert_eq!(receive(&mut input, &[7; 200]), 0);
    }

    #[test]
    fn never_consumes_or_fills_more_than_there_is() {
        let mut input = Input::new([0; 4]);
        input.fill(9);
        assert_eq!(input.as_slice().len(), 4);
        input.consume(9);
        assert_eq!((input.as_slice().len(), input.consumed()), (0, 4));
    }
}
