use super::Node;
use crate::Error;
use crate::native::{Dialler, Parting, Progress, Standing};
use crate::peer::Peer;
use crate::transport::{Transport, TransportError, transport_error};
use crate::waits::Deadline;
use ropeway_core::dialect::{Dialect, Refuses};
use std::io;
use std::net::Shutdown;
use std::time::Duration;

/// What becomes of a node whose transport is lost.
impl<D: Dialect, T: Transport> Node<D, T> {
    /// The same node, which gets its transports from `dialler`, none so far.
    pub(crate) fn dialled_by(mut self, dialler: Dialler<T>) -> Self {
        self.dialler = Some(Box::new(dialler));
        self.desk.address = None;
        self
    }

    /// Whether there is no transport, and another is being dialled or never will be.
    pub(super) fn is_down(&self) -> bool {
        self.dialler
            .as_ref()
            .is_some_and(|dialler| dialler.is_down())
    }

    /// Whether the dialect has sessions that outlive their transports.
    pub(super) fn keeps_sessions(&mut self) -> bool {
        self.link.dialect().keeping().is_some()
    }

    /// Dials, until `deadline` or something happens, and does what there is to do meanwhile.
    pub(super) fn step_without_link(&mut self, deadline: Deadline) -> Result<bool, Error> {
        let mut happened = self.do_posts() | self.expire();
        self.desk.settle(self.link.messenger());
        let is_woken = self
            .posts
            .as_deref()
            .is_some_and(|posts| (self.heeds)(posts));
        let timeout = match happened || is_woken {
            true => Duration::ZERO,
            false => deadline.left().min(self.next_timeout()),
        };
        let Some(dialler) = self.dialler.as_mut().filter(|dialler| !dialler.is_over()) else {
            return Err(Error::Closed);
        };
        if self.desk.ending.is_some() {
            return Err(Error::Closed);
        }
        match dialler.wait(timeout).map_err(transport_error)? {
            Progress::Nothing => {}
            Progress::Connected(transport) => {
                self.reconnect(transport)?;
                self.tell(&Standing::Connected);
                happened = true;
            }
            Progress::Failed { why, retry_in } => {
                let why = &why;
                self.tell(&Standing::Lost { why, retry_in });
                happened = true;
            }
        }
        Ok(happened | self.do_posts() | self.expire())
    }

    /// Looks whether the link has opened, or takes too long to.
    pub(super) fn note_open(&mut self) -> Result<(), Error> {
        let Some(dialler) = &mut self.dialler else {
            return Ok(());
        };
        if self.link.dialect().is_open() {
            dialler.handle_opened();
        } else if dialler.left_to_open().is_zero() {
            return Err(transport_error(io::Error::new(
                io::ErrorKind::TimedOut,
                "the peer does not open the link",
            )));
        }
        Ok(())
    }

    /// The link has ended: a client dials again where that can help, and says so; for others it is an error.
    pub(super) fn lose(&mut self, error: Error) -> Result<bool, Error> {
        if self.is_leaving && self.has_left() {
            return Err(error);
        }
        self.desk.handle_lost();
        let parting = self.desk.parting.take();
        let goes_on = parting
            .as_ref()
            .is_none_or(|parting| parting.is_resumable());
        let is_permanent = parting.as_ref().is_some_and(Parting::is_permanent);
        let error = match parting {
            Some(parting @ Parting::Wire(_)) => {
                Error::Ended(TransportError(io::Error::other(parting)))
            }
            Some(parting) if is_permanent || self.dialler.is_some() => {
                Error::Ended(TransportError(io::Error::other(parting)))
            }
            _ => error,
        };
        let is_wanted = self.desk.ending.is_none() && !is_permanent;
        if self.keeps_sessions() {
            // The peer is not to wait for the end of a transport that is given up.
            let _ = self.link.transport().shutdown(Shutdown::Both);
        }
        let Some(dialler) = &mut self.dialler else {
            if !(self.keeps_sessions() && goes_on) {
                self.fail();
            }
            return Err(error);
        };
        if let Some(posts) = &self.posts {
            posts.set_wake(dialler.waker());
        }
        if !is_wanted || dialler.is_over() {
            dialler.end();
            self.fail();
            return Err(error);
        }
        let retry_in = dialler.handle_lost();
        self.desk.address = None;
        self.tell(&Standing::Lost {
            why: &error,
            retry_in,
        });
        Ok(true)
    }

    /// Has all that is queued sent, and says that the session ends.
    pub(super) fn take_leave(mut self, deadline: Deadline) -> Result<bool, Error>
    where
        D: Refuses,
    {
        self.is_leaving = true;
        while !self.has_left() {
            if self.is_down() && self.link.queued() == 0 {
                return Ok(true);
            }
            if deadline.has_passed() {
                break;
            }
            if !self.is_down() && self.link.dialect().is_open() {
                // A link that was lost forgets it.
                self.link.dialect().quit();
            }
            match self.step(deadline, &mut ()) {
                Err(error) if !self.has_left() => return Err(error),
                _ => {}
            }
        }
        if self.is_down() {
            return Ok(false);
        }
        let is_taken = self.has_left() && self.link.queued() == 0;
        // What the peer still says must not cut off the last word; that it has gone by now is as well.
        let _ = self.link.close(deadline.left());
        Ok(is_taken)
    }

    /// Whether one side has taken its leave, and all of it has been said.
    fn has_left(&mut self) -> bool {
        let mail = self.link.messenger();
        mail.dialect().has_quit() && mail.poll_output().is_empty()
    }

    fn tell(&mut self, standing: &Standing<'_>) {
        let mut peer = Peer::alone(self.link.messenger(), &mut self.desk);
        self.handlers.tell_standing(&mut peer, standing);
    }
}
