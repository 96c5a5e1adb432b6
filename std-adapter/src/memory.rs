//! Links within one process: two ends of a pipe, for tests and for programs that talk to themselves.
//!
//! ```
//! use ropeway_std::call::Refused;
//! use ropeway_std::{Handlers, Node, Options, memory, messages, native};
//! use serde::{Deserialize, Serialize};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Sum(i32, i32);
//!
//! messages! { enum Words { Sum(Sum) = 0x10 -> i32 } }
//!
//! let config = Arc::new(native::config().registry(Words::ENTRIES, native::Policy::Enforce));
//! let (here, there) = memory::ends(4096);
//! let (theirs, options) = (native::listening(&config), Options::default());
//! let other = std::thread::spawn(move || -> Result<(), ropeway_std::Error> {
//!     let mut handlers = Handlers::new();
//!     handlers.answer::<Sum>(|_, Sum(a, b)| a.checked_add(b).ok_or(Refused::text("too large")));
//!     let link = ropeway_std::Link::over(theirs, there, &Options::default())?;
//!     Node::new(link, handlers).run(|| false)
//! });
//!
//! let link = ropeway_std::Link::over(native::dialling(&config), here, &options)?;
//! let mut node = Node::new(link, Handlers::new());
//! assert_eq!(node.call(&Sum(20, 22), Duration::from_secs(10))?, 42);
//! drop(node);
//! assert!(other.join().expect("no panic").is_err(), "the link has ended");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::transport::{Patience, Transport, Wake, Wakeable};
use crate::{Link, Options};
use ropeway_core::dialect::Dialect;
use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Two links that are each other's peers, over pipes of `capacity` bytes each way.
///
/// A full pipe makes the writer wait, as a socket would.
///
/// ```
/// use ropeway_std::dialect::cable_car::{CableCarByte, Join};
/// use ropeway_std::{Event, Options, memory, messages};
/// use std::time::Duration;
///
/// messages! { enum Words { Join(Join) } }
///
/// let (mut here, mut there) = memory::pair(CableCarByte, 4096, &Options::default())?;
/// here.send(&Join)?;
/// assert!(matches!(there.recv(Duration::MAX)?, Some(Event::Message(Words::Join(Join)))));
/// # Ok::<(), ropeway_std::Error>(())
/// ```
pub fn pair<D: Dialect + Clone>(
    dialect: D,
    capacity: usize,
    options: &Options,
) -> Result<Pair<D>, crate::Error> {
    let (here, there) = ends(capacity);
    Ok((
        Link::over(dialect.clone(), here, options)?,
        Link::over(dialect, there, options)?,
    ))
}

/// Two links that are each other's peers.
pub type Pair<D> = (Link<D, End>, Link<D, End>);

/// The two ends of a pipe in memory, `capacity` bytes each way.
pub fn ends(capacity: usize) -> (End, End) {
    let capacity = capacity.max(1);
    let (there, back) = (Arc::new(Pipe::new(capacity)), Arc::new(Pipe::new(capacity)));
    (End::new(back.clone(), there.clone()), End::new(there, back))
}

/// One end of a pipe in memory. Dropping it closes both directions.
#[derive(Debug)]
pub struct End {
    incoming: Arc<Pipe>,
    outgoing: Arc<Pipe>,
    patience: Mutex<(Patience, Patience)>,
}

#[derive(Debug)]
struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// The writer has ended the stream.
    ended: bool,
    /// The reader takes no more.
    abandoned: bool,
    /// The reader is to stop waiting.
    woken: bool,
}

impl End {
    fn new(incoming: Arc<Pipe>, outgoing: Arc<Pipe>) -> Self {
        Self {
            incoming,
            outgoing,
            patience: Mutex::new((Patience::Forever, Patience::Forever)),
        }
    }

    fn patience(&self) -> (Patience, Patience) {
        *lock(&self.patience)
    }
}

impl Transport for End {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        self.incoming.wait(self.patience().0, |state| {
            let len = room.len().min(state.bytes.len());
            for (slot, byte) in room.iter_mut().zip(state.bytes.drain(..len)) {
                *slot = byte;
            }
            if len > 0 || state.ended || room.is_empty() {
                return Some(Ok(len));
            }
            let woken = std::mem::take(&mut state.woken);
            woken.then(|| Err(io::ErrorKind::WouldBlock.into()))
        })
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let capacity = self.outgoing.capacity;
        self.outgoing.wait(self.patience().1, |state| {
            if state.abandoned || state.ended {
                return Some(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let len = bytes.len().min(capacity - state.bytes.len());
            state.bytes.extend(&bytes[..len]);
            (len > 0 || bytes.is_empty()).then_some(Ok(len))
        })
    }

    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()> {
        *lock(&self.patience) = (reads, writes);
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            self.outgoing.change(|state| state.ended = true);
        }
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            self.incoming.change(|state| state.abandoned = true);
        }
        Ok(())
    }
}

impl Wakeable for End {
    fn waker(&self) -> Wake {
        let incoming = self.incoming.clone();
        Arc::new(move || incoming.change(|state| state.woken = true))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Pipe {
    const fn new(capacity: usize) -> Self {
        let state = State {
            bytes: VecDeque::new(),
            ended: false,
            abandoned: false,
            woken: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            capacity,
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }

    /// Tries `step` at every change until it has a result or patience ends.
    fn wait<T>(
        &self,
        patience: Patience,
        mut step: impl FnMut(&mut State) -> Option<io::Result<T>>,
    ) -> io::Result<T> {
        let deadline = match patience {
            Patience::None => Some(Instant::now()),
            Patience::Until(timeout) => Instant::now().checked_add(timeout),
            Patience::Forever => None,
        };
        let mut state = lock(&self.state);
        loop {
            if let Some(result) = step(&mut state) {
                self.changed.notify_all();
                return result;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                Some(left) if left.is_zero() => return Err(io::ErrorKind::WouldBlock.into()),
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// A step on a pipe leaves nothing half done, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
