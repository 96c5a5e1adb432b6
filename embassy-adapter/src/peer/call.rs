use super::Peer;
use crate::CallError;
use crate::Error;
use crate::calls::Stage;
use crate::files::Carry;
use crate::pump::deadline;
use crate::slot::{Inner, Slot, State, unknown};
use core::borrow::Borrow;
use core::future::poll_fn;
use core::task::{Context, Poll};
use embassy_time::{Duration, with_deadline};
use ropeway_core::SendError;
use ropeway_core::dialect::native::{Codes, Config, Failure, Native};
use ropeway_core::dialect::{Answers, Asks, Dialect, Peeked};
use ropeway_core::message::{Call, FailureKind, Request};
use ropeway_core::wire::Wire;

/// Calls, in the native protocol.
impl<'d, C, M, F, X> Peer<'d, Native<C, M>, F, X>
where
    C: Borrow<Config>,
    M: Codes,
    F: Carry<Native<C, M>>,
    X: Wire,
{
    /// Calls the peer and waits for the answer; everything else that the peer says stays for [`recv`](Self::recv).
    ///
    /// Waits for a link too, if there is none. A future that is dropped gives the call up, and the peer is told so.
    pub async fn call<Q, A>(&self, request: &Q, timeout: Duration) -> Result<A, CallError>
    where
        Q: for<'r> Request<Answer<'r> = A>,
        Native<C, M>: Asks<Q>,
        for<'r> <Native<C, M> as Answers<'r, Q>>::Failure: Into<CallError>,
    {
        let called = self.call_with(request, timeout, |answer| answer.map_err(Into::into));
        called.await?
    }

    /// Calls the peer and has `then` look at the answer where it lies: for one that borrows, or a failure with all that is
    /// said of it.
    pub async fn call_with<Q, R>(
        &self,
        request: &Q,
        timeout: Duration,
        then: impl for<'r> FnOnce(Result<Q::Answer<'r>, <Native<C, M> as Answers<'r, Q>>::Failure>) -> R,
    ) -> Result<R, CallError>
    where
        Q: Request,
        Native<C, M>: Asks<Q>,
    {
        let answered = async {
            let mut since = None;
            let begun = poll_fn(|context| {
                let mut inner = self.slot.lock();
                let first = scatter(inner.mail.dialect().config().epoch());
                inner.poll_begin(context, request, first, &mut since)
            });
            let id = begun.await?;
            let call = Under {
                slot: self.slot,
                id,
            };
            let mut then = Some(then);
            poll_fn(|context| {
                let mut inner = call.slot.lock();
                let polled = inner.poll_answer(context, call.id, request, &mut then);
                if polled.is_ready() {
                    inner.calls.close(call.id);
                    inner.stir();
                }
                polled
            })
            .await
        };
        let timed = with_deadline(deadline(timeout), answered).await;
        timed.unwrap_or(Err(CallError::Deadline))
    }
}

impl<D: Dialect, F: Carry<D>, X: Wire> Inner<'_, D, F, X> {
    fn poll_begin<Q: Request>(
        &mut self,
        context: &Context<'_>,
        request: &Q,
        first: u32,
        since: &mut Option<u32>,
    ) -> Poll<Result<D::CallId, CallError>>
    where
        D: Asks<Q>,
    {
        if !self.is_same(since) {
            return Poll::Ready(Err(CallError::LinkLost));
        }
        if let Err(error) = self.check_state() {
            return Poll::Ready(Err(CallError::Error(error)));
        }
        match self.calls.begin(&mut self.mail, request, first) {
            Err(CallError::Error(Error::Send(SendError::Full))) => {
                self.register(context);
                Poll::Pending
            }
            begun => {
                self.stir();
                Poll::Ready(begun)
            }
        }
    }

    fn poll_answer<Q: Request, R>(
        &mut self,
        context: &Context<'_>,
        id: D::CallId,
        request: &Q,
        then: &mut Option<
            impl for<'r> FnOnce(Result<Q::Answer<'r>, <D as Answers<'r, Q>>::Failure>) -> R,
        >,
    ) -> Poll<Result<R, CallError>>
    where
        D: Asks<Q>,
    {
        match self.calls.stage(id) {
            Some(Stage::Lost) => return Poll::Ready(Err(CallError::LinkLost)),
            Some(Stage::InDoubt) => return Poll::Ready(Err(CallError::InDoubt)),
            Some(Stage::Again) => match self.mail.send(&Call { id, request }) {
                Err(SendError::Full) => {}
                Err(error) => return Poll::Ready(Err(CallError::Error(Error::Send(error)))),
                Ok(()) => {
                    self.calls.handle_sent_again(id);
                    self.stir();
                }
            },
            _ if self.mail.peek() == Some(Peeked::Answer(id)) => {
                let told = self.mail.recv_with(unknown::<D>);
                if let (Some(ropeway_core::Event::Answer(_, envelope)), Some(then)) =
                    (told, then.take())
                {
                    let answer = D::read_answer(envelope).map_err(CallError::Malformed);
                    return Poll::Ready(answer.map(then));
                }
            }
            _ => {}
        }
        if self.state == State::Over {
            return Poll::Ready(Err(CallError::Error(Error::Closed)));
        }
        self.register(context);
        Poll::Pending
    }
}

/// A call whose answer is waited for: given up with the future that waits.
struct Under<'s, 'd, D: Dialect, F: Carry<D>, X: Wire> {
    slot: &'s Slot<'d, D, F, X>,
    id: D::CallId,
}

impl<D: Dialect, F: Carry<D>, X: Wire> Drop for Under<'_, '_, D, F, X> {
    fn drop(&mut self) {
        let mut inner = self.slot.lock();
        if inner.calls.stage(self.id).is_some() {
            inner.calls.give_up(self.id);
            inner.stir();
        }
    }
}

/// A number far from those of other epochs, even if those only count up.
const fn scatter(epoch: u64) -> u32 {
    (epoch.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// By what the peer says whose fault it is.
impl From<Failure<'_>> for CallError {
    fn from(failure: Failure<'_>) -> Self {
        match failure.kind {
            FailureKind::Unhandled => Self::Unhandled,
            FailureKind::Busy => Self::PeerBusy,
            FailureKind::Malformed => Self::MalformedRequest,
            kind => Self::Refused(kind),
        }
    }
}
