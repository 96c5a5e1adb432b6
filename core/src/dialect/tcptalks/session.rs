//! What a link remembers from message to message.

use super::message::{Flaw, Message, emit_call, emit_reply};
use super::opening::{Debt, Debts, Stage, verdict};
use super::retcodes::Retcodes;
use super::{AUTHENTICATE, Body, CLOSE, CallId, IDENTIFY, Notice, Opcode, Password, Rule, Variant};
use crate::encoding::EncodeError;
use crate::encoding::pickle::Writer;
use crate::encoding::value::Write;

/// The state of a link, apart from the memory for its values.
#[derive(Debug)]
pub(super) struct Session<P> {
    pub(super) variant: Variant,
    pub(super) password: Password<P>,
    pub(super) identity: Option<P>,
    pub(super) stage: Stage,
    pub(super) debts: Debts,
    retcodes: Retcodes,
    /// How many messages have been sent for themselves.
    sent: u32,
    /// The call that the old variant waits for.
    under_way: Option<UnderWay>,
    /// The replies that may still come to calls of the old variant that were given up.
    late: Option<(CallId, u8)>,
}

/// A call of the old variant.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    id: CallId,
    /// What the reply comes under.
    opcode: CallId,
}

/// What came of a message.
pub(super) enum Taken<'a> {
    Call(Opcode<'a>, CallId, Body<'a>),
    Reply(CallId, Body<'a>),
    Notice(Notice<'a>),
}

impl<P> Session<P> {
    pub(super) fn dialling(seed: u32) -> Self {
        let mut session = Self::new(seed, Stage::Asking);
        session.debts.add(Debt::Password);
        session
    }

    pub(super) const fn listening(seed: u32) -> Self {
        Self::new(seed, Stage::Judging)
    }

    const fn new(seed: u32, stage: Stage) -> Self {
        Self {
            variant: Variant::Current,
            password: Password::None,
            identity: None,
            stage,
            debts: Debts::NONE,
            retcodes: Retcodes::new(seed),
            sent: 0,
            under_way: None,
            late: None,
        }
    }

    /// The id of call `number`.
    pub(super) fn call_id(&self, number: u32) -> CallId {
        match self.variant {
            Variant::Current => self.retcodes.of_call(number).into(),
            Variant::Old => CallId::Own(number),
        }
    }

    /// The id of a message for itself: the numbers of calls are counted from the other end.
    pub(super) fn next_id(&mut self) -> CallId {
        self.sent = self.sent.wrapping_add(1);
        self.call_id(self.sent.wrapping_neg())
    }

    pub(super) fn forget(&mut self, id: CallId) {
        let Some(UnderWay { opcode, .. }) = self.under_way.take_if(|call| call.id == id) else {
            return;
        };
        let more = match self.late {
            Some((late, count)) if late == opcode => count,
            _ => 0,
        };
        self.late = Some((opcode, more.saturating_add(1)));
    }

    pub(super) fn handle_silence(&mut self) {
        match (self.stage, self.variant) {
            (Stage::Judging, Variant::Old) => {
                self.judge(matches!(self.password, Password::None));
            }
            (Stage::Judging | Stage::Asking, _) => self.stage = Stage::Over,
            (Stage::Open | Stage::Over, _) => {}
        }
    }

    fn judge(&mut self, agrees: bool) -> Notice<'static> {
        self.debts.add(Debt::Verdict(agrees));
        self.settle(agrees)
    }

    const fn settle(&mut self, agrees: bool) -> Notice<'static> {
        if agrees {
            self.stage = Stage::Open;
            Notice::Opened
        } else {
            self.stage = Stage::Over;
            Notice::Refused
        }
    }

    fn take_reply<'a>(&mut self, id: CallId, body: Body<'a>) -> Taken<'a> {
        if let Some((late, count)) = &mut self.late
            && *late == id
        {
            *count -= 1;
            if *count == 0 {
                self.late = None;
            }
            return Taken::Notice(Notice::Late(id));
        }
        match self.under_way.take_if(|call| call.opcode == id) {
            Some(call) => {
                // Replies come in the order of the calls: what is still missing never comes.
                self.late = None;
                Taken::Reply(call.id, body)
            }
            None => Taken::Reply(id, body),
        }
    }

    /// Writes a call; `arguments` writes its tuple and its dict.
    pub(super) fn emit_call(
        &mut self,
        slot: &mut [u8],
        opcode: Opcode<'_>,
        id: CallId,
        arguments: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        self.must_be_open()?;
        if self.variant == Variant::Current {
            return emit_call(self.variant, slot, opcode, id, arguments);
        }
        if self.under_way.is_some() {
            return Err(EncodeError::Busy);
        }
        let under_way = UnderWay {
            id,
            opcode: opcode.call_id().ok_or(EncodeError::Unencodable)?,
        };
        let len = emit_call(self.variant, slot, opcode, id, arguments)?;
        self.under_way = Some(under_way);
        Ok(len)
    }

    /// Writes a reply; `result` writes its one value.
    pub(super) fn emit_reply(
        &self,
        slot: &mut [u8],
        id: CallId,
        result: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        self.must_be_open()?;
        emit_reply(slot, id, result)
    }

    fn must_be_open(&self) -> Result<(), EncodeError> {
        match self.stage {
            Stage::Open => Ok(()),
            Stage::Asking | Stage::Judging | Stage::Over => Err(EncodeError::NotOpen),
        }
    }
}

impl<P: AsRef<str>> Session<P> {
    /// Takes note of a message, and says what the program gets of it.
    pub(super) fn take<'a>(&mut self, message: Message<'a>) -> Result<Taken<'a>, Flaw> {
        Ok(match message {
            Message::Call { opcode, id, body } => self.take_call(opcode, id, body),
            Message::Reply { id, body } if id == CallId::Number(AUTHENTICATE) => {
                Taken::Notice(self.take_opening(body)?)
            }
            Message::Reply { id, body } => self.take_reply(id, body),
            Message::Unknown => Taken::Notice(Notice::Ignored),
        })
    }

    fn take_call<'a>(&mut self, opcode: Opcode<'a>, id: CallId, body: Body<'a>) -> Taken<'a> {
        let is_current = self.variant == Variant::Current;
        match opcode {
            Opcode::Number(CLOSE) if !is_current => {
                self.stage = Stage::Over;
                Taken::Notice(Notice::Closed)
            }
            _ if self.stage != Stage::Open => Taken::Notice(Notice::Early {
                opcode,
                is_answered: self.debts.add_answer(Debt::Refusal(id)),
            }),
            Opcode::Number(IDENTIFY)
                if is_current
                    && self.identity.is_some()
                    && self.debts.add_answer(Debt::Identity(id)) =>
            {
                Taken::Notice(Notice::IdentityAsked)
            }
            _ => Taken::Call(opcode, id, body),
        }
    }

    fn take_opening(&mut self, body: Body<'_>) -> Result<Notice<'static>, Flaw> {
        match self.stage {
            Stage::Judging => {
                let mut args = body.args.elements();
                let agrees = match (args.next(), args.next()) {
                    (Some(given), None) => self.password.admits(given),
                    _ => matches!(self.password, Password::None),
                };
                Ok(self.judge(agrees))
            }
            Stage::Asking => {
                let flaw = (body.args.offset(), Rule::Verdict);
                Ok(self.settle(verdict(body.args).ok_or(flaw)?))
            }
            Stage::Open | Stage::Over => Ok(Notice::Repeated),
        }
    }

    /// Writes the frame that is owed longest.
    pub(super) fn emit_own(&mut self, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let Some(debt) = self.debts.first() else {
            return Ok(0);
        };
        let opening = CallId::Number(AUTHENTICATE);
        let len = match debt {
            Debt::Password => emit_reply(slot, opening, |writer| match &self.password {
                Password::None => writer.null(),
                Password::Text(text) => writer.text(text.as_ref()),
                Password::Number(number) => writer.i64(*number),
            }),
            Debt::Verdict(agrees) => emit_reply(slot, opening, |writer| writer.bool(agrees)),
            Debt::Refusal(id) => emit_reply(slot, id, |writer| {
                self.variant
                    .write_refusal(writer, EARLY, "show the password first")
            }),
            Debt::Identity(id) => emit_reply(slot, id, |writer| match &self.identity {
                Some(identity) => writer.text(identity.as_ref()),
                None => writer.null(),
            }),
        }?;
        self.debts.pay_first();
        Ok(len)
    }
}

/// What the current variant calls a call before the password. The class is in the library, whose place in the
/// peer's program is unknown: so it is told as a `RuntimeError`, which is what the old variant has.
const EARLY: &str = "AuthentificationError";
