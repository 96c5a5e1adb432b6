use super::redials::Redials;
use super::stats::Beside;
use super::{PeerInfo, Reason, Refusals};
use crate::desk::{Desk, Ending, Mail};
use ropeway_core::Instant;
use ropeway_core::dialect::Dialect;
use std::io::{self, Read, Write};

/// One peer, and its link while it has one.
pub(super) struct Connection<D: Dialect> {
    pub(super) info: PeerInfo,
    pub(super) mail: Mail<D>,
    /// None while there is nothing on it.
    pub(super) desk: Option<Box<Desk<D>>>,
    /// None while the peer is away.
    pub(super) stream: Option<mio::net::TcpStream>,
    pub(super) stage: Stage,
    /// When its stage has lasted for too long: the opening, a farewell, an absence.
    pub(super) until: Instant,
    /// When timers look at it next.
    pub(super) timer: Instant,
    /// When the peer was last heard, or took something of what had waited for it.
    pub(super) heard: Instant,
    /// What broke the connection.
    pub(super) broken: Option<io::Error>,
    /// The sessions by which it is found; 0 for none.
    pub(super) sessions: [u64; 2],
    /// What few connections have.
    pub(super) beside: Option<Box<Beside>>,
    pub(super) flags: Flags,
}

/// How far a link has come.
pub(super) enum Stage {
    /// The connection is being made.
    Connecting,
    /// Messages come and go, or the opening does.
    Going,
    /// What is queued is let out, and nothing more is taken in.
    Ending(Reason),
    /// All is let out; the peer is waited for.
    Finished(Reason),
    /// The link is lost, and the session waits for another.
    Away,
    /// There is nothing left to do but to tell.
    Over(Reason),
}

/// What is true of a connection.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is of its own, and none costs more than a byte"
)]
pub(super) struct Flags {
    /// It waits for its turn.
    pub(super) is_active: bool,
    /// It waits for its turn to speak.
    pub(super) is_speaker: bool,
    /// Its memory is to be given back once it has been silent for a while.
    pub(super) is_warm: bool,
    /// Whose session it is has not been found out.
    pub(super) is_in_lobby: bool,
    /// It counts as one of the peers that there may be.
    pub(super) is_counted: bool,
    /// It counts as one that is away.
    pub(super) is_absent: bool,
    /// The program knows of it.
    pub(super) has_joined: bool,
    /// The opening is not done.
    pub(super) is_opening: bool,
    /// The opening has taken too long, and the dialect knows.
    pub(super) is_late: bool,
    /// The peer has broken a promise not to be silent for so long.
    pub(super) is_silent: bool,
    /// The peer takes nothing of what waits for it.
    pub(super) is_stuck: bool,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The poll has told of an end of the stream, or of an error.
    pub(super) is_closing: bool,
    /// The peer has ended the stream.
    pub(super) has_ended: bool,
}

impl<D: Dialect> Connection<D> {
    pub(super) fn new(info: PeerInfo, mail: Mail<D>) -> Self {
        Self {
            info,
            heard: Instant::default(),
            mail,
            desk: None,
            stream: None,
            stage: Stage::Away,
            until: NEVER,
            timer: NEVER,
            broken: None,
            sessions: [0; 2],
            beside: None,
            flags: Flags {
                is_active: false,
                is_speaker: false,
                is_warm: false,
                is_in_lobby: false,
                is_counted: false,
                is_absent: false,
                has_joined: false,
                is_opening: false,
                is_late: false,
                is_silent: false,
                is_stuck: false,
                readable: false,
                writable: false,
                is_closing: false,
                has_ended: false,
            },
        }
    }

    /// Gives it a link, whose opening may take until `open_by`.
    pub(super) fn attach(
        &mut self,
        stream: mio::net::TcpStream,
        stage: Stage,
        now: Instant,
        open_by: Instant,
    ) {
        self.stream = Some(stream);
        self.stage = stage;
        self.until = open_by;
        self.heard = now;
        self.broken = None;
        self.flags.is_opening = true;
        self.flags.is_late = false;
        self.flags.is_silent = false;
        self.flags.is_stuck = false;
        self.flags.has_ended = false;
        self.flags.readable = true;
        self.flags.writable = true;
        self.flags.is_closing = false;
    }

    pub(super) fn owes_nothing(&self) -> bool {
        let desk = self.desk.as_ref();
        desk.is_none_or(|desk| desk.owes_nothing())
    }

    /// How the program wants it to end, if it does.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.desk.as_ref()?.ending
    }

    pub(super) fn take_refusals(&mut self) -> Refusals {
        let desk = self.desk.as_mut();
        desk.map_or_else(Refusals::default, |desk| std::mem::take(&mut desk.refusals))
    }

    /// Queues the answers that found no room before, as far as there is some now.
    pub(super) fn settle(&mut self) {
        if let Some(desk) = &mut self.desk {
            desk.settle(&mut self.mail);
        }
    }

    pub(super) fn redials(&mut self) -> Option<&mut Redials> {
        self.beside.as_mut()?.redials.as_mut()
    }

    /// Whether it is this side that dials, and dials again.
    pub(super) fn is_redialled(&self) -> bool {
        let beside = self.beside.as_ref();
        beside.is_some_and(|beside| beside.redials.is_some())
    }

    /// Gives it a desk, which is blank.
    #[cold]
    pub(super) fn lend(&mut self, mut desk: Box<Desk<D>>) {
        desk.hand_to(self.info.id, self.info.address);
        self.desk = Some(desk);
    }

    /// Notes what the poll said.
    pub(super) fn note(&mut self, event: &mio::event::Event) {
        let is_bad = event.is_error();
        self.flags.is_closing |= event.is_read_closed() || is_bad;
        self.flags.readable |= event.is_readable() || self.flags.is_closing;
        self.flags.writable |= event.is_writable() || event.is_write_closed() || is_bad;
    }

    /// Moves bytes both ways, as far as the socket, the buffers and fairness allow.
    pub(super) fn pump(&mut self, now: Instant) {
        if D::HAS_SESSIONS {
            self.note_time(now);
        }
        if let Stage::Connecting = self.stage {
            self.connect();
        }
        match self.stage {
            Stage::Connecting | Stage::Away | Stage::Over(_) => {}
            Stage::Going => {
                self.write(now);
                self.read(now);
            }
            Stage::Ending(_) => {
                self.write(now);
                match D::HAS_SESSIONS {
                    // The peer says there what it has taken.
                    true => self.read(now),
                    false => self.discard(),
                }
            }
            Stage::Finished(_) => self.discard(),
        }
    }

    fn note_time(&mut self, now: Instant) {
        let had_quit = self.mail.dialect().has_quit();
        self.mail.handle_time(now);
        self.flags.is_silent |= !had_quit && self.mail.dialect().has_quit();
    }

    fn connect(&mut self) {
        let Some(stream) = &self.stream else {
            return;
        };
        if !self.flags.writable {
            return;
        }
        let failed = match stream.take_error() {
            Ok(None) => match stream.peer_addr() {
                Ok(_) => {
                    self.stage = Stage::Going;
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    self.flags.writable = false;
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
            let Some(stream) = self.stream.as_mut().filter(|_| self.flags.readable) else {
                return;
            };
            let room = self.mail.input_room();
            if room.is_empty() {
                return;
            }
            let full = room.len();
            match stream.read(room) {
                Ok(0) => self.ended(),
                Ok(len) => {
                    // The next event tells of more, and of an end that comes later; one that is known is still to be read.
                    let has_all = ENDS_ON_LESS && len < full;
                    let is_ending = self.flags.is_closing || self.broken.is_some();
                    self.flags.readable = is_ending || !has_all;
                    if !self.flags.is_stuck {
                        self.heard = now;
                    }
                    self.mail.handle_input(len);
                    if let Some(tally) = self.tally() {
                        tally.bytes_in += len as u64;
                    }
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
            io::ErrorKind::WouldBlock => self.flags.readable = false,
            _ => {
                self.ended();
                self.broken.get_or_insert(error);
            }
        }
    }

    fn ended(&mut self) {
        self.flags.readable = false;
        self.flags.has_ended = true;
        self.mail.handle_end();
    }

    pub(super) fn write(&mut self, now: Instant) {
        for _ in 0..CHUNKS {
            self.write_out(now);
            // Chunks of files go where there is nothing else to say, and not without end: others wait for their turn.
            let may_move = self.flags.writable && matches!(self.stage, Stage::Going);
            if !may_move || !self.move_files() {
                return;
            }
        }
        self.write_out(now);
    }

    fn move_files(&mut self) -> bool {
        let desk = self.desk.as_mut();
        desk.is_some_and(|desk| desk.move_files(&mut self.mail))
    }

    fn write_out(&mut self, now: Instant) {
        while self.can_write() {
            let Some(stream) = &mut self.stream else {
                return;
            };
            match stream.write(self.mail.poll_output()) {
                Ok(len) => {
                    if std::mem::take(&mut self.flags.is_stuck) {
                        self.heard = now;
                    }
                    self.mail.handle_written(len);
                    if let Some(tally) = self.tally() {
                        tally.bytes_out += len as u64;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.flags.writable = false;
                    self.flags.is_stuck = true;
                }
                Err(error) => {
                    self.flags.writable = false;
                    self.flags.readable = true;
                    self.broken.get_or_insert(error);
                }
            }
            self.settle();
        }
        if self.flags.writable
            && let Some(error) = self.mail.silenced()
        {
            self.broken.get_or_insert(io::Error::other(error));
        }
    }

    /// Reads what nobody wants any more, so that what was sent is not cut off by a reset.
    fn discard(&mut self) {
        let mut dropped = [0; 4096];
        for _ in 0..READS {
            let Some(stream) = self.stream.as_mut().filter(|_| self.flags.readable) else {
                return;
            };
            match stream.read(&mut dropped) {
                Ok(0) => self.ended(),
                Ok(_) => {}
                Err(error) => self.failed_to_read(error),
            }
        }
    }

    /// Whether something that the peer said may be taken now.
    pub(super) fn may_speak(&mut self) -> bool {
        matches!(self.stage, Stage::Going)
            && self.ending().is_none()
            && self.mail.has_event()
            && (self.owes_nothing() || self.mail.dialect().has_notice())
    }

    /// Whether there is something to do without waiting for the socket.
    pub(super) fn has_work(&mut self) -> bool {
        match self.stage {
            Stage::Connecting | Stage::Away => false,
            Stage::Over(_) => true,
            Stage::Going => {
                self.can_write()
                    || self.may_speak()
                    || self.can_read()
                    || self.has_files_to_move()
                    || self.has_file_news()
            }
            Stage::Ending(_) if D::HAS_SESSIONS => self.can_write() || self.can_read(),
            Stage::Ending(_) => self.flags.readable || self.can_write(),
            Stage::Finished(_) => self.flags.readable,
        }
    }

    /// Whether there is something to queue for files, or may be.
    pub(super) fn may_move_files(&self) -> bool {
        let desk = self.desk.as_ref();
        desk.is_some_and(|desk| desk.has_files_to_move() || desk.has_files_waiting())
    }

    /// Whether there is something to do for files without waiting for the socket.
    fn has_files_to_move(&self) -> bool {
        let desk = self.desk.as_ref();
        self.flags.writable && desk.is_some_and(|desk| desk.has_files_to_move())
    }

    /// Whether there is something to tell of files.
    pub(super) fn has_file_news(&self) -> bool {
        self.desk.as_ref().is_some_and(|desk| desk.has_file_news())
    }

    fn can_read(&mut self) -> bool {
        self.flags.readable && !self.mail.input_room().is_empty()
    }

    fn can_write(&mut self) -> bool {
        if !self.flags.writable {
            return false;
        }
        let has_output = !self.mail.poll_output().is_empty();
        if has_output || self.owes_nothing() {
            return has_output;
        }
        // Looking for output may have come by an acknowledgement, and so by room.
        self.settle();
        !self.mail.poll_output().is_empty()
    }

    /// Whether the program knows of it, and has not let it go.
    pub(super) fn is_joined(&self) -> bool {
        self.flags.has_joined && self.may_be_sent_to()
    }

    /// Whether it is there, or its session will have another link when this one is over.
    pub(super) fn may_be_sent_to(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Going | Stage::Away) || self.may_resume()
    }

    /// Whether all that was queued has arrived, as far as this side can know.
    pub(super) fn has_let_out(&self) -> bool {
        // Over a wire that has failed the peer hears no last word in the dialect.
        let waits = match D::HAS_SESSIONS && !matches!(self.stage, Stage::Ending(Reason::Wire(_))) {
            true => !self.mail.dialect().has_quit() || self.mail.has_output(),
            false => self.mail.has_output(),
        };
        !waits && self.owes_nothing()
    }
}

/// The most chunks of files that are written in one go.
const CHUNKS: usize = 4;

/// Whether a read of less than there was room for has got all: where polls tell of what comes after it, as they do on Unix.
const ENDS_ON_LESS: bool = cfg!(unix);

/// The most reads of one turn: a peer that talks without end must not keep others waiting.
const READS: usize = 4;

/// A point in time that does not come.
pub(super) const NEVER: Instant = Instant::from_micros(u64::MAX);
