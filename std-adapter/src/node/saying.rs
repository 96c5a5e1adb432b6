use super::Node;
use crate::Error;
use crate::call::Refused;
use crate::transport::Transport;
use crate::waits::Deadline;
use ropeway_core::SendError;
use ropeway_core::dialect::{Carries, Dialect, Refuses};
use ropeway_core::message::{Answer, Request};

#[cfg(doc)]
use crate::Link;

/// What a node says.
impl<D: Dialect, T: Transport> Node<D, T> {
    /// Answers a request that was put off.
    pub fn answer<'v, M: Request>(
        &mut self,
        id: D::CallId,
        value: &M::Answer<'v>,
    ) -> Result<(), Error>
    where
        D: for<'x> Carries<Answer<'x, 'v, <D as Dialect>::CallId, M>> + Refuses,
    {
        self.send(&Answer::<'_, 'v, _, M> { id, value })?;
        self.desk.answered(id);
        Ok(())
    }

    /// Refuses a request that was put off.
    pub fn refuse(&mut self, id: D::CallId, refused: &Refused) -> Result<(), Error>
    where
        D: Refuses,
    {
        self.send(&crate::desk::refusal(id, refused))?;
        self.desk.answered(id);
        Ok(())
    }

    /// Sends a message at once, as [`Link::send`] does.
    ///
    /// Where sessions are kept, a message that was queued is on its way, whatever becomes of the link.
    pub fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M> + Refuses,
    {
        self.queue(message)?;
        self.flush()
    }

    /// Queues a message, as [`Link::queue`] does.
    ///
    /// Where sessions are kept, the queue is full of what the peer has not taken: what it says meanwhile goes to its
    /// handlers. A [client](crate::native::Client) without a link does not wait.
    pub fn queue<M: ?Sized>(&mut self, message: &M) -> Result<(), Error>
    where
        D: Carries<M> + Refuses,
    {
        if !self.keeps_sessions() {
            return self.link.queue(message);
        }
        let mut deadline = None;
        loop {
            match self.link.try_queue(message) {
                Err(SendError::Full) if !self.is_down() => {}
                queued => return queued.map_err(Error::Send),
            }
            let timeout = self.link.send_timeout();
            let deadline = *deadline.get_or_insert_with(|| Deadline::after(timeout));
            if deadline.has_passed() {
                return Err(Error::Send(SendError::Full));
            }
            self.make_room(deadline)?;
        }
    }

    /// Writes all that is queued, unless the send timeout ends first.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.is_down() {
            return Ok(());
        }
        match self.link.flush() {
            // It is lost; the next turn sees that too, and goes on from there.
            Err(Error::Transport(_) | Error::Closed) if self.dialler.is_some() => Ok(()),
            flushed => flushed,
        }
    }
}
