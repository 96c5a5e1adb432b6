//! The bytes of one direction, cut into frames.

use super::Link;
use super::frame::{Direction, Frame, Malformed, Seen};
use super::read::{Read, Said};
use ropeway_core::Rule;
use ropeway_core::framing::{self, Parsed, Recovery};

/// What has come of the frame that is not complete, and where that is.
#[derive(Debug)]
pub(super) struct Stream {
    /// What is kept at most.
    pub(super) limit: usize,
    kept: Vec<u8>,
    /// Where they start, in bytes from the start of the stream.
    offset: u64,
    /// How many of them need no second look.
    scanned: usize,
    state: State,
    /// The bytes behind a broken framing.
    pub(super) unread: u64,
}

/// What becomes of the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Frames,
    /// So many belong to a frame that was told.
    Passing(u64),
    /// They belong to a frame that was told, up to its delimiter.
    Skipping,
    /// Nobody knows what they are.
    Lost,
}

impl Stream {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: Vec::new(),
            offset: 0,
            scanned: 0,
            state: State::Frames,
            unread: 0,
        }
    }

    pub(super) const fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Takes bytes piece by piece, so that no more of them are kept than the limit.
    pub(super) fn see(
        &mut self,
        direction: Direction,
        mut bytes: &[u8],
        reader: &mut dyn Read,
        link: &mut Link,
        told: &mut dyn FnMut(Seen),
    ) {
        loop {
            bytes = self.pass(bytes, reader);
            let room = self.limit.saturating_sub(self.kept.len());
            let (piece, rest) = bytes.split_at(bytes.len().min(room));
            self.kept.extend(piece);
            bytes = rest;
            let has_moved = self.read(direction, reader, link, told);
            if bytes.is_empty() && !(has_moved && self.is_passing()) {
                break;
            }
            // A frame that fills all there is must have been found or refused.
            if !has_moved && room == 0 {
                let rule = framing::Rule::Limit {
                    len: self.kept.len(),
                    limit: self.limit,
                };
                let recovery = Recovery::Lost;
                let malformed = framing::Malformed {
                    rule,
                    offset: 0,
                    recovery,
                };
                told(self.refuse(direction, malformed, reader));
            }
        }
    }

    /// What is left of a frame that will never be complete.
    pub(super) fn end(&mut self, direction: Direction) -> Option<Malformed> {
        let len = self.kept.len();
        match self.state {
            State::Frames if len == 0 => return None,
            State::Lost => return None,
            _ => {}
        }
        self.state = State::Lost;
        self.kept = Vec::new();
        Some(Malformed {
            direction,
            frame: self.offset,
            offset: self.offset + len as u64,
            rule: Rule::Framing(framing::Rule::Truncated { len }),
            is_last: true,
        })
    }

    const fn is_passing(&self) -> bool {
        !matches!(self.state, State::Frames) && !self.kept.is_empty()
    }

    /// Passes over what belongs to a frame that was told, from what is kept first, and returns what is behind it.
    fn pass<'b>(&mut self, bytes: &'b [u8], reader: &dyn Read) -> &'b [u8] {
        match self.state {
            State::Frames => bytes,
            State::Passing(left) => {
                let (kept, new) = (self.kept.len(), bytes.len());
                let len = usize::try_from(left).unwrap_or(usize::MAX);
                let from_kept = len.min(kept);
                self.drop_first(from_kept);
                let from_new = (len - from_kept).min(new);
                self.offset += from_new as u64;
                let left = left - (from_kept + from_new) as u64;
                self.state = if left == 0 {
                    State::Frames
                } else {
                    State::Passing(left)
                };
                &bytes[from_new..]
            }
            State::Skipping => {
                let skipped = reader.skip(&self.kept);
                self.drop_first(skipped.len);
                if skipped.done {
                    self.state = State::Frames;
                    return bytes;
                }
                let skipped = reader.skip(bytes);
                self.offset += skipped.len as u64;
                if skipped.done {
                    self.state = State::Frames;
                }
                &bytes[skipped.len..]
            }
            State::Lost => {
                let len = (self.kept.len() + bytes.len()) as u64;
                self.kept = Vec::new();
                self.offset += len;
                self.unread += len;
                &[]
            }
        }
    }

    /// Tells the frames that are complete, and says whether there were any.
    fn read(
        &mut self,
        direction: Direction,
        reader: &mut dyn Read,
        link: &mut Link,
        told: &mut dyn FnMut(Seen),
    ) -> bool {
        let mut start = 0;
        let mut kept = std::mem::take(&mut self.kept);
        while self.state == State::Frames {
            let input = &mut kept[start..];
            if input.is_empty() {
                break;
            }
            let found = match reader.find(input, self.scanned, self.limit, link) {
                Ok(Parsed::More { scanned }) => {
                    self.scanned = scanned;
                    break;
                }
                Ok(Parsed::Frame(frame)) => frame,
                Err(malformed) => {
                    told(self.refuse(direction, malformed, reader));
                    break;
                }
            };
            let opened = reader.open(direction, &mut input[found.start..found.end], link);
            match opened {
                Ok(None) => {}
                Ok(Some(said)) => told(Seen::Frame(self.frame(direction, found.len, said))),
                Err(malformed) => told(Seen::Malformed(Malformed {
                    direction,
                    frame: self.offset,
                    offset: self.offset + (found.start + malformed.offset) as u64,
                    rule: malformed.rule,
                    is_last: false,
                })),
            }
            start += found.len;
            self.offset += found.len as u64;
            self.scanned = 0;
            match reader.passes() {
                0 => {}
                len => self.state = State::Passing(len),
            }
        }
        kept.drain(..start);
        // A long frame is no reason to keep its memory for as long as the link lasts.
        if kept.is_empty() && kept.capacity() > SPARE {
            kept = Vec::new();
        }
        self.kept = kept;
        start > 0 || self.state != State::Frames
    }

    fn frame(&self, direction: Direction, len: usize, said: Said) -> Frame {
        let Said {
            kind,
            title,
            key,
            call,
            body,
        } = said;
        Frame {
            direction,
            offset: self.offset,
            len,
            kind,
            title,
            key,
            call,
            body,
        }
    }

    /// Goes where the next frame starts, if that is known.
    fn refuse(
        &mut self,
        direction: Direction,
        malformed: framing::Malformed,
        reader: &dyn Read,
    ) -> Seen {
        self.state = match malformed.recovery {
            Recovery::Bytes(len) => State::Passing(len as u64),
            Recovery::Delimiter => State::Skipping,
            Recovery::Lost => State::Lost,
        };
        self.scanned = 0;
        Seen::Malformed(Malformed {
            direction,
            frame: self.offset,
            offset: self.offset + malformed.offset as u64,
            rule: reader.explain(malformed.rule),
            is_last: self.state == State::Lost,
        })
    }

    fn drop_first(&mut self, len: usize) {
        self.kept.drain(..len);
        self.offset += len as u64;
    }
}

/// Memory that is kept between frames.
const SPARE: usize = 64 << 10;
