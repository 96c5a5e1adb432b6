//! What a messenger does for dialects that keep frames until the peer has taken them.

use super::{Messenger, Reading};
use crate::buf::{Kept, Measure, Storage};
use crate::dialect::{Calling, Dialect, Filing, Keeping, Settlement};
use crate::encoding::EncodeError;
use crate::framing::{Frame, Parsed};
use crate::wire::Wire;
use crate::{SendError, file};

impl<D: Dialect, I: Storage, O: Storage> Messenger<D, I, O> {
    /// Another transport to the same peer. What was received and not taken is dropped, since the peer will say it
    /// again; what the peer has not taken is written again, after the opening.
    pub fn handle_connected(&mut self) {
        self.restart();
    }
}

impl<D: Dialect, I: Storage, O: Storage, W: Wire> Messenger<D, I, O, W> {
    /// Starts the streams of both sides anew.
    pub(super) fn restart(&mut self) {
        self.settle();
        self.input.clear();
        self.scanned = 0;
        self.reading = Reading::Frames;
        if let Some(Keeping { kept, .. }) = self.dialect.keeping_mut() {
            kept.rewind(&self.outbox);
        }
        self.drop_stale();
        self.dialect.handle_connected();
    }

    /// Another transport, and `dialect` at its start, for one that knows nothing of the last: what was received or queued is
    /// dropped. `random` is for the wire, as in [`handle_connected_with`](Self::handle_connected_with).
    pub fn start_over(&mut self, dialect: D, random: [u8; 32]) {
        self.dialect = dialect;
        self.outbox.clear();
        self.handle_connected_with(random);
    }

    /// Notes the time, which must never go back.
    #[inline]
    pub fn handle_time(&mut self, now: crate::Instant) {
        self.wire.handle_time(now);
        self.dialect.handle_time(now);
    }

    /// When to note the time again at the latest.
    #[inline]
    pub fn next_timeout(&self) -> Option<crate::Instant> {
        let wire = self.wire.next_timeout();
        wire.into_iter().chain(self.dialect.next_timeout()).min()
    }

    /// Queues a frame of a file transfer, but for a chunk; [`SendError::Full`] takes nothing.
    ///
    /// [`SendError::NotOpen`] neither: what has become of the session is to be heard first, since files depend on it.
    pub fn send_file(&mut self, frame: &file::Frame<'_>) -> Result<(), SendError>
    where
        D: Filing,
    {
        self.settle();
        if self.dialect.has_notice() {
            return Err(SendError::NotOpen);
        }
        let before = self.outbox.len();
        self.append(0, |dialect, slot| dialect.emit_file(frame, slot))?;
        if let file::Frame::Credit { .. } = frame {
            self.note_loose(before);
        }
        Ok(())
    }

    /// Queues a chunk of a file, which `write` writes to the front of the room as one whole frame, and returns what `write`
    /// did; nothing while messages wait, since they go first, or without room.
    ///
    /// The room is as large as can be had; `write` returns zero for no chunk.
    pub fn send_chunk<R>(&mut self, write: impl FnOnce(&mut [u8]) -> (usize, R)) -> Option<R>
    where
        D: Filing,
    {
        self.commit();
        let may_send = self.dialect.window().is_some() && !self.dialect.has_notice();
        let keeping = self.dialect.keeping()?;
        if !may_send || !keeping.kept.is_taken_up(&self.outbox) {
            return None;
        }
        let before = self.outbox.len();
        let largest = self.dialect.largest();
        let mut done = None;
        self.outbox.append(LEAST_CHUNK, |slot| {
            let room = slot.len().min(largest);
            let (len, result) = write(slot.get_mut(..room).unwrap_or_default());
            done = Some(result);
            Ok::<_, EncodeError>(len)
        });
        self.note_loose(before);
        done
    }

    /// Notes that what was appended behind the first `before` bytes is loose.
    fn note_loose(&mut self, before: usize) {
        let len = self.outbox.len().saturating_sub(before);
        if let Some(Keeping { kept, .. }) = self.dialect.keeping_mut() {
            kept.note_loose(len);
        }
    }

    /// The oldest message whose fate a fresh session has left open: its frame, which is dropped. The peer may or may
    /// not have taken it, and it is not sent again.
    ///
    /// Ask after the notice of a fresh session, until there is none; the next look at what the peer says forgets the rest.
    /// There are none unless the dialect was told to keep them.
    pub fn poll_in_doubt(&mut self) -> Option<&[u8]> {
        if !self.dialect.holds_in_doubt() {
            return None;
        }
        let keeping = self.dialect.keeping_mut()?;
        let shown = keeping.kept.first_in_doubt(&mut self.outbox, D::measure);
        let Some(len) = shown.map(<[u8]>::len) else {
            self.dialect.forget_in_doubt();
            self.drop_stale();
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
        let limit = self.dialect.largest();
        if frame.len() > limit {
            return Err(SendError::TooLong { limit });
        }
        self.append(0, |_, slot| {
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
        self.drop_stale();
    }

    /// Drops what was to go out on an older transport alone, as far as nothing is kept before it.
    fn drop_stale(&mut self) {
        if let Some(Keeping { kept, .. }) = self.dialect.keeping_mut() {
            // Nothing is acknowledged, so nothing can be that was never sent.
            let _ = kept.acknowledge(&mut self.outbox, 0, D::measure);
        }
    }

    /// Does with the outbox what was received asks for.
    #[inline]
    pub(super) fn settle(&mut self) {
        if !self.dialect.is_steady() {
            self.settle_all();
        }
    }

    #[inline(never)]
    fn settle_all(&mut self) {
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
            Settlement::Resumed => self.strike(false),
            Settlement::Fresh { keeps } => {
                self.strike(true);
                let in_doubt = match self.dialect.keeping() {
                    Some(Keeping { kept, .. }) => kept.in_doubt(&self.outbox, D::measure),
                    None => 0,
                };
                if !keeps || in_doubt == 0 {
                    self.drop_in_doubt();
                }
                self.drop_stale();
                self.dialect.handle_settled(Ok(in_doubt));
            }
        }
    }

    /// Makes sure that what waits and must not go to this peer is not written: what means nothing in a fresh session, and
    /// what is longer than it takes.
    fn strike(&mut self, is_fresh: bool) {
        let largest = self.dialect.largest();
        let Some(Keeping { kept, .. }) = self.dialect.keeping_mut() else {
            return;
        };
        let (mut at, mut too_long) = (0, 0);
        loop {
            let front = self.outbox.peek_at_mut(at);
            let Measure { len, is_kept } = D::measure(front);
            if len == 0 {
                break;
            }
            at += len;
            // What is in doubt does not go again anyway.
            let is_long = is_kept && len > largest && !(is_fresh && kept.is_in_doubt(at));
            if is_long || (is_fresh && D::is_of_session(front)) {
                D::strike(front);
            }
            too_long += usize::from(is_long);
        }
        kept.make_stale(at);
        let _ = kept.acknowledge(&mut self.outbox, 0, D::measure);
        if too_long > 0 {
            self.dialect.handle_too_long(too_long);
        }
    }

    /// How many of the [`queued`](Self::queued) bytes are on their way: they stay until the peer has taken them. Takes in
    /// what the peer has said of that.
    pub fn on_their_way(&mut self) -> usize {
        self.hear_acknowledgements();
        let keeping = self.dialect.keeping();
        keeping.map_or(0, |keeping| keeping.kept.outstanding())
    }

    fn hear_acknowledgements(&mut self) {
        self.settle();
        if !self.input.is_empty() {
            self.look_ahead();
            self.settle();
        }
    }

    /// Takes up what is to be written next, if nothing is being written.
    pub(super) fn commit(&mut self) {
        self.hear_acknowledgements();
        while self.dialect.has_own() && self.is_between_frames() {
            let window = self.dialect.window();
            let Some(keeping) = self.dialect.keeping_mut() else {
                return;
            };
            let is_idle = self.outbox.is_empty();
            let is_free = window.is_some_and(|window| keeping.kept.is_free(&self.outbox, window));
            let before = self.outbox.len();
            let (ready, limit) = (self.input.ready(), self.input.limit());
            if is_free && self.dialect.may_follow() {
                let dialect = &mut self.dialect;
                let emit = |slot: &mut [u8]| dialect.emit_aside((ready, limit), is_idle, slot);
                let said = self.outbox.append(SMALL, emit);
                let len = self.outbox.len() - before;
                self.note_loose(before);
                match said {
                    Some(Ok(())) if len > 0 => continue,
                    // No room in the outbox: it goes past.
                    None => {}
                    Some(_) => break,
                }
            }
            if !self.put_aside((ready, limit), is_idle) {
                break;
            }
        }
        // Names may just have ended the opening.
        self.settle();
        if let Some(window) = self.dialect.window()
            && self.is_between_frames()
            && let Some(Keeping { kept, .. }) = self.dialect.keeping_mut()
        {
            kept.commit(&self.outbox, window, D::measure);
        }
    }

    /// Writes a small frame to where it goes past the outbox, and says whether there was one.
    fn put_aside(&mut self, room: (usize, usize), is_idle: bool) -> bool {
        // The memory is the dialect's own, so that it cannot write there itself.
        let mut frame = [0; SMALL];
        let Ok(len) = self.dialect.emit_aside(room, is_idle, &mut frame) else {
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

    /// Finds the next frame where nothing else is to be seen to.
    #[inline(always)]
    pub(crate) fn look_steadily(&mut self) -> Option<Frame> {
        if !self.dialect.is_steady() || self.reading != Reading::Frames {
            return None;
        }
        let limit = self.input.limit();
        let input = self.input.as_mut_slice();
        let Ok(Parsed::Frame(frame)) = self.dialect.find(input, self.scanned, limit) else {
            return None;
        };
        let first = input.get(frame.start)?;
        if D::is_small(*first) {
            return None;
        }
        self.scanned = frame.end;
        Some(frame)
    }

    fn is_between_frames(&self) -> bool {
        self.dialect
            .keeping()
            .is_some_and(|keeping| !keeping.is_writing())
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
        if len > 0 {
            self.dialect.handle_spoken();
        }
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
        keeping.is_writing() || self.dialect.has_own() || self.has_unsearched(keeping) || waits()
    }

    /// Whether a frame is there that was not looked at.
    fn has_unsearched(&self, keeping: &Keeping) -> bool {
        let rest = self.input.as_slice().get(keeping.ahead..);
        let rest = rest.unwrap_or_default();
        let whole = 1..=rest.len();
        self.reading == Reading::Frames && whole.contains(&D::measure(rest).len)
    }

    /// Takes in the small frames behind those that nobody has taken yet.
    pub(super) fn look_ahead(&mut self) {
        let Some(keeping) = self.dialect.keeping() else {
            return;
        };
        if !self.has_unsearched(keeping) {
            return;
        }
        let limit = self.input.limit();
        let searched = keeping.ahead;
        // What stays moves together once, however many small frames there are.
        let (mut at, mut kept) = (searched, searched);
        let input = self.input.as_mut_slice();
        while let Some(rest) = input.get_mut(at..)
            && let Ok(Parsed::Frame(frame)) = self.dialect.find(rest, 0, limit)
        {
            let content = rest.get(frame.start..frame.end).unwrap_or_default();
            if !self.dialect.take_small(content) {
                match content.first() {
                    // It breaks a rule, and what is behind it counts no more.
                    Some(first) if D::is_small(*first) => break,
                    Some(first) => self.dialect.handle_ahead(*first, frame.len),
                    None => {}
                }
                if kept < at
                    && let Some(place) = input.get_mut(kept..at + frame.len)
                {
                    let gap = (at - kept).min(place.len());
                    place.copy_within(gap.., 0);
                }
                kept += frame.len;
            }
            at += frame.len;
        }
        if kept < at {
            self.input.remove(kept, at - kept);
            self.scanned = 0;
        }
        if let Some(keeping) = self.dialect.keeping_mut() {
            keeping.ahead = kept;
        }
    }
}

/// Less room than this is not worth a chunk.
const LEAST_CHUNK: usize = 64;

/// As many bytes as every small frame needs at most.
const SMALL: usize = 88;
