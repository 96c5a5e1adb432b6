//! Byte buffers over memory that the caller lends.
//!
//! [`Input`] is linear, so that a frame is always one slice to borrow from; [`Outbox`] is a ring in which every
//! frame lies in one piece. Both are generic over their [`Storage`]: an array, a borrowed slice, or memory
//! that grows up to a limit (the std adapter has one).

mod input;
mod outbox;
mod storage;

pub use input::Input;
pub use outbox::Outbox;
pub use storage::Storage;

#[cfg(test)]
pub(crate) mod tests {
    use super::Storage;
    use std::vec::Vec;

    /// Memory that grows up to a limit.
    pub(crate) struct Growing {
        memory: Vec<u8>,
        limit: usize,
    }

    impl Growing {
        pub(crate) fn new(initial: usize, limit: usize) -> Self {
            Self {
                memory: std::vec![0; initial],
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

        fn grow(&mut self, len: usize) -> bool {
            if len <= self.limit {
                self.memory.resize(len.max(self.memory.len()), 0);
            }
            self.memory.len() >= len
        }
    }
}
