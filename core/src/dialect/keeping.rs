use crate::buf::{Kept, Measure, NeverSent};
use crate::encoding::EncodeError;

/// What a dialect does of whose frames some stay in the outbox until the peer has taken them; the others leave all of it
/// as it is.
///
/// The [messenger](crate::Messenger) asks; how far it has come lies in the [`Keeping`] that it is lent.
pub trait Keeps {
    /// How far frames have been written that stay in the outbox until the peer has taken them; none where frames are
    /// gone once they are written.
    #[inline]
    fn keeping(&self) -> Option<&Keeping> {
        None
    }

    /// The same, to be changed.
    #[inline]
    fn keeping_mut(&mut self) -> Option<&mut Keeping> {
        None
    }

    /// The frame that `front`, a part of the outbox, starts with.
    fn measure(front: &[u8]) -> Measure {
        Measure {
            len: front.len(),
            is_kept: false,
        }
    }

    /// How many bytes of kept frames may be on their way to the peer; none while nothing may be sent.
    fn window(&self) -> Option<usize> {
        None
    }

    /// The longest frame that the peer takes, as far as it has said.
    fn largest(&self) -> usize {
        usize::MAX
    }

    /// Whether what it has to say may stand behind the messages that wait, where frames are kept.
    fn may_follow(&self) -> bool {
        true
    }

    /// Writes a small frame of its own that goes past what waits in the outbox, where frames are kept.
    ///
    /// `room` is how many bytes of frames the input has room for, and the most that one frame can ever have; `is_idle`
    /// says that nothing waits in the outbox.
    fn emit_aside(
        &mut self,
        room: (usize, usize),
        is_idle: bool,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let _ = (room, is_idle, slot);
        Ok(0)
    }

    /// Whether a frame that starts with this byte is small.
    #[inline]
    fn is_small(first: u8) -> bool {
        let _ = first;
        false
    }

    /// Takes in a small frame, even before others that came earlier; says whether it was one and broke no rule.
    #[inline]
    fn take_small(&mut self, content: &[u8]) -> bool {
        let _ = content;
        false
    }

    /// A frame of `len` bytes whose content starts with `first` waits behind all others that do, and is no small one.
    fn handle_ahead(&mut self, first: u8, len: usize) {
        let _ = (first, len);
    }

    /// What is to be done with the outbox because of what was received, until there is nothing.
    #[inline]
    fn take_settlement(&mut self) -> Option<Settlement> {
        None
    }

    /// A settlement has been made: `in_doubt` messages were written and may or may not have been taken, or what was
    /// acknowledged had never been sent.
    fn handle_settled(&mut self, settled: Result<usize, NeverSent>) {
        let _ = settled;
    }

    /// Whether nothing but messages is to be seen to, where frames are kept: no notice, no settlement, no opening.
    #[inline]
    fn is_steady(&self) -> bool {
        false
    }

    /// How many bytes of an outbox of `limit` bytes are kept for answers, so that messages do not crowd them out.
    #[inline]
    fn room_for_answers(limit: usize) -> usize {
        let _ = limit;
        0
    }

    /// A frame of `len` bytes, of which `front` has come, is passed over, since it is longer than the memory for it.
    fn handle_refused(&mut self, front: &[u8], len: usize) {
        let _ = (front, len);
    }

    /// A frame that was refused is past.
    fn handle_passed_over(&mut self) {}

    /// So many frames that were to go are longer than the peer takes, and were [struck](Self::strike).
    fn handle_too_long(&mut self, count: usize) {
        let _ = count;
    }

    /// Whether the frame that `front` starts with means nothing in a fresh session.
    fn is_of_session(front: &[u8]) -> bool {
        let _ = front;
        false
    }

    /// Makes a loose frame of the kept one that `front` starts with.
    fn strike(front: &mut [u8]) {
        let _ = front;
    }

    /// Whether messages in doubt wait to be looked at.
    fn holds_in_doubt(&self) -> bool {
        false
    }

    /// Whether messages in doubt were waiting to be looked at; they are none any more.
    fn forget_in_doubt(&mut self) -> bool {
        false
    }
}

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
