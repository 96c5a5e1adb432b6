//! The first bytes that a peer has said, to tell what it speaks.

use crate::protocol::Protocol;
use ropeway_std::transport::{Patience, Transport, Wake, Wakeable};
use ropeway_std::watch::{Guess, guess};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// A transport that keeps the first bytes that it has read.
#[derive(Debug)]
pub(crate) struct Tap<T> {
    transport: T,
    seen: Seen,
}

/// What was read first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<u8>>>);

impl<T> Tap<T> {
    pub(crate) fn new(transport: T) -> Self {
        let seen = Seen::default();
        Self { transport, seen }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.clone()
    }
}

impl Seen {
    pub(crate) fn first(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, bytes: &[u8]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(seen.len());
        seen.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

impl<T: Transport> Transport for Tap<T> {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let len = self.transport.read(room)?;
        self.seen.note(room.get(..len).unwrap_or_default());
        Ok(len)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.write(bytes)
    }

    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()> {
        self.transport.set_patience(reads, writes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.transport.shutdown(how)
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.transport.peer()
    }
}

impl<T: Wakeable> Wakeable for Tap<T> {
    fn waker(&self) -> Wake {
        self.transport.waker()
    }
}

/// What these first bytes look like, if that is not the protocol.
pub(crate) fn another(first: &[u8], protocol: Protocol) -> Option<Guess> {
    guess(first).filter(|guess| *guess != Guess::Protocol(protocol.watched()))
}

/// How many bytes are enough to tell.
const KEPT: usize = 256;
