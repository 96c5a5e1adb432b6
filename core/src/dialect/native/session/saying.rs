use super::super::Config;
use super::super::code::{ACK, PING, PONG};
use super::{Phase, Ping, Session};
use crate::framing::{Extended, Full};

impl Session {
    pub(crate) const fn owes_ack(&self) -> bool {
        self.owes.ack || self.taken != self.told
    }

    pub(crate) fn has_own(&self, config: &Config) -> bool {
        match self.phase {
            Phase::Open => {
                self.owes_ack()
                    || self.owes.opening
                    || self.owes.pong
                    || self.ping == Ping::Owed
                    || self.bye.is_some()
                    || self.keepalive.must_speak(config.silence)
            }
            Phase::Pending => {
                self.owes.opening || self.owes.ack || self.owes.pong || self.bye.is_some()
            }
            Phase::Naming => self.owes.opening || !self.names.is_sent || self.bye.is_some(),
            Phase::Opening | Phase::Claimed => self.owes.opening,
            Phase::Over => self.bye.is_some(),
        }
    }

    /// Has a PING sent, unless another waits for its answer or the session is not open.
    pub(crate) fn ping(&mut self) -> bool {
        let may_ping =
            self.phase == Phase::Open && matches!(self.ping, Ping::None | Ping::Answered);
        if may_ping {
            self.ping = Ping::Owed;
        }
        may_ping
    }

    /// Whether the PING that was asked for has been answered since this was last asked.
    pub(crate) fn take_pong(&mut self) -> bool {
        let is_answered = self.ping == Ping::Answered;
        if is_answered {
            self.ping = Ping::None;
        }
        is_answered
    }

    /// Whether what it has to say may stand behind the messages that wait.
    pub(crate) fn may_follow(&self) -> bool {
        self.phase == Phase::Open && !self.owes.opening && self.bye.is_none()
    }

    /// Writes the next of its small frames to the front of `slot`, and returns its length; zero for none.
    ///
    /// `room` is how many bytes of sequenced frames the input has room for, `largest` the longest frame.
    pub(crate) fn emit(
        &mut self,
        config: &Config,
        room: u32,
        largest: u32,
        is_idle: bool,
        slot: &mut [u8],
    ) -> Result<usize, Full> {
        if self.owes.opening {
            let len = self.emit_opening(config, room, largest, slot)?;
            self.owes.opening = false;
            self.granted = self.granted.max(room);
            return Ok(len);
        }
        if let Some(bye) = self.bye
            && (is_idle || self.phase == Phase::Over)
        {
            let len = framed(slot, |content| bye.emit(content))?;
            self.bye = None;
            if self.phase != Phase::Over {
                self.end(bye.reason.is_resumable());
            }
            return Ok(len);
        }
        if self.phase == Phase::Naming && !self.names.is_sent {
            return self.emit_name(config, slot);
        }
        if !matches!(self.phase, Phase::Open | Phase::Pending) {
            return Ok(0);
        }
        // What was taken in an older session is no business of one that is about to begin.
        let (owes_ack, taken) = match self.phase {
            Phase::Pending => (self.owes.ack, 0),
            _ => (self.owes_ack(), self.taken),
        };
        if owes_ack {
            let len = framed(slot, |content| {
                let content = content.first_chunk_mut::<9>().ok_or(Full)?;
                let [a, b, c, d] = taken.to_le_bytes();
                let [e, f, g, h] = room.to_le_bytes();
                *content = [ACK, a, b, c, d, e, f, g, h];
                Ok(content.len())
            })?;
            self.owes.ack = false;
            self.granted = self.granted.max(room);
            if self.phase != Phase::Pending {
                self.told = taken;
            }
            return Ok(len);
        }
        let code = if core::mem::take(&mut self.owes.pong) {
            PONG
        } else if self.ping == Ping::Owed {
            self.ping = Ping::Sent;
            PING
        } else if self.keepalive.must_speak(config.silence) {
            if self.ping == Ping::None {
                self.ping = Ping::Kept;
            }
            PING
        } else {
            return Ok(0);
        };
        // What is said now keeps the promise, even before it is written.
        self.keepalive.handle_spoken();
        framed(slot, |content| {
            *content.first_mut().ok_or(Full)? = code;
            Ok(1)
        })
    }
}

/// Writes a small frame whose content `write` writes.
pub(super) fn framed(
    slot: &mut [u8],
    write: impl FnOnce(&mut [u8]) -> Result<usize, Full>,
) -> Result<usize, Full> {
    let (_, content) = slot.split_first_mut().ok_or(Full)?;
    let len = write(content)?;
    Ok(Extended::emit_header(slot, len)? + len)
}
