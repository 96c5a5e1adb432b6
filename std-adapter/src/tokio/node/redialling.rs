use super::{Leave, Node, Stream};
use crate::Error;
use crate::native::Standing;
use crate::peer::Peer;
use crate::tokio::dial::{Progress, Source};
use crate::transport::{TransportError, transport_error};
use ropeway_core::Instant;
use ropeway_core::dialect::{Dialect, Refuses};
use std::io;
use std::task::{Context, Poll, ready};

/// What becomes of a node whose stream is lost.
impl<D: Dialect> Node<D> {
    /// The same node, which gets its streams from `source`, none so far.
    pub(in crate::tokio) fn dialled_by(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Whether there is no stream, and another is being dialled or never will be.
    pub(in crate::tokio) fn is_down(&self) -> bool {
        self.source.as_ref().is_some_and(Source::is_down)
    }

    /// Whether the dialect has sessions that outlive their transports.
    pub(super) fn keeps_sessions(&mut self) -> bool {
        self.link.dialect().keeping().is_some()
    }

    /// Dials, and does what there is to do meanwhile.
    pub(super) fn poll_without_link(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let Some(source) = self.source.as_mut().filter(|source| !source.is_over()) else {
            return Poll::Ready(Err(Error::Closed));
        };
        if self.desk.ending.is_some() {
            return Poll::Ready(Err(Error::Closed));
        }
        match ready!(source.poll(now, context)) {
            Progress::Connected(stream) => {
                self.reconnect(stream);
                self.tell(&Standing::Connected);
            }
            Progress::Failed { why, retry_in } => {
                let why = &transport_error(why);
                self.tell(&Standing::Lost { why, retry_in });
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Looks whether the link has opened, or takes too long to.
    pub(super) fn note_open(&mut self, now: Instant) -> Result<(), Error> {
        let Some(source) = &mut self.source else {
            return Ok(());
        };
        if self.link.dialect().is_open() {
            source.handle_opened(now);
        } else if source.next_timeout().is_some_and(|by| by <= now) {
            return Err(transport_error(io::Error::new(
                io::ErrorKind::TimedOut,
                "the peer does not open the link",
            )));
        }
        Ok(())
    }

    /// The link has ended: a client dials again where that can help, and says so; for others it is an error.
    pub(super) fn lose(&mut self, error: Error) -> Result<(), Error> {
        if self.is_leaving && self.has_left() {
            return Err(error);
        }
        let parting = self.desk.parting.take();
        let goes_on = parting
            .as_ref()
            .is_none_or(|parting| parting.is_resumable());
        let error = match parting {
            Some(parting) if parting.is_permanent() => {
                Error::Ended(TransportError(io::Error::other(parting)))
            }
            _ => error,
        };
        let is_wanted = self.desk.ending.is_none() && !matches!(error, Error::Ended(_));
        let now = self.link.timer.now();
        if self.keeps_sessions() {
            // The peer is not to wait for an end that it has lost.
            let Stream { reader, writer, .. } = Stream::none();
            self.link.link.replace(reader, writer);
        }
        let Some(source) = &mut self.source else {
            if !(self.keeps_sessions() && goes_on) {
                self.fail();
            }
            return Err(error);
        };
        if !is_wanted || source.is_over() {
            source.end();
            self.fail();
            return Err(error);
        }
        let retry_in = source.handle_lost(now);
        self.desk.address = None;
        let why = &error;
        self.tell(&Standing::Lost { why, retry_in });
        Ok(())
    }

    /// Has all that is queued sent, and says that the session ends.
    pub(super) async fn take_leave(&mut self) -> Result<Leave, Error>
    where
        D: Refuses,
    {
        if !self.keeps_sessions() {
            self.flush().await?;
            return Ok(Leave::Said);
        }
        self.is_leaving = true;
        while !self.has_left() {
            if self.is_down() && self.link.queued() == 0 {
                return Ok(Leave::Gone);
            }
            if !self.is_down() && self.link.dialect().is_open() {
                // A link that was lost forgets it.
                self.link.dialect().quit();
            }
            match self.step().await {
                Err(error) if !self.has_left() => return Err(error),
                _ => {}
            }
        }
        Ok(Leave::Said)
    }

    /// Whether one side has taken its leave, and all of it has been said.
    fn has_left(&mut self) -> bool {
        let mail = self.link.link.messenger();
        mail.dialect().has_quit() && mail.poll_output().is_empty()
    }

    fn tell(&mut self, standing: &Standing<'_>) {
        let mut peer = Peer::alone(self.link.link.messenger(), &mut self.desk);
        self.handlers.tell_standing(&mut peer, standing);
    }
}
