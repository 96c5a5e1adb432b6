use crate::link::Inner;
use crate::transport::{Patience, Transport, halves, transport_error};
use crate::wire::{self, End};
use crate::{Error, Options};
use ropeway_core::dialect::{Carries, Dialect};
use ropeway_core::registry::Registry;
use ropeway_core::{Event, Messenger, SendError, pump};
use std::net::{Shutdown, TcpStream};

/// A link that never waits: for a game loop, which calls [`xfer`](Self::xfer) once a turn.
///
/// ```
/// use ropeway_std::dialect::cable_car::{CableCarByte, Quit, Retry};
/// use ropeway_std::{Event, Options, Pump, memory, messages};
///
/// messages! { #[derive(Debug, PartialEq)] enum Words { Quit(Quit), Retry(Retry) } }
///
/// let (here, there) = memory::ends(4096);
/// let mut player = Pump::over(CableCarByte, here, &Options::default())?;
/// let mut game = Pump::over(CableCarByte, there, &Options::default())?;
///
/// player.send(&Retry)?;
/// player.xfer()?;
/// game.xfer()?;
/// assert!(matches!(game.get(), Some(Event::Message(Words::Retry(Retry)))));
/// assert!(game.get::<Words>().is_none());
/// # Ok::<(), ropeway_std::Error>(())
/// ```
#[derive(Debug)]
pub struct Pump<D, T = TcpStream> {
    link: Inner<D, T>,
    finishing: bool,
    /// What ended reading, until all that came before has been taken.
    failure: Option<Error>,
}

impl<D: Dialect> Pump<D> {
    /// A pump over a connected socket.
    pub fn new(dialect: D, stream: TcpStream, options: &Options) -> Result<Self, Error> {
        options.apply(&stream).map_err(transport_error)?;
        Self::over(dialect, stream, options)
    }
}

impl<D: Dialect, T: Transport> Pump<D, T> {
    /// A pump over any transport, secure where the options have keys, as a [`Link`](crate::Link::over) is.
    pub fn over(dialect: D, transport: T, options: &Options) -> Result<Self, Error> {
        let wire = options.wire(End::Either).map_err(transport_error)?;
        let set = transport.set_patience(Patience::None, Patience::None);
        set.map_err(transport_error)?;
        let messenger = Messenger::new(dialect, options.memory(), options.memory());
        let mut messenger = messenger.with_wire(wire);
        wire::start(&mut messenger);
        let (reader, writer) = halves(transport);
        Ok(Self {
            link: pump::Link::new(messenger, reader, writer),
            finishing: false,
            failure: None,
        })
    }

    /// Queues a message for the next [`xfer`](Self::xfer); a full queue is an error, and takes nothing.
    #[inline]
    pub fn send<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        D: Carries<M>,
    {
        self.link.try_queue(message)
    }

    /// Writes what the transport takes and reads what it has, as far as the buffers go; never waits.
    ///
    /// Fails, with [`Error::Closed`] when the peer has closed, once [`get`](Self::get) has given all that came
    /// before. What it cannot read because messages wait to be taken, it reads once they are.
    pub fn xfer(&mut self) -> Result<(), Error> {
        let written = self.write();
        if self.failure.is_none() {
            self.failure = self.read().err();
        }
        // A peer that is gone may have left last words: they come before what ended it.
        if self.link.has_event() {
            return Ok(());
        }
        written.and(self.failure.take().map_or(Ok(()), Err))
    }

    fn write(&mut self) -> Result<(), Error> {
        while self.link.write_once()? {}
        if self.finishing && !self.link.has_output() {
            self.finishing = false;
            let ended = self.link.reader().transport().shutdown(Shutdown::Write);
            ended.map_err(transport_error)?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), Error> {
        for _ in 0..READS {
            if !self.link.read_once()? {
                break;
            }
        }
        Ok(())
    }

    /// The next thing that the peer said, of what [`xfer`](Self::xfer) has read.
    #[inline]
    pub fn get<'a, R: Registry<'a, D>>(&'a mut self) -> Option<Event<'a, D, R>> {
        self.link.poll()
    }

    /// Ends the writing direction as soon as all that is queued has gone; reading goes on. Nothing is to be sent
    /// any more.
    pub const fn finish(&mut self) {
        self.finishing = true;
    }

    /// How many bytes wait to be written.
    pub const fn queued(&self) -> usize {
        self.link.queued()
    }

    /// The transport underneath.
    pub fn transport(&mut self) -> &T {
        self.link.reader().transport()
    }
}

/// The most reads of one turn: a peer that talks without end must not keep the loop from turning.
const READS: usize = 16;
