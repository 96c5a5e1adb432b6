use super::Storage;
use core::ops::Range;

/// Bytes on their way out: a ring in which every frame lies in one piece.
///
/// A frame is written once, straight into the piece that [`append`](Self::append) offers, and leaves only after
/// the transport has taken it. A frame that does not fit before the end of the memory goes to its front; the
/// few bytes left at the end are skipped.
///
/// ```text
///            0      tail      head             wrap     len
/// straight   |       ·         ·                 ·       |      head <= tail: bytes in head..tail
/// wrapped    |########|        |#################|       |      bytes in head..wrap, then 0..tail
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outbox<B> {
    storage: B,
    head: usize,
    tail: usize,
    /// Where the free piece behind `tail` ends, as far as is known: at most where it does.
    free: usize,
    /// Where the older bytes end while the newer ones start at the front again.
    wrap: Option<usize>,
}

impl<B: Storage> Outbox<B> {
    /// An empty ring in `storage`.
    pub const fn new(storage: B) -> Self {
        Self {
            storage,
            head: 0,
            tail: 0,
            free: 0,
            wrap: None,
        }
    }

    /// Whether no byte waits.
    pub const fn is_empty(&self) -> bool {
        self.wrap.is_none() && self.head == self.tail
    }

    /// How many bytes wait.
    pub const fn len(&self) -> usize {
        match self.wrap {
            Some(wrap) => wrap - self.head + self.tail,
            None => self.tail - self.head,
        }
    }

    /// The most bytes that one frame can ever have here.
    pub fn limit(&self) -> usize {
        self.storage.limit()
    }

    /// Whether the memory was enlarged for a long frame.
    pub(crate) fn has_grown(&self) -> bool {
        self.storage.as_ref().len() > self.storage.ready()
    }

    /// Drops all that waits.
    pub(crate) fn clear(&mut self) {
        self.head = 0;
        self.tail = 0;
        self.wrap = None;
        self.free = self.end_of_free();
    }

    /// Gives the memory back until it is needed again, if nothing waits in it.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.storage.release();
            self.head = 0;
            self.tail = 0;
            self.free = self.end_of_free();
        }
    }

    /// Appends what `write` puts at the front of the largest free piece, if that has `at_least` bytes.
    ///
    /// `write` returns how many bytes it wrote. Memory that grows is enlarged for a frame larger than all of it,
    /// never to let more frames wait.
    #[inline]
    pub fn append<E>(
        &mut self,
        at_least: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Option<Result<(), E>> {
        if self.offered() < at_least {
            self.make_room(at_least)?;
        }
        let slot = self.storage.as_mut().get_mut(self.tail..self.free)?;
        let room = slot.len();
        let written = write(slot).map(|len| len.min(room));
        Some(written.map(|len| self.tail += len))
    }

    /// How many bytes the piece that was offered last has.
    pub(crate) const fn offered(&self) -> usize {
        self.free - self.tail
    }

    /// The oldest waiting bytes, as many as lie in one piece; empty when none wait.
    #[inline]
    pub fn peek(&self) -> &[u8] {
        self.storage
            .as_ref()
            .get(self.head..self.wrap.unwrap_or(self.tail))
            .unwrap_or_default()
    }

    /// The waiting bytes from place `at` on, counted from the oldest, as many as lie in one piece.
    #[inline]
    pub(crate) fn peek_at(&self, at: usize) -> &[u8] {
        self.storage
            .as_ref()
            .get(self.piece_at(at))
            .unwrap_or_default()
    }

    /// The same, to be changed.
    pub(crate) fn peek_at_mut(&mut self, at: usize) -> &mut [u8] {
        let piece = self.piece_at(at);
        self.storage.as_mut().get_mut(piece).unwrap_or_default()
    }

    #[inline]
    fn piece_at(&self, at: usize) -> Range<usize> {
        let older = self.wrap.map_or(0, |wrap| wrap - self.head);
        match self.wrap {
            Some(wrap) if at < older => self.head + at..wrap,
            Some(_) => at - older..self.tail,
            None => self.head + at..self.tail,
        }
    }

    /// Drops the first `len` bytes of [`peek`](Self::peek), which the transport has taken.
    #[inline]
    pub fn pop(&mut self, len: usize) {
        self.head += len.min(self.peek().len());
        if self.wrap == Some(self.head) {
            self.head = 0;
            self.wrap = None;
        }
        if self.is_empty() {
            self.head = 0;
            self.tail = 0;
        }
        self.free = self.end_of_free();
    }

    /// Drops the first `len` bytes of [`peek`](Self::peek), and lends them a last time.
    pub(crate) fn take(&mut self, len: usize) -> &[u8] {
        let start = self.head;
        self.pop(len);
        let end = start.saturating_add(len);
        self.storage.as_ref().get(start..end).unwrap_or_default()
    }

    fn end_of_free(&self) -> usize {
        match self.wrap {
            Some(_) => self.head,
            None => self.storage.as_ref().len(),
        }
    }

    /// Goes to the front of the memory or, when nothing waits, enlarges it, so that `at_least` bytes are free.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, at_least: usize) -> Option<()> {
        self.free = self.end_of_free();
        if self.free - self.tail >= at_least {
            return Some(());
        }
        if self.is_empty() {
            let doubled = self
                .storage
                .as_ref()
                .len()
                .saturating_mul(2)
                .min(self.storage.limit());
            let has_grown = self.storage.grow(at_least.max(doubled));
            self.free = self.end_of_free();
            return has_grown.then_some(());
        }
        if self.wrap.is_some() || self.head < at_least {
            return None;
        }
        self.wrap = Some(self.tail);
        self.tail = 0;
        self.free = self.head;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::tests::Growing;
    use std::vec::Vec;

    fn put<B: Storage>(outbox: &mut Outbox<B>, frame: &[u8]) -> bool {
        let write = |slot: &mut [u8]| {
            slot[..frame.len()].copy_from_slice(frame);
            Ok::<_, core::convert::Infallible>(frame.len())
        };
        outbox.append(frame.len(), write).is_some()
    }

    #[test]
    fn hands_out_frames_in_order_and_in_one_piece() {
        let mut outbox = Outbox::new([0; 11]);
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        for round in 0..200_u8 {
            let frame: Vec<u8> = (0..round % 5 + 1).map(|i| round ^ i).collect();
            while !put(&mut outbox, &frame) {
                let part = outbox.peek().len().min(usize::from(round % 3) + 1);
                received.extend_from_slice(&outbox.peek()[..part]);
                outbox.pop(part);
            }
            sent.extend_from_slice(&frame);
            assert_eq!(outbox.len(), sent.len() - received.len());
        }
        while !outbox.is_empty() {
            received.extend_from_slice(outbox.peek());
            outbox.pop(outbox.peek().len());
        }
        assert_eq!(received, sent);
    }

    #[test]
    fn refuses_a_slot_that_is_not_free_in_one_piece() {
        let mut outbox = Outbox::new([0; 8]);
        assert!(put(&mut outbox, b"abcdef"));
        assert!(!put(&mut outbox, b"ghi"));
        outbox.pop(2);
        assert!(!put(&mut outbox, b"ghi"));
        outbox.pop(1);
        assert!(put(&mut outbox, b"ghi"));
        assert_eq!(outbox.peek(), b"def");
        outbox.pop(3);
        assert_eq!(outbox.peek(), b"ghi");
    }

    #[test]
    fn takes_a_frame_of_all_its_memory_when_empty() {
        let mut outbox = Outbox::new([0; 8]);
        assert!(put(&mut outbox, b"abc"));
        outbox.pop(3);
        assert!(put(&mut outbox, b"abcdefgh"));
        assert!(!put(&mut outbox, b"x"));
    }

    #[test]
    fn grows_for_a_large_frame_and_not_for_many() {
        let mut outbox = Outbox::new(Growing::new(8, 32));
        assert!(put(&mut outbox, b"abcdef"));
        assert!(!put(&mut outbox, b"ghi"));
        outbox.pop(6);
        assert!(put(&mut outbox, b"0123456789"));
        assert_eq!(outbox.peek(), b"0123456789");
        outbox.pop(10);
        assert!(!put(&mut outbox, &[0; 33]));
        assert!(put(&mut outbox, &[0; 32]));
    }
}
