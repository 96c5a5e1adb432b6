use super::{Frame, Prefix, Reason, Source, Store};
use crate::framing::Byte;

/// A file on its way out: what was read and sent, and from where it could be read again.
///
/// ```text
/// sending         0 ... mark ... candidate ... start ... read ... limit ... size
/// reading again   0 ... mark = candidate ..... read .... start .. limit ... size
/// ```
///
/// When the receiver goes back, to `start`, the content is read again from the last mark before it: first for the
/// CRC alone, then to be sent.
pub(super) struct Outgoing<F: Store> {
    pub(super) source: F::Source,
    pub(super) name: F::Name,
    /// The ASK that is answered, 0 for none.
    pub(super) ask: u32,
    pub(super) accepted: Accepted,
    /// Whether the receiver has stated its offset on this transport; nothing is sent before.
    pub(super) stated: bool,
    /// Whether DONE was queued in this session.
    pub(super) done: bool,
    /// What was read so far.
    pub(super) read: Prefix,
    /// Where the receiver wants chunks to start.
    start: u64,
    limit: u64,
    /// What the receiver has confirmed, or less.
    mark: Prefix,
    /// What will be the next mark, once the receiver has confirmed as much.
    candidate: Prefix,
}

/// Whether, and how, the receiver has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    No,
    /// By a CREDIT that overtook the ACCEPT, which is still to come.
    ByCredit,
    Yes,
}

/// What became of a step.
pub(super) enum Step {
    Chunk(usize),
    Read,
    Idle,
}

impl<F: Store> Outgoing<F> {
    pub(super) const fn new(source: F::Source, name: F::Name, ask: u32) -> Self {
        Self {
            source,
            name,
            ask,
            accepted: Accepted::No,
            stated: false,
            done: false,
            read: Prefix::EMPTY,
            start: 0,
            limit: 0,
            mark: Prefix::EMPTY,
            candidate: Prefix::EMPTY,
        }
    }

    /// Forgets what the receiver has said, but not what was read.
    pub(super) const fn start_over(&mut self) {
        self.accepted = Accepted::No;
        self.stated = false;
        self.done = false;
    }

    /// The receiver states its offset: chunks start there, once the CRC of what precedes is known.
    pub(super) fn start_at(&mut self, offset: u64, limit: u64) {
        self.mark = match self.candidate {
            candidate if candidate.len <= offset => candidate,
            _ if self.mark.len <= offset => self.mark,
            _ => Prefix::EMPTY,
        };
        if self.read.len > offset {
            self.read = self.mark;
        }
        self.candidate = self.read;
        self.start = offset;
        self.limit = limit;
        self.stated = true;
    }

    /// The receiver confirms what it has taken, and allows more.
    pub(super) fn confirm(&mut self, offset: u64, limit: u64) {
        if self.candidate.len <= offset && !self.is_reading_again() {
            self.mark = self.candidate;
            self.candidate = self.read;
        }
        self.limit = self.limit.max(limit);
    }

    /// Where the receiver wants chunks to start, once it has said so on this transport.
    pub(super) const fn stated_start(&self) -> Option<u64> {
        match self.stated {
            true => Some(self.start),
            false => None,
        }
    }

    /// How much of the content the receiver may have.
    pub(super) fn sent(&self) -> u64 {
        self.read.len.max(self.start)
    }

    /// Whether the source has another content than the one offered.
    pub(super) fn has_changed(&self, size: u64, tag: u64) -> bool {
        (self.source.size(), self.source.tag()) != (size, tag)
    }

    /// Whether DONE is what comes next.
    pub(super) const fn is_at_end(&self, size: u64) -> bool {
        self.stated && !self.done && self.read.len == size
    }

    /// Whether there is anything to be read now.
    pub(super) fn has_more(&self) -> bool {
        self.stated && (self.is_reading_again() || self.read.len < self.limit)
    }

    /// Reads up to the start, or writes the next chunk as a whole frame: one read a step.
    pub(super) fn step(&mut self, id: u32, most: u64, slot: &mut [u8]) -> Result<Step, Reason> {
        if !self.has_more() {
            return Ok(Step::Idle);
        }
        if self.is_reading_again() {
            let room = at_most(slot, self.start - self.read.len);
            if room.is_empty() {
                return Ok(Step::Idle);
            }
            self.read_into(room)?;
            if self.read.len == self.start {
                self.candidate = self.read;
            }
            return Ok(Step::Read);
        }
        let most = most.min(self.limit - self.read.len);
        let fits_short = most <= SHORT as u64 || slot.len() <= LONG_HEADER + SHORT;
        if fits_short {
            self.short(id, most, slot)
        } else {
            self.long(id, most, slot)
        }
    }

    /// `[n][content]`, where n counts itself and the content has at most 254 bytes.
    fn short(&mut self, id: u32, most: u64, slot: &mut [u8]) -> Result<Step, Reason> {
        let Some(([length, header @ ..], room)) = slot.split_first_chunk_mut::<SHORT_HEADER>()
        else {
            return Ok(Step::Idle);
        };
        let room = at_most(room, most.min(SHORT as u64));
        if room.is_empty() {
            return Ok(Step::Idle);
        }
        *header = Frame::chunk_header(id, self.read.len);
        let len = SHORT_HEADER + self.read_into(room)?;
        *length = u8::try_from(len).unwrap_or(u8::MAX);
        Ok(Step::Chunk(len))
    }

    /// `[0][length of what follows the code: u32][content]`.
    fn long(&mut self, id: u32, most: u64, slot: &mut [u8]) -> Result<Step, Reason> {
        let Some(([escape, l0, l1, l2, l3, header @ ..], room)) =
            slot.split_first_chunk_mut::<LONG_HEADER>()
        else {
            return Ok(Step::Idle);
        };
        let room = at_most(room, most.min(LONGEST));
        if room.is_empty() {
            return Ok(Step::Idle);
        }
        *header = Frame::chunk_header(id, self.read.len);
        let read = self.read_into(room)?;
        let body = u32::try_from(read + Frame::CHUNK_HEADER - CODE).unwrap_or(u32::MAX);
        *escape = 0;
        [*l0, *l1, *l2, *l3] = body.to_le_bytes();
        Ok(Step::Chunk(LONG_HEADER + read))
    }

    fn read_into(&mut self, room: &mut [u8]) -> Result<usize, Reason> {
        let read = self.source.read_at(self.read.len, room);
        let len = read.map_err(|_| Reason::ReadFailed)?;
        let bytes = room.get(..len.min(room.len())).unwrap_or_default();
        if bytes.is_empty() {
            return Err(Reason::Changed);
        }
        self.read = self.read.extend::<F::Checksum>(bytes);
        Ok(bytes.len())
    }

    const fn is_reading_again(&self) -> bool {
        self.read.len < self.start
    }
}

fn at_most(slot: &mut [u8], most: u64) -> &mut [u8] {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let len = slot.len().min(most);
    slot.get_mut(..len).unwrap_or_default()
}

const CODE: usize = 1;
const SHORT_HEADER: usize = 1 + Frame::CHUNK_HEADER;
const LONG_HEADER: usize = 5 + Frame::CHUNK_HEADER;
/// The longest piece in a frame of the short form.
const SHORT: usize = Byte::MAX_CONTENT - Frame::CHUNK_HEADER;
/// The longest piece in a frame of the long form.
const LONGEST: u64 = u32::MAX as u64 - Frame::CHUNK_HEADER as u64;
