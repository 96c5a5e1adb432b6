use super::window::Window;
use super::{Prefix, Reason, Rule, Sink, Store, WriteError};

/// A file on its way in: what was written, and how much more may come.
pub(super) struct Incoming<F: Store> {
    pub(super) sink: F::Sink,
    /// The name that was asked for, to be asked for again in a fresh session.
    pub(super) name: Option<F::Name>,
    /// The CRC of the name, by which the file is known again.
    pub(super) name_crc: u32,
    /// The CRC that the sender has stated.
    pub(super) done: Option<u32>,
    /// What was written so far.
    pub(super) written: Prefix,
    /// How far the credit goes that was given.
    pub(super) limit: u64,
}

/// What has come of writing, or of the end.
pub(super) enum Progress {
    More,
    Whole,
    Failed(Reason),
    Later,
}

impl<F: Store> Incoming<F> {
    pub(super) fn new(mut sink: F::Sink, name: Option<F::Name>, name_crc: u32, size: u64) -> Self {
        let there = sink.resume();
        let written = match there.len {
            1.. if there.len <= size => there,
            _ => Prefix::EMPTY,
        };
        Self {
            sink,
            name,
            name_crc,
            done: None,
            limit: written.len,
            written,
        }
    }

    /// Forgets what the sender has said, and what was said to it: a fresh session begins.
    pub(super) const fn start_over(&mut self) {
        self.done = None;
        self.limit = self.written.len;
    }

    /// How many bytes may still come on the credit that was given.
    pub(super) const fn ahead(&self) -> u64 {
        self.limit.saturating_sub(self.written.len)
    }

    /// How far the credit goes that is to be given now: never back.
    pub(super) fn next_limit(&self, window: u64, size: u64) -> u64 {
        let next = self.written.len.saturating_add(window).min(size);
        next.max(self.limit)
    }

    /// Whether half of its share of the window is used and more is wanted.
    pub(super) fn wants_credit(&self, window: &Window, size: u64) -> bool {
        let next = self.next_limit(window.of(self), size);
        let more = next.saturating_sub(self.limit);
        more > 0 && (next == size || more >= window.share() / 2)
    }

    /// Writes a chunk, if it is one that may come now.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], size: u64) -> Result<Progress, Rule> {
        let expected = self.written.len;
        if offset != expected {
            return Err(Rule::Offset { offset, expected });
        }
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let end = offset.saturating_add(len);
        if end > size {
            return Err(Rule::BeyondSize { end, size });
        }
        if end > self.limit {
            let limit = self.limit;
            return Err(Rule::BeyondCredit { end, limit });
        }
        match self.sink.write_at(offset, bytes) {
            Ok(()) => self.written = self.written.extend::<F::Checksum>(bytes),
            Err(WriteError::Busy) => return Ok(Progress::Later),
            Err(error) => return Ok(self.fail(error)),
        }
        Ok(self.end(size))
    }

    /// Checks and commits, if everything has arrived.
    pub(super) fn end(&mut self, size: u64) -> Progress {
        let Some(crc) = self.done.filter(|_| self.written.len == size) else {
            return Progress::More;
        };
        if crc != self.written.crc {
            self.sink.abandon(Reason::WrongCrc);
            return Progress::Failed(Reason::WrongCrc);
        }
        match self.sink.commit() {
            Ok(()) => Progress::Whole,
            // Whoever drives the table asks again.
            Err(WriteError::Busy) => Progress::More,
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: WriteError) -> Progress {
        let reason = match error {
            WriteError::NoRoom => Reason::NoRoom,
            WriteError::Busy | WriteError::Failed => Reason::WriteFailed,
        };
        self.sink.abandon(reason);
        Progress::Failed(reason)
    }
}
