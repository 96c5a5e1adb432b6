use super::Error;
use crate::buf::Storage;
use crate::dialect::{Carries, Dialect};
use crate::messenger::Over;
use crate::registry::Registry;
use crate::wire::{Plain, Wire};
use crate::{Event, Instant, Messenger, SendError};
use core::future::{Future, pending, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
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
    /// How many events have been taken since something could be written.
    said: u8,
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
            said: 0,
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
    /// Where frames are kept until the peer has taken them, room comes with what the peer says: [`SendError::Full`] when
    /// nothing more of that can be received before something is [taken](Self::recv). A future dropped before it is ready
    /// has not queued the message.
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
    /// Where the dialect has [timers](Self::next_timeout), use [`recv_until`](Self::recv_until).
    pub async fn recv<'a, T: Registry<'a, D>>(
        &'a mut self,
    ) -> Result<Event<'a, D, T>, Error<R::Error>> {
        self.let_out().await;
        let seen = loop {
            match self.messenger.look() {
                Some(seen) => break seen,
                None => self.transfer().await?,
            }
        };
        Ok(self.messenger.say(seen, T::decode))
    }

    /// The next thing that the peer said, or `None` when `until` is done first.
    ///
    /// ```
    /// # use ropeway_core::dialect::native::{Config, Native};
    /// # use ropeway_core::pump::{AsyncLink, Error};
    /// # use ropeway_core::{Event, Instant, messages};
    /// # use embedded_io_async::{Read, Write};
    /// # use ropeway_core::dialect::cable_car::Join;
    /// # messages! { enum Words { Join(Join) } }
    /// # fn now() -> Instant { Instant::from_micros(0) }
    /// # async fn at(_: Option<Instant>) {}
    /// # fn look(_: Words) {}
    /// # async fn serve<R: Read, W: Write<Error = R::Error>>(
    /// #     link: &mut AsyncLink<Native<Config>, R, W, [u8; 512]>,
    /// # ) -> Result<(), Error<R::Error>> {
    /// loop {
    ///     link.handle_time(now());
    ///     let timer = at(link.next_timeout());
    ///     match link.recv_until::<Words>(timer).await? {
    ///         Some(Event::Message(words)) => look(words),
    ///         Some(_) => {}
    ///         None => {} // time to note the time
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn recv_until<'a, T: Registry<'a, D>>(
        &'a mut self,
        until: impl Future<Output = ()>,
    ) -> Result<Option<Event<'a, D, T>>, Error<R::Error>> {
        match self.wait(until).await? {
            true => Ok(self.messenger.recv()),
            false => Ok(None),
        }
    }

    /// Waits until there is something to [take](Self::poll), writing what is queued meanwhile, or until `until` is done;
    /// says whether there is.
    pub async fn wait(&mut self, until: impl Future<Output = ()>) -> Result<bool, Error<R::Error>> {
        self.let_out().await;
        let mut until = pin!(until);
        while !self.messenger.has_event() {
            if self.cancelled_write == CancelledWrite::EndsLink {
                self.write_queued().await?;
            }
            match first(self.transfer(), until.as_mut()).await {
                Some(moved) => moved?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Waits until the stream or the peer has taken some of what is queued, or `until` is done; says whether it has waited
    /// for something that came.
    ///
    /// Takes in what the peer says meanwhile, as [`send`](Self::send) does, and fails as [`queue`](Self::queue) does.
    pub async fn write_until(
        &mut self,
        until: impl Future<Output = ()>,
    ) -> Result<bool, Error<R::Error>> {
        if self.cancelled_write == CancelledWrite::EndsLink && self.has_output() {
            return self.write_some().await.map(|()| true);
        }
        match first(self.write_some(), pin!(until)).await {
            Some(moved) => moved.map(|()| true),
            None => Ok(false),
        }
    }

    /// Writes what the stream takes at once, without waiting, and says whether that was all that is queued.
    ///
    /// Where a cancelled write ends the link, it writes nothing. An error is left for the next call to find.
    pub fn try_flush(&mut self) -> bool {
        if self.cancelled_write == CancelledWrite::TookNothing {
            // Who waits for more room polls again, with a waker of its own.
            let mut context = Context::from_waker(Waker::noop());
            while self.has_output() {
                match pin!(self.write_once()).poll(&mut context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) | Poll::Pending => break,
                }
            }
        }
        !self.has_output()
    }

    /// The next thing that the peer said, if it is here already.
    pub fn poll<'a, T: Registry<'a, D>>(&'a mut self) -> Option<Event<'a, D, T>> {
        self.messenger.recv()
    }

    /// Whether there is something to [take](Self::poll).
    pub fn has_event(&mut self) -> bool {
        self.messenger.has_event()
    }

    /// Whether there is something to be written now.
    pub fn has_output(&mut self) -> bool {
        self.messenger.has_output() && !self.messenger.poll_output().is_empty()
    }

    /// How many bytes wait to be written or, where they are kept so long, to be taken by the peer.
    pub const fn queued(&self) -> usize {
        self.messenger.queued()
    }

    /// Notes the time, for dialects that have timers: after each wait.
    pub fn handle_time(&mut self, now: Instant) {
        self.messenger.handle_time(now);
    }

    /// When to note the time again at the latest.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.messenger.next_timeout()
    }

    /// The messenger, to see or change what its dialect knows.
    pub const fn messenger(&mut self) -> &mut Messenger<D, I, O, X> {
        &mut self.messenger
    }

    /// The writing half, to end it.
    pub const fn writer(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Goes on over another stream, and returns the halves of the old one. The messenger is to be
    /// [told](Messenger::handle_connected) as well.
    pub fn replace(&mut self, reader: R, writer: W) -> (R, W) {
        self.writing = false;
        let reader = core::mem::replace(&mut self.reader, reader);
        (reader, core::mem::replace(&mut self.writer, writer))
    }

    /// Takes the link apart; what was queued or received and not taken stays in the messenger.
    pub fn into_parts(self) -> (Messenger<D, I, O, X>, R, W) {
        (self.messenger, self.reader, self.writer)
    }

    /// Waits until bytes have come or gone: what every wait of the link is made of, for who has a loop of its own.
    ///
    /// Reads only while there is room, and writes only what there is; where there is neither, it waits for ever.
    pub async fn transfer(&mut self) -> Result<(), Error<R::Error>> {
        if let Some(over) = self.messenger.is_over() {
            if over == Over::Quit {
                // Who takes its leave may have a last word. A peer that does not hear it is gone as well.
                let _ = self.write_queued().await;
            }
            return Err(over.into());
        }
        self.said = 0;
        let moved = match (self.must_write()?, self.may_read()) {
            (false, false) => return pending().await,
            (false, true) => return self.read_once().await,
            (true, true) if self.cancelled_write == CancelledWrite::TookNothing => {
                self.read_or_write().await
            }
            (true, _) => self.write_once().await,
        };
        match moved {
            Err(Error::Transport(error)) => self.read_last_words(error).await,
            moved => moved,
        }
    }

    /// Waits until bytes have come, and writes nothing: for who has a reason to write a moment later.
    pub async fn receive(&mut self) -> Result<(), Error<R::Error>> {
        match (self.messenger.is_over(), self.may_read()) {
            (Some(over), _) => Err(over.into()),
            (None, true) => self.read_once().await,
            (None, false) => pending().await,
        }
    }

    /// Reads what is there at once from a peer that may be gone; an error of writing is told only if nothing is.
    async fn read_last_words(&mut self, error: R::Error) -> Result<(), Error<R::Error>> {
        let len = if self.may_read() {
            let mut read = pin!(self.reader.read(self.messenger.input_room()));
            poll_fn(|context| match read.as_mut().poll(context) {
                Poll::Ready(Ok(len)) => Poll::Ready(len),
                Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(0),
            })
            .await
        } else {
            0
        };
        if len == 0 {
            return Err(Error::Transport(error));
        }
        self.messenger.handle_input(len);
        Ok(())
    }

    /// Writes now and then while there is always something to take, so that the peer hears what was taken.
    async fn let_out(&mut self) {
        self.said = self.said.saturating_add(1);
        if self.said <= BURST {
            return;
        }
        self.said = 0;
        // What goes wrong is told once everything has been delivered.
        match self.cancelled_write {
            CancelledWrite::TookNothing => drop(self.try_flush()),
            CancelledWrite::EndsLink => drop(self.write_queued().await),
        }
    }

    async fn write_queued(&mut self) -> Result<(), Error<R::Error>> {
        while self.must_write()? {
            self.write_some().await?;
        }
        Ok(())
    }

    /// Writes once, or reads while nothing can be written: a peer that does not read may itself be waiting to be
    /// read from.
    async fn write_some(&mut self) -> Result<(), Error<R::Error>> {
        match (self.must_write()?, self.may_read()) {
            (true, true) if self.cancelled_write == CancelledWrite::TookNothing => {
                self.read_or_write().await
            }
            (true, _) => self.write_once().await,
            (false, true) => self.read_once().await,
            (false, false) => match self.messenger.is_over() {
                Some(over) => Err(over.into()),
                None => Err(Error::Send(SendError::Full)),
            },
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
        self.writing = true;
        let written = self.writer.write(self.messenger.poll_output()).await;
        self.writing = false;
        self.note_written(written)
    }

    /// Reads and writes at once, until one of them is done.
    async fn read_or_write(&mut self) -> Result<(), Error<R::Error>> {
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

    /// Whether there is something to write; fails if that is nothing but what the outbox can never take.
    fn must_write(&mut self) -> Result<bool, Error<R::Error>> {
        if !self.messenger.has_output() {
            return Ok(false);
        }
        if !self.messenger.poll_output().is_empty() {
            return Ok(true);
        }
        self.messenger
            .silenced()
            .map_or(Ok(false), |error| Err(Error::Send(error)))
    }

    fn may_read(&mut self) -> bool {
        !self.messenger.has_ended() && !self.messenger.input_room().is_empty()
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

/// What `wanted` comes to, or `None` when `until` is done before it.
async fn first<T>(
    wanted: impl Future<Output = T>,
    mut until: Pin<&mut impl Future<Output = ()>>,
) -> Option<T> {
    let mut wanted = pin!(wanted);
    poll_fn(|context| match wanted.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => until.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// So many events are taken before something is written that nobody waits for.
const BURST: u8 = 64;

/// Which of two transfers came first.
enum Done<E> {
    Read(Result<usize, E>),
    Written(Result<usize, E>),
}

#[cfg(test)]
mod tests;
