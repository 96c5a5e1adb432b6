//! Moves bytes between a [`Messenger`] and a stream: the only module that names embedded-io.
//!
//! [`Link`] blocks in the caller's thread, over `embedded-io`; [`AsyncLink`] waits in futures, over
//! `embedded-io-async`. Both take the reading and the writing half apart, own no thread and no clock, and let a
//! byte leave the outbox only after the stream has taken it.
//!
//! ```
//! use core::convert::Infallible;
//! use embedded_io::{ErrorType, Read, Write};
//! use ropeway_core::dialect::cable_car::{CableCarByte, Join};
//! use ropeway_core::pump::{Error, Link};
//! use ropeway_core::{Event, Messenger, messages};
//! use std::cell::RefCell;
//! use std::collections::VecDeque;
//!
//! /// A wire whose two ends are one: what is written can be read.
//! #[derive(Default)]
//! struct Loop(RefCell<VecDeque<u8>>);
//!
//! impl ErrorType for &Loop {
//!     type Error = Infallible;
//! }
//!
//! impl Write for &Loop {
//!     fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
//!         self.0.borrow_mut().extend(bytes);
//!         Ok(bytes.len())
//!     }
//!
//!     fn flush(&mut self) -> Result<(), Infallible> {
//!         Ok(())
//!     }
//! }
//!
//! impl Read for &Loop {
//!     fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
//!         let mut bytes = self.0.borrow_mut();
//!         let len = room.len().min(bytes.len());
//!         room.iter_mut().zip(bytes.drain(..len)).for_each(|(slot, byte)| *slot = byte);
//!         Ok(len)
//!     }
//! }
//!
//! messages! { #[derive(Debug)] enum Words { Join(Join) } }
//!
//! let wire = Loop::default();
//! let mut link = Link::new(Messenger::new(CableCarByte, [0; 64], [0; 64]), &wire, &wire);
//! link.send(&Join)?;
//! assert!(matches!(link.recv()?, Some(Event::Message(Words::Join(Join)))));
//! # Ok::<(), Error<Infallible>>(())
//! ```

mod asynchronous;
mod blocking;
#[cfg(all(test, feature = "pickle"))]
mod tests;

use crate::SendError;
use crate::messenger::Over;
use core::fmt;

pub use asynchronous::{AsyncLink, CancelledWrite};
pub use blocking::Link;

#[cfg(doc)]
use crate::Messenger;

/// Why a link could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// The message was not queued; the link is as it was.
    Send(SendError),
    /// The stream's own error. Bytes that it has not taken are kept.
    Transport(E),
    /// The peer has ended the stream or taken its leave, and all that it sent has been delivered. It learns the same once this end is
    /// closed or dropped.
    Closed,
    /// The peer broke the framing for good, as the last event said: nothing more can be read.
    OutOfStep,
    /// One side has ended the link and said why, which whoever serves the link tells here.
    Ended(E),
    /// A write was cancelled on a stream that cannot say how much of it was taken.
    CancelledWrite,
}

impl<E> From<Over> for Error<E> {
    fn from(over: Over) -> Self {
        match over {
            Over::Ended | Over::Quit => Self::Closed,
            Over::OutOfStep => Self::OutOfStep,
        }
    }
}
impl<E> From<SendError> for Error<E> {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => error.fmt(f),
            Self::Transport(error) => write!(f, "transport: {error}"),
            Self::Closed => f.write_str("the peer has closed the link"),
            Self::Ended(why) => why.fmt(f),
            Self::OutOfStep => f.write_str("the peer broke the framing: nothing more can be read"),
            Self::CancelledWrite => f.write_str("a cancelled write may have been taken in part"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}
