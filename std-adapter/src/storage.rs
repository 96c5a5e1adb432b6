use ropeway_core::buf::Storage;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Memory for a buffer that grows with the largest frame, up to a limit.
///
/// It starts with `initial` bytes and never shrinks: the limit is what a peer can make a link cost.
#[derive(Debug)]
pub struct Growable {
    memory: Box<[u8]>,
    pool: Arc<Pool>,
}

/// Memory of one size, for buffers that give it back while nothing is in them.
///
/// Buffers that have grown beyond that size are not kept.
pub(crate) struct Pool {
    initial: usize,
    limit: usize,
    /// At most so many pieces are kept.
    keeps: usize,
    free: Mutex<Vec<Box<[u8]>>>,
}

impl Growable {
    /// `initial` bytes now, at most `limit` ever.
    pub fn new(initial: usize, limit: usize) -> Self {
        let mut growable = Self::lent(&Pool::new(initial, limit, 0));
        growable.grow(initial.min(limit));
        growable
    }

    /// None now, and those of a pool as soon as they are needed.
    pub(crate) fn lent(pool: &Arc<Pool>) -> Self {
        Self {
            memory: Box::default(),
            pool: pool.clone(),
        }
    }
}

impl Pool {
    /// Pieces of `initial` bytes, of which as many as `keeps` are kept, for buffers of at most `limit` bytes.
    pub(crate) fn new(initial: usize, limit: usize, keeps: usize) -> Arc<Self> {
        Arc::new(Self {
            initial: initial.min(limit),
            limit,
            keeps,
            free: Mutex::new(Vec::with_capacity(keeps)),
        })
    }

    fn take(&self) -> Box<[u8]> {
        let kept = self.lock().pop();
        kept.unwrap_or_else(|| vec![0; self.initial].into_boxed_slice())
    }

    fn give_back(&self, memory: Box<[u8]>) {
        let mut free = self.lock();
        if memory.len() == self.initial && free.len() < self.keeps {
            free.push(memory);
        }
    }

    /// Every step leaves the pieces whole, so a panic elsewhere spoils nothing.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Box<[u8]>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Growable {
    fn as_ref(&self) -> &[u8] {
        &self.memory
    }
}

impl AsMut<[u8]> for Growable {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }
}

impl Storage for Growable {
    fn limit(&self) -> usize {
        self.pool.limit
    }

    fn ready(&self) -> usize {
        self.pool.initial
    }

    fn grow(&mut self, len: usize) -> bool {
        if len > self.memory.len() && len <= self.pool.limit {
            if self.memory.is_empty() {
                self.memory = self.pool.take();
            }
            if len > self.memory.len() {
                let mut memory = std::mem::take(&mut self.memory).into_vec();
                memory.reserve_exact(len - memory.len());
                memory.resize(len, 0);
                self.memory = memory.into_boxed_slice();
            }
        }
        self.memory.len() >= len
    }

    fn release(&mut self) {
        if self.pool.keeps > 0 && !self.memory.is_empty() {
            self.pool.give_back(std::mem::take(&mut self.memory));
        }
    }
}

/// What a peer leaves behind goes back as well.
impl Drop for Growable {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("initial", &self.initial)
            .field("limit", &self.limit)
            .field("free", &self.lock().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_limit_and_no_further() {
        let mut memory = Growable::new(4, 16);
        memory.as_mut().copy_from_slice(b"abcd");
        assert!(memory.grow(8));
        assert_eq!(memory.as_ref(), b"abcd\0\0\0\0");
        assert!(!memory.grow(17));
        assert!(memory.grow(16));
        assert_eq!((memory.as_ref().len(), memory.limit()), (16, 16));
        assert_eq!(Growable::new(64, 16).as_ref().len(), 16);
    }

    #[test]
    fn memory_goes_back_and_is_lent_again() {
        let pool = Pool::new(4, 16, 2);
        let mut lent: Vec<_> = (0..3).map(|_| Growable::lent(&pool)).collect();
        for memory in &mut lent {
            assert_eq!((memory.as_ref().len(), memory.ready()), (0, 4));
            assert!(memory.grow(1));
            assert_eq!(memory.as_ref().len(), 4);
        }
        let place = lent[0].as_ref().as_ptr();
        lent[0].release();
        assert!(lent[0].as_ref().is_empty());
        assert!(lent[2].grow(9));
        lent[2].release();
        assert_eq!(pool.lock().len(), 1, "one that has grown is not kept");
        assert!(lent[2].grow(2));
        assert_eq!(lent[2].as_ref().as_ptr(), place);
        drop(lent);
        assert_eq!(pool.lock().len(), 2);
        let mut own = Growable::new(4, 16);
        own.release();
        assert_eq!(own.as_ref().len(), 4, "what is not lent stays");
    }
}
