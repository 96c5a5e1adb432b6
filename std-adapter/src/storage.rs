use ropeway_core::buf::Storage;

/// Memory for a buffer that grows with the largest frame, up to a limit.
///
/// It starts with `initial` bytes and never shrinks: the limit is what a peer can make a link cost.
#[derive(Debug)]
pub struct Growable {
    memory: Vec<u8>,
    limit: usize,
}

impl Growable {
    /// `initial` bytes now, at most `limit` ever.
    pub fn new(initial: usize, limit: usize) -> Self {
        Self {
            memory: vec![0; initial.min(limit)],
            limit,
        }
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
        self.limit
    }

    fn grow(&mut self, len: usize) -> bool {
        if len > self.memory.len() && len <= self.limit {
            self.memory.resize(len, 0);
        }
        self.memory.len() >= len
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
}
