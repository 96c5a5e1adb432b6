//! The native protocol: sessions that outlive their transports, calls, files. Its bytes are in `SPEC.md`.
//!
//! Every message arrives once and in order, or is reported: it stays in the outbox until the peer has *taken* it, and
//! goes out again on the next transport. One end dials and the other listens; what they make of each other is told by
//! [`Notice`]s.
//!
//! ```
//! use ropeway_core::dialect::native::{Config, Native, Notice, Opening};
//! use ropeway_core::{Event, Messenger, messages};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Reading { celsius: f32 }
//!
//! messages! { #[derive(Debug)] enum Words { Reading(Reading) = 0x10 } }
//!
//! # fn carry<C: core::borrow::Borrow<Config>>(from: &mut Messenger<Native<C>, [u8; 512]>, to: &mut Messenger<Native<C>, [u8; 512]>) {
//! #     while !from.poll_output().is_empty() {
//! #         let bytes = from.poll_output();
//! #         let len = bytes.len();
//! #         to.input_room()[..len].copy_from_slice(bytes);
//! #         to.handle_input(len);
//! #         from.handle_written(len);
//! #     }
//! # }
//! let (board, hub) = (Config::new(0xB0A7D).name("board"), Config::new(0x40B).name("hub"));
//! let mut board = Messenger::new(Native::dialling(board), [0; 512], [0; 512]);
//! let mut hub = Messenger::new(Native::listening(hub), [0; 512], [0; 512]);
//!
//! // Said before there is a link, and kept until there is.
//! board.send(&Reading { celsius: 21.5 })?;
//!
//! carry(&mut board, &mut hub);
//! assert!(matches!(hub.recv::<Words>(), Some(Event::Notice(Notice::Met(name))) if &*name == "board"));
//! carry(&mut hub, &mut board);
//! while board.recv::<Words>().is_some() {}
//! carry(&mut board, &mut hub);
//! assert!(matches!(hub.recv::<Words>(), Some(Event::Notice(Notice::Opened(Opening::Fresh { .. })))));
//!
//! // The cable is pulled before the reading was taken: it comes over the next one, once.
//! board.handle_connected();
//! hub.handle_connected();
//! carry(&mut board, &mut hub);
//! while hub.recv::<Words>().is_some() {}
//! carry(&mut hub, &mut board);
//! while board.recv::<Words>().is_some() {}
//! carry(&mut board, &mut hub);
//! assert!(matches!(hub.recv(), Some(Event::Message(Words::Reading(_)))));
//! assert!(hub.recv::<Words>().is_none());
//! # Ok::<(), ropeway_core::SendError>(())
//! ```

mod call;
mod code;
mod config;
mod frame;
mod hello;
mod keepalive;
mod keeping;
mod names;
mod notice;
mod resuming;
mod sending;
mod session;
#[cfg(test)]
mod tests;

use crate::dialect::cable_car::Code;
use crate::dialect::{Dialect, Envelope, Filing, Kind, Opened, Peeked};
use crate::encoding::EncodeError;
use crate::framing::{self, Extended, Framing, Parsed, Recovery, Skipped};
use crate::{Instant, Malformed, file};
use core::borrow::Borrow;
use core::ops::RangeInclusive;
use session::{Phase, Session, Side};

pub use crate::error::native::{Difference, Guess, Rule};
pub use crate::message::FailureKind;
pub use crate::name::Name;
pub use call::{CallId, Failure};
pub use config::{Config, Policy};
pub use frame::Frame;
pub use hello::Hello;
pub use names::{Adapt, Codes, Enforce, fingerprint};
pub use notice::{Cause, Notice, Opening, Reason};
pub use sending::{Coded, RawAnswer};

/// The TCP port that programs listen on by default.
pub const TCP_PORT: u16 = 8225;

/// The UDP port of discovery by default.
pub const UDP_PORT: u16 = 8224;

/// One end of a native session.
///
/// `C` is or holds the program's [`Config`], `M` is [`Adapt`] for links that adapt to the peer's codes.
///
/// The session stays while transports come and go: tell [`handle_connected`](crate::Messenger::handle_connected) for each
/// but the first. It needs the time, by [`handle_time`](crate::Messenger::handle_time), to keep and to check promises of
/// silence.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Native<C, M = Enforce> {
    config: C,
    codes: M,
    session: Session,
    /// The length of the frame that was found last.
    frame_len: u32,
    /// What is kept for files on this link, if that is more than for all.
    file_room: u32,
    /// What ended reading.
    fault: Option<Rule>,
}

impl<C: Borrow<Config>> Native<C> {
    /// The end that dials.
    pub const fn dialling(config: C) -> Self {
        Self::new(config, Side::Dialler, Enforce)
    }

    /// The end that listens, for one peer at a time: a session that it does not know takes the place of the one that it has.
    pub const fn listening(config: C) -> Self {
        Self::new(config, Side::Listener, Enforce)
    }
}

impl<C: Borrow<Config>, M: Codes> Native<C, M> {
    const fn new(config: C, side: Side, codes: M) -> Self {
        Self {
            config,
            codes,
            session: Session::new(side),
            frame_len: 0,
            file_room: 0,
            fault: None,
        }
    }

    /// The same, with another map of codes.
    #[must_use]
    pub fn with_codes<N: Codes>(self, codes: N) -> Native<C, N> {
        Native {
            config: self.config,
            codes,
            session: self.session,
            frame_len: self.frame_len,
            file_room: self.file_room,
            fault: self.fault,
        }
    }

    /// What, beside the epoch, the ids of its sessions are drawn from: every listening end of a program needs another, at
    /// random where there is chance.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.session.seed = seed;
        self
    }

    /// Leaves it to the holder to find the session that a peer asks for: see [`claim`](Self::claim).
    #[must_use]
    pub const fn in_lobby(mut self) -> Self {
        if let Side::Listener = self.session.side {
            self.session.side = Side::Lobby;
        }
        self
    }

    /// The opening of a peer that waits for an answer.
    ///
    /// Its holder either [answers](Self::answer) here, or looks up who has the session that it asks for and has that end
    /// [take it over](Self::take_over).
    pub fn claim(&self) -> Option<&Hello> {
        (self.session.phase == Phase::Claimed).then_some(&self.session.peer)
    }

    /// Answers a peer that waits, with a fresh session if it asks for none that is known here.
    pub fn answer(&mut self) {
        let config = self.config.borrow();
        let fresh = self.session.draw(config);
        if let Err(rule) = self.session.answer(config, fresh) {
            self.session.break_off_aloud(rule);
        }
    }

    /// Takes over the opening of a peer that another end was shown, as if it had come here: after
    /// [`handle_connected`](crate::Messenger::handle_connected), for the transport that it came by.
    pub fn take_over(&mut self, hello: &Hello, name: &str) {
        self.session.take_over(hello, name);
        self.answer();
    }

    /// The id of the session that has begun, if one has.
    pub const fn session(&self) -> Option<u64> {
        match self.session.id() {
            0 => None,
            id => Some(id),
        }
    }

    /// The id of a session that was offered and has not begun, if there is one.
    pub const fn offered(&self) -> Option<u64> {
        match self.session.offered() {
            0 => None,
            id => Some(id),
        }
    }

    /// What the peer has said of itself on this link; zeros before it has.
    pub const fn peer(&self) -> &Hello {
        &self.session.peer
    }

    /// What the peer calls itself; nothing before it has shown itself.
    pub fn peer_name(&self) -> &str {
        &self.session.name
    }

    /// The program's settings.
    pub fn config(&self) -> &Config {
        self.config.borrow()
    }

    /// Takes leave: BYE is said once the peer has taken all that was sent, and ends the link.
    pub fn close(&mut self, reason: Reason) {
        self.session.close(reason);
    }

    /// Takes leave at once; what is queued stays for the next link, if the session can be resumed.
    pub fn abort(&mut self, reason: Reason) {
        self.session.abort(reason);
    }

    /// The link cannot go on: `rule` is broken by a frame.
    #[cold]
    #[inline(never)]
    fn break_off(&mut self, rule: Rule) -> Malformed {
        self.session.break_off(rule);
        Malformed::at(0, crate::Rule::Native(rule))
    }

    /// Refuses a first frame that is no opening, as soon as that can be seen.
    #[cold]
    #[inline(never)]
    fn check_first(&mut self, input: &[u8]) -> Result<(), framing::Malformed> {
        let expected = match (self.session.side, input) {
            (_, [] | [2..=255]) => return Ok(()),
            (_, [0, second]) if *second != 0 => return Ok(()),
            (Side::Dialler, [2..=255, code, ..]) => matches!(*code, code::WELCOME | code::BYE),
            (_, [2..=255, code, ..]) => matches!(*code, code::HELLO),
            _ => false,
        };
        if expected {
            return Ok(());
        }
        // The link ends when this is told: until then it can be seen again.
        self.fault = Some(Rule::NotNative {
            looks_like: Guess::of(input),
        });
        Err(framing::Malformed {
            rule: framing::Rule::Unreadable,
            offset: 0,
            recovery: Recovery::Lost,
        })
    }

    /// The room that is advertised, of input memory with `ready` bytes that grows to `limit` for one frame: of sequenced
    /// frames, and of one frame.
    fn room(&self, (ready, limit): (usize, usize)) -> (u32, u32) {
        let config = self.config.borrow();
        let spare = |bytes| {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            bytes.saturating_sub(SMALL_ROOM)
        };
        let room = spare(ready).saturating_sub(config.file_room.max(self.file_room));
        (config.window.min(room), config.largest.min(spare(limit)))
    }
}

impl<C: Borrow<Config>, M: Codes> Dialect for Native<C, M> {
    type Key<'a> = Code;

    type Body<'a> = &'a mut [u8];

    type CallId = CallId;

    type Notice<'a> = Notice<'a>;

    const RESERVED: &'static [RangeInclusive<u16>] = RESERVED;

    #[inline]
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
    ) -> Result<Parsed, framing::Malformed> {
        if self.session.phase == Phase::Opening {
            self.check_first(input)?;
        }
        match Extended::parse(input, scanned, limit) {
            Ok(Parsed::Frame(frame)) => {
                self.frame_len = u32::try_from(frame.len).unwrap_or(u32::MAX);
                Ok(Parsed::Frame(frame))
            }
            // Whether it counts is told by its code.
            Err(framing::Malformed {
                rule: framing::Rule::Limit { .. },
                ..
            }) if code::of(input).is_none() => Ok(Parsed::More { scanned: 0 }),
            other => other,
        }
    }

    fn skip(&self, input: &[u8]) -> Skipped {
        Extended::skip(input)
    }

    fn explain(&self, rule: framing::Rule) -> crate::Rule {
        match (rule, self.fault) {
            (framing::Rule::Unreadable, Some(fault)) => crate::Rule::Native(fault),
            _ => crate::Rule::Framing(rule),
        }
    }

    #[inline(always)]
    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed> {
        let Some((&mut first, _)) = content.split_first_mut() else {
            return Err(self.break_off(Rule::ShortFrame { code: 0 }));
        };
        if code::is_sequenced(first) {
            if !self.session.is_steady {
                let may_come = self.session.on_sequenced(first);
                may_come.map_err(|rule| self.break_off(rule))?;
            }
            self.session.count(self.frame_len);
        }
        if first < code::FIRST_OWN {
            let key = Code(self.codes.translate(first));
            let body = content.get_mut(1..).unwrap_or_default();
            return Ok(Opened::Envelope(Envelope {
                kind: Kind::Message,
                key,
                body,
            }));
        }
        self.open_own(first, content)
    }

    fn peek(content: &[u8]) -> Peeked<'_, CallId> {
        match content {
            [code::BYE, ..] => Peeked::Notice,
            [code::RESPONSE | code::FAILURE, a, b, c, d, ..] => {
                Peeked::Answer(CallId(u32::from_le_bytes([*a, *b, *c, *d])))
            }
            [code::OFFER..=code::STOP, ..] => {
                file::Frame::parse(content).map_or(Peeked::Other, Peeked::File)
            }
            _ => Peeked::Other,
        }
    }

    #[inline]
    fn has_own(&self) -> bool {
        self.session.has_own(self.config.borrow())
    }

    fn is_open(&self) -> bool {
        self.session.phase == Phase::Open
    }

    fn has_quit(&self) -> bool {
        self.session.phase == Phase::Over
    }

    #[inline]
    fn has_notice(&self) -> bool {
        self.session.has_notice()
    }

    fn take_notice<'a>(&mut self) -> Option<Notice<'a>> {
        self.session.take_notice()
    }

    fn cancelled(notice: &Notice<'_>) -> Option<CallId> {
        match *notice {
            Notice::Cancelled(id) => Some(id),
            _ => None,
        }
    }

    fn as_native<'n>(notice: &'n Notice<'_>) -> Option<&'n Notice<'n>> {
        Some(notice)
    }

    fn quit(&mut self) {
        self.close(Reason::Done);
    }

    fn ping(&mut self) -> bool {
        self.session.ping()
    }

    fn take_pong(&mut self) -> bool {
        self.session.take_pong()
    }

    fn handle_time(&mut self, now: Instant) {
        self.session.keepalive.handle_time(now);
        self.session.check_silence();
    }

    fn next_timeout(&self) -> Option<Instant> {
        let promised = match self.session.phase {
            Phase::Over => return None,
            // Nothing can be said in the middle of a frame, and its rest speaks for itself.
            Phase::Open if !self.session.keeping.is_writing() => self.config.borrow().silence,
            _ => 0,
        };
        self.session.keepalive.next_timeout(promised)
    }

    #[inline]
    fn handle_heard(&mut self) {
        self.session.keepalive.handle_heard();
    }

    #[inline]
    fn handle_spoken(&mut self) {
        self.session.keepalive.handle_spoken();
    }

    fn handle_out_of_step(&mut self) {
        let without_code = Rule::ShortFrame { code: 0 };
        self.session.break_off(self.fault.unwrap_or(without_code));
    }
}

impl<C: Borrow<Config>, M: Codes> Native<C, M> {
    /// Takes in a small frame.
    #[inline]
    fn take_in(&mut self, code: u8, content: &[u8]) -> Result<(), Rule> {
        let config = self.config.borrow();
        match code {
            code::HELLO => self.session.on_hello(config, content),
            code::WELCOME => self.session.on_welcome(config, content),
            code::NAMES => self.session.on_name(config, &mut self.codes, content),
            _ => self.session.on_small(code, content),
        }
    }

    /// Opens a frame of the protocol's own.
    #[inline(never)]
    fn open_own<'a>(
        &'a mut self,
        first: u8,
        content: &'a mut [u8],
    ) -> Result<Opened<'a, Self>, Malformed> {
        let outcome = match first {
            code::OFFER..=code::STOP => {
                return match file::Frame::parse(content) {
                    Ok(frame) => Ok(Opened::Notice(Notice::File(frame))),
                    Err(rule) => Err(Malformed::at(0, crate::Rule::File(rule))),
                };
            }
            code::REQUEST..=code::CANCEL => {
                return call::open(&self.codes, content).map_err(|rule| self.break_off(rule));
            }
            code::BYE => self.session.on_bye(content),
            // It is here because it could not be taken in.
            code if code::is_small(code) => Err(match self.take_in(code, content) {
                Err(rule) => rule,
                Ok(()) => Rule::OutOfPlace { code },
            }),
            code => Err(Rule::UnknownControl { code }),
        };
        match outcome {
            Ok(notice) => Ok(Opened::Notice(notice)),
            Err(rule) => {
                self.session.break_off_at(rule, content);
                Err(Malformed::at(0, crate::Rule::Native(rule)))
            }
        }
    }
}

impl<C: Borrow<Config>, M: Codes> Filing for Native<C, M> {
    fn file_frame<'a>(notice: &Self::Notice<'a>) -> Option<file::Frame<'a>> {
        match notice {
            Notice::File(frame) => Some(*frame),
            _ => None,
        }
    }

    fn keep_room(&mut self, bytes: u32) {
        self.file_room = bytes;
    }

    fn emit_file(
        &mut self,
        frame: &file::Frame<'_>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        Extended::emit(slot, |content| Ok(frame.emit(content)?))
    }
}

/// The codes of the standard messages and of the protocol's own frames.
pub(crate) const RESERVED: &[RangeInclusive<u16>] = &[0x00..=0x0F, 0xE0..=0xFF];

/// The bytes of input memory that are kept for small frames.
const SMALL_ROOM: u32 = 128;
