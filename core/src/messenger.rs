#[cfg(feature = "defmt")]
mod formats;
mod keeping;
mod looking;
mod wired;

use crate::buf::{Input, Outbox, Storage};
use crate::dialect::{Calling, Carries, Dialect, Envelope, Kind, Opened, Peeked};
use crate::encoding::EncodeError;
use crate::framing::{self, Frame, Recovery};
use crate::registry::{Registry, Rejected};
use crate::wire::{self, Plain, Wire};
use crate::{Malformed, SendError};
use core::fmt;

/// Messages in and out of one stream of bytes, without the stream: bytes come in and go out as values.
///
/// Who holds the transport calls [`input_room`](Self::input_room) and [`handle_input`](Self::handle_input) with
/// what it received, [`poll_output`](Self::poll_output) and [`handle_written`](Self::handle_written) with what
/// it can send; the application calls [`send`](Self::send) and [`recv`](Self::recv). Memory is what `input` and
/// `outbox` have: a peer cannot make it grow, a full outbox is reported and loses nothing.
///
/// ```
/// use ropeway_core::dialect::cable_car::{CableCarByte, Join, Quit};
/// use ropeway_core::{Event, Messenger, messages};
///
/// messages! { #[derive(Debug)] enum Words { Join(Join), Quit(Quit) } }
///
/// let mut ours = Messenger::new(CableCarByte, [0; 64], [0; 64]);
/// ours.send(&Join)?;
/// ours.send(&Quit)?;
///
/// let mut theirs = Messenger::new(CableCarByte, [0; 64], [0; 64]);
/// let bytes = ours.poll_output();
/// theirs.input_room()[..bytes.len()].copy_from_slice(bytes);
/// theirs.handle_input(bytes.len());
///
/// assert!(matches!(theirs.recv(), Some(Event::Message(Words::Join(Join)))));
/// assert!(matches!(theirs.recv(), Some(Event::Message(Words::Quit(Quit)))));
/// assert!(theirs.recv::<Words>().is_none());
/// # Ok::<(), ropeway_core::SendError>(())
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Messenger<D, I, O = I, W = Plain> {
    dialect: D,
    input: Input<I>,
    outbox: Outbox<O>,
    /// Bytes of the next frame that need no second look.
    scanned: usize,
    reading: Reading,
    wire: W,
}

/// What became of the incoming stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Reading {
    Frames,
    /// A refused frame is being passed over.
    Skipping(Recovery),
    /// No further bytes will come; what has come is still delivered.
    Ended,
    /// The framing is broken for good.
    OutOfStep,
}

/// What there is to say.
pub(crate) enum Seen {
    /// The next frame.
    Frame(Frame),
    /// The rule that the input breaks.
    Malformed(framing::Malformed),
    /// What has ended the stream below the frames.
    Fault(wire::Fault),
    /// Something that the dialect has to tell and that came with no frame.
    Notice,
}

/// Why nothing more can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Over {
    /// The peer has ended the stream and all of it has been delivered.
    Ended,
    /// The peer broke the framing so that no further frame can be found.
    OutOfStep,
    /// One side has taken its leave, as an [`Event::Notice`] or the program itself has said.
    Quit,
}

/// One thing that the peer said.
pub enum Event<'a, D: Dialect, T> {
    /// A message of the table.
    Message(T),
    /// A request of the table, which wants an [`Answer`](crate::message::Answer) by this id.
    Request(D::CallId, T),
    /// The answer to a [`Call`](crate::message::Call); [`Answers`](crate::dialect::Answers) reads it.
    Answer(D::CallId, Envelope<'a, D>),
    /// What the dialect has to tell: how the link stands, a part of a large content.
    Notice(D::Notice<'a>),
    /// A message that the table does not have; the stream is in step. Its body is trimmed to the message's own:
    /// the bytes behind the code, the attributes in JSON.
    Unknown(Envelope<'a, D>),
    /// A frame that breaks a rule. The next event comes from behind it, unless it
    /// [`is_fatal`](Malformed::is_fatal).
    Malformed(Malformed),
}

impl<D: Dialect, I: Storage, O: Storage> Messenger<D, I, O> {
    /// A messenger at the start of its stream, in memory that the caller lends.
    ///
    /// `input` bounds the frames that can be received, `outbox` those that can be sent and how many wait.
    pub const fn new(dialect: D, input: I, outbox: O) -> Self {
        Self {
            dialect,
            input: Input::new(input),
            outbox: Outbox::new(outbox),
            scanned: 0,
            reading: Reading::Frames,
            wire: Plain,
        }
    }
}

impl<D: Dialect, I: Storage, O: Storage, W: Wire> Messenger<D, I, O, W> {
    /// Queues a message, encoded straight into the outbox.
    ///
    /// [`SendError::Full`] takes nothing, and everything that was queued stays as it was: write some of
    /// [`poll_output`](Self::poll_output) out and send again.
    #[inline]
    pub fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        self.say_first()?;
        let kept_free = match <D as Carries<M>>::IS_ANSWER {
            true => 0,
            false => D::room_for_answers(self.outbox.limit()),
        };
        self.append(kept_free, |dialect, slot| dialect.emit(message, slot))
    }

    /// Tells the peer that nobody waits for the answer to a call any more, where the protocol has a word for that.
    ///
    /// A request that has never been on its way is withdrawn, where frames are kept.
    pub fn cancel(&mut self, id: D::CallId) -> Result<(), SendError>
    where
        D: Calling,
    {
        self.dialect.forget(id);
        if self.withdraw(id) {
            return Ok(());
        }
        self.say_first()?;
        self.append(0, |dialect, slot| dialect.emit_cancel(id, slot))
    }

    /// Queues the answer to a request that has been done and has nothing to say, and says whether the dialect has a
    /// word for that.
    pub fn send_done(&mut self, id: D::CallId) -> Result<bool, SendError> {
        self.say_first()?;
        let queued = self.queued();
        self.append(0, |dialect, slot| dialect.emit_done(id, slot))?;
        Ok(self.queued() > queued)
    }

    /// The next thing that the peer said, if it is here whole; messages borrow from the receive buffer.
    ///
    /// `T` is the table that [`messages!`](crate::messages) declared. Copy what is to be kept before the next call.
    #[inline]
    pub fn recv<'a, T: Registry<'a, D>>(&'a mut self) -> Option<Event<'a, D, T>> {
        self.recv_with(T::decode)
    }

    /// The next thing that the peer said, its messages and requests read by `decode`: for tables that are known
    /// only when the program runs.
    #[inline]
    pub fn recv_with<'a, T>(
        &'a mut self,
        decode: impl FnOnce(Envelope<'a, D>) -> Result<T, Rejected<'a, D>>,
    ) -> Option<Event<'a, D, T>> {
        if let Some(frame) = self.look_steadily() {
            return Some(self.say_frame(frame, decode));
        }
        let seen = self.look()?;
        Some(self.say_seen(seen, decode))
    }

    /// What [`look`](Self::look) has just seen, as an event: out of the way where [`look_steadily`](Self::look_steadily)
    /// sees what mostly comes.
    #[inline]
    pub(crate) fn say_seen<'a, T>(
        &'a mut self,
        seen: Seen,
        decode: impl FnOnce(Envelope<'a, D>) -> Result<T, Rejected<'a, D>>,
    ) -> Event<'a, D, T> {
        match self.dialect.keeping() {
            Some(_) => self.say_rarely(seen, decode),
            None => self.say(seen, decode),
        }
    }

    /// The same as [`say`](Self::say), out of the way of what mostly happens.
    #[cold]
    #[inline(never)]
    fn say_rarely<'a, T>(
        &'a mut self,
        seen: Seen,
        decode: impl FnOnce(Envelope<'a, D>) -> Result<T, Rejected<'a, D>>,
    ) -> Event<'a, D, T> {
        self.say(seen, decode)
    }

    /// What [`look`](Self::look) has just seen, as an event.
    #[inline]
    pub(crate) fn say<'a, T>(
        &'a mut self,
        seen: Seen,
        decode: impl FnOnce(Envelope<'a, D>) -> Result<T, Rejected<'a, D>>,
    ) -> Event<'a, D, T> {
        match seen {
            Seen::Frame(frame) => self.say_frame(frame, decode),
            Seen::Malformed(malformed) => Event::Malformed(self.refuse(malformed)),
            Seen::Fault(fault) => {
                self.reading = Reading::OutOfStep;
                Event::Malformed(Malformed::at(0, crate::Rule::Wire(fault)))
            }
            Seen::Notice => self.say_notice(),
        }
    }

    /// The next frame, which [`look_steadily`](Self::look_steadily) has just found, as an event.
    #[inline(always)]
    pub(crate) fn say_frame<'a, T>(
        &'a mut self,
        frame: Frame,
        decode: impl FnOnce(Envelope<'a, D>) -> Result<T, Rejected<'a, D>>,
    ) -> Event<'a, D, T> {
        self.scanned = 0;
        if let Some(keeping) = self.dialect.keeping_mut() {
            keeping.ahead = keeping.ahead.saturating_sub(frame.len);
        }
        let start = self.input.consumed();
        let content = self
            .input
            .take(frame.len)
            .get_mut(frame.start..frame.end)
            .unwrap_or_default();
        let event = match self.dialect.open(content) {
            Ok(Opened::Envelope(envelope)) => match envelope.kind {
                Kind::Answer(id) => return Event::Answer(id, envelope),
                kind => match decode(envelope) {
                    Ok(message) => {
                        return match kind {
                            Kind::Request(id) => Event::Request(id, message),
                            _ => Event::Message(message),
                        };
                    }
                    Err(Rejected::Unknown(envelope)) => D::settle(envelope).map(Event::Unknown),
                    Err(Rejected::Malformed(malformed)) => Err(malformed),
                },
            },
            Ok(Opened::Notice(notice)) => return Event::Notice(notice),
            Err(malformed) => Err(malformed),
        };
        event.unwrap_or_else(|malformed| Event::Malformed(malformed.within(start, frame.start)))
    }

    /// What [`recv`](Self::recv) says next, as far as that can be told without taking it; `None` if it says nothing now.
    pub fn peek(&mut self) -> Option<Peeked<'_, D::CallId>> {
        Some(match self.look()? {
            Seen::Frame(frame) => {
                let content = self.input.as_slice().get(frame.start..frame.end);
                D::peek(content.unwrap_or_default())
            }
            Seen::Notice => Peeked::Notice,
            Seen::Malformed(_) | Seen::Fault(_) => Peeked::Other,
        })
    }

    /// Whether [`recv`](Self::recv) has something to say now.
    #[inline]
    pub fn has_event(&mut self) -> bool {
        self.look().is_some()
    }

    /// Where the next received bytes go; empty while the buffer is full and has an event to be taken.
    pub fn input_room(&mut self) -> &mut [u8] {
        if !self.wire.is_plain() {
            self.pull();
            return self.wire.input_room();
        }
        self.make_room();
        self.input.room()
    }

    /// Notes that the first `len` bytes of [`input_room`](Self::input_room) have been received.
    pub fn handle_input(&mut self, len: usize) {
        if matches!(self.reading, Reading::Frames | Reading::Skipping(_)) {
            if len > 0 {
                self.dialect.handle_heard();
            }
            match self.wire.is_plain() {
                true => self.input.fill(len),
                false => {
                    self.wire.handle_input(len);
                    self.pull();
                }
            }
        }
    }

    /// Notes that the peer has ended the stream. What has arrived whole is still delivered; a frame that was
    /// cut off is reported as [`framing::Rule::Truncated`].
    pub fn handle_end(&mut self) {
        self.pull();
        self.pass_over();
        self.reading = match self.reading {
            Reading::OutOfStep => Reading::OutOfStep,
            Reading::Frames | Reading::Skipping(_) | Reading::Ended => Reading::Ended,
        };
    }

    /// Whether the peer has ended the stream; what arrived before may still wait to be taken.
    pub fn has_ended(&self) -> bool {
        self.reading == Reading::Ended
    }

    /// Whether nothing more can ever be received, and why.
    pub fn is_over(&mut self) -> Option<Over> {
        self.pass_over();
        match self.reading {
            // A rest that is no whole frame is still an event: it has been cut off.
            Reading::Ended if self.input.is_empty() => Some(Over::Ended),
            Reading::OutOfStep => Some(Over::OutOfStep),
            _ if self.dialect.has_quit() => Some(Over::Quit),
            _ => None,
        }
    }

    /// Gives back the memory of buffers in which nothing is, where it can be given back: for links that are silent for a
    /// while. They take it again when bytes come or go.
    pub fn release_memory(&mut self) {
        self.input.release();
        self.outbox.release();
    }

    /// The same, but for memory that was enlarged, which is dear to get again: for who holds many links and looks at one
    /// after the other.
    pub fn release_usual_memory(&mut self) {
        if !self.input.has_grown() {
            self.input.release();
        }
        if !self.outbox.has_grown() {
            self.outbox.release();
        }
    }

    /// The dialect, to see how the link stands.
    pub const fn dialect(&self) -> &D {
        &self.dialect
    }

    /// The dialect, to change what it knows or have it say something of its own.
    pub const fn dialect_mut(&mut self) -> &mut D {
        &mut self.dialect
    }

    /// The next bytes to write to the transport, empty when nothing waits.
    #[inline]
    pub fn poll_output(&mut self) -> &[u8] {
        if !self.wire.is_plain() {
            self.push();
            return self.wire.poll_output();
        }
        self.take_up_output();
        self.output()
    }

    /// Takes up what is to be written next.
    #[inline]
    fn take_up_output(&mut self) {
        match self.dialect.keeping() {
            Some(_) => self.commit(),
            // What finds no room now is said once there is.
            None => drop(self.say_own()),
        }
    }

    #[inline]
    fn output(&self) -> &[u8] {
        match self.dialect.keeping() {
            Some(_) => self.committed(),
            None => self.outbox.peek(),
        }
    }

    /// Whether [`poll_output`](Self::poll_output) has something to write.
    #[inline]
    pub fn has_output(&self) -> bool {
        if !self.wire.is_plain() && (self.wire.has_output() || !self.wire.is_open()) {
            return self.wire.has_output();
        }
        match self.dialect.keeping() {
            Some(keeping) => self.has_kept_output(keeping),
            None => !self.outbox.is_empty() || self.dialect.has_own(),
        }
    }

    /// Notes that the transport has taken the first `len` bytes of [`poll_output`](Self::poll_output).
    #[inline]
    pub fn handle_written(&mut self, len: usize) {
        match self.wire.is_plain() {
            true => self.handle_plain_written(len),
            false => self.wire.handle_written(len),
        }
    }

    #[inline]
    fn handle_plain_written(&mut self, len: usize) {
        match self.dialect.keeping() {
            Some(_) => self.handle_committed(len),
            None => self.outbox.pop(len),
        }
    }

    /// [`input_room`](Self::input_room) and [`poll_output`](Self::poll_output) at once, for a transport that
    /// reads and writes at the same time.
    pub fn both_ways(&mut self) -> (&mut [u8], &[u8]) {
        if !self.wire.is_plain() {
            self.pull();
            self.push();
            return self.wire.both_ways();
        }
        self.make_room();
        self.take_up_output();
        let output = match self.dialect.keeping() {
            Some(keeping) if !keeping.aside.is_empty() => keeping.aside.waiting(),
            Some(keeping) => keeping.kept.peek(&self.outbox),
            None => self.outbox.peek(),
        };
        (self.input.room(), output)
    }

    /// What keeps the dialect from saying what it has to, where more room in the outbox does not help: the link
    /// cannot go on.
    pub fn silenced(&mut self) -> Option<SendError> {
        if self.dialect.keeping().is_some() {
            return None;
        }
        let said = self.say_own();
        said.err().filter(|error| *error != SendError::Full)
    }

    /// How many bytes wait to be written or, where they are kept so long, to be taken by the peer.
    pub const fn queued(&self) -> usize {
        self.outbox.len()
    }

    /// What the dialect has to tell that came with no frame.
    #[cold]
    fn say_notice<'a, T>(&'a mut self) -> Event<'a, D, T> {
        match self.dialect.take_notice() {
            Some(notice) => Event::Notice(notice),
            None => Event::Malformed(Malformed::at(
                0,
                crate::Rule::Framing(framing::Rule::Unreadable),
            )),
        }
    }

    /// Queues what has to be said before a message.
    #[inline]
    fn say_first(&mut self) -> Result<(), SendError> {
        match self.dialect.keeping() {
            Some(_) => {
                if !self.dialect.is_steady() {
                    self.settle();
                }
                Ok(())
            }
            None => self.say_own(),
        }
    }

    /// Queues what the dialect has to say of its own accord.
    #[inline]
    fn say_own(&mut self) -> Result<(), SendError> {
        while self.dialect.has_own() {
            let waiting = self.outbox.len();
            self.append(0, D::emit_own)?;
            // A dialect that has nothing to say after all is not asked again now.
            if self.outbox.len() == waiting {
                break;
            }
        }
        Ok(())
    }

    /// Queues one frame, and leaves `kept_free` bytes behind it free.
    #[inline]
    fn append(
        &mut self,
        kept_free: usize,
        mut emit: impl FnMut(&mut D, &mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<(), SendError> {
        let mut at_least = 1 + kept_free;
        loop {
            let emit = |slot: &mut [u8]| {
                let room = slot.len().saturating_sub(kept_free);
                emit(&mut self.dialect, slot.get_mut(..room).unwrap_or_default())
            };
            match self.outbox.append(at_least, emit) {
                Some(Ok(())) => return Ok(()),
                Some(Err(EncodeError::Full)) => at_least = self.outbox.offered() + 1,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(self.refused(kept_free)),
            }
        }
    }

    #[cold]
    fn refused(&self, kept_free: usize) -> SendError {
        if self.outbox.is_empty() {
            SendError::TooLong {
                limit: self.outbox.limit().saturating_sub(kept_free),
            }
        } else {
            SendError::Full
        }
    }
}

impl<D: Dialect, T: fmt::Debug> fmt::Debug for Event<'_, D, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.debug_tuple("Message").field(message).finish(),
            Self::Request(id, request) => {
                f.debug_tuple("Request").field(id).field(request).finish()
            }
            Self::Answer(id, answer) => f.debug_tuple("Answer").field(id).field(answer).finish(),
            Self::Notice(notice) => f.debug_tuple("Notice").field(notice).finish(),
            Self::Unknown(envelope) => f.debug_tuple("Unknown").field(envelope).finish(),
            Self::Malformed(malformed) => f.debug_tuple("Malformed").field(malformed).finish(),
        }
    }
}

#[cfg(feature = "defmt")]
impl<'a, D, T: defmt::Format> defmt::Format for Event<'a, D, T>
where
    D: Dialect<
            Key<'a>: defmt::Format,
            Body<'a>: defmt::Format,
            CallId: defmt::Format,
            Notice<'a>: defmt::Format,
        >,
{
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Message(message) => defmt::write!(f, "Message({})", message),
            Self::Request(id, request) => defmt::write!(f, "Request({}, {})", id, request),
            Self::Answer(id, answer) => defmt::write!(f, "Answer({}, {})", id, answer),
            Self::Notice(notice) => defmt::write!(f, "Notice({})", notice),
            Self::Unknown(envelope) => defmt::write!(f, "Unknown({})", envelope),
            Self::Malformed(malformed) => defmt::write!(f, "Malformed({})", malformed),
        }
    }
}

#[cfg(test)]
mod tests;
