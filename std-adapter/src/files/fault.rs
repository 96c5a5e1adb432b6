use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What failed at the disk, between where that happens and where it is told. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Shared>);

#[derive(Default)]
struct Shared {
    error: Mutex<Option<Arc<io::Error>>>,
    keeps_part: AtomicBool,
}

impl Fault {
    /// The first error counts.
    pub(super) fn set(&self, error: io::Error) {
        self.lock().get_or_insert_with(|| Arc::new(error));
    }

    pub(super) fn get(&self) -> Option<Arc<io::Error>> {
        self.lock().clone()
    }

    /// What has come of the file stays on the disk, however its transfer ends.
    pub(super) fn keep_part(&self) {
        self.0.keeps_part.store(true, Ordering::Relaxed);
    }

    pub(super) fn keeps_part(&self) -> bool {
        self.0.keeps_part.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<io::Error>>> {
        self.0.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
