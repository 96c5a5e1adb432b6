//! What a dialect needs to be called in, by whoever serves all of them alike.

use super::{Answers, Carries, Delivers, Dialect};
use crate::encoding::EncodeError;
use crate::message::{Answer, Call, Refusal, Request};

/// A dialect that has calls.
pub trait Calling: Dialect {
    /// The id of call `number`. Different numbers may have the same id, as far apart as the protocol allows.
    fn call_id(&self, number: u32) -> Self::CallId;

    /// Notes that nobody waits for the answer to this call any more. It may still come.
    fn forget(&mut self, id: Self::CallId) {
        let _ = id;
    }

    /// Writes what tells the peer that nobody waits for the answer to this call any more to the front of `slot`, and
    /// returns its length; nothing where the protocol has no word for that.
    fn emit_cancel(&mut self, id: Self::CallId, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let _ = (id, slot);
        Ok(0)
    }

    /// The call whose request `frame` is, a whole frame on its way out; none where frames are not kept.
    fn asks(frame: &[u8]) -> Option<Self::CallId> {
        let _ = frame;
        None
    }

    /// Has `frame`, a [request](Self::asks) that has not gone out, ask for nothing; its length stays.
    fn withdraw(frame: &mut [u8]) {
        let _ = frame;
    }
}

/// A dialect in which the request `M` can be sent and its answer read: every one that has both.
#[diagnostic::on_unimplemented(
    message = "`{M}` cannot be asked in `{Self}`",
    note = "the dialect must have calls, and `{M}` and its answer what the dialect needs of messages"
)]
pub trait Asks<M: Request>:
    Calling + for<'a> Carries<Call<'a, <Self as Dialect>::CallId, M>> + for<'a> Answers<'a, M>
{
}

impl<D, M: Request> Asks<M> for D where
    D: Calling + for<'a> Carries<Call<'a, <D as Dialect>::CallId, M>> + for<'a> Answers<'a, M>
{
}

/// A dialect in which the request `M` can be received and answered: every one that has both.
#[diagnostic::on_unimplemented(
    message = "`{M}` cannot be answered in `{Self}`",
    note = "the dialect must have calls, `{M}` must not borrow, and both it and its answer need what the dialect needs of messages"
)]
pub trait Replies<M: Request>:
    Refuses
    + for<'a> Delivers<'a, M>
    + for<'a> Carries<Answer<'a, 'static, <Self as Dialect>::CallId, M>>
{
}

impl<D, M: Request> Replies<M> for D where
    D: Refuses
        + for<'a> Delivers<'a, M>
        + for<'a> Carries<Answer<'a, 'static, <D as Dialect>::CallId, M>>
{
}

/// A dialect that can say that a request gets no answer: every one that carries a [`Refusal`].
///
/// Where the protocol has no word for that, or no calls at all, it carries one by writing nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot refuse requests",
    note = "implement `Carries<Refusal<'_, CallId>>`: where nothing is to be said, by returning `Ok(0)`"
)]
pub trait Refuses: for<'a> Carries<Refusal<'a, <Self as Dialect>::CallId>> {}

impl<D> Refuses for D where D: for<'a> Carries<Refusal<'a, <D as Dialect>::CallId>> {}
