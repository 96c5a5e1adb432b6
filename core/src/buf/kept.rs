use super::{Outbox, Storage};

/// How far an outbox has been written whose frames stay until the peer has taken them.
///
/// Frames are *kept* until they are [acknowledged](Self::acknowledge), or *loose*: gone once they are written, and never
/// written again on another transport. Places are counted in bytes from the oldest frame of the outbox.
///
/// ```text
/// 0                written            committed                 len
/// |  may come again  |  being written   |  waits for its turn    |
/// ```
///
/// Bytes between `written` and `committed` are whole frames that nothing may be written between.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Kept {
    written: usize,
    committed: usize,
    /// Bytes of kept frames before `committed`.
    outstanding: usize,
    /// Bytes of loose frames behind `committed` that are still to be written.
    loose: usize,
    /// Loose frames before here belong to an earlier transport.
    stale: usize,
    /// Frames before here have been written at some time.
    doubtful: usize,
}

/// One frame of an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Measure {
    /// Its length in bytes.
    pub len: usize,
    /// Whether it is kept until the peer has taken it.
    pub is_kept: bool,
}

/// The peer acknowledges what was never sent, or a part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NeverSent;

impl Kept {
    /// Nothing has been written.
    pub const fn new() -> Self {
        Self {
            written: 0,
            committed: 0,
            outstanding: 0,
            loose: 0,
            stale: 0,
            doubtful: 0,
        }
    }

    /// The bytes to write next, as many as lie in one piece; empty when more has to be [committed](Self::commit).
    #[inline]
    pub fn peek<'a, B: Storage>(&self, outbox: &'a Outbox<B>) -> &'a [u8] {
        let piece = outbox.peek_at(self.written);
        let len = piece.len().min(self.committed - self.written);
        piece.get(..len).unwrap_or_default()
    }

    /// Whether a frame has been begun, or committed, and not written to its end.
    pub const fn is_writing(&self) -> bool {
        self.written < self.committed
    }

    /// Bytes of kept frames on their way.
    pub const fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Whether all that waits in `outbox` has been taken up to be written.
    pub const fn is_taken_up<B: Storage>(&self, outbox: &Outbox<B>) -> bool {
        self.committed >= outbox.len()
    }

    /// Whether all that waits in `outbox` can be committed, and `more` bytes of a loose frame behind it.
    pub fn is_free<B: Storage>(&self, outbox: &Outbox<B>, window: usize) -> bool {
        let waiting = outbox.len() - self.committed;
        self.stale <= self.committed
            && self.outstanding + waiting.saturating_sub(self.loose) <= window
    }

    /// Notes that the frame of `len` bytes that was appended last is loose.
    pub const fn note_loose(&mut self, len: usize) {
        self.loose += len;
    }

    /// Takes up frames to write: as many as the peer's `window` has room for, or one larger frame on its own.
    ///
    /// Where not all that waits has room, nothing goes before half of the window is free: many small writes would cost
    /// both sides more than the wait does.
    #[inline]
    pub fn commit<B: Storage>(
        &mut self,
        outbox: &Outbox<B>,
        window: usize,
        measure: impl Fn(&[u8]) -> Measure,
    ) {
        if self.is_free(outbox, window) {
            let waiting = outbox.len() - self.committed;
            self.outstanding += waiting.saturating_sub(self.loose);
            self.loose = 0;
            self.committed += waiting;
        } else {
            self.commit_some(outbox, window, measure);
        }
    }

    #[cold]
    fn commit_some<B: Storage>(
        &mut self,
        outbox: &Outbox<B>,
        window: usize,
        measure: impl Fn(&[u8]) -> Measure,
    ) {
        let has_half = self.outstanding <= window / 2;
        while self.committed < outbox.len() {
            let Measure { len, is_kept } = measure(outbox.peek_at(self.committed));
            if len == 0 {
                return;
            }
            if is_kept {
                if self.outstanding > 0 && (!has_half || self.outstanding + len > window) {
                    return;
                }
                self.outstanding += len;
            } else if self.committed >= self.stale {
                self.loose = self.loose.saturating_sub(len);
            } else {
                if self.written < self.committed {
                    return;
                }
                self.written += len;
            }
            self.committed += len;
        }
    }

    /// Notes that the transport has taken `len` bytes, and drops what need not be kept.
    #[inline]
    pub fn handle_written<B: Storage>(
        &mut self,
        outbox: &mut Outbox<B>,
        len: usize,
        measure: impl Fn(&[u8]) -> Measure,
    ) {
        self.written = self.committed.min(self.written + len);
        // A kept frame in front keeps all that is behind it, too.
        if !measure(outbox.peek()).is_kept {
            let _ = self.acknowledge(outbox, 0, measure);
        }
    }

    /// Drops the oldest kept frames, `bytes` in all, which the peer has taken, and what is loose before and behind them.
    pub fn acknowledge<B: Storage>(
        &mut self,
        outbox: &mut Outbox<B>,
        bytes: usize,
        measure: impl Fn(&[u8]) -> Measure,
    ) -> Result<(), NeverSent> {
        let mut left = bytes;
        let sent = self.written.max(self.doubtful);
        let (mut dropped, mut kept) = (0, 0);
        let mut piece = outbox.peek_at(0);
        while dropped < sent.max(self.stale) {
            let frame = measure(piece);
            // What is loose and stale is never written, so nobody need wait for that.
            let is_stale = !frame.is_kept && dropped < self.stale;
            if frame.len == 0 || (dropped + frame.len > sent && !is_stale) {
                break;
            }
            if frame.is_kept {
                if left < frame.len {
                    break;
                }
                left -= frame.len;
                kept += frame.len;
            }
            dropped += frame.len;
            piece = match piece.get(frame.len..) {
                Some(rest @ [_, ..]) => rest,
                _ => outbox.peek_at(dropped),
            };
        }
        if dropped > 0 {
            self.drop_front(outbox, dropped, kept);
        }
        match left {
            0 => Ok(()),
            _ => Err(NeverSent),
        }
    }

    /// Another transport: all that is kept is to be written again, and what is loose never.
    pub fn rewind<B: Storage>(&mut self, outbox: &Outbox<B>) {
        *self = Self {
            doubtful: self.doubtful.max(self.written),
            stale: outbox.len(),
            ..Self::new()
        };
    }

    /// Makes sure that no loose frame is written that starts before `end`; only after [`rewind`](Self::rewind).
    pub const fn make_stale(&mut self, end: usize) {
        self.stale = end;
        self.loose = 0;
    }

    /// How many kept frames have been written and may or may not have been taken.
    pub fn in_doubt<B: Storage>(
        &self,
        outbox: &Outbox<B>,
        measure: impl Fn(&[u8]) -> Measure,
    ) -> usize {
        let (mut at, mut count) = (0, 0);
        while at < self.doubtful {
            let frame = measure(outbox.peek_at(at));
            if frame.len == 0 || at + frame.len > self.doubtful {
                break;
            }
            count += usize::from(frame.is_kept);
            at += frame.len;
        }
        count
    }

    /// Whether a frame that ends at place `end` is [in doubt](Self::in_doubt).
    pub const fn is_in_doubt(&self, end: usize) -> bool {
        end <= self.doubtful
    }

    /// Whether a frame that ends at place `end` is on its way, or has been whole.
    pub const fn has_gone(&self, end: usize) -> bool {
        end <= self.committed || self.is_in_doubt(end)
    }

    /// The oldest frame that is in doubt, if there is one; only after [`rewind`](Self::rewind).
    pub fn first_in_doubt<'a, B: Storage>(
        &mut self,
        outbox: &'a mut Outbox<B>,
        measure: impl Fn(&[u8]) -> Measure,
    ) -> Option<&'a [u8]> {
        loop {
            let frame = measure(outbox.peek());
            if frame.len == 0 || frame.len > self.doubtful {
                self.doubtful = 0;
                return None;
            }
            if frame.is_kept {
                return outbox.peek().get(..frame.len);
            }
            self.drop_front(outbox, frame.len, 0);
        }
    }

    /// Whether [`commit`](Self::commit) would take up something.
    pub fn can_commit<B: Storage>(
        &self,
        outbox: &Outbox<B>,
        window: usize,
        measure: impl Fn(&[u8]) -> Measure,
    ) -> bool {
        let mut trial = *self;
        trial.commit(outbox, window, measure);
        trial.is_writing()
    }

    /// Notes that the `len` bytes that [`first_in_doubt`](Self::first_in_doubt) has shown are dropped from the outbox.
    pub const fn forget(&mut self, len: usize) {
        self.written = self.written.saturating_sub(len);
        self.committed = self.committed.saturating_sub(len);
        self.stale = self.stale.saturating_sub(len);
        self.doubtful = self.doubtful.saturating_sub(len);
    }

    fn drop_front<B: Storage>(&mut self, outbox: &mut Outbox<B>, dropped: usize, kept: usize) {
        let mut left = dropped;
        while left > 0 {
            let piece = outbox.peek().len().min(left);
            if piece == 0 {
                break;
            }
            outbox.pop(piece);
            left -= piece;
        }
        self.forget(dropped);
        self.outstanding = self.outstanding.saturating_sub(kept);
    }
}
