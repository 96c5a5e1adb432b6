//! How a messenger finds the next frame, and passes over what is none.

use super::{Messenger, Reading, Seen};
use crate::Malformed;
use crate::buf::Storage;
use crate::dialect::Dialect;
use crate::framing::{self, Parsed, Recovery};
use crate::wire::Wire;

impl<D: Dialect, I: Storage, O: Storage, W: Wire> Messenger<D, I, O, W> {
    /// Finds the next frame, or the rule that the input breaks.
    #[inline]
    pub(crate) fn look(&mut self) -> Option<Seen> {
        match self.dialect.keeping() {
            Some(_) => self.look_at_all(),
            None => self.look_through(),
        }
    }

    /// Looks, where frames are kept, at more than messages.
    #[inline(never)]
    pub(super) fn look_at_all(&mut self) -> Option<Seen> {
        self.look_through()
    }

    /// Looks at what is here, and at what the wire has.
    #[inline]
    pub(super) fn look_through(&mut self) -> Option<Seen> {
        loop {
            if let Some(seen) = self.look_here() {
                return Some(seen);
            }
            if !self.pull() {
                break;
            }
        }
        match self.reading {
            Reading::Frames | Reading::Skipping(_) => self.wire_fault().map(Seen::Fault),
            Reading::Ended | Reading::OutOfStep => None,
        }
    }

    /// Looks at what has come through the wire.
    #[inline]
    pub(super) fn look_here(&mut self) -> Option<Seen> {
        loop {
            self.settle();
            if self.dialect.has_notice() {
                return Some(Seen::Notice);
            }
            if !self.is_in_step() || self.dialect.has_quit() {
                return None;
            }
            self.forget_in_doubt();
            let limit = self.input.limit();
            let input = self.input.as_mut_slice();
            match self.dialect.find(input, self.scanned, limit) {
                Ok(Parsed::Frame(frame)) => {
                    let content = input.get(frame.start..frame.end).unwrap_or_default();
                    if self.dialect.take_small(content) {
                        self.pass_small(frame.len);
                        continue;
                    }
                    self.settle();
                    if self.dialect.has_notice() {
                        return Some(Seen::Notice);
                    }
                    self.scanned = frame.end;
                    return Some(Seen::Frame(frame));
                }
                Ok(Parsed::More { scanned }) => {
                    self.scanned = scanned;
                    return self.cut_off().map(Seen::Malformed);
                }
                Err(malformed) => return Some(Seen::Malformed(malformed)),
            }
        }
    }

    /// Gives up a small frame that the dialect has taken in.
    pub(super) fn pass_small(&mut self, len: usize) {
        self.input.consume(len);
        self.scanned = 0;
        if let Some(keeping) = self.dialect.keeping_mut() {
            keeping.ahead = keeping.ahead.saturating_sub(len);
        }
    }

    /// Whether the input starts with a frame, once what can be passed over of a refused one is.
    #[inline]
    pub(super) fn is_in_step(&mut self) -> bool {
        matches!(self.reading, Reading::Frames) || self.comes_into_step()
    }

    #[cold]
    pub(super) fn comes_into_step(&mut self) -> bool {
        self.pass_over();
        matches!(self.reading, Reading::Frames | Reading::Ended)
    }

    /// Takes more memory for a frame that fills the buffer, never for a buffer full of frames.
    pub(super) fn make_room(&mut self) {
        self.pass_over();
        if self.input.is_full() {
            self.look_ahead();
            // Memory that was given back is taken again, whatever there is to say.
            let is_full = self.input.is_full();
            if is_full && (self.input.is_empty() || self.look_here().is_none()) {
                self.input.enlarge();
            } else if is_full && self.dialect.keeping().is_some() {
                // Small frames must get through behind those that nobody takes.
                self.input.reclaim();
            }
        }
    }

    /// Gives up what has arrived of a refused frame.
    pub(super) fn pass_over(&mut self) {
        if let Reading::Skipping(recovery) = self.reading {
            self.skip(recovery);
        }
    }

    /// The frame that the end of the stream cuts off, if it does.
    #[inline]
    pub(super) fn cut_off(&self) -> Option<framing::Malformed> {
        let len = self.input.as_slice().len();
        (self.reading == Reading::Ended && len > 0).then_some(framing::Malformed {
            rule: framing::Rule::Truncated { len },
            offset: len,
            recovery: Recovery::Bytes(len),
        })
    }

    /// Takes the input past a malformed frame and completes its report.
    #[cold]
    pub(super) fn refuse(&mut self, malformed: framing::Malformed) -> Malformed {
        let frame = self.input.consumed();
        self.scanned = 0;
        if let framing::Rule::Limit { len, .. } = malformed.rule {
            self.dialect.handle_refused(self.input.as_slice(), len);
        }
        if malformed.recovery == Recovery::Lost {
            self.dialect.handle_out_of_step();
        }
        self.skip(malformed.recovery);
        Malformed {
            rule: self.dialect.explain(malformed.rule),
            frame,
            offset: malformed.offset,
        }
    }

    #[cold]
    pub(super) fn skip(&mut self, recovery: Recovery) {
        let waiting = self.input.as_slice().len();
        let (len, next) = match recovery {
            Recovery::Lost => (waiting, Reading::OutOfStep),
            Recovery::Bytes(rest) if rest > waiting => {
                (waiting, Reading::Skipping(Recovery::Bytes(rest - waiting)))
            }
            Recovery::Bytes(rest) => (rest, Reading::Frames),
            Recovery::Delimiter => {
                let skipped = self.dialect.skip(self.input.as_slice());
                (
                    skipped.len,
                    if skipped.done {
                        Reading::Frames
                    } else {
                        Reading::Skipping(recovery)
                    },
                )
            }
        };
        self.input.consume(len);
        if next == Reading::Frames {
            self.dialect.handle_passed_over();
        }
        if self.reading != Reading::Ended || next == Reading::OutOfStep {
            self.reading = next;
        }
    }
}
