//! One direction of a link through the proxy: what has been read and not yet written.

use mio::net::TcpStream;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Bytes on their way.
#[derive(Default)]
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    /// When how many of them may go on.
    arrivals: VecDeque<(Instant, usize)>,
    /// Nothing more is said.
    has_ended: bool,
    /// The other side knows that.
    is_told: bool,
    /// How many bytes have been read, and how many of them written.
    pub(super) read: u64,
    pub(super) passed: u64,
}

impl Pipe {
    /// Reads what is there, as far as there is room for it; says whether there was anything.
    pub(super) fn read(
        &mut self,
        from: &mut TcpStream,
        delay: Duration,
        now: Instant,
        seen: &mut dyn FnMut(&[u8]),
    ) -> io::Result<bool> {
        let mut piece = [0; PIECE];
        let mut has_read = false;
        while !self.has_ended && self.bytes.len() < CAPACITY {
            let room = PIECE.min(CAPACITY - self.bytes.len());
            match from.read(&mut piece[..room]) {
                Ok(0) => self.has_ended = true,
                Ok(len) => {
                    self.bytes.extend(&piece[..len]);
                    self.arrivals.push_back((now + delay, len));
                    self.read += len as u64;
                    seen(&piece[..len]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            has_read = true;
        }
        Ok(has_read)
    }

    /// Writes what may go on, at most `limit` bytes; says how many.
    pub(super) fn write(
        &mut self,
        to: &mut TcpStream,
        limit: u64,
        now: Instant,
    ) -> io::Result<u64> {
        let before = self.passed;
        loop {
            let left = limit.saturating_sub(self.passed - before);
            let due = self
                .due(now)
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let (bytes, _) = self.bytes.as_slices();
            let bytes = &bytes[..due.min(bytes.len())];
            if bytes.is_empty() {
                break;
            }
            match to.write(bytes) {
                Ok(len) => self.drop_first(len),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.has_ended && self.bytes.is_empty() && !self.is_told {
            self.is_told = true;
            // Who has gone need not be told.
            let _ = to.shutdown(Shutdown::Write);
        }
        Ok(self.passed - before)
    }

    /// Whether all has been written that will ever be said.
    pub(super) const fn is_over(&self) -> bool {
        self.is_told
    }

    /// When something may go on that must wait until then.
    pub(super) fn next_arrival(&self, now: Instant) -> Option<Instant> {
        let mut waiting = self.arrivals.iter().map(|(at, _)| *at);
        waiting.find(|at| *at > now)
    }

    /// How many bytes may go on.
    fn due(&self, now: Instant) -> usize {
        let due = self.arrivals.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, len)| len).sum()
    }

    fn drop_first(&mut self, mut len: usize) {
        self.bytes.drain(..len);
        self.passed += len as u64;
        while let Some((_, first)) = self.arrivals.front_mut()
            && len > 0
        {
            let part = len.min(*first);
            *first -= part;
            len -= part;
            if *first == 0 {
                self.arrivals.pop_front();
            }
        }
    }
}

/// The most bytes on the way in one direction, beside those in the sockets.
const CAPACITY: usize = 64 << 10;

const PIECE: usize = 16 << 10;
