//! The tuples that messages are.
//!
//! ```text
//!             current variant                          old variant
//! call        (b"R", opcode, retcode, args, kwargs)    (b"R", opcode, args, kwargs)
//! reply       (b"A", retcode, args)                    (b"A", opcode, args)
//! ```

use super::{Body, CallId, Opcode, Rule, Variant};
use crate::encoding::EncodeError;
use crate::encoding::pickle::{Value, Writer};
use crate::encoding::value::{Kind, Write};

/// A message, as its tuple says it: what a session makes of it is another matter.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Message<'a> {
    /// Something is to be done, and the reply to come under `id`.
    Call {
        /// What is to be done.
        opcode: Opcode<'a>,
        /// What the reply comes under: a retcode, or in the old variant the opcode.
        id: CallId,
        /// With what.
        body: Body<'a>,
    },
    /// What came of a call, or a password, or a verdict.
    Reply {
        /// What it comes under.
        id: CallId,
        /// The values: one, as a rule.
        body: Body<'a>,
    },
    /// A message of a role that does not exist.
    Unknown,
}

/// A rule that is broken, and where, in bytes from the start of the pickle.
pub(super) type Flaw = (usize, Rule);

impl Variant {
    /// Reads the message that a pickle is, for who looks at a stream without taking part. A flaw is the rule that it breaks,
    /// and where, in bytes from the start of the pickle.
    pub fn parse<'a>(self, message: Value<'a, 'a>) -> Result<Message<'a>, Flaw> {
        let flaw = |rule| (message.offset(), rule);
        if !is_sequence(message) {
            return Err(flaw(Rule::NotATuple));
        }
        let mut elements = message.elements();
        let role = elements.next().ok_or(flaw(Rule::NoRole))?;
        let mut next = |wanted| elements.next().ok_or(flaw(Rule::Elements { wanted }));
        match (role.bytes(), self) {
            (Some(CALL), Self::Current) => {
                let (opcode, retcode) = (next(5)?, next(5)?);
                let (args, kwargs) = (next(5)?, next(5)?);
                end(elements, flaw(Rule::Elements { wanted: 5 }))?;
                call(opcode, call_id(retcode)?, args, kwargs)
            }
            (Some(CALL), Self::Old) => {
                let opcode = next(4)?;
                let (args, kwargs) = (next(4)?, next(4)?);
                end(elements, flaw(Rule::Elements { wanted: 4 }))?;
                call(opcode, call_id(opcode)?, args, kwargs)
            }
            (Some(REPLY), _) => {
                let (id, args) = (next(3)?, next(3)?);
                end(elements, flaw(Rule::Elements { wanted: 3 }))?;
                let body = Body {
                    args: arguments(args)?,
                    kwargs: None,
                };
                let id = call_id(id)?;
                Ok(Message::Reply { id, body })
            }
            _ => Ok(Message::Unknown),
        }
    }
}

/// Writes a call; `arguments` writes the tuple and the dict.
pub(super) fn emit_call(
    variant: Variant,
    slot: &mut [u8],
    opcode: Opcode<'_>,
    id: CallId,
    arguments: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    let len = match variant {
        Variant::Current => 5,
        Variant::Old => 4,
    };
    let mut writer = Writer::new(slot)?;
    let call = writer.begin_tuple(len)?;
    write_role(&mut writer, CALL)?;
    write_opcode(&mut writer, opcode)?;
    if variant == Variant::Current {
        write_opcode(&mut writer, Opcode::from(&id))?;
    }
    arguments(&mut writer)?;
    writer.end_tuple(call, len)?;
    writer.finish()
}

/// Writes a reply; `result` writes the one value.
pub(super) fn emit_reply(
    slot: &mut [u8],
    id: CallId,
    result: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    let mut writer = Writer::new(slot)?;
    let reply = writer.begin_tuple(3)?;
    write_role(&mut writer, REPLY)?;
    write_opcode(&mut writer, Opcode::from(&id))?;
    let args = writer.begin_tuple(1)?;
    result(&mut writer)?;
    writer.end_tuple(args, 1)?;
    writer.end_tuple(reply, 3)?;
    writer.finish()
}

fn call<'a>(
    opcode: Value<'a, 'a>,
    id: CallId,
    args: Value<'a, 'a>,
    kwargs: Value<'a, 'a>,
) -> Result<Message<'a>, Flaw> {
    let body = Body {
        args: arguments(args)?,
        kwargs: Some(keywords(kwargs)?),
    };
    // Only a tuple can hold one.
    let mut values = args.elements();
    if let Some(exception) = values.find(|value| value.kind() == Kind::Exception) {
        return Err((exception.offset(), Rule::Exception));
    }
    let opcode = Opcode::read(opcode);
    Ok(Message::Call { opcode, id, body })
}

fn call_id(value: Value<'_, '_>) -> Result<CallId, Flaw> {
    let id = Opcode::read(value).call_id();
    id.ok_or((value.offset(), Rule::CallId))
}

fn arguments<'a>(value: Value<'a, 'a>) -> Result<Value<'a, 'a>, Flaw> {
    if is_sequence(value) {
        Ok(value)
    } else {
        Err((value.offset(), Rule::Arguments))
    }
}

fn keywords<'a>(value: Value<'a, 'a>) -> Result<Value<'a, 'a>, Flaw> {
    if value.kind() != Kind::Map {
        return Err((value.offset(), Rule::Keywords));
    }
    for key in value.elements().step_by(2) {
        let rule = match key.is_one_of(&PARAMETERS) {
            None => Rule::Keywords,
            Some(true) => Rule::ReservedKeyword,
            Some(false) => continue,
        };
        return Err((key.offset(), rule));
    }
    Ok(value)
}

fn is_sequence(value: Value<'_, '_>) -> bool {
    matches!(value.kind(), Kind::Tuple | Kind::Array)
}

fn end(mut elements: impl Iterator, flaw: Flaw) -> Result<(), Flaw> {
    match elements.next() {
        None => Ok(()),
        Some(_) => Err(flaw),
    }
}

/// Writes the role. The ESP32 firmware looks for the place in the memo behind it.
fn write_role(writer: &mut Writer<'_>, role: &[u8]) -> Result<(), EncodeError> {
    writer.bytes(role)?;
    writer.memoize(0)
}

fn write_opcode(writer: &mut Writer<'_>, opcode: Opcode<'_>) -> Result<(), EncodeError> {
    match opcode {
        Opcode::Number(number) => writer.i64(number),
        Opcode::Text(text) => writer.text(text),
        Opcode::Other(_) | Opcode::None => Err(EncodeError::Unencodable),
    }
}

/// The role of calls: the master's.
const CALL: &[u8] = b"R";

/// The role of replies: the slave's.
const REPLY: &[u8] = b"A";

/// What Python's own functions call the parameters in front of the keyword arguments.
pub(super) const PARAMETERS: [&str; 3] = ["self", "opcode", "retcode"];
