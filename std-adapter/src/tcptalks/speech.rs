//! What is said to a peer, and what is heard of it.

use super::{CallError, RemoteError, Values};
use crate::value::{Map, Value};
use ropeway_core::dialect::Carries;
use ropeway_core::dialect::tcptalks::{Body, CallId, Keywords, Opcode, TcpTalks};
use ropeway_core::encoding::pickle::{self, Nodes, Progress, Table, Writer};
use ropeway_core::encoding::value::{
    Kind, Sequence, Write, deserialize_from, serialize_into, write_args, write_kwargs,
};
use ropeway_core::encoding::{DecodeError, EncodeError};
use ropeway_core::{Malformed, SendError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Arguments of any shape.
///
/// They hold all that Python has, where serde's types know neither sets nor integers beyond 128 bits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// By position.
    pub args: Vec<Value>,
    /// By name.
    pub kwargs: Map,
}

impl Arguments {
    /// Those by position.
    pub fn new(args: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        Self {
            args: args.into_iter().map(Into::into).collect(),
            kwargs: Map::default(),
        }
    }

    /// The same, with one more by name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.kwargs.insert(name, value);
        self
    }

    pub(crate) fn read(body: Body<'_>) -> Result<Self, DecodeError> {
        let args = match Value::read(&mut body.args.reader())? {
            Value::Tuple(args) | Value::Array(args) => args,
            // The dialect lets nothing else through.
            _ => Vec::new(),
        };
        let kwargs = body.kwargs.map(|kwargs| Map::read(&mut kwargs.reader()));
        let kwargs = kwargs.transpose()?.unwrap_or_default();
        Ok(Self { args, kwargs })
    }
}

/// A call, whatever its arguments are.
pub(crate) struct Spoken<'a, A: ?Sized> {
    pub(crate) id: CallId,
    pub(crate) opcode: Opcode<'a>,
    pub(crate) arguments: &'a A,
}

/// What can be the arguments of a call.
pub(crate) trait Argue {
    fn args(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError>;

    fn kwargs(&self, writer: &mut Keywords<'_, '_>) -> Result<(), EncodeError>;

    /// Whether it is a value that no arguments are made of, such as a number.
    fn is_bare(&self) -> bool {
        false
    }

    /// Why they were not sent, if that is because of what they are.
    fn blame(&self, error: CallError) -> CallError {
        match error {
            CallError::Send(SendError::Unencodable) if self.is_bare() => CallError::NotArguments,
            error => error,
        }
    }
}

/// A serde type as arguments.
pub(super) struct Typed<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Serialize + ?Sized> Argue for Typed<'_, T> {
    fn args(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_args(writer, Sequence::Tuple, self.0)
    }

    fn kwargs(&self, writer: &mut Keywords<'_, '_>) -> Result<(), EncodeError> {
        write_kwargs(writer, self.0)
    }

    fn is_bare(&self) -> bool {
        let value = Pickled::of(|writer| serialize_into(writer, self.0));
        value.is_ok_and(|value| {
            value.read(|value| !matches!(value.kind(), Kind::Tuple | Kind::Array | Kind::Map))
        })
    }
}

impl Argue for Arguments {
    fn args(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let open = writer.begin_tuple(self.args.len())?;
        for value in &self.args {
            value.write(writer)?;
        }
        writer.end_tuple(open, self.args.len())
    }

    fn kwargs(&self, writer: &mut Keywords<'_, '_>) -> Result<(), EncodeError> {
        self.kwargs.write(writer)
    }
}

impl<S: Nodes, A: Argue + ?Sized> Carries<Spoken<'_, A>> for TcpTalks<S, String> {
    fn emit(&mut self, call: &Spoken<'_, A>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_call(
            slot,
            call.opcode,
            call.id,
            |writer| call.arguments.args(writer),
            |writer| call.arguments.kwargs(writer),
        )
    }
}

/// Writes the result of a call.
pub(super) type Say = Box<dyn Fn(&mut Writer<'_>) -> Result<(), EncodeError> + Send>;

/// The result of a call, whatever it is.
pub(super) struct Answer<'a> {
    pub(super) id: CallId,
    pub(super) say: &'a Say,
}

impl<S: Nodes> Carries<Answer<'_>> for TcpTalks<S, String> {
    fn emit(&mut self, answer: &Answer<'_>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_reply(slot, answer.id, |writer| (answer.say)(writer))
    }
}

pub(super) fn say_typed(value: impl Serialize + Send + 'static) -> Say {
    Box::new(move |writer| serialize_into(writer, &value))
}

pub(super) fn say_any(value: Value) -> Say {
    Box::new(move |writer| value.write(writer))
}

/// A reply that outlives the receive buffer.
pub(super) type Reply = Result<Value, CallError>;

/// A reply, where it is.
pub(super) enum Heard<'a> {
    Here(Body<'a>),
    Kept(Reply),
}

impl Heard<'_> {
    /// The result as any value.
    pub(super) fn any(self) -> Reply {
        let body = match self {
            Self::Here(body) => body,
            Self::Kept(reply) => return reply,
        };
        let value = body.value()?;
        match value.exception() {
            Some(error) => Err(RemoteError::from(error).into()),
            None => Ok(Value::read(&mut value.reader()).map_err(Malformed::from)?),
        }
    }

    /// The result as an `A`.
    pub(super) fn typed<A: DeserializeOwned>(self) -> Result<A, CallError> {
        match self {
            Self::Here(body) => match body.result::<A>()? {
                Ok(value) => Ok(value),
                Err(error) => Err(RemoteError::from(error).into()),
            },
            Self::Kept(reply) => typed(&reply?),
        }
    }
}

/// A value as an `A`, as if it had come so.
pub(super) fn typed<A: DeserializeOwned>(value: &Value) -> Result<A, CallError> {
    let pickled = Pickled::of(|writer| value.write(writer)).map_err(unsayable)?;
    pickled
        .read(|value| deserialize_from(&mut value.reader()))
        .map_err(|error| Malformed::from(error).into())
}

pub(super) fn unsayable(error: EncodeError) -> CallError {
    CallError::Send(error.into())
}

/// Values as a pickle of one's own.
pub(super) struct Pickled(Vec<u8>);

impl Pickled {
    pub(super) fn of(
        write: impl Fn(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut slot = vec![0; 256];
        loop {
            let written = Writer::new(&mut slot).and_then(|mut writer| {
                write(&mut writer)?;
                writer.finish()
            });
            match written {
                Err(EncodeError::Full) => slot.resize(slot.len() * 2, 0),
                written => {
                    slot.truncate(written?);
                    return Ok(Self(slot));
                }
            }
        }
    }

    /// Has `look` look at the value.
    pub(super) fn read<R>(&self, look: impl FnOnce(pickle::Value<'_, '_>) -> R) -> R {
        let mut table = Table::new(Values::new(usize::MAX));
        let progress = table.scan(&self.0, usize::MAX);
        debug_assert!(matches!(progress, Ok(Progress::Done { .. })));
        look(table.root(&self.0).expect("what was written can be read"))
    }
}
