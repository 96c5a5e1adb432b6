use super::super::code::{ACK, PING, PONG, is_sequenced};
use super::super::hello::bytes;
use super::super::notice::Opening;
use super::super::{Config, Rule};
use super::{Phase, Ping, Session};
use crate::dialect::Settlement;

impl Session {
    /// A PING, PONG or ACK has come.
    pub(crate) fn on_small(&mut self, code: u8, content: &[u8]) -> Result<(), Rule> {
        let may_come = matches!(self.phase, Phase::Open | Phase::Pending);
        match *content {
            _ if !may_come => Err(Rule::OutOfPlace { code }),
            [PING] => {
                self.owes.pong = true;
                Ok(())
            }
            [PONG] => {
                self.ping = match self.ping {
                    Ping::Sent => Ping::Answered,
                    Ping::Kept => Ping::None,
                    other => other,
                };
                Ok(())
            }
            [ACK, ref fields @ ..] if fields.len() == 8 => {
                let taken = u32::from_le_bytes(bytes(fields, 0));
                let window = u32::from_le_bytes(bytes(fields, 4));
                self.on_ack(taken, window)
            }
            _ => Err(Rule::ShortFrame { code }),
        }
    }

    pub(super) fn on_ack(&mut self, taken: u32, window: u32) -> Result<(), Rule> {
        if self.phase == Phase::Pending {
            if taken != 0 {
                return Err(Rule::NeverSent);
            }
            self.commit();
        }
        let newly = taken.wrapping_sub(self.acked);
        self.unsettled = self.unsettled.wrapping_add(newly);
        self.acked = taken;
        self.peer.window = window;
        self.confirm();
        self.check();
        Ok(())
    }

    /// A frame of this code is there, to be taken soon: a sequenced one is the first sign of a session that is pending.
    #[inline]
    pub(crate) fn foresee(&mut self, code: u8) {
        if self.phase == Phase::Pending && is_sequenced(code) {
            self.commit();
        }
    }

    /// A sequenced frame of `len` bytes waits behind all others that do.
    pub(crate) fn on_ahead(&mut self, len: u32) {
        let before = match self.seen.wrapping_sub(self.taken) {
            // It was taken before it was looked for.
            passed if passed > u32::MAX / 2 => 0,
            before => before,
        };
        let ahead = before.saturating_add(len);
        self.seen = self.taken.wrapping_add(ahead);
        if self.phase == Phase::Open && before > 0 && ahead > self.granted {
            self.break_off_aloud(Rule::BeyondWindow);
        }
    }

    /// A sequenced frame is to be taken; fails if none may come now.
    #[cold]
    pub(crate) fn on_sequenced(&mut self, code: u8) -> Result<(), Rule> {
        if self.phase != Phase::Open {
            return Err(Rule::OutOfPlace { code });
        }
        self.confirm();
        Ok(())
    }

    /// A sequenced frame of `len` bytes has been taken.
    #[inline]
    pub(crate) const fn count(&mut self, len: u32) {
        self.taken = self.taken.wrapping_add(len);
    }

    /// A sequenced frame of `len` bytes is longer than the memory for it.
    pub(crate) fn on_refused(&mut self, code: u8, len: u32) {
        self.foresee(code);
        match self.on_sequenced(code) {
            Ok(()) => self.refused = len,
            Err(rule) => self.break_off_aloud(rule),
        }
    }

    /// What was refused is past.
    pub(crate) const fn count_refused(&mut self) {
        self.count(self.refused);
        self.refused = 0;
    }

    /// Acknowledges the first sign of a fresh session.
    pub(super) fn confirm(&mut self) {
        if self.confirms {
            self.confirms = false;
            self.owes.ack = true;
            self.check();
        }
    }

    /// How many bytes of ours may be on their way.
    #[inline]
    pub(crate) fn window(&self) -> Option<usize> {
        let may_send = matches!(self.phase, Phase::Open)
            && !self.owes.opening
            && !self.is_fresh
            && !self.is_resumed
            && !self.holds_in_doubt;
        may_send.then(|| usize::try_from(self.peer.window).unwrap_or(usize::MAX))
    }

    /// The longest frame that the peer takes, as far as it has said.
    #[inline]
    pub(crate) fn largest(&self) -> usize {
        usize::try_from(self.peer.largest).unwrap_or(usize::MAX)
    }

    pub(crate) fn take_settlement(&mut self, config: &Config) -> Option<Settlement> {
        if self.is_steady {
            return None;
        }
        if self.is_fresh {
            self.is_fresh = false;
            self.holds_in_doubt = config.keeps_in_doubt;
            self.check();
            return Some(Settlement::Fresh {
                keeps: config.keeps_in_doubt,
            });
        }
        let bytes = core::mem::take(&mut self.unsettled);
        let is_resumed = bytes == 0 && core::mem::take(&mut self.is_resumed);
        self.check();
        match bytes {
            0 => is_resumed.then_some(Settlement::Resumed),
            bytes => Some(Settlement::Acknowledged(bytes)),
        }
    }

    pub(crate) fn handle_in_doubt(&mut self, count: usize) {
        if let Some(Opening::Fresh { in_doubt, .. }) = &mut self.opening {
            *in_doubt = in_doubt.saturating_add(count);
        }
        self.holds_in_doubt &= count > 0;
        self.check();
    }

    pub(crate) const fn holds_in_doubt(&self) -> bool {
        self.holds_in_doubt
    }

    pub(crate) const fn forget_in_doubt(&mut self) {
        self.holds_in_doubt = false;
        self.check();
    }
}
