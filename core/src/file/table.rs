use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::{By, FileId, Reason, Store};
use core::marker::PhantomData;

/// Room for one transfer.
pub struct Slot<F: Store>(Option<Entry<F>>);

/// One transfer, from the offer or request to the moment when nothing more is to be said of it.
pub(super) struct Entry<F: Store> {
    /// What the application calls it.
    pub(super) file: FileId,
    /// What the wire calls it: an id, and whose.
    pub(super) id: u32,
    pub(super) space: Space,
    pub(super) due: Due,
    pub(super) size: u64,
    pub(super) tag: u64,
    pub(super) part: Part<F>,
}

/// Whose counting an id belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// No id is known yet, or no longer.
    None,
    OwnFile,
    OwnAsk,
    PeerFile,
    PeerAsk,
}

/// The frame to be queued next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Offer,
    Ask,
    Accept,
    Credit,
    Done,
    Verified,
    Stop(Reason),
}

/// What this side has to do with it.
pub(super) enum Part<F: Store> {
    /// It was asked for here.
    Asking(F::Name),
    /// It was asked for here and is not wanted any more; the answer is to be refused.
    Unwanted,
    /// The peer asks for it; the application has to decide.
    Asked,
    /// The peer offers it; the application has to decide.
    Offered {
        /// The name that was asked for here, if it was.
        asked: Option<F::Name>,
        /// The CRC of the name that is offered.
        name_crc: u32,
    },
    Outgoing(Outgoing<F>),
    Incoming(Incoming<F>),
    /// It has ended; the application has to learn of it, unless it ended it.
    Over(Option<Outcome>),
}

/// How a transfer ended.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Received,
    Sent,
    Stopped(Reason, By),
}

/// The transfers, in slots that are lent.
pub(super) struct Table<F, S> {
    slots: S,
    store: PhantomData<F>,
}

impl<F: Store> Slot<F> {
    /// A free slot.
    pub const EMPTY: Self = Self(None);
}

impl<F: Store> Entry<F> {
    pub(super) const fn new(file: FileId, part: Part<F>, due: Due) -> Self {
        Self {
            file,
            id: 0,
            space: Space::None,
            due,
            size: 0,
            tag: 0,
            part,
        }
    }

    /// Gives the entry the id of a frame from the peer.
    pub(super) const fn named(mut self, space: Space, id: u32) -> Self {
        self.space = space;
        self.id = id;
        self
    }

    /// Ends it here: the peer and the application learn of it.
    pub(super) fn stop(&mut self, reason: Reason) {
        self.due = Due::Stop(reason);
        self.part = Part::Over(Some(Outcome::Stopped(reason, By::Here)));
    }

    /// Ends it without a word to the peer.
    pub(super) fn end(&mut self, outcome: Outcome) {
        self.due = Due::Nothing;
        self.part = Part::Over(Some(outcome));
    }

    const fn is_settled(&self) -> bool {
        matches!(self.part, Part::Over(None)) && matches!(self.due, Due::Nothing)
    }
}

impl<F: Store, S: AsRef<[Slot<F>]> + AsMut<[Slot<F>]>> Table<F, S> {
    pub(super) const fn new(slots: S) -> Self {
        Self {
            slots,
            store: PhantomData,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.as_ref().len()
    }

    pub(super) fn at(&mut self, at: usize) -> Option<&mut Entry<F>> {
        self.slots.as_mut().get_mut(at)?.0.as_mut()
    }

    pub(super) fn peek(&self, at: usize) -> Option<&Entry<F>> {
        self.slots.as_ref().get(at)?.0.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<F>> {
        self.slots
            .as_ref()
            .iter()
            .filter_map(|slot| slot.0.as_ref())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry<F>> {
        self.slots
            .as_mut()
            .iter_mut()
            .filter_map(|slot| slot.0.as_mut())
    }

    pub(super) fn find(&mut self, space: Space, id: u32) -> Option<&mut Entry<F>> {
        self.iter_mut()
            .find(|entry| entry.space == space && entry.id == id)
    }

    pub(super) fn file(&mut self, file: FileId) -> Option<&mut Entry<F>> {
        self.iter_mut().find(|entry| entry.file == file)
    }

    pub(super) fn has_room(&self) -> bool {
        self.slots.as_ref().iter().any(|slot| slot.0.is_none())
    }

    pub(super) fn insert(&mut self, entry: Entry<F>) -> bool {
        let free = self.slots.as_mut().iter_mut().find(|slot| slot.0.is_none());
        free.map(|slot| slot.0 = Some(entry)).is_some()
    }

    /// Frees the slots of which nothing more is to be said.
    pub(super) fn settle(&mut self) {
        for slot in self.slots.as_mut() {
            if slot.0.as_ref().is_some_and(Entry::is_settled) {
                slot.0 = None;
            }
        }
    }
}
