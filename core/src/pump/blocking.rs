use super::Error;
use crate::buf::Storage;
use crate::dialect::{Carries, Dialect};
use crate::registry::Registry;
use crate::wire::{Plain, Wire};
use crate::{Event, Messenger, SendError};
use embedded_io::{ErrorKind, Read, Write};

/// A messenger on a blocking stream: all input and output happens in the caller's thread.
///
/// Errors of kind [`TimedOut`](ErrorKind::TimedOut) mean "nothing yet": a stream with a timeout makes
/// [`recv`](Self::recv) return `None`, and one that never blocks makes the link a pump for a game loop. Errors
/// of kind [`Interrupted`](ErrorKind::Interrupted) are tried again.
///
/// [`send`](Self::send) puts each message on the wire at once; [`queue`](Self::queue) lets many share a write.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Link<D, R, W, I, O = I, X = Plain> {
    messenger: Messenger<D, I, O, X>,
    reader: R,
    writer: W,
}

impl<D, R, W, I, O, X> Link<D, R, W, I, O, X>
where
    D: Dialect,
    R: Read,
    W: Write<Error = R::Error>,
    I: Storage,
    O: Storage,
    X: Wire,
{
    /// A link over both halves of a stream, with `messenger` at its start.
    pub const fn new(messenger: Messenger<D, I, O, X>, reader: R, writer: W) -> Self {
        Self {
            messenger,
            reader,
            writer,
        }
    }

    /// Sends a message at once, with all that was queued before it.
    ///
    /// When the stream times out in the middle, the message stays queued and goes out with the next call:
    /// [`queued`](Self::queued) tells. An error of [`Error::Send`] takes nothing.
    #[inline]
    pub fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), Error<R::Error>>
    where
        D: Carries<M>,
    {
        self.queue(message)?;
        self.flush()
    }

    /// Queues a message, and writes out older ones only when there is no room for it.
    ///
    /// Fails with [`SendError::Full`] when the stream times out before there is room.
    #[inline]
    pub fn queue<M: ?Sized>(&mut self, message: &M) -> Result<(), Error<R::Error>>
    where
        D: Carries<M>,
    {
        loop {
            match self.messenger.send(message) {
                Err(SendError::Full) if self.write_once()? => {}
                sent => return sent.map_err(Error::Send),
            }
        }
    }

    /// Queues a message if there is room, and writes nothing.
    #[inline]
    pub fn try_queue<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        self.messenger.send(message)
    }

    /// Writes until nothing is queued, or the stream times out.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Error<R::Error>> {
        while self.messenger.has_output() && self.write_once()? {}
        Ok(())
    }

    /// The next thing that the peer said, or `None` when the stream times out first.
    ///
    /// What is queued is written before the link waits. Fails with [`Error::Closed`] once the peer has ended
    /// the stream and everything before has been delivered.
    #[inline]
    pub fn recv<'a, T: Registry<'a, D>>(
        &'a mut self,
    ) -> Result<Option<Event<'a, D, T>>, Error<R::Error>> {
        self.recv_with(Self::transfer)
    }

    /// The next thing that the peer said, waiting as `wait` does: it is called while there is nothing, and ends
    /// the waiting with `None` when it returns `false`.
    #[inline]
    pub fn recv_with<'a, T: Registry<'a, D>>(
        &'a mut self,
        mut wait: impl FnMut(&mut Self) -> Result<bool, Error<R::Error>>,
    ) -> Result<Option<Event<'a, D, T>>, Error<R::Error>> {
        if let Some(frame) = self.messenger.look_steadily() {
            return Ok(Some(self.messenger.say_frame(frame, T::decode)));
        }
        let seen = loop {
            match self.messenger.look() {
                Some(seen) => break seen,
                None if wait(self)? => {}
                None => return Ok(None),
            }
        };
        Ok(Some(self.messenger.say_seen(seen, T::decode)))
    }

    /// Writes what is queued, then reads once and says whether something came.
    ///
    /// A peer that is gone may have left last words: an error of writing is told only when none are to be read.
    pub fn transfer(&mut self) -> Result<bool, Error<R::Error>> {
        let written = self.flush();
        match self.read_once() {
            Ok(true) => Ok(true),
            read => written.and(read),
        }
    }

    /// The next thing that the peer said, if it is here already: reads and writes nothing.
    #[inline]
    pub fn poll<'a, T: Registry<'a, D>>(&'a mut self) -> Option<Event<'a, D, T>> {
        self.messenger.recv()
    }

    /// Whether [`poll`](Self::poll) has something to say.
    #[inline]
    pub fn has_event(&mut self) -> bool {
        self.messenger.has_event()
    }

    /// Reads once and says whether something came; `false` when the stream times out, or when messages have to
    /// be taken first because the buffer is full of them or the stream has ended.
    pub fn read_once(&mut self) -> Result<bool, Error<R::Error>> {
        if let Some(over) = self.messenger.is_over() {
            return Err(over.into());
        }
        let has_ended = self.messenger.has_ended();
        let room = self.messenger.input_room();
        if room.is_empty() || has_ended {
            return Ok(false);
        }
        match retry(|| self.reader.read(room))? {
            Some(0) => self.messenger.handle_end(),
            Some(len) => self.messenger.handle_input(len),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Writes once and says whether bytes went; `false` when the stream times out or nothing is queued.
    ///
    /// Fails with [`Error::Send`] when the dialect has something to say that the outbox can never take.
    pub fn write_once(&mut self) -> Result<bool, Error<R::Error>> {
        let waiting = self.messenger.poll_output();
        if waiting.is_empty() {
            return match self.messenger.silenced() {
                Some(error) => Err(Error::Send(error)),
                None => Ok(false),
            };
        }
        match retry(|| self.writer.write(waiting))? {
            None => Ok(false),
            Some(0) => Err(Error::Closed),
            Some(len) => {
                self.messenger.handle_written(len);
                Ok(true)
            }
        }
    }

    /// How many bytes wait to be written.
    pub const fn queued(&self) -> usize {
        self.messenger.queued()
    }

    /// Whether anything waits to be written.
    #[inline]
    pub fn has_output(&self) -> bool {
        self.messenger.has_output()
    }

    /// The messenger, to see or change what its dialect knows.
    pub const fn messenger(&mut self) -> &mut Messenger<D, I, O, X> {
        &mut self.messenger
    }

    /// The reading half, to set its options.
    pub const fn reader(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The writing half, to set its options.
    pub const fn writer(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Takes the link apart; what was queued or received and not taken stays in the messenger.
    pub fn into_parts(self) -> (Messenger<D, I, O, X>, R, W) {
        (self.messenger, self.reader, self.writer)
    }
}

/// Repeats an interrupted operation; a timeout is no error but nothing.
#[inline]
fn retry<E: embedded_io::Error>(
    mut operation: impl FnMut() -> Result<usize, E>,
) -> Result<Option<usize>, Error<E>> {
    loop {
        match operation() {
            Ok(len) => return Ok(Some(len)),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::TimedOut => return Ok(None),
                _ => return Err(Error::Transport(error)),
            },
        }
    }
}

#[cfg(test)]
mod tests;
