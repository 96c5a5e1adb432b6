//! Byte buffers over memory that the caller lends.
//!
//! [`Input`] is linear, so that a frame is always one slice to borrow from; [`Outbox`] is a ring in which every
//! frame lies in one piece, and [`Kept`] is how far that has been written where frames stay until they are
//! acknowledged. Both buffers are generic over their [`Storage`]: an array, a borrowed slice, or memory
//! that grows up to a limit (the std adapter has one).
//!
//! ```
//! use ropeway_core::buf::{Input, Outbox};
//!
//! let mut outbox = Outbox::new([0; 16]);
//! outbox.append(3, |room| {
//!     room[..3].copy_from_slice(b"abc");
//!     Ok::<_, ()>(3)
//! });
//! let mut input = Input::new([0; 16]);
//! input.room()[..2].copy_from_slice(&outbox.peek()[..2]);
//! input.fill(2);
//! outbox.pop(2); // the transport has taken two, and keeps the third waiting
//! assert_eq!(input.take(2), b"ab");
//! assert_eq!(outbox.peek(), b"c");
//! ```

mod input;
mod kept;
mod outbox;
mod storage;

pub use input::Input;
pub use kept::{Kept, Measure, NeverSent};
pub use outbox::Outbox;
pub use storage::Storage;

use core::ops::Range;

/// Moves the bytes at `from` to where the one at `to` is; nothing if not all of both places are in `bytes`.
#[inline(never)]
pub(crate) fn move_within(bytes: &mut [u8], from: Range<usize>, to: usize) {
    // The compiler cannot tell that copying both ways at once would stay inside, and would keep a panic.
    let count = from.len();
    if to < from.start {
        let place = bytes.get_mut(to..from.end).unwrap_or_default();
        if let Some(start) = place.len().checked_sub(count) {
            place.copy_within(start..place.len(), 0);
        }
    } else {
        let end = to.saturating_add(count);
        let place = bytes.get_mut(from.start..end).unwrap_or_default();
        if let Some(start) = place.len().checked_sub(count) {
            place.copy_within(..count, start);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Storage;
    use std::vec::Vec;

    #[test]
    fn bytes_move_within_their_memory_or_not_at_all() {
        let bytes = [1, 2, 3, 4, 5, 6];
        for (start, end, to) in (0..512).map(|n| (n / 64, n / 8 % 8, n % 8)) {
            let mut moved = bytes;
            super::move_within(&mut moved, start..end, to);
            let mut expected = bytes;
            if start <= end && end <= 6 && to + end - start <= 6 {
                expected.copy_within(start..end, to);
            }
            assert_eq!(moved, expected, "{start}..{end} to {to}");
        }
    }

    /// Memory that grows up to a limit.
    pub(crate) struct Growing {
        memory: Vec<u8>,
        initial: usize,
        limit: usize,
    }

    impl Growing {
        pub(crate) fn new(initial: usize, limit: usize) -> Self {
            Self {
                memory: std::vec![0; initial],
                initial,
                limit,
            }
        }
    }

    impl AsRef<[u8]> for Growing {
        fn as_ref(&self) -> &[u8] {
            &self.memory
        }
    }

    impl AsMut<[u8]> for Growing {
        fn as_mut(&mut self) -> &mut [u8] {
            &mut self.memory
        }
    }

    impl Storage for Growing {
        fn limit(&self) -> usize {
            self.limit
        }

        fn ready(&self) -> usize {
            self.initial
        }

        fn grow(&mut self, len: usize) -> bool {
            if len <= self.limit {
                let len = len.max(self.memory.len()).max(self.initial);
                self.memory.resize(len, 0);
            }
            self.memory.len() >= len
        }

        fn release(&mut self) {
            self.memory = Vec::new();
        }
    }
}
