//! The connection under a talk: it comes, carries, and goes.

use super::{Link, Talk};
use crate::call::CallError;
use crate::clever_show::calls::{Pending, Then};
use crate::clever_show::queue::WriteError;
use crate::clever_show::{FileError, Handlers, Reason, What};
use crate::storage::Growable;
use mio::net::TcpStream;
use ropeway_core::dialect::clever_show::CleverShow;
use ropeway_core::{Messenger, Over};
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

impl Talk {
    /// Goes on over a new connection.
    pub(in crate::clever_show) fn attach(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.link.is_some() {
            self.detach(Reason::Replaced);
        }
        self.peer = peer;
        self.is_dropped = false;
        let options = &self.settings.options;
        let dialect = CleverShow::new().max_file(self.settings.max_file);
        self.link = Some(Link {
            stream,
            messenger: Messenger::new(dialect, options.memory(), Growable::new(0, 0)),
            readable: true,
            writable: true,
        });
        self.queue.rewind();
        if self.settings.resend_requests {
            self.queue.resend(self.calls.frames().into_iter());
        }
        self.tell(What::Connected);
    }

    /// The connection is gone.
    pub(in crate::clever_show) fn detach(&mut self, reason: Reason) {
        let Some(link) = self.link.take() else {
            return;
        };
        // The other end has gone, or will see.
        let _ = link.stream.shutdown(Shutdown::Both);
        self.is_dropped = false;
        if let Some(receiving) = self.receiving.take() {
            self.tell(What::File(receiving.failed(FileError::LinkLost)));
        }
        if matches!(reason, Reason::FileShrank)
            && let Some(dropped) = self.queue.drop_file()
        {
            self.tell(What::File(dropped));
        }
        let lost = match self.settings.resume_queue {
            true => Vec::new(),
            false => self.queue.clear(),
        };
        for lost in lost {
            self.tell(What::File(lost));
        }
        self.tell(What::Lost(reason));
        if !self.settings.resend_requests {
            for (id, pending) in self.calls.drain() {
                self.queue.forget(id);
                self.fail(pending, &CallError::LinkLost);
            }
        }
    }

    /// Says no more, once all that is queued has been written; what the other end says is still heard.
    pub(in crate::clever_show) fn finish(&self) {
        if let Some(link) = self.link.as_ref().filter(|_| self.queue.is_empty()) {
            // The other end has gone, or will see.
            let _ = link.stream.shutdown(Shutdown::Write);
        }
    }

    /// The socket may have something to read or take something.
    pub(in crate::clever_show) fn ready(&mut self, readable: bool, writable: bool) {
        if let Some(link) = &mut self.link {
            link.readable |= readable;
            link.writable |= writable;
        }
    }

    /// Whether there is something to do at once.
    pub(in crate::clever_show) fn has_work(&self) -> bool {
        self.link.as_ref().is_some_and(|link| {
            self.is_dropped
                || link.readable && !self.is_stuffed()
                || link.writable && !self.queue.is_empty()
        })
    }

    /// How long until the next request is given up.
    pub(in crate::clever_show) fn left(&self) -> Duration {
        self.calls.left()
    }

    /// Reads, lets handlers act, and writes, as far as goes at once; ends the connection if it must.
    pub(in crate::clever_show) fn work(&mut self, handlers: &mut Handlers) {
        self.expire();
        if let Err(reason) = self.try_work(handlers) {
            self.detach(reason);
        }
    }

    fn try_work(&mut self, handlers: &mut Handlers) -> Result<(), Reason> {
        for _ in 0..BURST {
            if self.is_dropped {
                break;
            }
            // Who asks faster than it takes the answers has to wait.
            if self.is_stuffed() {
                break;
            }
            if !self.step(handlers) && !self.read()? {
                break;
            }
        }
        self.write()?;
        match self.is_dropped {
            true => Err(Reason::Dropped),
            false => Ok(()),
        }
    }

    fn is_stuffed(&self) -> bool {
        self.queue.bytes() > self.settings.max_queue
    }

    /// Reads once and says whether something came.
    fn read(&mut self) -> Result<bool, Reason> {
        let Some(Link {
            stream,
            messenger,
            readable,
            ..
        }) = &mut self.link
        else {
            return Ok(false);
        };
        match messenger.is_over() {
            Some(Over::OutOfStep) => return Err(Reason::OutOfStep),
            Some(Over::Ended | Over::Quit) => return Err(Reason::Closed),
            None => {}
        }
        if !*readable {
            return Ok(false);
        }
        match stream.read(messenger.input_room()) {
            Ok(0) => {
                messenger.handle_end();
                Ok(true)
            }
            Ok(len) => {
                messenger.handle_input(len);
                Ok(true)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => Ok(true),
                io::ErrorKind::WouldBlock => {
                    *readable = false;
                    Ok(false)
                }
                io::ErrorKind::ConnectionReset => Err(Reason::Closed),
                _ => Err(Reason::Io(error)),
            },
        }
    }

    fn write(&mut self) -> Result<(), Reason> {
        let mut events = Vec::new();
        let mut written = Ok(());
        if let Some(link) = &mut self.link {
            for _ in 0..BURST {
                if !link.writable {
                    break;
                }
                match self.queue.write(&mut link.stream, &mut events) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                        link.writable = false;
                    }
                    Err(WriteError::Io(error)) => {
                        // Its last words may still be there to be read.
                        link.writable = false;
                        if !link.readable {
                            written = Err(Reason::Io(error));
                        }
                    }
                    Err(WriteError::Shrank) => {
                        written = Err(Reason::FileShrank);
                        break;
                    }
                }
            }
        }
        for event in events {
            self.tell(What::File(event));
        }
        written
    }

    /// Ends the requests whose time has passed.
    pub(in crate::clever_show) fn expire(&mut self) {
        while let Some((id, pending)) = self.calls.expired() {
            self.queue.forget(id);
            if self.receiving.as_ref().is_some_and(|file| file.is_of(id)) {
                let failed = self.receiving.take().map(|f| f.failed(FileError::Deadline));
                failed
                    .into_iter()
                    .for_each(|event| self.tell(What::File(event)));
            }
            self.fail(pending, &CallError::Deadline);
        }
    }

    fn fail(&mut self, pending: Pending, error: &CallError) {
        match pending.then {
            Then::Value(mut waiter) => {
                waiter.take(Err(error.clone()));
                waiter.run(self);
            }
            Then::File { then, .. } => then(
                self,
                Err(match error {
                    CallError::Deadline => FileError::Deadline,
                    CallError::LinkLost => FileError::LinkLost,
                    error => FileError::Call(error.clone()),
                }),
            ),
        }
    }
}

/// The most messages and writes of one turn: a peer that talks without end must not keep the others waiting.
const BURST: usize = 64;
