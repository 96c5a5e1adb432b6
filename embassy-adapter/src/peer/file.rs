use super::Peer;
use crate::FileError;
use crate::files::{Carry, Files, Shelf};
use crate::slot::{Slot, State};
use core::future::poll_fn;
use core::task::Poll;
use ropeway_core::dialect::Filing;
use ropeway_core::file::FileId;
use ropeway_core::wire::Wire;

/// Files.
impl<D: Filing, S: Shelf, const T: usize, X: Wire> Peer<'_, D, Files<S, T>, X> {
    /// Sends a file, and waits until the peer has verified it, over as many links as that takes.
    ///
    /// A future that is dropped gives the file up.
    pub async fn send_file(&self, source: S::Source, name: S::Name) -> Result<(), FileError> {
        let file = self.slot.lock().files.offer(source, name);
        self.end_of(file.map_err(FileError::Start)?).await
    }

    /// Asks the peer for a file, and waits until it is here and verified: the [shelf](Shelf::take) says where it goes.
    ///
    /// A future that is dropped gives the file up.
    pub async fn fetch_file(&self, name: S::Name) -> Result<(), FileError> {
        let file = self.slot.lock().files.ask(name);
        self.end_of(file.map_err(FileError::Start)?).await
    }

    /// Looks at or changes what is on the shelf.
    pub fn with_shelf<R>(&self, look: impl FnOnce(&mut S) -> R) -> R {
        let mut inner = self.slot.lock();
        let seen = look(inner.files.shelf());
        inner.stir();
        seen
    }

    async fn end_of(&self, file: FileId) -> Result<(), FileError> {
        let transfer = Under {
            slot: self.slot,
            file,
        };
        self.slot.lock().stir();
        poll_fn(|context| {
            let mut inner = transfer.slot.lock();
            let outcome = inner.files.take_outcome(file);
            match (outcome, inner.state) {
                (Some(outcome), _) => {
                    Poll::Ready(outcome.map_err(|(reason, by)| FileError::Stopped { reason, by }))
                }
                (None, State::Over) => Poll::Ready(Err(FileError::Closed)),
                (None, _) => {
                    inner.register(context);
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// A transfer that somebody waits for: given up with the future that waits.
struct Under<'s, 'd, D: Filing, S: Shelf, const T: usize, X: Wire>
where
    Files<S, T>: Carry<D>,
{
    slot: &'s Slot<'d, D, Files<S, T>, X>,
    file: FileId,
}

impl<D: Filing, S: Shelf, const T: usize, X: Wire> Drop for Under<'_, '_, D, S, T, X> {
    fn drop(&mut self) {
        let mut inner = self.slot.lock();
        inner.files.give_up(self.file);
        inner.stir();
    }
}
