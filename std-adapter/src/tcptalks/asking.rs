//! What a server and its clients say to each other, kept without loans.

use super::bound::Named;
use super::speech::{Argue, Arguments, Heard, Pickled, Reply, Typed, unsayable};
use super::talks::{misread, unbound};
use super::{CallError, Oddity, Values};
use crate::call::Refused;
use ropeway_core::dialect::tcptalks::{
    Body, CallId, Callable, IDENTIFY, Keywords, Opcode, TcpTalks,
};
use ropeway_core::dialect::{Answers, Envelope};
use ropeway_core::encoding::pickle::{Node, Nodes, Writer};
use ropeway_core::encoding::value::{Sequence, Write, write_args, write_kwargs};
use ropeway_core::encoding::{DecodeError, EncodeError};
use ropeway_core::message::{Message, Request};
use ropeway_core::registry::{Registry, Rejected};
use ropeway_core::{Event, Malformed};
use serde::Serialize;

/// The dialect of a server, which keeps replies as they are.
///
/// It is another type than the public one: of two ways to read answers the compiler would take neither by itself.
pub(super) type Asking = TcpTalks<Lent, String>;

/// The memory of a server's link.
#[derive(Debug)]
pub(super) struct Lent(pub(super) Values);

/// A call of a client.
pub(super) struct Ask {
    opcode: Named,
    arguments: Arguments,
}

/// What came of it.
pub(super) struct Told(pub(super) Reply);

impl Ask {
    pub(super) fn any(opcode: Opcode<'_>, arguments: Arguments) -> Result<Self, CallError> {
        let opcode = Named::of(opcode).ok_or(unsayable(EncodeError::Unencodable))?;
        Ok(Self { opcode, arguments })
    }

    pub(super) fn typed<T: Serialize + ?Sized>(
        opcode: Opcode<'_>,
        arguments: &T,
    ) -> Result<Self, CallError> {
        let content = Pickled::of(|writer| {
            let pair = writer.begin_tuple(2)?;
            write_args(writer, Sequence::Tuple, arguments)?;
            write_kwargs(writer, arguments)?;
            writer.end_tuple(pair, 2)
        });
        let content = content.map_err(|error| Typed(arguments).blame(unsayable(error)))?;
        let arguments = Content(content).read(Arguments::read);
        Self::any(opcode, arguments.map_err(Malformed::from)?)
    }

    pub(super) fn identity() -> Self {
        Self {
            opcode: Named::number(IDENTIFY),
            arguments: Arguments::default(),
        }
    }
}

impl AsRef<[Node]> for Lent {
    fn as_ref(&self) -> &[Node] {
        self.0.as_ref()
    }
}

impl AsMut<[Node]> for Lent {
    fn as_mut(&mut self) -> &mut [Node] {
        self.0.as_mut()
    }
}

impl Nodes for Lent {
    fn limit(&self) -> usize {
        self.0.limit()
    }

    fn grow(&mut self, len: usize) -> bool {
        self.0.grow(len)
    }
}

impl Message for Ask {
    const NAME: &'static str = "call";
}

impl Request for Ask {
    type Answer<'a> = Told;
}

impl Callable for Ask {
    fn opcode(&self) -> Opcode<'_> {
        self.opcode.opcode()
    }

    fn write_args(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        self.arguments.args(writer)
    }

    fn write_kwargs(&self, writer: &mut Keywords<'_, '_>) -> Result<(), EncodeError> {
        self.arguments.kwargs(writer)
    }
}

impl<'a> Answers<'a, Ask> for Asking {
    type Failure = Refused;

    fn read_answer(envelope: Envelope<'a, Self>) -> Result<Result<Told, Refused>, Malformed> {
        Ok(Ok(Told(Heard::Here(envelope.body).any())))
    }
}

/// A call by a client.
pub(super) struct Call {
    pub(super) named: Option<Named>,
    /// What to say if nothing is bound to it.
    pub(super) unbound: Refused,
    pub(super) content: Result<Content, Refused>,
}

/// The arguments of a call: a tuple and a map.
pub(super) struct Content(Pickled);

impl Content {
    fn of(body: Body<'_>) -> Result<Self, DecodeError> {
        let arguments = Arguments::read(body)?;
        let pickled = Pickled::of(|writer| {
            let pair = writer.begin_tuple(2)?;
            arguments.args(writer)?;
            arguments.kwargs.write(writer)?;
            writer.end_tuple(pair, 2)
        });
        Ok(Self(pickled.expect("what was read can be written")))
    }

    /// Has `look` look at the arguments.
    pub(super) fn read<R>(&self, look: impl FnOnce(Body<'_>) -> R) -> R {
        self.0.read(|pair| {
            let mut parts = pair.elements();
            let args = parts.next().expect("a tuple of two");
            let kwargs = parts.next();
            look(Body { args, kwargs })
        })
    }
}

impl<'a> Registry<'a, Asking> for Call {
    fn decode(envelope: Envelope<'a, Asking>) -> Result<Self, Rejected<'a, Asking>> {
        let content = Content::of(envelope.body);
        Ok(Self {
            named: Named::of(envelope.key),
            unbound: unbound(envelope.key),
            content: content.map_err(|error| misread(envelope.key, error)),
        })
    }
}

/// What a client has said.
#[allow(
    clippy::large_enum_variant,
    reason = "it is looked at where it is made"
)]
pub(super) enum Said {
    Call(CallId, Call),
    Odd(Oddity),
    Nothing,
}

impl Said {
    pub(super) fn of(event: Event<'_, Asking, Call>) -> Self {
        match event {
            Event::Request(id, call) => Self::Call(id, call),
            Event::Notice(notice) => Oddity::of(notice).map_or(Self::Nothing, Self::Odd),
            Event::Malformed(malformed) => Self::Odd(Oddity::Malformed(malformed)),
            Event::Message(_) | Event::Answer(..) | Event::Unknown(_) => Self::Nothing,
        }
    }
}
