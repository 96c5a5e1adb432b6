use super::connection::{Connection, NEVER, Stage};
use super::{Limits, Reason};
use crate::desk::Ending;
use crate::native::Parting;
use crate::wire::Guarded;
use ropeway_core::dialect::Dialect;
use ropeway_core::{Instant, Over};
use std::net::Shutdown;
use std::time::Duration;

/// How a link comes to its end, and what happens by time alone.
impl<D: Dialect> Connection<D> {
    /// Takes the link further: to its end, if that has come.
    pub(super) fn advance(&mut self, now: Instant, limits: &Limits) {
        let has_passed = self.until <= now;
        let is_opening = matches!(self.stage, Stage::Connecting | Stage::Going);
        if self.flags.is_opening && is_opening && has_passed && !self.flags.is_late {
            self.flags.is_late = true;
            self.mail.dialect_mut().handle_silence();
        }
        if let Stage::Going = self.stage
            && let Some(reason) = self.reason_to_end(now, limits)
        {
            self.end(reason, now + limits.linger);
        }
        let is_cut_off = self.is_cut_off();
        match &self.stage {
            Stage::Connecting | Stage::Away if self.ending().is_some() => {
                self.stage = Stage::Over(Reason::Kicked);
            }
            Stage::Connecting if has_passed => self.stage = Stage::Over(Reason::NotOpened),
            Stage::Ending(_) | Stage::Finished(_) if self.until <= now => self.over(),
            Stage::Ending(_) if self.has_let_out() => self.finish(now + limits.linger),
            Stage::Ending(_) if is_cut_off => self.over(),
            Stage::Finished(_) if self.flags.has_ended || self.broken.is_some() => self.over(),
            _ => {}
        }
    }

    fn reason_to_end(&mut self, now: Instant, limits: &Limits) -> Option<Reason> {
        match self.ending() {
            Some(Ending::AtOnce) => {
                self.stage = Stage::Over(Reason::Kicked);
                return None;
            }
            Some(Ending::Gracefully) => return Some(Reason::Kicked),
            None => {}
        }
        // Answers that found no room can never be let out, and nothing more is taken before they are.
        if self.is_cut_off() && !self.owes_nothing() {
            return Some(self.broken.take().map_or(Reason::Closed, Reason::Transport));
        }
        if (self.mail.dialect().has_notice() && self.owes_nothing()) || self.has_file_news() {
            return None;
        }
        let (has_quit, has_joined) = (self.mail.dialect().has_quit(), self.flags.has_joined);
        match self.mail.is_over() {
            Some(_) if has_quit && self.flags.is_silent => Some(Reason::Idle),
            Some(_) if has_quit && self.flags.is_late && !has_joined => Some(Reason::NotOpened),
            Some(_) if let Some(parting) = self.take_parting() => Some(Reason::of(parting)),
            Some(_) if has_quit && !has_joined => Some(Reason::Refused),
            Some(_) if has_quit => Some(Reason::Quit),
            Some(Over::Ended) => Some(self.broken.take().map_or(Reason::Closed, |error| {
                self.flags.writable = false;
                Reason::Transport(error)
            })),
            Some(Over::OutOfStep) => {
                let fault = self.mail.wire_mut().fault();
                Some(fault.map_or(Reason::OutOfStep, Reason::Wire))
            }
            Some(Over::Quit) => Some(Reason::Quit),
            None if self.flags.is_late && !self.mail.dialect().is_open() => Some(Reason::NotOpened),
            None if self.idle_by(limits) <= now => Some(Reason::Idle),
            None => None,
        }
    }

    fn take_parting(&mut self) -> Option<Parting> {
        self.desk.as_mut()?.parting.take()
    }

    /// Whether nothing more can be let out: where sessions are kept, the peer has to say what it has taken.
    const fn is_cut_off(&self) -> bool {
        self.broken.is_some() || (D::HAS_SESSIONS && self.flags.has_ended)
    }

    fn idle_by(&self, limits: &Limits) -> Instant {
        match self.flags.is_opening || limits.idle == Duration::MAX {
            true => NEVER,
            false => self.heard + limits.idle,
        }
    }

    /// Ends the link once what is queued has been let out.
    pub(super) fn end(&mut self, reason: Reason, by: Instant) {
        if let Stage::Ending(_) | Stage::Finished(_) | Stage::Over(_) = self.stage {
            return;
        }
        if let Some(leave) = reason.leave() {
            self.mail.dialect_mut().take_leave(leave);
        }
        self.until = by;
        self.stage = match reason {
            Reason::Transport(_) => Stage::Over(reason),
            _ => Stage::Ending(reason),
        };
    }

    /// Ends the writing direction, and waits for the peer to end the other no longer than until `latest`.
    fn finish(&mut self, latest: Instant) {
        // A connection that cannot be ended is at its end.
        let stream = self.stream.as_ref();
        if stream.is_none_or(|stream| stream.shutdown(Shutdown::Write).is_err()) {
            self.broken = Some(std::io::ErrorKind::NotConnected.into());
        }
        let has_ended = self.flags.has_ended || self.broken.is_some();
        self.stage = match std::mem::replace(&mut self.stage, Stage::Connecting) {
            Stage::Ending(reason) if has_ended => Stage::Over(reason),
            Stage::Ending(reason) => {
                self.until = self.until.min(latest);
                Stage::Finished(reason)
            }
            stage => stage,
        };
    }

    fn over(&mut self) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Connecting) {
            Stage::Ending(reason) | Stage::Finished(reason) => Stage::Over(reason),
            stage => stage,
        };
    }

    /// Whether its session can have another link, now that this one is as it is.
    pub(super) fn may_resume(&self) -> bool {
        let spares = match &self.stage {
            Stage::Connecting | Stage::Going | Stage::Away => true,
            Stage::Over(Reason::NotOpened) => self.is_known(),
            // Who ends a session for good that had not begun leaves nothing to come back to.
            Stage::Ending(Reason::Parted(parting))
            | Stage::Finished(Reason::Parted(parting))
            | Stage::Over(Reason::Parted(parting)) => parting.is_resumable() || self.is_known(),
            Stage::Ending(reason) | Stage::Finished(reason) | Stage::Over(reason) => {
                reason.spares_session()
            }
        };
        D::HAS_SESSIONS
            && spares
            && !self.flags.is_in_lobby
            && self.ending().is_none()
            && self.mail.dialect().is_resumable()
    }

    /// Whether it has joined, or is to be dialled until it does.
    fn is_known(&self) -> bool {
        self.flags.has_joined || self.is_redialled()
    }

    /// When to look at it next, if nothing happens before.
    pub(super) fn next_timeout(&self, now: Instant, limits: &Limits) -> Instant {
        let stage = match self.stage {
            Stage::Connecting | Stage::Ending(_) | Stage::Finished(_) | Stage::Away => self.until,
            Stage::Going if self.flags.is_opening => self.until,
            Stage::Going => self.idle_by(limits),
            Stage::Over(_) => NEVER,
        };
        // What is due and cannot be said now is tried again in a moment.
        let own = match self.stage {
            Stage::Going | Stage::Ending(_) => self.mail.next_timeout(),
            _ => None,
        };
        let own = own.map(|at| at.max(now + MOMENT));
        let desk = self.desk.as_ref();
        let calls = desk.and_then(|desk| desk.calls.next_timeout());
        let all = own.into_iter().chain(calls);
        all.fold(stage, Instant::min)
    }
}

const MOMENT: Duration = Duration::from_millis(5);
