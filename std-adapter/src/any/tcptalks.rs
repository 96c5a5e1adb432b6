use super::{Anything, Arguments, Asked, Body, Content, Key, Question, Replied, Then};
use crate::call::{CallError, Failure, Refused};
use crate::peer::Peer;
use crate::tcptalks::{CallId, Dialect, Opcode, Spoken};
use crate::value::Value;
use ropeway_core::Malformed;
use ropeway_core::dialect::{Carries, Envelope};
use ropeway_core::encoding::EncodeError;
use ropeway_core::registry::Rejected;

/// A message is a call whose reply is dropped.
impl Anything for Dialect {
    const HAS_CALLS: bool = true;

    fn hear<'a>(envelope: Envelope<'a, Self>) -> Result<Content, Rejected<'a, Self>> {
        let key = match envelope.key {
            Opcode::Number(number) => Key::Code(number),
            Opcode::Text(name) => Key::Name(name.into()),
            // Values of other types name nothing here.
            Opcode::Other(_) | Opcode::None => return Err(Rejected::Unknown(envelope)),
        };
        match Arguments::read(envelope.body) {
            Ok(arguments) => Ok(Content::new(key, arguments)),
            Err(error) => Err(Rejected::Malformed(error.into())),
        }
    }

    fn hear_answer(envelope: Envelope<'_, Self>) -> Result<Result<Body, Refused>, Malformed> {
        let value = envelope.body.value()?;
        Ok(match value.exception() {
            Some(error) => Err(error.keep()),
            None => Ok(Value::read(&mut value.reader())?.into()),
        })
    }

    fn ask(
        peer: &mut Peer<'_, Self>,
        question: &Question,
        then: Then<Self>,
    ) -> Result<CallId, CallError> {
        question.put(peer, then)
    }
}

impl Carries<Content> for Dialect {
    fn emit(&mut self, content: &Content, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let id = self.discarding();
        self.emit(&spoken(id, content)?, slot)
    }
}

impl Carries<Asked<'_, CallId>> for Dialect {
    fn emit(&mut self, asked: &Asked<'_, CallId>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit(&spoken(asked.id, asked.request)?, slot)
    }
}

impl Carries<Replied<'_, CallId>> for Dialect {
    fn emit(
        &mut self,
        replied: &Replied<'_, CallId>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let Body::Value(value) = replied.body else {
            return Err(EncodeError::Unencodable);
        };
        self.emit_reply(slot, replied.id, |writer| value.write(writer))
    }
}

fn spoken(id: CallId, content: &Content) -> Result<Spoken<'_, Arguments>, EncodeError> {
    let Body::Arguments(arguments) = &content.body else {
        return Err(EncodeError::Unencodable);
    };
    let opcode = match &content.key {
        Key::Code(number) => Opcode::Number(*number),
        Key::Name(name) => Opcode::Text(name),
    };
    Ok(Spoken {
        id,
        opcode,
        arguments,
    })
}
