use super::{Anything, Asked, Body, Content, Question, Replied, Then};
use crate::call::{CallError, Refused};
use crate::packetmq::{Dynamic, Packetmq};
use crate::peer::Peer;
use crate::value::Value;
use ropeway_core::Malformed;
use ropeway_core::dialect::{Carries, Envelope, Never};
use ropeway_core::encoding::EncodeError;
use ropeway_core::registry::{Registry, Rejected};

impl Anything for Packetmq {
    const HAS_CALLS: bool = false;

    fn hear<'a>(envelope: Envelope<'a, Self>) -> Result<Content, Rejected<'a, Self>> {
        let Dynamic { name, value } = Dynamic::decode(envelope)?;
        Ok(Content::new(name, value))
    }

    fn hear_answer(envelope: Envelope<'_, Self>) -> Result<Result<Body, Refused>, Malformed> {
        Ok(Ok(Self::read_frame(envelope, Value::read)?.into()))
    }

    fn ask(_: &mut Peer<'_, Self>, _: &Question, _: Then<Self>) -> Result<Never, CallError> {
        Err(CallError::NoCalls)
    }
}

impl Carries<Content> for Packetmq {
    fn emit(&mut self, content: &Content, slot: &mut [u8]) -> Result<usize, EncodeError> {
        match (content.key.name(), &content.body) {
            (Some(name), Body::Value(value)) => {
                self.emit_frame(name, slot, |writer| value.write(writer))
            }
            _ => Err(EncodeError::Unencodable),
        }
    }
}

/// There are no calls to make, or to answer.
impl Carries<Asked<'_, Never>> for Packetmq {
    fn emit(&mut self, asked: &Asked<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match asked.id {}
    }
}

impl Carries<Replied<'_, Never>> for Packetmq {
    fn emit(&mut self, replied: &Replied<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match replied.id {}
    }
}
