use super::emit::{Length, Out, compose};
use super::{CallId, CleverShow, FILE};
use crate::dialect::Carries;
use crate::encoding::EncodeError;
use crate::message::{Answer, Call, Message, Refusal, Request};
use serde::Serialize;

/// An action, or a request, whose name is known only when it is sent.
///
/// To request, send it in a [`Call`]; its answer is read as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Named<'a, T: ?Sized> {
    /// The action or the requested value.
    pub name: &'a str,
    /// What becomes arguments, by its [shape](crate::encoding::value::arguments): a struct or map for named ones, a
    /// tuple or list for positional ones, `Args` for both, `()` for none.
    pub arguments: &'a T,
}

/// The answer to a request whose name is known only when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NamedAnswer<'a, T: ?Sized> {
    /// The id that the request came with.
    pub id: CallId,
    /// The requested value.
    pub name: &'a str,
    /// The answer.
    pub value: &'a T,
}

/// The start of a file; [`Part`]s follow until it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FileMessage<'a> {
    /// Where the peer is to keep it.
    pub path: &'a str,
    /// How many bytes it has.
    pub len: u64,
}

/// The start of a file that was requested; [`Part`]s follow until it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FileAnswer {
    /// The id that the request came with.
    pub id: CallId,
    /// How many bytes it has.
    pub len: u64,
}

/// The next bytes of a file that has begun.
///
/// Fails with [`EncodeError::TooLong`] beyond the length that was said in the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Part<'a>(pub &'a [u8]);

impl CleverShow {
    /// Nothing can stand inside a file.
    const fn between_files(&self) -> Result<(), EncodeError> {
        match self.outgoing {
            0 => Ok(()),
            _ => Err(EncodeError::Busy),
        }
    }

    fn emit_action(
        &self,
        slot: &mut [u8],
        name: &str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<usize, EncodeError> {
        self.between_files()?;
        let action = |out: &mut Out<'_>| {
            out.push(b"message\", \"action\": ")?;
            out.text(name)
        };
        compose(slot, "json", action, |out| {
            out.push(b"{")?;
            out.arguments(arguments)?;
            out.push(b"}").map(|()| Length::Counted)
        })
    }

    fn emit_request(
        &self,
        slot: &mut [u8],
        id: CallId,
        name: &str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<usize, EncodeError> {
        self.between_files()?;
        let request = |out: &mut Out<'_>| out.push(b"request\"");
        compose(slot, "json", request, |out| {
            out.push(b"{\"requested_value\": ")?;
            out.text(name)?;
            out.push(b", \"request_id\": ")?;
            out.push(id.as_json())?;
            out.push(b", ")?;
            out.arguments(arguments)?;
            out.push(b"}").map(|()| Length::Counted)
        })
    }

    fn emit_answer(
        &self,
        slot: &mut [u8],
        id: CallId,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<usize, EncodeError> {
        self.between_files()?;
        let answer = |out: &mut Out<'_>| answer(out, id, name);
        compose(slot, "json", answer, |out| {
            out.push(b"{\"value\": ")?;
            out.value(value)?;
            out.push(b"}").map(|()| Length::Counted)
        })
    }

    fn emit_file(
        &mut self,
        slot: &mut [u8],
        len: u64,
        header: impl FnOnce(&mut Out<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        self.between_files()?;
        let emitted = compose(slot, "binary", header, |_| Ok(Length::Follows(len)))?;
        self.outgoing = len;
        Ok(emitted)
    }
}

/// The fields of an answer's header.
fn answer(out: &mut Out<'_>, id: CallId, name: &str) -> Result<(), EncodeError> {
    out.push(b"response\", \"requested_value\": ")?;
    out.text(name)?;
    out.push(b", \"request_id\": ")?;
    out.push(id.as_json())
}

impl<M: Message + Serialize> Carries<M> for CleverShow {
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_action(slot, M::NAME, message)
    }
}

impl<M: Message + Serialize> Carries<Call<'_, CallId, M>> for CleverShow {
    fn emit(&mut self, call: &Call<'_, CallId, M>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_request(slot, call.id, M::NAME, call.request)
    }
}

impl<T: Serialize + ?Sized> Carries<Named<'_, T>> for CleverShow {
    fn emit(&mut self, named: &Named<'_, T>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_action(slot, named.name, named.arguments)
    }
}

impl<T: Serialize + ?Sized> Carries<Call<'_, CallId, Named<'_, T>>> for CleverShow {
    fn emit(
        &mut self,
        call: &Call<'_, CallId, Named<'_, T>>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let named = call.request;
        self.emit_request(slot, call.id, named.name, named.arguments)
    }
}

impl<T: Serialize + ?Sized> Carries<NamedAnswer<'_, T>> for CleverShow {
    fn emit(&mut self, answer: &NamedAnswer<'_, T>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_answer(slot, answer.id, answer.name, answer.value)
    }
}

impl<'v, M: Request<Answer<'v>: Serialize>> Carries<Answer<'_, 'v, CallId, M>> for CleverShow {
    fn emit(
        &mut self,
        answer: &Answer<'_, 'v, CallId, M>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        self.emit_answer(slot, answer.id, M::NAME, answer.value)
    }
}

/// The protocol has no word for it: nothing is sent, and the peer gives up in its own time.
impl Carries<Refusal<'_, CallId>> for CleverShow {
    fn emit(&mut self, _: &Refusal<'_, CallId>, _: &mut [u8]) -> Result<usize, EncodeError> {
        Ok(0)
    }
}

impl Carries<FileMessage<'_>> for CleverShow {
    fn emit(&mut self, file: &FileMessage<'_>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_file(slot, file.len, |out| {
            out.push(b"message\", \"action\": ")?;
            out.text(FILE)?;
            out.push(b", \"filepath\": ")?;
            out.text(file.path)
        })
    }
}

impl Carries<FileAnswer> for CleverShow {
    fn emit(&mut self, file: &FileAnswer, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_file(slot, file.len, |out| answer(out, file.id, FILE))
    }
}

impl Carries<Part<'_>> for CleverShow {
    fn emit(&mut self, part: &Part<'_>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let len = u64::try_from(part.0.len()).unwrap_or(u64::MAX);
        let Some(left) = self.outgoing.checked_sub(len) else {
            let limit = usize::try_from(self.outgoing).unwrap_or(usize::MAX);
            return Err(EncodeError::TooLong { limit });
        };
        let slot = slot.get_mut(..part.0.len()).ok_or(EncodeError::Full)?;
        slot.copy_from_slice(part.0);
        self.outgoing = left;
        Ok(part.0.len())
    }
}
