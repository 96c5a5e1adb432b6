use super::{Anything, Asked, Body, Content, Question, Replied, Then};
use crate::call::{CallError, Failure, Refused};
use crate::native::{CallId, Native};
use crate::peer::Peer;
use ropeway_core::Malformed;
use ropeway_core::dialect::cable_car::{Code, Raw};
use ropeway_core::dialect::native::RawAnswer;
use ropeway_core::dialect::{Carries, Envelope};
use ropeway_core::encoding::EncodeError;
use ropeway_core::message::Call;
use ropeway_core::registry::Rejected;

impl Anything for Native {
    const HAS_CALLS: bool = true;

    fn calls_itself(&self) -> Option<&str> {
        Some(self.peer_name()).filter(|name| !name.is_empty())
    }

    fn hear<'a>(envelope: Envelope<'a, Self>) -> Result<Content, Rejected<'a, Self>> {
        Ok(Content::new(envelope.key.0, envelope.body.to_vec()))
    }

    fn hear_answer(envelope: Envelope<'_, Self>) -> Result<Result<Body, Refused>, Malformed> {
        let answer = Self::raw_answer(envelope)?;
        Ok(answer
            .map(|body| body.to_vec().into())
            .map_err(Failure::keep))
    }

    fn ask(
        peer: &mut Peer<'_, Self>,
        question: &Question,
        then: Then<Self>,
    ) -> Result<CallId, CallError> {
        question.put(peer, then)
    }
}

impl Carries<Content> for Native {
    fn emit(&mut self, content: &Content, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit(&raw(content)?, slot)
    }
}

impl Carries<Asked<'_, CallId>> for Native {
    fn emit(&mut self, asked: &Asked<'_, CallId>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let (id, request) = (asked.id, &raw(asked.request)?);
        self.emit(&Call { id, request }, slot)
    }
}

impl Carries<Replied<'_, CallId>> for Native {
    const IS_ANSWER: bool = true;

    fn emit(
        &mut self,
        replied: &Replied<'_, CallId>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let Body::Bytes(body) = replied.body else {
            return Err(EncodeError::Unencodable);
        };
        let id = replied.id;
        self.emit(&RawAnswer { id, body }, slot)
    }
}

/// A content of bytes.
pub(super) fn raw(content: &Content) -> Result<Raw<'_>, EncodeError> {
    match (content.key.byte(), &content.body) {
        (Some(code), Body::Bytes(body)) => Ok(Raw {
            code: Code(code),
            body,
        }),
        _ => Err(EncodeError::Unencodable),
    }
}
