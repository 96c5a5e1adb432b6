#![doc = include_str!("from_clever_show.md")]

mod beacon;
mod calls;
mod drone;
mod event;
mod files;
mod handle;
mod handlers;
mod incoming;
mod queue;
mod server;
mod settings;
mod talk;

pub use crate::files::{PathError, Root};
pub use beacon::{Announce, Beacon};
pub use drone::{Drone, Search};
pub use event::{Direction, Event, FileError, FileEvent, Reason, Stage, What};
pub use handle::Handle;
pub use handlers::Handlers;
pub use server::{Known, Server};
pub use settings::Settings;
pub use talk::Talk;

use crate::call::CallError;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the outcome of a call will be.
type Slot<R> = Arc<Mutex<Option<Result<R, CallError>>>>;

/// A place for the outcome of a call, and what puts it there.
fn waiting<R: Send + 'static>() -> (
    Slot<R>,
    impl FnOnce(&mut Talk, Result<R, CallError>) + Send + 'static,
) {
    let slot: Slot<R> = Arc::default();
    let filled = slot.clone();
    let fill = move |_: &mut Talk, outcome| {
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    };
    (slot, fill)
}

fn take<R>(slot: &Slot<R>) -> Option<Result<R, CallError>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}
