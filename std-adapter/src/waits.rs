use crate::clock::Clock;
use crate::link::Inner;
use crate::transport::{Patience, Transport, transport_error};
use crate::{Error, Options};
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
    /// How long reads are tried before they wait.
    spin: Duration,
    clock: Clock,
}

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Waits {
    pub(crate) fn new(transport: &impl Transport, options: &Options) -> Result<Self, Error> {
        let send_timeout = options.patience_to_send();
        let writes = Patience::Until(send_timeout.clamp(SHORTEST, SLICE));
        let waits = Self {
            reads: Patience::Forever,
            writes,
            send_timeout,
            spin: options.time_to_spin(),
            clock: Clock::new(),
        };
        let set = transport.set_patience(waits.reads, waits.writes);
        set.map_err(transport_error).map(|()| waits)
    }

    /// Another transport, whose waiting is as that of every new one.
    pub(crate) fn restart(&mut self, transport: &impl Transport) -> Result<(), Error> {
        self.reads = Patience::Forever;
        let set = transport.set_patience(self.reads, self.writes);
        set.map_err(transport_error)
    }

    pub(crate) const fn send_timeout(&self) -> Duration {
        self.send_timeout
    }

    /// Notes the time for promises of silence, where the dialect has sessions.
    #[inline]
    pub(crate) fn note_time<D: Dialect, T: Transport>(&self, link: &mut Inner<D, T>) {
        let mail = link.messenger();
        if mail.dialect().keeping().is_some() {
            mail.handle_time(self.clock.now());
        }
    }

    /// How long the dialect can wait until the time is noted again.
    #[inline]
    fn until_timer<D: Dialect, T: Transport>(&self, link: &mut Inner<D, T>) -> Duration {
        match link.messenger().next_timeout() {
            Some(at) => at - self.clock.now(),
            None => Duration::MAX,
        }
    }

    /// Waits until the peer has taken something of a full outbox, and says whether it has within the send timeout, until
    /// `limit` and before `stop` says so.
    ///
    /// It takes in what the peer says, as far as there is room; when there is none, no more will come, or the session is another
    /// by now, somebody has to take that first.
    #[cold]
    pub(crate) fn wait_for_room<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        limit: Deadline,
        stop: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        let deadline = self.limit(limit);
        let full = link.queued();
        let mut is_last = false;
        loop {
            // Little is not worth a write while the peer has something to acknowledge, which makes room without.
            let on_their_way = link.messenger().on_their_way();
            let waiting = link.queued().saturating_sub(on_their_way);
            if on_their_way == 0 || waiting >= full / 4 {
                link.flush()?;
            }
            if link.queued() < full {
                return Ok(true);
            }
            let mail = link.messenger();
            let must_be_heard = mail.has_ended() || mail.dialect().has_notice();
            if is_last || must_be_heard || mail.input_room().is_empty() {
                return Ok(false);
            }
            // However little time there is, what makes room may have come.
            is_last = deadline.has_passed() || stop();
            let left = deadline.left().min(self.until_timer(link));
            let reads = match is_stuck(link) {
                _ if is_last => Duration::ZERO,
                false => left.max(SHORTEST),
                true => left.clamp(SHORTEST, SLICE),
            };
            self.set_reads(link, Patience::of(reads))?;
            link.read_once()?;
            self.note_time(link);
        }
    }

    /// Writes once, and says whether anything could be written within the send timeout, until `limit` and before `stop`
    /// says so.
    ///
    /// A peer that does not read may itself be waiting to be read from, so that is tried meanwhile.
    #[inline]
    pub(crate) fn write<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        limit: Deadline,
        stop: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        if self.reads == Patience::None {
            if !self.spin.is_zero() && link.write_once()? {
                return Ok(true);
            }
            self.set_reads(link, Patience::Forever)?;
        }
        Ok(link.write_once()? || (is_stuck(link) && self.write_when_unstuck(link, limit, stop)?))
    }

    /// Writes what is queued and reads, until there is something to say, `timeout` ends or `stop` says so; says
    /// whether there is.
    ///
    /// A peer that is gone may have left last words: an error of writing is told only when none are to be read.
    pub(crate) fn read<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        timeout: Duration,
        stop: impl Fn(&mut Inner<D, T>) -> bool,
    ) -> Result<bool, Error> {
        let deadline = Deadline::after(timeout);
        let mut left = timeout;
        while !stop(link) {
            let timer = self.until_timer(link);
            // One that is due and cannot be served must not keep the thread busy.
            left = left.min(timer.max(SHORTEST));
            if left.is_zero() {
                self.set_reads(link, Patience::None)?;
            }
            let written = link.flush();
            let read = match self.spin(link, left) {
                Ok(false) => self.read_once(link, left),
                spun => spun,
            };
            self.note_time(link);
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

    /// Reads once, and waits for at most about `left`.
    fn read_once<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        left: Duration,
    ) -> Result<bool, Error> {
        let reads = match is_stuck(link) {
            false => self.roughly(left),
            true => Patience::of(left.min(SLICE)),
        };
        self.set_reads(link, reads)?;
        link.read_once()
    }

    /// Reads again and again until something has come, where that is asked for, and says whether it has in time.
    #[inline]
    fn spin<D: Dialect, T: Transport>(
        &mut self,
        link: &mut Inner<D, T>,
        left: Duration,
    ) -> Result<bool, Error> {
        let time = self.spin.min(left);
        if time.is_zero() {
            return Ok(false);
        }
        self.set_reads(link, Patience::None)?;
        let end = Deadline::after(time);
        while !link.read_once()? {
            if end.has_passed() {
                return Ok(false);
            }
            std::hint::spin_loop();
        }
        Ok(true)
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
        limit: Deadline,
        stop: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        let deadline = self.limit(limit);
        loop {
            self.set_reads(link, Patience::Until(SHORTEST))?;
            match link.read_once() {
                Ok(_) | Err(Error::Closed | Error::OutOfStep) => {}
                Err(error) => return Err(error),
            }
            if link.write_once()? {
                return Ok(true);
            }
            if !is_stuck(link) || deadline.has_passed() || stop() {
                return Ok(false);
            }
        }
    }

    /// When a wait for room that begins now ends at the latest.
    fn limit(&self, limit: Deadline) -> Deadline {
        Deadline::after(self.send_timeout.min(limit.left()))
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

/// Whether something is still to be written.
fn is_stuck<D: Dialect, T: Transport>(link: &mut Inner<D, T>) -> bool {
    link.has_output() && !link.messenger().poll_output().is_empty()
}

impl Deadline {
    /// One that is never reached.
    pub(crate) const NEVER: Self = Self(None);

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
