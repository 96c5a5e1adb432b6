use crate::buf::Kept;

/// What a dialect lends the messenger whose frames stay in the outbox until the peer has taken them.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keeping {
    /// How far the outbox has been written.
    pub(crate) kept: Kept,
    /// A small frame that goes past what waits in the outbox.
    pub(crate) aside: Aside,
    /// How far the input has been searched for small frames, in bytes.
    pub(crate) ahead: usize,
}

/// One small frame on its way.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Aside {
    bytes: [u8; Self::MAX],
    start: u8,
    end: u8,
}

/// What the messenger has to do with its outbox for a dialect that keeps frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Settlement {
    /// The peer has taken so many more bytes of kept frames.
    Acknowledged(u32),
    /// What was written before is written again.
    Resumed,
    /// What was written and not acknowledged is not to be written again.
    Fresh {
        /// Whether it stays, to be looked at.
        keeps: bool,
    },
}

impl Keeping {
    pub(crate) const fn new() -> Self {
        Self {
            kept: Kept::new(),
            aside: Aside {
                bytes: [0; Aside::MAX],
                start: 0,
                end: 0,
            },
            ahead: 0,
        }
    }

    /// Whether a frame has been taken up to be written, and not written to its end.
    pub(crate) const fn is_writing(&self) -> bool {
        !self.aside.is_empty() || self.kept.is_writing()
    }
}

impl Aside {
    /// The longest frame that goes aside: an opening with its name.
    pub(crate) const MAX: usize = 88;

    /// What is still to be written of it.
    pub(crate) fn waiting(&self) -> &[u8] {
        let waiting = usize::from(self.start)..usize::from(self.end);
        self.bytes.get(waiting).unwrap_or_default()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Takes up a frame that `write` puts to the front of the memory.
    pub(crate) fn put<E>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let len = write(&mut self.bytes)?.min(Self::MAX);
        self.start = 0;
        self.end = u8::try_from(len).unwrap_or_default();
        Ok(())
    }

    pub(crate) fn handle_written(&mut self, len: usize) {
        let waiting = self.waiting().len();
        self.start += u8::try_from(len.min(waiting)).unwrap_or_default();
    }

    pub(crate) const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}
