//! Calls under way on one link.

use crate::slot::Mail;
use crate::{CallError, Error};
use ropeway_core::SendError;
use ropeway_core::dialect::{Asks, Dialect};
use ropeway_core::message::{Call, Request};
use ropeway_core::wire::Wire;

/// The calls that wait for their answers, one slot each.
pub(crate) struct Calls<'d, D: Dialect, X> {
    slots: &'d mut [Place<D::CallId>],
    /// How many have begun. The numbers of calls go up from one of their program's start: an answer to an older program
    /// finds none of its own.
    begun: u32,
    /// How the dialect calls, once it has been called in.
    verbs: Option<Verbs<'d, D, X>>,
}

/// Room for a call. It is free as zeros, so that memory full of them takes no flash.
#[repr(u8)]
pub(crate) enum Place<C> {
    Free,
    Taken(Pending<C>),
}

/// One call.
#[derive(Clone, Copy)]
pub(crate) struct Pending<C> {
    id: C,
    is_repeatable: bool,
    stage: Stage,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The request is queued or gone.
    Asked,
    /// The request went with an older session, and is to be sent again.
    Again,
    /// The request went with an older session, and must not be sent again.
    InDoubt,
    /// The peer is gone for good.
    Lost,
    /// Nobody waits any more, and the peer is still to be told so.
    Unwanted,
}

type Verb<'d, D, X, R> = fn(&mut Mail<'d, D, X>, <D as Dialect>::CallId) -> R;

struct Verbs<'d, D: Dialect, X> {
    cancel: Verb<'d, D, X, Result<(), SendError>>,
    holds: Verb<'d, D, X, bool>,
}

impl<'d, D: Dialect, X: Wire> Calls<'d, D, X> {
    pub(crate) const fn new(slots: &'d mut [Place<D::CallId>]) -> Self {
        Self {
            slots,
            begun: 0,
            verbs: None,
        }
    }

    /// Sends a request under an id of its own; the first of this program is that of number `first`.
    pub(crate) fn begin<M: Request>(
        &mut self,
        mail: &mut Mail<'d, D, X>,
        request: &M,
        first: u32,
    ) -> Result<D::CallId, CallError>
    where
        D: Asks<M>,
    {
        self.verbs = Some(Verbs {
            cancel: |mail, id| mail.cancel(id),
            holds: |mail, id| mail.holds_request(id),
        });
        let id = mail.dialect().call_id(first.wrapping_add(self.begun));
        if self.find(id).is_some() {
            return Err(CallError::TooMany);
        }
        let free = |slot: &&mut Place<_>| matches!(slot, Place::Free);
        let free = self.slots.iter_mut().find(free);
        let free = free.ok_or(CallError::TooMany)?;
        mail.send(&Call { id, request })
            .map_err(|error| CallError::Error(Error::Send(error)))?;
        self.begun = self.begun.wrapping_add(1);
        *free = Place::Taken(Pending {
            id,
            is_repeatable: M::IS_REPEATABLE,
            stage: Stage::Asked,
        });
        Ok(id)
    }

    /// Whether somebody waits for the answer to this call.
    pub(crate) fn is_awaited(&mut self, id: D::CallId) -> bool {
        self.find(id).is_some_and(|call| call.stage == Stage::Asked)
    }

    pub(crate) fn stage(&mut self, id: D::CallId) -> Option<Stage> {
        self.find(id).map(|call| call.stage)
    }

    pub(crate) fn handle_sent_again(&mut self, id: D::CallId) {
        if let Some(call) = self.find(id) {
            call.stage = Stage::Asked;
        }
    }

    /// The call is over.
    pub(crate) fn close(&mut self, id: D::CallId) {
        for slot in self.slots.iter_mut() {
            if matches!(slot, Place::Taken(call) if call.id == id) {
                *slot = Place::Free;
            }
        }
    }

    /// Nobody waits for the answer to this call any more.
    pub(crate) fn give_up(&mut self, id: D::CallId) {
        match self.find(id) {
            Some(call) if call.stage == Stage::Asked => call.stage = Stage::Unwanted,
            _ => self.close(id),
        }
    }

    /// Tells the peer of calls that nobody waits for, as far as there is room.
    pub(crate) fn settle(&mut self, mail: &mut Mail<'d, D, X>) {
        let Some(Verbs { cancel, .. }) = self.verbs else {
            return;
        };
        for slot in self.slots.iter_mut() {
            if let Place::Taken(call) = slot
                && call.stage == Stage::Unwanted
                && cancel(mail, call.id) != Err(SendError::Full)
            {
                *slot = Place::Free;
            }
        }
    }

    /// A fresh session: what had gone with an older one is asked for again, or in doubt.
    pub(crate) fn handle_fresh(&mut self, mail: &mut Mail<'d, D, X>) {
        let Some(Verbs { holds, .. }) = self.verbs else {
            return;
        };
        for slot in self.slots.iter_mut() {
            if let Place::Taken(call) = slot
                && matches!(call.stage, Stage::Asked | Stage::Unwanted)
                && !holds(mail, call.id)
            {
                call.stage = match (call.stage, call.is_repeatable) {
                    (Stage::Unwanted, _) => {
                        *slot = Place::Free;
                        continue;
                    }
                    (_, true) => Stage::Again,
                    (_, false) => Stage::InDoubt,
                };
            }
        }
    }

    /// The peer is gone for good.
    pub(crate) fn handle_gone(&mut self) {
        for slot in self.slots.iter_mut() {
            match slot {
                Place::Taken(call) if call.stage != Stage::Unwanted => call.stage = Stage::Lost,
                _ => *slot = Place::Free,
            }
        }
    }

    fn find(&mut self, id: D::CallId) -> Option<&mut Pending<D::CallId>> {
        self.slots.iter_mut().find_map(|slot| match slot {
            Place::Taken(call) if call.id == id => Some(call),
            _ => None,
        })
    }
}

impl<D: Dialect, X> Clone for Verbs<'_, D, X> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Dialect, X> Copy for Verbs<'_, D, X> {}
