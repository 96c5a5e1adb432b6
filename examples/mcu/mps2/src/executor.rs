use core::sync::atomic::{AtomicBool, Ordering};
use cortex_m::{asm, interrupt};
use embassy_executor::{Spawner, raw};

/// Runs tasks, and sleeps when none can go on.
///
/// The executor that embassy has for this processor sleeps by `wfe`, which QEMU returns from at once: a waiting
/// guest would take all of a processor of its host. It does sleep in `wfi`.
pub struct Executor(raw::Executor);

impl Executor {
    /// An executor; there may be one.
    pub fn new() -> Self {
        Self(raw::Executor::new(core::ptr::null_mut()))
    }

    /// Gives `start` the spawner and runs what that spawned, for ever.
    pub fn run(&'static mut self, start: impl FnOnce(Spawner)) -> ! {
        start(self.0.spawner());
        loop {
            PENDING.store(false, Ordering::Relaxed);
            // SAFETY: called from nowhere else.
            unsafe { self.0.poll() };
            interrupt::disable();
            // With interrupts off none can come between the look and the sleep, and yet one ends the sleep.
            if !PENDING.load(Ordering::Relaxed) {
                asm::wfi();
            }
            // SAFETY: no critical section is open here.
            unsafe { interrupt::enable() };
        }
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

/// A task was woken that the executor has not looked at.
static PENDING: AtomicBool = AtomicBool::new(false);

/// Called by embassy when a task was woken.
#[unsafe(export_name = "__pender")]
fn pend(_: *mut ()) {
    PENDING.store(true, Ordering::Relaxed);
}
