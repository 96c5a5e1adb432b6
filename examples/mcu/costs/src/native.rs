//! A node of the native protocol at the end of a serial line: what its programs share, each of which does more than the one
//! before: messages, calls, files, and all of that over the secure wire.

pub mod calls;
pub mod files;
pub mod line;
#[cfg(feature = "secure")]
pub mod secure;
pub mod visit;

use crate::words::{Fixed, Packed, Words};
use core::mem::MaybeUninit;
use ropeway_core::dialect::cable_car::{Join, Retry};
use ropeway_core::dialect::native::{Config, Native, Policy};
use ropeway_core::wire::{Plain, Wire};
use ropeway_core::{Event, Messenger, SendError};

/// A messenger of the native protocol over lent memory.
pub type Node<W = Plain> =
    Messenger<Native<&'static Config>, &'static mut [u8], &'static mut [u8], W>;

/// The bytes that every program lends, each way.
pub const LENT: usize = 512;

/// Of a node that knows the [`Words`]. Each start of a program needs another `epoch`, for which the board has no source of chance.
pub const fn config(epoch: u64) -> Config {
    Config::new(epoch)
        .name("board")
        .registry(Words::ENTRIES, Policy::Enforce)
}

/// Puts what `make` makes where it stays. Made by its caller, it would take as much of the stack for as long as that runs.
#[inline(never)]
pub fn place<T>(place: &'static mut MaybeUninit<T>, make: impl FnOnce() -> T) -> &'static mut T {
    place.write(make())
}

/// Answers the next message, each in another form; `None` when there is nothing to be done.
pub fn answer<W: Wire>(node: &mut Node<W>) -> Option<Result<(), SendError>> {
    Some(match node.recv()? {
        Event::Message(Words::Fixed(Fixed(measurement))) => node.send(&Packed(measurement)),
        Event::Message(Words::Packed(Packed(measurement))) => node.send(&Fixed(measurement)),
        Event::Message(Words::Join(Join)) => node.send(&Join),
        Event::Unknown(_) => node.send(&Retry),
        // A rule that is broken ends the session, and what becomes of it needs no answer. Requests are for the next program.
        Event::Malformed(_) | Event::Notice(_) | Event::Request(..) | Event::Answer(..) => Ok(()),
    })
}
