//! What Ctrl-C does: the command ends as it does otherwise, and peers are told.

use crate::fault::Fault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether the command has been interrupted.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

struct State {
    has_come: bool,
    /// What ends the wait of whoever looks at it.
    wake: Box<dyn Fn() + Send>,
}

impl Interrupt {
    /// Listens for it. A second one ends the command at once.
    pub(crate) fn listen() -> Result<Self, Fault> {
        let state = State {
            has_come: false,
            wake: Box::new(|| {}),
        };
        let interrupt = Self(Arc::new(Mutex::new(state)));
        let heard = interrupt.clone();
        let listening = ctrlc::set_handler(move || heard.come());
        listening.map_err(Fault::failed)?;
        Ok(interrupt)
    }

    /// Has it call `wake` when it comes.
    pub(crate) fn wakes(&self, wake: impl Fn() + Send + 'static) {
        self.state().wake = Box::new(wake);
    }

    pub(crate) fn has_come(&self) -> bool {
        self.state().has_come
    }

    fn come(&self) {
        let mut state = self.state();
        if std::mem::replace(&mut state.has_come, true) {
            std::process::exit(INTERRUPTED);
        }
        (state.wake)();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As shells have it.
const INTERRUPTED: i32 = 130;
