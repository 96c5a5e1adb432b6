use super::{Limits, PeerInfo, Reason};
use crate::desk::{Desk, Mail};
use ropeway_core::Instant;
use ropeway_core::dialect::Dialect;
use std::io::{self, Read, Write};
use std::net::Shutdown;

/// One peer's link.
pub(super) struct Connection<D: Dialect> {
    pub(super) info: PeerInfo,
    pub(super) mail: Mail<D>,
    pub(super) desk: Desk<D>,
    pub(super) stream: mio::net::TcpStream,
    pub(super) stage: Stage,
    /// It waits for its turn.
    pub(super) is_active: bool,
    /// It waits for its turn to speak.
    pub(super) is_speaker: bool,
    /// When timers look at it next.
    pub(super) timer: Option<Instant>,
    /// Until when the opening must be done; none once it is.
    pub(super) open_by: Option<Instant>,
    /// The opening has taken too long, and the dialect knows.
    is_late: bool,
    heard: Instant,
    readable: bool,
    writable: bool,
    /// The peer has ended the stream.
    has_ended: bool,
    /// What broke the connection.
    broken: Option<io::Error>,
}

/// How far a link has come.
pub(super) enum Stage {
    /// The connection is being made.
    Connecting,
    /// Messages come and go, or the opening does.
    Going,
    /// What is queued is let out, and nothing more is taken in.
    Ending { reason: Reason, by: Instant },
    /// All is let out; the peer is waited for.
    Finished { reason: Reason, by: Instant },
    /// There is nothing left to do but to tell.
    Over(Reason),
}

impl<D: Dialect> Connection<D> {
    pub(super) fn new(
        info: PeerInfo,
        mail: Mail<D>,
        desk: Desk<D>,
        stream: mio::net::TcpStream,
        stage: Stage,
        open_by: Instant,
    ) -> Self {
        Self {
            info,
            heard: desk.now(),
            mail,
            desk,
            stream,
            stage,
            is_active: false,
            is_speaker: false,
            timer: None,
            open_by: Some(open_by),
            is_late: false,
            readable: true,
            writable: true,
            has_ended: false,
            broken: None,
        }
    }

    pub(super) const fn has_joined(&self) -> bool {
        self.open_by.is_none()
    }

    /// Notes what the poll said.
    pub(super) fn note(&mut self, event: &mio::event::Event) {
        let is_bad = event.is_error();
        self.readable |= event.is_readable() || event.is_read_closed() || is_bad;
        self.writable |= event.is_writable() || event.is_write_closed() || is_bad;
    }

    /// Moves bytes both ways, as far as the socket, the buffers and fairness allow.
    pub(super) fn pump(&mut self, now: Instant) {
        if let Stage::Connecting = self.stage {
            self.connect();
        }
        match self.stage {
            Stage::Connecting | Stage::Over(_) => {}
            Stage::Going => {
                self.write();
                self.read(now);
            }
            Stage::Ending { .. } => {
                self.write();
                self.discard();
            }
            Stage::Finished { .. } => self.discard(),
        }
    }

    fn connect(&mut self) {
        if !self.writable {
            return;
        }
        let failed = match self.stream.take_error() {
            Ok(None) => match self.stream.peer_addr() {
                Ok(_) => {
                    self.stage = Stage::Going;
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    self.writable = false;
                    return;
                }
                Err(error) => error,
            },
            Ok(Some(error)) | Err(error) => error,
        };
        self.stage = Stage::Over(Reason::Transport(failed));
    }

    fn read(&mut self, now: Instant) {
        for _ in 0..READS {
            if !self.readable {
                return;
            }
            let room = self.mail.input_room();
            if room.is_empty() {
                return;
            }
            match self.stream.read(room) {
                Ok(0) => self.ended(),
                Ok(len) => {
                    self.heard = now;
                    self.mail.handle_input(len);
                }
                Err(error) => self.failed_to_read(error),
            }
        }
    }

    fn failed_to_read(&mut self, error: io::Error) {
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            // What the peer said before the connection broke has all been read.
            io::ErrorKind::WouldBlock if self.broken.is_some() => self.ended(),
            io::ErrorKind::WouldBlock => self.readable = false,
            _ => {
                self.ended();
                self.broken.get_or_insert(error);
            }
        }
    }

    fn ended(&mut self) {
        self.readable = false;
        self.has_ended = true;
        self.mail.handle_end();
    }

    pub(super) fn write(&mut self) {
        while self.writable {
            let bytes = self.mail.poll_output();
            if bytes.is_empty() {
                if let Some(error) = self.mail.silenced() {
                    self.broken.get_or_insert(io::Error::other(error));
                }
                return;
            }
            match self.stream.write(bytes) {
                Ok(len) => self.mail.handle_written(len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) => {
                    self.writable = false;
                    self.readable = true;
                    self.broken.get_or_insert(error);
                }
            }
            self.desk.settle(&mut self.mail);
        }
    }

    /// Reads what nobody wants any more, so that what was sent is not cut off by a reset.
    fn discard(&mut self) {
        let mut dropped = [0; 4096];
        for _ in 0..READS {
            if !self.readable {
                return;
            }
            match self.stream.read(&mut dropped) {
                Ok(0) => self.ended(),
                Ok(_) => {}
                Err(error) => self.failed_to_read(error),
            }
        }
    }

    /// Whether something that the peer said may be taken now.
    pub(super) fn may_speak(&mut self) -> bool {
        matches!(self.stage, Stage::Going)
            && self.desk.ending.is_none()
            && self.desk.owes_nothing()
            && self.mail.has_event()
    }

    /// Whether there is something to do without waiting for the socket.
    pub(super) fn has_work(&mut self) -> bool {
        match self.stage {
            Stage::Connecting => false,
            Stage::Over(_) => true,
            Stage::Going => {
                self.can_write()
                    || self.may_speak()
                    || (self.readable && !self.mail.input_room().is_empty())
            }
            Stage::Ending { .. } => self.readable || self.can_write(),
            Stage::Finished { .. } => self.readable,
        }
    }

    fn can_write(&mut self) -> bool {
        self.writable && !self.mail.poll_output().is_empty()
    }

    /// Takes the link further: to its end, if that has come.
    pub(super) fn advance(&mut self, now: Instant, limits: &Limits) {
        if self.open_by.is_some_and(|by| by <= now) && !self.is_late {
            self.is_late = true;
            self.mail.dialect_mut().handle_silence();
        }
        if let Stage::Going = self.stage
            && let Some(reason) = self.reason_to_end(now, limits)
        {
            self.end(reason, now + limits.linger);
        }
        let open_by = self.open_by;
        match &self.stage {
            Stage::Connecting if self.desk.ending.is_some() => {
                self.stage = Stage::Over(Reason::Kicked);
            }
            Stage::Connecting if open_by.is_some_and(|by| by <= now) => {
                self.stage = Stage::Over(Reason::NotOpened);
            }
            Stage::Ending { by, .. } | Stage::Finished { by, .. } if *by <= now => self.over(),
            Stage::Ending { .. } if self.broken.is_some() => self.over(),
            Stage::Ending { .. } if !self.mail.has_output() && self.desk.owes_nothing() => {
                self.finish(now + limits.linger);
            }
            Stage::Finished { .. } if self.has_ended || self.broken.is_some() => self.over(),
            _ => {}
        }
    }

    fn reason_to_end(&mut self, now: Instant, limits: &Limits) -> Option<Reason> {
        use crate::desk::Ending;
        use ropeway_core::Over;
        match self.desk.ending {
            Some(Ending::AtOnce) => {
                self.stage = Stage::Over(Reason::Kicked);
                return None;
            }
            Some(Ending::Gracefully) => return Some(Reason::Kicked),
            None => {}
        }
        let has_quit = self.mail.dialect().has_quit();
        match self.mail.is_over() {
            Some(_) if has_quit && self.is_late && !self.has_joined() => Some(Reason::NotOpened),
            Some(_) if has_quit && !self.has_joined() => Some(Reason::Refused),
            Some(_) if has_quit => Some(Reason::Quit),
            Some(Over::Ended) => Some(self.broken.take().map_or(Reason::Closed, |error| {
                self.writable = false;
                Reason::Transport(error)
            })),
            Some(Over::OutOfStep) => Some(Reason::OutOfStep),
            Some(Over::Quit) => Some(Reason::Quit),
            None if self.is_late && !self.mail.dialect().is_open() => Some(Reason::NotOpened),
            None if self.idle_by(limits).is_some_and(|by| by <= now) => Some(Reason::Idle),
            None => None,
        }
    }

    fn idle_by(&self, limits: &Limits) -> Option<Instant> {
        let counts = self.has_joined() && limits.idle < std::time::Duration::MAX;
        counts.then(|| self.heard + limits.idle)
    }

    /// Ends the link once what is queued has been let out.
    pub(super) fn end(&mut self, reason: Reason, by: Instant) {
        if let Stage::Ending { .. } | Stage::Finished { .. } | Stage::Over(_) = self.stage {
            return;
        }
        self.stage = match reason {
            Reason::Transport(_) => Stage::Over(reason),
            _ => Stage::Ending { reason, by },
        };
    }

    /// Ends the writing direction, and waits for the peer to end the other no longer than until `latest`.
    fn finish(&mut self, latest: Instant) {
        // A connection that cannot be ended is at its end.
        if self.stream.shutdown(Shutdown::Write).is_err() {
            self.broken = Some(io::ErrorKind::NotConnected.into());
        }
        let has_ended = self.has_ended || self.broken.is_some();
        self.stage = match std::mem::replace(&mut self.stage, Stage::Connecting) {
            Stage::Ending { reason, .. } if has_ended => Stage::Over(reason),
            Stage::Ending { reason, by } => Stage::Finished {
                reason,
                by: by.min(latest),
            },
            stage => stage,
        };
    }

    fn over(&mut self) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Connecting) {
            Stage::Ending { reason, .. } | Stage::Finished { reason, .. } => Stage::Over(reason),
            stage => stage,
        };
    }

    /// When to look at it next, if nothing happens before.
    pub(super) fn next_timeout(&self, limits: &Limits) -> Option<Instant> {
        let stage = match self.stage {
            Stage::Connecting => self.open_by,
            Stage::Going => self.open_by.or_else(|| self.idle_by(limits)),
            Stage::Ending { by, .. } | Stage::Finished { by, .. } => Some(by),
            Stage::Over(_) => None,
        };
        stage
            .into_iter()
            .chain(self.desk.calls.next_timeout())
            .min()
    }
}

/// The most reads of one turn: a peer that talks without end must not keep others waiting.
const READS: usize = 4;
