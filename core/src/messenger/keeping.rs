//! What a messenger does for dialects that keep frames until the peer has taken them.

use super::{Messenger, Reading};
use crate::SendError;
use crate::buf::{Kept, Storage};
use crate::dialect::{Calling, Dialect, Keeping, Settlement};
use crate::encoding::EncodeError;
use crate::framing::Parsed;

impl<D: Dialect, I: Storage, O: Storage> Messenger<D, I, O> {
    /// Another transport to the same peer. What was received and not taken is dropped, since the peer will say it
    /// again; what the peer has not taken is written again, after the opening.
    pub fn handle_connected(&mut self) {
        self.settle();
        self.input.clear();
        self.scanned = 0;
        self.reading = Reading::Frames;
        if let Some(Keeping { kept, .. }) = self.dialect.keeping_mut() {
            kept.rewind(&self.outbox);
        }
        self.dialect.handle_connected();
    }

    /// Notes the time, which must never go back.
    #[inline]
    pub fn handle_time(&mut self, now: crate::Instant) {
        self.dialect.handle_time(now);
    }

    /// When to note the time again at the latest.
    #[inline]
    pub fn next_timeout(&self) -> Option<crate::Instant> {
        self.dialect.next_timeout()
    }

    /// The oldest message whose fate a fresh session has left open: its frame, which is dropped. The peer may or may
    /// not have taken it, and it is not sent again.
    ///
    /// Ask after the notice of a fresh session, until there is none; the next look at what the peer says forgets the rest.
    /// There are none unless the dialect was told to keep them.
    pub fn poll_in_doubt(&mut self) -> Option<&[u8]> {
        let keeping = self.dialect.keeping_mut()?;
        let shown = keeping.kept.first_in_doubt(&mut self.outbox, D::measure);
        let Some(len) = shown.map(<[u8]>::len) else {
            self.dialect.forget_in_doubt();
            return None;
        };
        keeping.kept.forget(len);
        Some(self.outbox.take(len))
    }

    /// Queues a frame that is encoded already: one that was [in doubt](Self::poll_in_doubt), or a copy.
    ///
    /// It must be one of this dialect, whole; a frame of another length is [`SendError::Unencodable`].
    pub fn send_again(&mut self, frame: &[u8]) -> Result<(), SendError> {
        if D::measure(frame).len != frame.len() {
            return Err(SendError::Unencodable);
        }
        self.say_first()?;
        self.append(|_, slot| {
            slot.get_mut(..frame.len())
                .ok_or(EncodeError::Full)?
                .copy_from_slice(frame);
            Ok(frame.len())
        })
    }

    /// Whether the request of this call waits to be taken by the peer: it has not gone with an older session.
    pub fn holds_request(&mut self, id: D::CallId) -> bool
    where
        D: Calling,
    {
        let is_it = |frame: &mut [u8]| D::asks(frame) == Some(id);
        self.find_kept(|kept, end| kept.is_in_doubt(end), is_it)
    }

    /// Has the request of this call ask for nothing, if no byte of it is on its way on this transport, and all of it has
    /// never been.
    pub(super) fn withdraw(&mut self, id: D::CallId) -> bool
    where
        D: Calling,
    {
        self.find_kept(Kept::has_gone, |frame| {
            let is_it = D::asks(frame) == Some(id);
            if is_it {
                D::withdraw(frame);
            }
            is_it
        })
    }

    /// Looks for a frame in the outbox, behind those that end where `is_passed` says.
    fn find_kept(
        &mut self,
        is_passed: impl Fn(&Kept, usize) -> bool,
        mut is_it: impl FnMut(&mut [u8]) -> bool,
    ) -> bool {
        let Some(Keeping { kept, .. }) = self.dialect.keeping() else {
            return false;
        };
        let mut at = 0;
        while at < self.outbox.len() {
            let piece = self.outbox.peek_at_mut(at);
            let len = D::measure(piece).len;
            let Some(frame) = piece.get_mut(..len).filter(|frame| !frame.is_empty()) else {
                return false;
            };
            at += len;
            if !is_passed(kept, at) && is_it(frame) {
                return true;
            }
        }
        false
    }

    pub(super) fn forget_in_doubt(&mut self) {
        if self.dialect.forget_in_doubt() {
            self.drop_in_doubt();
        }
    }

    fn drop_in_doubt(&mut self) {
        while let Some(Keeping { kept, .. }) = self.dialect.keeping_mut()
            && let Some(len) = kept
                .first_in_doubt(&mut self.outbox, D::measure)
                .map(<[u8]>::len)
        {
            kept.forget(len);
            self.outbox.pop(len);
        }
    }

    /// Does with the outbox what was received asks for.
    #[inline]
    pub(super) fn settle(&mut self) {
        while let Some(settlement) = self.dialect.take_settlement() {
            self.settle_one(settlement);
        }
    }

    fn settle_one(&mut self, settlement: Settlement) {
        let Some(Keeping { kept, .. }) = self.dialect.keeping_mut() else {
            return;
        };
        match settlement {
            Settlement::Acknowledged(bytes) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                if let Err(never) = kept.acknowledge(&mut self.outbox, bytes, D::measure) {
                    self.dialect.handle_settled(Err(never));
                }
            }
            Settlement::Fresh { keeps } => {
                let in_doubt = kept.in_doubt(&self.outbox, D::measure);
                if !keeps || in_doubt == 0 {
                    self.drop_in_doubt();
                }
                self.dialect.handle_settled(Ok(in_doubt));
            }
        }
    }

    /// Takes up what is to be written next, if nothing is being written.
    pub(super) fn commit(&mut self) {
        self.settle();
        self.look_ahead();
        self.settle();
        let limit = self.input.limit();
        while self.dialect.has_own() && self.is_between_frames() {
            let window = self.dialect.window();
            let Some(keeping) = self.dialect.keeping_mut() else {
                return;
            };
            let is_idle = self.outbox.is_empty();
            let is_free = window.is_some_and(|window| keeping.kept.is_free(&self.outbox, window));
            let before = self.outbox.len();
            if is_free && self.dialect.may_follow() {
                let dialect = &mut self.dialect;
                let emit = |slot: &mut [u8]| dialect.emit_aside(limit, is_idle, slot);
                let said = self.outbox.append(SMALL, emit);
                let len = self.outbox.len() - before;
                if let Some(keeping) = self.dialect.keeping_mut() {
                    keeping.kept.note_loose(len);
                }
                match said {
                    Some(Ok(())) if len > 0 => continue,
                    // No room in the outbox: it goes past.
                    None => {}
                    Some(_) => break,
                }
            }
            if !self.put_aside(limit, is_idle) {
                break;
            }
        }
        if let Some(window) = self.dialect.window()
            && self.is_between_frames()
            && let Some(Keeping { kept, .. }) = self.dialect.keeping_mut()
        {
            kept.commit(&self.outbox, window, D::measure);
        }
    }

    /// Writes a small frame to where it goes past the outbox, and says whether there was one.
    fn put_aside(&mut self, limit: usize, is_idle: bool) -> bool {
        // The memory is the dialect's own, so that it cannot write there itself.
        let mut frame = [0; SMALL];
        let Ok(len) = self.dialect.emit_aside(limit, is_idle, &mut frame) else {
            return false;
        };
        let Some(keeping) = self.dialect.keeping_mut() else {
            return false;
        };
        let put = keeping.aside.put(|slot| {
            let frame = frame.get(..len).unwrap_or_default();
            slot.get_mut(..len)
                .ok_or(EncodeError::Full)?
                .copy_from_slice(frame);
            Ok::<_, EncodeError>(len)
        });
        put.is_ok() && len > 0
    }

    fn is_between_frames(&self) -> bool {
        self.dialect
            .keeping()
            .is_some_and(|keeping| keeping.aside.is_empty() && !keeping.kept.is_writing())
    }

    /// The bytes that were taken up to be written.
    pub(super) fn committed(&self) -> &[u8] {
        match self.dialect.keeping() {
            Some(keeping) if !keeping.aside.is_empty() => keeping.aside.waiting(),
            Some(keeping) => keeping.kept.peek(&self.outbox),
            None => &[],
        }
    }

    pub(super) fn handle_committed(&mut self, len: usize) {
        self.dialect.handle_spoken();
        let Some(keeping) = self.dialect.keeping_mut() else {
            return;
        };
        if keeping.aside.is_empty() {
            keeping
                .kept
                .handle_written(&mut self.outbox, len, D::measure);
        } else {
            keeping.aside.handle_written(len);
        }
    }

    /// Whether there may be something to write.
    pub(super) fn has_kept_output(&self, keeping: &Keeping) -> bool {
        let waits = || {
            let window = self.dialect.window();
            window.is_some_and(|window| keeping.kept.can_commit(&self.outbox, window, D::measure))
        };
        !keeping.aside.is_empty()
            || keeping.kept.is_writing()
            || self.dialect.has_own()
            || self.has_unsearched(keeping)
            || waits()
    }

    fn has_unsearched(&self, keeping: &Keeping) -> bool {
        keeping.ahead < self.input.as_slice().len() && self.reading == Reading::Frames
    }

    /// Takes in the small frames behind those that nobody has taken yet.
    pub(super) fn look_ahead(&mut self) {
        let limit = self.input.limit();
        while let Some(keeping) = self.dialect.keeping()
            && self.has_unsearched(keeping)
        {
            let at = keeping.ahead;
            let Some(rest) = self.input.as_mut_slice().get_mut(at..) else {
                return;
            };
            let Ok(Parsed::Frame(frame)) = self.dialect.find(rest, 0, limit) else {
                return;
            };
            let content = rest.get(frame.start..frame.end).unwrap_or_default();
            if self.dialect.take_small(content) {
                self.input.remove(at, frame.len);
                self.scanned = 0;
            } else if let Some(keeping) = self.dialect.keeping_mut() {
                keeping.ahead = at + frame.len;
            }
        }
    }
}

/// As many bytes as every small frame needs at most.
const SMALL: usize = 88;
