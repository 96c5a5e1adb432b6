use super::native::raw;
use super::{Anything, Asked, Body, Content, Question, Replied, Then};
use crate::call::{CallError, Refused};
use crate::json::Dynamic;
use crate::peer::Peer;
use crate::value::{Map, Value};
use ropeway_core::Malformed;
use ropeway_core::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_core::dialect::{Carries, Envelope, Never};
use ropeway_core::encoding::EncodeError;
use ropeway_core::registry::{Registry, Rejected};

impl Anything for CableCarByte {
    const HAS_CALLS: bool = false;

    fn hear<'a>(envelope: Envelope<'a, Self>) -> Result<Content, Rejected<'a, Self>> {
        Ok(Content::new(envelope.key.0, envelope.body.to_vec()))
    }

    fn hear_answer(envelope: Envelope<'_, Self>) -> Result<Result<Body, Refused>, Malformed> {
        Ok(Ok(envelope.body.to_vec().into()))
    }

    fn ask(_: &mut Peer<'_, Self>, _: &Question, _: Then<Self>) -> Result<Never, CallError> {
        Err(CallError::NoCalls)
    }
}

impl Carries<Content> for CableCarByte {
    fn emit(&mut self, content: &Content, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit(&raw(content)?, slot)
    }
}

impl Anything for CableCarJson {
    const HAS_CALLS: bool = false;

    fn hear<'a>(envelope: Envelope<'a, Self>) -> Result<Content, Rejected<'a, Self>> {
        let Dynamic { name, attributes } = Dynamic::decode(envelope)?;
        Ok(Content::new(name, attributes))
    }

    fn hear_answer(envelope: Envelope<'_, Self>) -> Result<Result<Body, Refused>, Malformed> {
        Ok(Ok(Self::read_line(envelope, Map::read)?.into()))
    }

    fn ask(_: &mut Peer<'_, Self>, _: &Question, _: Then<Self>) -> Result<Never, CallError> {
        Err(CallError::NoCalls)
    }
}

impl Carries<Content> for CableCarJson {
    fn emit(&mut self, content: &Content, slot: &mut [u8]) -> Result<usize, EncodeError> {
        match (content.key.name(), &content.body) {
            (Some(name), Body::Value(Value::Map(attributes))) => {
                Self::emit_line(name, slot, |line| attributes.write(line))
            }
            _ => Err(EncodeError::Unencodable),
        }
    }
}

/// There are no calls to make, or to answer.
impl Carries<Asked<'_, Never>> for CableCarByte {
    fn emit(&mut self, asked: &Asked<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match asked.id {}
    }
}

impl Carries<Replied<'_, Never>> for CableCarByte {
    fn emit(&mut self, replied: &Replied<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match replied.id {}
    }
}

impl Carries<Asked<'_, Never>> for CableCarJson {
    fn emit(&mut self, asked: &Asked<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match asked.id {}
    }
}

impl Carries<Replied<'_, Never>> for CableCarJson {
    fn emit(&mut self, replied: &Replied<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match replied.id {}
    }
}
