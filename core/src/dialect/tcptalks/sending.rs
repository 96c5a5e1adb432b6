//! What a dialect of TCPTalks carries: calls, and what answers them.

use super::{CallId, Keywords, Opcode, TcpTalks};
use crate::dialect::Carries;
use crate::encoding::EncodeError;
use crate::encoding::pickle::{Nodes, Writer};
use crate::encoding::value::{Sequence, Write, serialize_into, write_args, write_kwargs};
use crate::message::{Answer, Call, Message, Refusal, Request};
use serde::Serialize;

/// What can be called: a message that serde writes, or what a program makes of its own.
pub trait Callable {
    /// What names it.
    fn opcode(&self) -> Opcode<'_>;

    /// Writes the positional arguments, a tuple.
    fn write_args(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError>;

    /// Writes the arguments by name, a map.
    fn write_kwargs(&self, writer: &mut Keywords<'_, '_>) -> Result<(), EncodeError>;
}

impl<M: Message + Serialize> Callable for M {
    fn opcode(&self) -> Opcode<'_> {
        Opcode::of::<M>()
    }

    fn write_args(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_args(writer, Sequence::Tuple, self)
    }

    fn write_kwargs(&self, writer: &mut Keywords<'_, '_>) -> Result<(), EncodeError> {
        write_kwargs(writer, self)
    }
}

/// A call whose opcode is known only when it is made.
///
/// `T` is what the arguments are the fields of, as those of a message are.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Invocation<'a, T: ?Sized> {
    /// What the reply comes under.
    pub id: CallId,
    /// What is called.
    pub opcode: Opcode<'a>,
    /// What it is called with.
    pub arguments: &'a T,
}

/// The result of a call whose type is known only when it is answered.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reply<'a, T: ?Sized> {
    /// The id that the call came with.
    pub id: CallId,
    /// The result.
    pub value: &'a T,
}

/// The result of a call that has nothing to say: `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Done {
    /// The id that the call came with.
    pub id: CallId,
}

impl<S: Nodes, P: AsRef<str>> TcpTalks<S, P> {
    /// Writes a call to the front of `slot` and returns its length; `args` writes a tuple, `kwargs` a map.
    pub fn emit_call(
        &mut self,
        slot: &mut [u8],
        opcode: Opcode<'_>,
        id: CallId,
        args: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
        kwargs: impl FnOnce(&mut Keywords<'_, '_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        self.session.emit_call(slot, opcode, id, |writer| {
            args(writer)?;
            kwargs(&mut Keywords::new(writer))
        })
    }

    /// The id of a call whose reply is to be dropped.
    pub fn discarding(&mut self) -> CallId {
        self.session.next_id()
    }

    /// Writes a reply to the front of `slot` and returns its length; `result` writes one value.
    ///
    /// An empty tuple is [`EncodeError::Unencodable`]: the peer's call would fail by it.
    pub fn emit_reply(
        &mut self,
        slot: &mut [u8],
        id: CallId,
        result: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        self.session.emit_reply(slot, id, |writer| {
            let start = writer.written();
            result(writer)?;
            match writer.as_slice().get(start..) {
                Some(EMPTY_TUPLE) => Err(EncodeError::Unencodable),
                _ => Ok(()),
            }
        })
    }
}

/// A message for itself is a call whose reply is dropped.
impl<S: Nodes, P: AsRef<str>, M: Message + Serialize> Carries<M> for TcpTalks<S, P> {
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let id = self.session.next_id();
        let request = message;
        self.emit(&Call { id, request }, slot)
    }
}

impl<S: Nodes, P: AsRef<str>, C: Callable> Carries<Call<'_, CallId, C>> for TcpTalks<S, P> {
    fn emit(&mut self, call: &Call<'_, CallId, C>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let Call { id, request } = *call;
        self.emit_call(
            slot,
            request.opcode(),
            id,
            |args| request.write_args(args),
            |kwargs| request.write_kwargs(kwargs),
        )
    }
}

impl<S: Nodes, P: AsRef<str>, T: Serialize + ?Sized> Carries<Invocation<'_, T>> for TcpTalks<S, P> {
    fn emit(&mut self, call: &Invocation<'_, T>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_call(
            slot,
            call.opcode,
            call.id,
            |args| write_args(args, Sequence::Tuple, call.arguments),
            |kwargs| write_kwargs(kwargs, call.arguments),
        )
    }
}

impl<'v, S: Nodes, P: AsRef<str>, M: Request<Answer<'v>: Serialize>>
    Carries<Answer<'_, 'v, CallId, M>> for TcpTalks<S, P>
{
    fn emit(
        &mut self,
        answer: &Answer<'_, 'v, CallId, M>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let (id, value) = (answer.id, answer.value);
        self.emit(&Reply { id, value }, slot)
    }
}

impl<S: Nodes, P: AsRef<str>, T: Serialize + ?Sized> Carries<Reply<'_, T>> for TcpTalks<S, P> {
    fn emit(&mut self, reply: &Reply<'_, T>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_reply(slot, reply.id, |result| serialize_into(result, reply.value))
    }
}

impl<S: Nodes, P: AsRef<str>> Carries<Done> for TcpTalks<S, P> {
    fn emit(&mut self, done: &Done, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_reply(slot, done.id, |result| result.null())
    }
}

impl<S: Nodes, P: AsRef<str>> Carries<Refusal<'_, CallId>> for TcpTalks<S, P> {
    fn emit(
        &mut self,
        refusal: &Refusal<'_, CallId>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let variant = self.session.variant;
        self.emit_reply(slot, refusal.id, |result| {
            variant.write_refusal(result, refusal.class, refusal.text)
        })
    }
}

/// As a pickle has it.
const EMPTY_TUPLE: &[u8] = b")";
