use super::super::code::BYE;
use super::super::names::Named;
use super::super::notice::Reason;
use super::super::{Name, Notice, Rule};
use super::{Owes, Phase, Session, Side};
use crate::error::native::Guess;
use crate::framing::Full;

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Bye {
    pub(super) reason: Reason,
    pub(super) name: Name,
    pub(super) text: &'static str,
}

impl Session {
    /// BYE has come.
    pub(crate) fn on_bye<'a>(&mut self, content: &'a [u8]) -> Result<Notice<'a>, Rule> {
        let short = Rule::ShortFrame { code: BYE };
        let (reason, text) = content
            .get(1..)
            .and_then(<[u8]>::split_first)
            .ok_or(short)?;
        let reason = Reason::of(*reason);
        let text = core::str::from_utf8(text).unwrap_or_default();
        self.end_of_peer(reason);
        Ok(Notice::Bye { reason, text })
    }

    /// A rule is broken: the session ends, and the peer is told.
    #[cold]
    pub(crate) fn break_off(&mut self, rule: Rule) {
        if self.phase == Phase::Over {
            return;
        }
        let reason = match rule {
            Rule::Version { .. } => Reason::Version,
            Rule::Registry { .. } => Reason::Registry,
            Rule::Silent => Reason::Silent,
            _ => Reason::Broken,
        };
        if self.bye.is_none() {
            let name = match rule {
                Rule::Registry {
                    entry: Ok(name), ..
                } => Name::new(name),
                _ => Name::EMPTY,
            };
            self.take_leave(reason, name, rule.text());
        }
        match rule {
            Rule::NotNative {
                looks_like: Guess::Secure,
            } => {
                self.bye = None;
                self.take_leave(Reason::PlainOnly, Name::EMPTY, "");
            }
            // What is sent to a peer of another protocol would only confuse it.
            Rule::NotNative { .. } => self.bye = None,
            _ => {}
        }
        self.end_of_peer(reason);
    }

    /// The same, for a rule that is broken by a frame of the protocol's own.
    #[cold]
    pub(crate) fn break_off_at(&mut self, rule: Rule, content: &[u8]) {
        // What is not known here has its name from there.
        if let Rule::Registry { entry: Err(_), .. } = rule
            && let Ok(Some(named)) = Named::parse(content)
        {
            self.take_leave(Reason::Registry, Name::new(named.name), rule.text());
        }
        self.break_off(rule);
    }

    /// The same, for a rule that is not broken by a frame: it is told as a notice.
    #[cold]
    pub(crate) fn break_off_aloud(&mut self, rule: Rule) {
        if self.phase != Phase::Over {
            self.broken = Some(rule);
            self.break_off(rule);
        }
    }

    /// The peer has ended the link. Until a session is in force here, it may be anybody: what began earlier stays.
    pub(super) fn end_of_peer(&mut self, reason: Reason) {
        self.end(reason.is_resumable() || self.phase != Phase::Open);
        self.is_final = !reason.is_resumable();
    }

    pub(super) fn end(&mut self, is_resumable: bool) {
        self.phase = Phase::Over;
        self.owes = Owes::default();
        self.is_final = !is_resumable;
        if !is_resumable {
            self.id = 0;
            self.offered = 0;
        }
        self.check();
    }

    pub(crate) fn close(&mut self, reason: Reason) {
        match self.phase {
            // What is queued goes first, unless it can go another time.
            Phase::Opening if self.side == Side::Dialler && !reason.is_resumable() => {
                self.take_leave(reason, Name::EMPTY, "");
            }
            Phase::Opening => self.end(reason.is_resumable()),
            // Who waits is answered.
            Phase::Claimed => {
                self.take_leave(reason, Name::EMPTY, "");
                self.end(reason.is_resumable());
            }
            Phase::Naming | Phase::Pending | Phase::Open => {
                self.take_leave(reason, Name::EMPTY, "");
            }
            Phase::Over => {}
        }
    }

    pub(crate) fn abort(&mut self, reason: Reason) {
        if self.phase != Phase::Opening {
            self.close(reason);
        }
        if self.phase != Phase::Over {
            self.end(reason.is_resumable());
        }
    }

    /// Says BYE as soon as it may: of its own accord once all is acknowledged.
    pub(crate) fn take_leave(&mut self, reason: Reason, name: Name, text: &'static str) {
        if self.bye.is_none() {
            self.bye = Some(Bye { reason, name, text });
        }
    }

    pub(crate) fn check_silence(&mut self) {
        if self.phase != Phase::Over && self.keepalive.is_lost() {
            self.break_off_aloud(Rule::Silent);
        }
    }
}

impl Bye {
    pub(super) fn emit(&self, content: &mut [u8]) -> Result<usize, Full> {
        let (fields, mut room) = content.split_first_chunk_mut::<2>().ok_or(Full)?;
        *fields = [BYE, self.reason.number()];
        let space = if self.name.is_empty() { "" } else { " " };
        let mut len = fields.len();
        for text in [&*self.name, space, self.text] {
            let (place, rest) = room.split_at_mut_checked(text.len()).ok_or(Full)?;
            place.copy_from_slice(text.as_bytes());
            room = rest;
            len += text.len();
        }
        Ok(len)
    }
}
