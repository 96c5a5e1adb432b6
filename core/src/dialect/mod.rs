//! What a frame's content means: its key and body in each protocol.
//!
//! A dialect joins a framing to an envelope and an encoding. What it can carry is a matter of types: a dialect
//! [`Carries`] a message out and [`Delivers`] it in when the message has what the dialect needs, and the
//! compiler refuses the others.
//!
//! ```
//! use ropeway_core::dialect::cable_car::{CableCarByte, Join};
//! use ropeway_core::dialect::{Carries, Dialect};
//! use ropeway_core::{Messenger, SendError};
//!
//! /// Joins, in whichever dialect can say so.
//! fn join<D: Dialect + Carries<Join>>(messenger: &mut Messenger<D, [u8; 64]>) -> Result<(), SendError> {
//!     messenger.send(&Join)
//! }
//!
//! let mut messenger = Messenger::new(CableCarByte, [0; 64], [0; 64]);
//! join(&mut messenger)?;
//! assert_eq!(messenger.poll_output(), [2, 2]);
//! # Ok::<(), SendError>(())
//! ```

pub mod cable_car;
mod calling;
#[cfg(feature = "json")]
pub mod clever_show;
mod filing;
mod keeping;
pub mod native;
#[cfg(feature = "msgpack")]
pub mod packetmq;
mod resuming;
#[cfg(feature = "pickle")]
pub mod tcptalks;

use crate::encoding::EncodeError;
use crate::framing::{self, Parsed, Skipped};
use crate::message::Request;
use crate::{Instant, Malformed, file};
use core::convert::Infallible;
use core::fmt;
use core::ops::RangeInclusive;

pub use calling::{Asks, Calling, Refuses, Replies};
pub use filing::Filing;
pub use keeping::{Keeping, Keeps, Settlement};
pub use resuming::{Leave, Resumes};

/// One protocol: framing, envelope and encoding, and what it knows of the link that it speaks on.
///
/// A dialect finds one frame, then opens it. Opening frames of its own, refusals and farewells are its business:
/// it takes note of the peer's, tells the program with a [`Notice`](Self::Notice), and
/// [says](Self::emit_own) its part. Types that a protocol has no use for are [`Infallible`]: where it has no calls,
/// nothing can be called, and a `match` needs no arm for it.
pub trait Dialect: Keeps + Resumes {
    /// What names the type of a message on the wire.
    type Key<'a>: Copy + fmt::Debug + fmt::Display;

    /// A body, still encoded.
    type Body<'a>: fmt::Debug;

    /// What tells the answers to different calls apart.
    type CallId: Copy + Eq + fmt::Debug + Send + 'static;

    /// What the program is told beside messages: how the link stands, parts of large contents.
    type Notice<'a>: fmt::Debug;

    /// The codes that programs must not use for messages of their own.
    const RESERVED: &'static [RangeInclusive<u16>];

    /// Looks for one frame at the front of `input`, as [`Framing::parse`](crate::framing::Framing::parse) does.
    ///
    /// It is asked again, with the same bytes or more, until the frame is opened or refused.
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
    ) -> Result<Parsed, framing::Malformed>;

    /// How much of a frame that was refused with [`Recovery::Delimiter`](crate::framing::Recovery::Delimiter) can be
    /// passed over.
    fn skip(&self, input: &[u8]) -> Skipped {
        Skipped {
            len: input.len(),
            done: false,
        }
    }

    /// What `rule`, which a refused frame breaks, is to the program: where reading finds the ends of frames, it is a
    /// rule of the encoding.
    fn explain(&self, rule: framing::Rule) -> crate::Rule {
        crate::Rule::Framing(rule)
    }

    /// Reads the envelope of a frame's content; the body is looked at when someone asks for it.
    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed>;

    /// What a frame's content is, at a glance that takes and changes nothing: for who sorts what comes before anyone takes it.
    fn peek(content: &[u8]) -> Peeked<'_, Self::CallId> {
        let _ = content;
        Peeked::Other
    }

    /// Checks the rest of an envelope whose message nobody reads, and trims its body to the message's own.
    fn settle(envelope: Envelope<'_, Self>) -> Result<Envelope<'_, Self>, Malformed> {
        Ok(envelope)
    }

    /// Whether it has something to say of its own accord: an opening, a verdict, a farewell.
    #[inline]
    fn has_own(&self) -> bool {
        false
    }

    /// Writes the next frame that it says of its own accord to the front of `slot` and returns its length.
    ///
    /// Called only while [`has_own`](Self::has_own); a failure changes nothing.
    fn emit_own(&mut self, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let _ = slot;
        Ok(0)
    }

    /// Whether the opening is done, so that messages can be sent; true from the start where there is none.
    #[inline]
    fn is_open(&self) -> bool {
        true
    }

    /// Notes that the opening takes longer than the program waits: where silence is an answer, it counts as that.
    fn handle_silence(&mut self) {}

    /// Writes the answer to a request that has been done and has nothing to say, to the front of `slot`, and returns
    /// its length; nothing where the protocol has no word for that.
    fn emit_done(&mut self, id: Self::CallId, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let _ = (id, slot);
        Ok(0)
    }

    /// Whether one side has taken its leave, so that nothing that still comes counts.
    #[inline]
    fn has_quit(&self) -> bool {
        false
    }

    /// Whether it has something to tell that came with no frame.
    #[inline]
    fn has_notice(&self) -> bool {
        false
    }

    /// What it has to tell that came with no frame; asked only while [`has_notice`](Self::has_notice).
    fn take_notice<'a>(&mut self) -> Option<Self::Notice<'a>> {
        None
    }

    /// The request that a notice says nobody waits for any more, if it says that.
    fn cancelled(notice: &Self::Notice<'_>) -> Option<Self::CallId> {
        let _ = notice;
        None
    }

    /// A notice as one of the native protocol, for whoever serves all dialects alike and has sessions to keep.
    fn as_native<'n>(notice: &'n Self::Notice<'_>) -> Option<&'n native::Notice<'n>> {
        let _ = notice;
        None
    }

    /// Takes leave once the peer has taken all that was sent, where the protocol has a word for the end of a session.
    fn quit(&mut self) {}

    /// Asks the peer for a sign of life, which [`take_pong`](Self::take_pong) tells of, and says whether it does: where the
    /// protocol has no word for that it never does, and elsewhere not while another is waited for or the link is not open.
    fn ping(&mut self) -> bool {
        false
    }

    /// Whether the sign of life that was [asked for](Self::ping) has come since this was last asked. What was asked for on
    /// one transport does not come on the next.
    fn take_pong(&mut self) -> bool {
        false
    }

    /// Notes the time.
    #[inline]
    fn handle_time(&mut self, now: Instant) {
        let _ = now;
    }

    /// When to note the time again at the latest.
    #[inline]
    fn next_timeout(&self) -> Option<Instant> {
        None
    }

    /// Notes that bytes have come from the peer.
    #[inline]
    fn handle_heard(&mut self) {}

    /// Notes that bytes have gone to the peer.
    #[inline]
    fn handle_spoken(&mut self) {}

    /// Notes that the stream cannot be read any further, as [`find`](Self::find) has said.
    fn handle_out_of_step(&mut self) {}
}

/// A dialect that can send the message `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry `{M}`",
    note = "dialects of bytes carry messages with `Encode`, JSON dialects messages with `serde::Serialize`; a row `{M}({M}) = 0x10` in `messages!` gives a serde type both"
)]
pub trait Carries<M: ?Sized>: Dialect {
    /// Whether it ends a request of the peer's: such a message may use the room that is kept for
    /// [answers](Keeps::room_for_answers).
    const IS_ANSWER: bool = false;

    /// Writes one whole frame to the front of `slot` and returns its length; a failure changes nothing.
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError>;
}

/// A dialect that can receive the message `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot deliver `{M}`",
    note = "dialects of bytes deliver messages with `Decode`, JSON dialects messages with `serde::Deserialize`; a row `{M}({M}) = 0x10` in `messages!` gives a serde type both"
)]
pub trait Delivers<'a, M>: Dialect {
    /// Whether `key` is that of `M`.
    fn names(key: &Self::Key<'_>) -> bool;

    /// Reads the message from an envelope that names it.
    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed>;
}

/// A dialect in which the request `M` can be answered.
pub trait Answers<'a, M: Request>: Dialect {
    /// What a peer may say in the place of an answer.
    type Failure;

    /// Whether an answer of this key can be one to `M`; where answers name nothing, all can.
    #[inline]
    fn names_answer(key: &Self::Key<'_>) -> bool {
        let _ = key;
        true
    }

    /// Reads the answer from the envelope of an [`Event::Answer`](crate::Event::Answer).
    fn read_answer(
        envelope: Envelope<'a, Self>,
    ) -> Result<Result<M::Answer<'a>, Self::Failure>, Malformed>;
}

/// What a frame turned out to be.
#[derive(Debug)]
pub enum Opened<'a, D: Dialect + ?Sized> {
    /// A message, a request or an answer.
    Envelope(Envelope<'a, D>),
    /// What the dialect tells beside messages.
    Notice(D::Notice<'a>),
}

/// What a frame says about itself, and the body, still encoded.
pub struct Envelope<'a, D: Dialect + ?Sized> {
    /// What it is: a message, a request that wants an answer, or an answer.
    pub kind: Kind<D::CallId>,
    /// What names the message.
    pub key: D::Key<'a>,
    /// The body, in the receive buffer: reading it may rewrite it.
    pub body: D::Body<'a>,
}

/// What comes next, as far as it can be told without taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Peeked<'a, C> {
    /// The answer to a call.
    Answer(C),
    /// A frame of a file transfer.
    File(file::Frame<'a>),
    /// How the session or its link stands.
    Notice,
    /// Anything else: a message, a request, what breaks a rule.
    Other,
}

/// What an envelope holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind<C> {
    /// A message, which wants no answer.
    Message,
    /// A request, which wants one.
    Request(C),
    /// The answer to a call.
    Answer(C),
}

/// What does not exist in a dialect.
pub type Never = Infallible;

impl<D: Dialect + ?Sized> fmt::Debug for Envelope<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("kind", &self.kind)
            .field("key", &self.key)
            .field("body", &self.body)
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl<'a, D> defmt::Format for Envelope<'a, D>
where
    D: Dialect<Key<'a>: defmt::Format, Body<'a>: defmt::Format> + ?Sized,
{
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Envelope {{ key: {}, body: {} }}", self.key, self.body);
    }
}
