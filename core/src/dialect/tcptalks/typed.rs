//! What a dialect of TCPTalks delivers: calls by the types of a table, and the results of our own.

use super::{Body, Opcode, Rule, TcpTalks};
use crate::Malformed;
use crate::dialect::{Answers, Delivers, Envelope};
use crate::encoding::DecodeError;
use crate::encoding::pickle::{Nodes, RemoteError, Value};
use crate::encoding::value::{deserialize_from, read_arguments};
use crate::message::{Message, Request};
use serde::Deserialize;

impl<'a, S: Nodes, P: AsRef<str>, M: Message + Deserialize<'a>> Delivers<'a, M> for TcpTalks<S, P> {
    #[inline]
    fn names(key: &Opcode<'_>) -> bool {
        key.names::<M>()
    }

    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed> {
        Ok(envelope.body.arguments()?)
    }
}

impl<'a, S, P, M> Answers<'a, M> for TcpTalks<S, P>
where
    S: Nodes,
    P: AsRef<str>,
    M: Request<Answer<'a>: Deserialize<'a>>,
{
    type Failure = RemoteError<'a, 'a>;

    fn read_answer(
        envelope: Envelope<'a, Self>,
    ) -> Result<Result<M::Answer<'a>, RemoteError<'a, 'a>>, Malformed> {
        envelope.body.result()
    }
}

impl<'a> Body<'a> {
    /// The arguments of a call as the fields of a `T`, bound as Python binds them.
    pub fn arguments<T: Deserialize<'a>>(self) -> Result<T, DecodeError> {
        let kwargs = self.kwargs.map(|kwargs| kwargs.reader());
        read_arguments(Some(self.args.reader()), kwargs)
    }

    /// The value of a reply, or the exception that it tells of.
    ///
    /// Several values are read as the tuple of them; none are [`Rule::NoValue`].
    pub fn result<T: Deserialize<'a>>(self) -> Result<Result<T, RemoteError<'a, 'a>>, Malformed> {
        let value = self.value()?;
        match value.exception() {
            Some(error) => Ok(Err(error)),
            None => Ok(Ok(deserialize_from(&mut value.reader())?)),
        }
    }

    /// The value of a reply: its only one, or the tuple of several.
    pub fn value(self) -> Result<Value<'a, 'a>, Malformed> {
        let mut values = self.args.elements();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Ok(self.args),
            (None, _) => {
                let offset = self.args.offset();
                Err(Malformed::at(offset, crate::Rule::TcpTalks(Rule::NoValue)))
            }
        }
    }
}
