//! The protocol of TCPTalks: remote calls between a robot, which listens, and a controller, which connects.
//!
//! A stream of pickles over TCP, back to back. A message is a tuple: a call with its opcode, arguments and keyword
//! arguments, or the reply to one. Both sides call each other once the connecting side has shown its password.
//!
//! ```
//! use ropeway_core::dialect::Calling;
//! use ropeway_core::dialect::tcptalks::{Notice, TcpTalks};
//! use ropeway_core::encoding::pickle::Node;
//! use ropeway_core::message::{Answer, Call};
//! use ropeway_core::{Event, Messenger, messages};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Move { distance: i32, speed: i32 }
//!
//! messages! { #[derive(Debug)] enum Robot { Move(Move) = 0x10 -> bool } }
//!
//! # fn carry<A: ropeway_core::dialect::Dialect, B: ropeway_core::dialect::Dialect>(from: &mut Messenger<A, [u8; 256]>, to: &mut Messenger<B, [u8; 256]>) {
//! #     let bytes = from.poll_output();
//! #     let len = bytes.len();
//! #     to.input_room()[..len].copy_from_slice(bytes);
//! #     to.handle_input(len);
//! #     from.handle_written(len);
//! # }
//! let talks = TcpTalks::dialling([Node::EMPTY; 64], 7).password("secret");
//! let mut controller = Messenger::new(talks, [0; 256], [0; 256]);
//! let talks = TcpTalks::listening([Node::EMPTY; 64], 8).password("secret");
//! let mut robot = Messenger::new(talks, [0; 256], [0; 256]);
//!
//! carry(&mut controller, &mut robot);
//! assert!(matches!(robot.recv::<Robot>(), Some(Event::Notice(Notice::Opened))));
//! carry(&mut robot, &mut controller);
//! assert!(matches!(controller.recv::<Robot>(), Some(Event::Notice(Notice::Opened))));
//!
//! let id = controller.dialect().call_id(0);
//! controller.send(&Call { id, request: &Move { distance: 100, speed: 3 } })?;
//! carry(&mut controller, &mut robot);
//! let Some(Event::Request(id, Robot::Move(Move { distance: 100, speed: 3 }))) = robot.recv() else { panic!() };
//! robot.send(&Answer::<_, Move> { id, value: &true })?;
//! carry(&mut robot, &mut controller);
//! assert!(matches!(controller.recv::<Robot>(), Some(Event::Answer(..))));
//! # Ok::<(), ropeway_core::SendError>(())
//! ```

mod call_id;
mod keywords;
mod message;
mod notice;
mod opcode;
mod opening;
mod refusal;
mod retcodes;
mod sending;
mod session;
#[cfg(test)]
mod tests;
mod typed;

use crate::Malformed;
use crate::dialect::{Calling, Carries, Dialect, Envelope, Keeps, Kind, Opened, Resumes};
use crate::encoding::pickle::{Nodes, Progress, Table, Value};
use crate::encoding::{self, DecodeError, EncodeError};
use crate::framing::{self, Frame, Parsed, Recovery};
use core::ops::RangeInclusive;
use opening::Stage;
use session::{Session, Taken};

pub use crate::error::tcptalks::Rule;
pub use call_id::{CallId, Label, TooLong};
pub use keywords::Keywords;
pub use message::Message;
pub use notice::Notice;
pub use opcode::Opcode;
pub use opening::Password;
pub use sending::{Callable, Done, Invocation, Reply};

/// The TCP port that programs listen on by default.
pub const TCP_PORT: u16 = 25565;

/// What passwords and verdicts come under, in slave messages.
pub const AUTHENTICATE: i64 = 0xAA;

/// Asks who the peer is, in the current variant.
pub const IDENTIFY: i64 = 0xBB;

/// Closes, in the old variant.
pub const CLOSE: i64 = 0xFF;

/// TCPTalks: calls by pickle, from either side.
///
/// `S` is memory for the values of one message, [as many as they may be](Table); `P` holds the password.
///
/// Every call wants a reply: one of a table comes as [`Event::Request`](crate::Event::Request) and is answered with
/// an [`Answer`](crate::message::Answer), with [`Done`] where it has nothing to say, or with a
/// [`Refusal`](crate::message::Refusal), which the peer raises as an exception. A message that is sent for itself is
/// a call whose reply is dropped.
///
/// The arguments of a call are the fields of a message: positional where it is a tuple struct, by keyword where its
/// fields have names. What a Python program passes by position fills named fields in their order.
///
/// A pickle that is none, or asks for more than plain data, ends the link: where the next one starts is not known.
/// One that is no message of TCPTalks is [`Malformed`], and the next one is read as ever.
#[derive(Debug)]
pub struct TcpTalks<S, P = &'static str> {
    table: Table<S>,
    session: Session<P>,
    /// The pickle in the table has been handed out.
    is_taken: bool,
    /// What ended reading.
    fault: Option<encoding::Rule>,
}

/// Which of the two protocols named TCPTalks is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Variant {
    /// With retcodes: any number of calls at a time.
    #[default]
    Current,
    /// Without: one call at a time, replies by opcode, opcode 0xFF closes.
    Old,
}

/// The arguments of a call, or the values of a reply.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Body<'a> {
    /// The positional ones, a tuple or a list.
    pub args: Value<'a, 'a>,
    /// Those by keyword, a map with text keys; `None` in replies.
    pub kwargs: Option<Value<'a, 'a>>,
}

impl<S: Nodes, P> TcpTalks<S, P> {
    /// The side that connects: it shows its password first of all.
    ///
    /// `seed` is any number that differs from start to start: retcodes are drawn from it.
    pub fn dialling(nodes: S, seed: u32) -> Self {
        Self::new(nodes, Session::dialling(seed))
    }

    /// The side that listens: it compares the peer's password with its own.
    pub fn listening(nodes: S, seed: u32) -> Self {
        Self::new(nodes, Session::listening(seed))
    }

    const fn new(nodes: S, session: Session<P>) -> Self {
        Self {
            table: Table::new(nodes),
            session,
            is_taken: false,
            fault: None,
        }
    }

    /// The password to show or to ask for; without one, `None` is shown, and any is taken.
    #[must_use]
    pub fn password(self, text: P) -> Self {
        self.any_password(Password::Text(text))
    }

    /// The password to show or to ask for, of any kind.
    #[must_use]
    pub fn any_password(mut self, password: Password<P>) -> Self {
        self.session.password = password;
        self
    }

    /// What to say when a peer of the current variant asks who we are; otherwise the question comes as a call.
    #[must_use]
    pub fn identity(mut self, identity: P) -> Self {
        self.session.identity = Some(identity);
        self
    }

    /// Which variant to speak.
    #[must_use]
    pub fn variant(mut self, variant: Variant) -> Self {
        self.session.variant = variant;
        self
    }

    /// Notes that the peer has shown no password in time, for which it has a second, or has given no verdict.
    ///
    /// A listener of the old variant takes that for `None`, and answers; otherwise the link is over.
    pub fn handle_silence(&mut self) {
        self.session.handle_silence();
    }

    /// Nothing behind a pickle that breaks a rule can be found.
    #[cold]
    const fn lose(&mut self, flaw: DecodeError) -> framing::Malformed {
        self.fault = Some(flaw.rule);
        framing::Malformed {
            rule: framing::Rule::Unreadable,
            offset: flaw.offset,
            recovery: Recovery::Lost,
        }
    }
}

impl<S: Nodes, P: AsRef<str>> Dialect for TcpTalks<S, P> {
    type Key<'a> = Opcode<'a>;

    type Body<'a> = Body<'a>;

    type CallId = CallId;

    type Notice<'a> = Notice<'a>;

    const RESERVED: &'static [RangeInclusive<u16>] = &[0xAA..=0xAA, 0xBB..=0xBB, 0xFF..=0xFF];

    #[inline]
    fn find(
        &mut self,
        input: &mut [u8],
        _scanned: usize,
        limit: usize,
    ) -> Result<Parsed, framing::Malformed> {
        if self.is_taken {
            self.table.clear();
            self.is_taken = false;
        }
        match self.table.scan(input, limit) {
            // The table knows how far it is.
            Ok(Progress::More) => Ok(Parsed::More { scanned: 0 }),
            Ok(Progress::Done { len }) => Ok(Parsed::Frame(Frame {
                start: 0,
                end: len,
                len,
            })),
            Err(flaw) => Err(self.lose(flaw)),
        }
    }

    fn explain(&self, rule: framing::Rule) -> crate::Rule {
        match (rule, self.fault) {
            (framing::Rule::Unreadable, Some(fault)) => crate::Rule::Pickle(fault),
            _ => crate::Rule::Framing(rule),
        }
    }

    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed> {
        self.is_taken = true;
        let content: &'a [u8] = content;
        let Self { table, session, .. } = self;
        let root = table.root(content).ok_or(malformed((0, Rule::NotATuple)))?;
        let message = session.variant.parse(root).map_err(malformed)?;
        Ok(match session.take(message).map_err(malformed)? {
            Taken::Call(opcode, id, body) => Opened::Envelope(Envelope {
                kind: Kind::Request(id),
                key: opcode,
                body,
            }),
            Taken::Reply(id, body) => Opened::Envelope(Envelope {
                kind: Kind::Answer(id),
                key: Opcode::None,
                body,
            }),
            Taken::Notice(notice) => Opened::Notice(notice),
        })
    }

    /// Whether the password was right, so that calls go both ways.
    #[inline]
    fn is_open(&self) -> bool {
        self.session.stage == Stage::Open
    }

    #[inline]
    fn has_own(&self) -> bool {
        self.session.debts.first().is_some()
    }

    fn emit_own(&mut self, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.session.emit_own(slot)
    }

    #[inline]
    fn has_quit(&self) -> bool {
        self.session.stage == Stage::Over
    }

    fn handle_silence(&mut self) {
        self.session.handle_silence();
    }

    fn emit_done(&mut self, id: CallId, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit(&Done { id }, slot)
    }
}

impl<S: Nodes, P: AsRef<str>> Keeps for TcpTalks<S, P> {}

impl<S: Nodes, P: AsRef<str>> Resumes for TcpTalks<S, P> {}

impl<S: Nodes, P: AsRef<str>> Calling for TcpTalks<S, P> {
    fn call_id(&self, number: u32) -> CallId {
        self.session.call_id(number)
    }

    /// In the old variant other calls can then be made; the reply to this one is passed over when it comes.
    fn forget(&mut self, id: CallId) {
        self.session.forget(id);
    }
}

fn malformed((offset, rule): (usize, Rule)) -> Malformed {
    Malformed::at(offset, crate::Rule::TcpTalks(rule))
}

/// Says how far the link is, and nothing of the password.
#[cfg(feature = "defmt")]
impl<S, P> defmt::Format for TcpTalks<S, P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Session { variant, stage, .. } = &self.session;
        defmt::write!(f, "TcpTalks {{ variant: {}, stage: {} }}", variant, stage);
    }
}
