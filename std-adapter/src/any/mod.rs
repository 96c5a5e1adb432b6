//! Messages of any kind, in whichever dialect: for gateways, logs and scripts.
//!
//! A [`Content`] is a message, or a request, whose type is known only when the program runs: what names it, and its body
//! as far as the protocol itself tells what that is. Every dialect on std carries it, so a program over
//! [`Anything`] speaks all of them:
//!
//! ```
//! use ropeway_std::any::{Anything, Body, Content, Key};
//! use ropeway_std::dialect::cable_car::CableCarByte;
//! use ropeway_std::{Event, Link, Options, SendError, json, memory, tcptalks};
//! use std::time::Duration;
//!
//! fn greet<D: Anything, T: ropeway_std::transport::Transport>(link: &mut Link<D, T>, content: &Content) {
//!     link.send(content).expect("there is room");
//! }
//!
//! let (mut here, mut there) = memory::pair(CableCarByte, 4096, &Options::default())?;
//! greet(&mut here, &Content::new(0x10, b"\x01\x02".to_vec()));
//! match there.recv::<Content>(Duration::MAX)? {
//!     Some(Event::Message(heard)) => assert_eq!(heard.body, Body::Bytes(vec![1, 2])),
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), ropeway_std::Error>(())
//! ```
//!
//! As a table it takes every message there is, for [`recv`](crate::Link::recv) as well as for
//! [`Handlers::on_table`](crate::Handlers::on_table). Where a protocol has calls, [`Peer::ask_any`](crate::Peer::ask_any)
//! makes one and [`Peer::answer_any`](crate::Peer::answer_any) answers one.

mod asking;
mod cable_car;
mod clever_show;
mod native;
mod packetmq;
mod tcptalks;

pub use crate::tcptalks::Arguments;
pub use asking::{Asked, Question, Replied, Then};

use crate::call::{CallError, Refused};
use crate::peer::Peer;
use crate::value::{Map, Value};
use ropeway_core::Malformed;
use ropeway_core::dialect::{Carries, Dialect, Envelope, Refuses};
use ropeway_core::registry::{Registry, Rejected};
use std::fmt;

/// A message of any kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// What names it.
    pub key: Key,
    /// What it says.
    pub body: Body,
}

/// What names a message: each protocol has one or two of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A number: the native protocol, cable_car's bytes, opcodes of TCPTalks.
    Code(i64),
    /// A name: cable_car's JSON, packetmq, clever-show, opcodes of TCPTalks.
    Name(String),
}

/// What a message says, as far as its protocol tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Bytes, whose meaning is the programs' affair: the native protocol, cable_car's bytes.
    Bytes(Vec<u8>),
    /// A value: the attributes in cable_car's JSON, packetmq's payload, the answers of clever-show and TCPTalks.
    Value(Value),
    /// What a function is called with: clever-show, TCPTalks.
    Arguments(Arguments),
}

/// A dialect that carries messages of any kind: all that there are on std.
///
/// What a dialect has no form for, such as a name where it has codes, is
/// [`SendError::Unencodable`](ropeway_core::SendError::Unencodable).
pub trait Anything:
    Sized
    + Refuses
    + Carries<Content>
    + for<'a> Carries<Asked<'a, <Self as Dialect>::CallId>>
    + for<'a> Carries<Replied<'a, <Self as Dialect>::CallId>>
    + 'static
{
    /// Whether the protocol has calls.
    const HAS_CALLS: bool;

    /// What the peer calls itself, if the protocol tells.
    fn calls_itself(&self) -> Option<&str> {
        None
    }

    /// Reads a message or a request.
    fn hear<'a>(envelope: Envelope<'a, Self>) -> Result<Content, Rejected<'a, Self>>;

    /// Reads the answer to a request.
    fn hear_answer(envelope: Envelope<'_, Self>) -> Result<Result<Body, Refused>, Malformed>;

    /// Puts a question to a peer, if the protocol has calls.
    fn ask(
        peer: &mut Peer<'_, Self>,
        question: &Question,
        then: Then<Self>,
    ) -> Result<Self::CallId, CallError>;
}

impl Content {
    /// A message `key` that says `body`.
    pub fn new(key: impl Into<Key>, body: impl Into<Body>) -> Self {
        Self {
            key: key.into(),
            body: body.into(),
        }
    }
}

impl<'a, D: Anything> Registry<'a, D> for Content {
    fn decode(envelope: Envelope<'a, D>) -> Result<Self, Rejected<'a, D>> {
        D::hear(envelope)
    }
}

impl From<u8> for Key {
    fn from(code: u8) -> Self {
        Self::Code(code.into())
    }
}

impl From<i64> for Key {
    fn from(code: i64) -> Self {
        Self::Code(code)
    }
}

impl From<i32> for Key {
    fn from(code: i32) -> Self {
        Self::Code(code.into())
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

/// As tables write codes: `0x10`; a name as it is.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code @ 0..) => write!(f, "0x{code:02X}"),
            Self::Code(code) => code.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Map> for Body {
    fn from(map: Map) -> Self {
        Self::Value(Value::Map(map))
    }
}

impl From<Arguments> for Body {
    fn from(arguments: Arguments) -> Self {
        Self::Arguments(arguments)
    }
}

impl Key {
    /// The code, where bytes have room for it.
    fn byte(&self) -> Option<u8> {
        match self {
            Self::Code(code) => u8::try_from(*code).ok(),
            Self::Name(_) => None,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Code(_) => None,
            Self::Name(name) => Some(name),
        }
    }
}
