use crate::Error;
use crate::link::Inner;
use crate::transport::{Patience, Transport, transport_error};
use ropeway_core::dialect::Dialect;
use std::time::{Duration, Instant};

/// How a blocking link waits: for how long, and for both directions at once where one is stuck.
#[derive(Debug)]
pub(crate) struct Waits {
    /// How long the transport waits for bytes at present, so that it is told only of changes.
    reads: Patience,
    /// How long it waits at most for room, before something else is tried.
    writes: Patience,
    send_timeout: Duration,
}

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Waits {
    pub(crate) fn new(transport: &impl Transport, send_timeout: Duration) -> Result<Self, Error> {
        let writes = Patience::Until(send_timeout.clamp(SHORTEST, SLICE));
        let waits = Self {
            reads: Patience::Forever,
            writes,
            send_timeout,
        };
        let set = transport.set_patience(waits.reads, waits.writes);
        set.map_err(transport_error).map(|()| waits)
    }

    /// Writes once, and says whether anything could be written within the send timeout.
    ///
    /// A peer that does not read may itself be waiting to be read from, so that is tried meanwhile.
    #[inline]
    pub(crate) fn write<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
    ) -> Result<bool, Error> {
        if self.reads == Patience::None {
            self.set_reads(link, Patience::Forever)?;
        }
        Ok(link.write_once()? || self.write_when_unstuck(link)?)
    }

    /// Writes what is queued and reads, until there is something to say, `timeout` ends or `stop` says so; says
    /// whether there is.
    ///
    /// A peer that is gone may have left last words: an error of writing is told only when none are to be read.
    pub(crate) fn read<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        timeout: Duration,
        stop: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        let deadline = Deadline::after(timeout);
        let mut left = timeout;
        while !stop() {
            if left.is_zero() {
                self.set_reads(link, Patience::None)?;
            }
            let written = link.flush();
            let reads = match link.has_output() {
                false => self.roughly(left),
                true => Patience::of(left.min(SLICE)),
            };
            self.set_reads(link, reads)?;
            let read = link.read_once();
            if link.has_event() {
                return Ok(true);
            }
            if !matches!(read, Ok(true)) {
                written.and(read)?;
            }
            if deadline.has_passed() {
                break;
            }
            left = deadline.left();
        }
        Ok(false)
    }

    /// A patience that ends in time: the present one if that is not far from it, since a change costs system calls.
    fn roughly(&self, left: Duration) -> Patience {
        match (self.reads, Patience::of(left)) {
            (Patience::Until(reads), Patience::Until(_)) if reads <= left && reads >= left / 2 => {
                self.reads
            }
            (_, Patience::Until(left)) if left > ROUGH => Patience::Until(left / 4 * 3),
            (_, exactly) => exactly,
        }
    }

    #[cold]
    fn write_when_unstuck<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
    ) -> Result<bool, Error> {
        let deadline = Deadline::after(self.send_timeout);
        while link.has_output() && !deadline.has_passed() {
            self.set_reads(link, Patience::Until(SHORTEST))?;
            match link.read_once() {
                Ok(_) | Err(Error::Closed | Error::OutOfStep) => {}
                Err(error) => return Err(error),
            }
            if link.write_once()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn set_reads<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        reads: Patience,
    ) -> Result<(), Error> {
        if reads != self.reads {
            self.reads = reads;
            let set = link.reader().transport().set_patience(reads, self.writes);
            set.map_err(transport_error)?;
        }
        Ok(())
    }
}

impl Deadline {
    /// The end of `timeout` from now; none that could be reached for [`Duration::MAX`].
    pub(crate) fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    pub(crate) fn has_passed(self) -> bool {
        self.0.is_some_and(|end| end <= Instant::now())
    }

    pub(crate) fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |end| {
            end.saturating_duration_since(Instant::now())
        })
    }
}

/// Sockets take zero for "no timeout at all".
const SHORTEST: Duration = Duration::from_millis(1);

/// Shorter waits than this end exactly.
const ROUGH: Duration = Duration::from_millis(50);

/// How long one direction is waited for while the other is stuck.
const SLICE: Duration = Duration::from_millis(5);
