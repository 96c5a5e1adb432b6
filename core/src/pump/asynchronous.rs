use super::Error;
use crate::buf::Storage;
use crate::dialect::{Carries, Dialect};
use crate::messenger::Over;
use crate::registry::Registry;
use crate::wire::{Plain, Wire};
use crate::{Event, Messenger, SendError};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use embedded_io_async::{Read, Write};

/// A messenger on an asynchronous stream, for any executor.
///
/// Every method is cancel-safe when the stream is: a future that is dropped has received or written a whole
/// number of bytes, and those are accounted for. So `recv` may stand in a `select` with a timer.
///
/// Reading must be cancel-safe, as `embedded-io-async` encourages and embassy-net, tokio and every queue are.
/// What a cancelled *write* means is for the caller to say: see [`CancelledWrite`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AsyncLink<D, R, W, I, O = I, X = Plain> {
    messenger: Messenger<D, I, O, X>,
    reader: R,
    writer: W,
    cancelled_write: CancelledWrite,
    /// A write was begun and has not come back.
    writing: bool,
}

/// What it means when a write is cancelled before the stream has said how much it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CancelledWrite {
    /// Nothing was taken: the stream documents its `write` as cancel-safe. Reading and writing go on at once.
    TookNothing,
    /// Nobody knows: the link ends with [`Error::CancelledWrite`] rather than say a byte twice. So that it never
    /// cancels a write itself, [`AsyncLink::recv`] writes what is queued before it reads.
    EndsLink,
}

impl<D, R, W, I, O, X> AsyncLink<D, R, W, I, O, X>
where
    D: Dialect,
    R: Read,
    W: Write<Error = R::Error>,
    I: Storage,
    O: Storage,
    X: Wire,
{
    /// A link over both halves of a stream, with `messenger` at its start.
    pub const fn new(
        messenger: Messenger<D, I, O, X>,
        reader: R,
        writer: W,
        cancelled_write: CancelledWrite,
    ) -> Self {
        Self {
            messenger,
            reader,
            writer,
            cancelled_write,
            writing: false,
        }
    }

    /// Queues a message without waiting; [`SendError::Full`] takes nothing.
    pub fn try_queue<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        self.messenger.send(message)
    }

    /// Queues a message, once older ones have made room for it.
    ///
    /// A future dropped before it is ready has not queued the message.
    pub async fn queue<M: ?Sized>(&mut self, message: &M) -> Result<(), Error<R::Error>>
    where
        D: Carries<M>,
    {
        loop {
            match self.messenger.send(message) {
                Err(SendError::Full) => self.write_some().await?,
                sent => return sent.map_err(Error::Send),
            }
        }
    }

    /// Queues a message and writes until nothing is queued.
    ///
    /// Where a cancelled write takes nothing, the link takes in what the peer says meanwhile, as far as its buffer
    /// goes: two links that send to each other do not lock each other. A future dropped before it is ready may have queued the message, which then goes out with the next call.
    pub async fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), Error<R::Error>>
    where
        D: Carries<M>,
    {
        self.queue(message).await?;
        self.write_queued().await
    }

    /// Writes until nothing is queued, and waits until the stream has passed it on: what that means is the
    /// stream's to say, on a TCP socket of embassy-net that the peer has acknowledged it.
    pub async fn flush(&mut self) -> Result<(), Error<R::Error>> {
        self.write_queued().await?;
        self.writer.flush().await.map_err(Error::Transport)
    }

    /// The next thing that the peer said; what is queued is written while the link waits.
    ///
    /// Fails with [`Error::Closed`] once the peer has ended the stream and everything before has been delivered.
    pub async fn recv<'a, T: Registry<'a, D>>(
        &'a mut self,
    ) -> Result<Event<'a, D, T>, Error<R::Error>> {
        while !self.messenger.has_event() {
            self.transfer().await?;
        }
        self.messenger.recv().ok_or(Error::Closed)
    }

    /// The next thing that the peer said, if it is here already.
    pub fn poll<'a, T: Registry<'a, D>>(&'a mut self) -> Option<Event<'a, D, T>> {
        self.messenger.recv()
    }

    /// How many bytes wait to be written.
    pub const fn queued(&self) -> usize {
        self.messenger.queued()
    }

    /// The messenger, to see or change what its dialect knows.
    pub const fn messenger(&mut self) -> &mut Messenger<D, I, O, X> {
        &mut self.messenger
    }

    /// Takes the link apart; what was queued or received and not taken stays in the messenger.
    pub fn into_parts(self) -> (Messenger<D, I, O, X>, R, W) {
        (self.messenger, self.reader, self.writer)
    }

    /// Waits until bytes have come or gone.
    async fn transfer(&mut self) -> Result<(), Error<R::Error>> {
        if let Some(over) = self.messenger.is_over() {
            if over == Over::Quit {
                // Who takes its leave may have a last word. A peer that does not hear it is gone as well.
                let _ = self.write_queued().await;
            }
            return Err(over.into());
        }
        if !self.messenger.has_output() {
            return self.read_once().await;
        }
        let moved = match self.cancelled_write {
            CancelledWrite::EndsLink => self.write_once().await,
            CancelledWrite::TookNothing => self.read_or_write().await,
        };
        match moved {
            Err(Error::Transport(error)) => self.read_last_words(error).await,
            moved => moved,
        }
    }

    /// Reads what is there at once from a peer that may be gone; an error of writing is told only if nothing is.
    async fn read_last_words(&mut self, error: R::Error) -> Result<(), Error<R::Error>> {
        let len = {
            let mut read = pin!(self.reader.read(self.messenger.input_room()));
            poll_fn(|context| match read.as_mut().poll(context) {
                Poll::Ready(Ok(len)) => Poll::Ready(len),
                Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(0),
            })
            .await
        };
        if len == 0 {
            return Err(Error::Transport(error));
        }
        self.messenger.handle_input(len);
        Ok(())
    }

    async fn write_queued(&mut self) -> Result<(), Error<R::Error>> {
        while self.messenger.has_output() {
            self.write_some().await?;
        }
        Ok(())
    }

    /// Writes once, or reads while nothing can be written: a peer that does not read may itself be waiting to be
    /// read from.
    async fn write_some(&mut self) -> Result<(), Error<R::Error>> {
        let may_read = self.cancelled_write == CancelledWrite::TookNothing
            && !self.messenger.has_ended()
            && !self.messenger.input_room().is_empty();
        match may_read {
            true => self.read_or_write().await,
            false => self.write_once().await,
        }
    }

    async fn read_once(&mut self) -> Result<(), Error<R::Error>> {
        let read = self.reader.read(self.messenger.input_room()).await;
        self.note_read(read)
    }

    async fn write_once(&mut self) -> Result<(), Error<R::Error>> {
        if self.writing && self.cancelled_write == CancelledWrite::EndsLink {
            return Err(Error::CancelledWrite);
        }
        self.must_speak()?;
        self.writing = true;
        let written = self.writer.write(self.messenger.poll_output()).await;
        self.writing = false;
        self.note_written(written)
    }

    /// Reads and writes at once, until one of them is done.
    async fn read_or_write(&mut self) -> Result<(), Error<R::Error>> {
        self.must_speak()?;
        let (room, waiting) = self.messenger.both_ways();
        let done = {
            let mut read = pin!(self.reader.read(room));
            let mut write = pin!(self.writer.write(waiting));
            poll_fn(|context| {
                if let Poll::Ready(written) = write.as_mut().poll(context) {
                    return Poll::Ready(Done::Written(written));
                }
                read.as_mut().poll(context).map(Done::Read)
            })
            .await
        };
        match done {
            Done::Read(read) => self.note_read(read),
            Done::Written(written) => self.note_written(written),
        }
    }

    /// Fails if nothing is to be written but what the outbox can never take.
    fn must_speak(&mut self) -> Result<(), Error<R::Error>> {
        match self.messenger.poll_output().is_empty() {
            true => self
                .messenger
                .silenced()
                .map_or(Ok(()), |error| Err(Error::Send(error))),
            false => Ok(()),
        }
    }

    fn note_read(&mut self, read: Result<usize, R::Error>) -> Result<(), Error<R::Error>> {
        match read.map_err(Error::Transport)? {
            0 => self.messenger.handle_end(),
            len => self.messenger.handle_input(len),
        }
        Ok(())
    }

    fn note_written(&mut self, written: Result<usize, R::Error>) -> Result<(), Error<R::Error>> {
        match written.map_err(Error::Transport)? {
            0 => Err(Error::Closed),
            len => {
                self.messenger.handle_written(len);
                Ok(())
            }
        }
    }
}

/// Which of two transfers came first.
enum Done<E> {
    Read(Result<usize, E>),
    Written(Result<usize, E>),
}

#[cfg(test)]
mod tests;
