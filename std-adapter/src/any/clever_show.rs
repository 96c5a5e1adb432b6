use super::{Anything, Arguments, Asked, Body, Content, Question, Replied, Then};
use crate::call::{CallError, Refused};
use crate::peer::Peer;
use crate::value::{Map, Value};
use ropeway_core::Malformed;
use ropeway_core::dialect::clever_show::{self, CallId, CleverShow, Json, Named, NamedAnswer};
use ropeway_core::dialect::{Carries, Envelope};
use ropeway_core::encoding::EncodeError;
use ropeway_core::encoding::value::Args;
use ropeway_core::message::Call;
use ropeway_core::registry::Rejected;

impl Anything for CleverShow {
    const HAS_CALLS: bool = true;

    fn hear<'a>(envelope: Envelope<'a, Self>) -> Result<Content, Rejected<'a, Self>> {
        let name = envelope.key;
        match read(envelope.body) {
            Ok(body) => Ok(Content::new(name, body)),
            Err(malformed) => Err(Rejected::Malformed(malformed)),
        }
    }

    fn hear_answer(envelope: Envelope<'_, Self>) -> Result<Result<Body, Refused>, Malformed> {
        Ok(Ok(read(envelope.body)?))
    }

    fn ask(
        peer: &mut Peer<'_, Self>,
        question: &Question,
        then: Then<Self>,
    ) -> Result<CallId, CallError> {
        question.put(peer, then)
    }
}

impl Carries<Content> for CleverShow {
    fn emit(&mut self, content: &Content, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let (name, arguments) = parts(content)?;
        let arguments = &arguments;
        self.emit(&Named { name, arguments }, slot)
    }
}

impl Carries<Asked<'_, CallId>> for CleverShow {
    fn emit(&mut self, asked: &Asked<'_, CallId>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let (name, arguments) = parts(asked.request)?;
        let arguments = &arguments;
        let (id, request) = (asked.id, &Named { name, arguments });
        self.emit(&Call { id, request }, slot)
    }
}

impl Carries<Replied<'_, CallId>> for CleverShow {
    const IS_ANSWER: bool = true;

    fn emit(
        &mut self,
        replied: &Replied<'_, CallId>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let (Some(name), Body::Value(value)) = (replied.key.name(), replied.body) else {
            return Err(EncodeError::Unencodable);
        };
        let id = replied.id;
        self.emit(&NamedAnswer { id, name, value }, slot)
    }
}

fn read(body: clever_show::Body<'_>) -> Result<Body, Malformed> {
    let value = |json: Json<'_>| json.read_with(Value::read);
    Ok(match body {
        clever_show::Body::Value(json) => value(json)?.into(),
        clever_show::Body::Arguments(arguments) => {
            let args = match value(arguments.args)? {
                Value::Array(args) => args,
                // The dialect lets nothing else through.
                _ => Vec::new(),
            };
            let kwargs = arguments.kwargs.read_with(Map::read)?;
            Arguments { args, kwargs }.into()
        }
    })
}

/// What clever-show calls by name, and with which arguments.
fn parts(content: &Content) -> Result<(&str, Args<&[Value], &Map>), EncodeError> {
    match (content.key.name(), &content.body) {
        (Some(name), Body::Arguments(Arguments { args, kwargs })) => {
            Ok((name, Args { args, kwargs }))
        }
        _ => Err(EncodeError::Unencodable),
    }
}
