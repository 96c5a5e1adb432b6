//! What a dialect of TCPTalks carries: calls, and what answers them.

use super::{CallId, Opcode, TcpTalks, arguments};
use crate::dialect::Carries;
use crate::encoding::EncodeError;
use crate::encoding::pickle::Nodes;
use crate::encoding::value::{Write, serialize_into};
use crate::message::{Answer, Call, Message, Refusal, Request};
use serde::Serialize;

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

/// A message for itself is a call whose reply is dropped.
impl<S: Nodes, P: AsRef<str>, M: Message + Serialize> Carries<M> for TcpTalks<S, P> {
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let id = self.session.next_id();
        self.emit(
            &Call {
                id,
                request: message,
            },
            slot,
        )
    }
}

impl<S: Nodes, P: AsRef<str>, M: Message + Serialize> Carries<Call<'_, CallId, M>>
    for TcpTalks<S, P>
{
    fn emit(&mut self, call: &Call<'_, CallId, M>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let invocation = Invocation {
            id: call.id,
            opcode: Opcode::of::<M>(),
            arguments: call.request,
        };
        self.emit(&invocation, slot)
    }
}

impl<S: Nodes, P: AsRef<str>, T: Serialize + ?Sized> Carries<Invocation<'_, T>> for TcpTalks<S, P> {
    fn emit(&mut self, call: &Invocation<'_, T>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.session
            .emit_call(slot, call.opcode, call.id, |writer| {
                arguments::write(writer, call.arguments)
            })
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
        self.session.emit_reply(slot, reply.id, |writer| {
            let start = writer.written();
            serialize_into(writer, reply.value)?;
            refuse_empty_tuple(writer.as_slice().get(start..).unwrap_or_default())
        })
    }
}

impl<S: Nodes, P: AsRef<str>> Carries<Done> for TcpTalks<S, P> {
    fn emit(&mut self, done: &Done, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.session
            .emit_reply(slot, done.id, |writer| writer.null())
    }
}

impl<S: Nodes, P: AsRef<str>> Carries<Refusal<'_, CallId>> for TcpTalks<S, P> {
    fn emit(
        &mut self,
        refusal: &Refusal<'_, CallId>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let variant = self.session.variant;
        self.session.emit_reply(slot, refusal.id, |writer| {
            variant.write_refusal(writer, refusal.class, refusal.text)
        })
    }
}

/// A result that is an empty tuple makes the peer's call fail.
fn refuse_empty_tuple(written: &[u8]) -> Result<(), EncodeError> {
    match written {
        b")" => Err(EncodeError::Unencodable),
        _ => Ok(()),
    }
}
