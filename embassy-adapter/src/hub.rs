use crate::event::{Event, Heard};
use crate::files::{Carry, NoFiles};
use crate::slot::State;
use crate::{Error, Peer};
use core::cell::Cell;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};
use ropeway_core::dialect::Dialect;
use ropeway_core::registry::Registry;
use ropeway_core::wire::{Plain, Wire};

/// A handle to all peers that dial a program; the [`Listener`](crate::Listener) does what it is told.
///
/// A peer has the same place as long as its session lasts. A place whose peer is away for good is given to another when there
/// is no other left: then a fresh session is told there.
pub struct Hub<'d, D: Dialect, const N: usize, F = NoFiles, X = Plain> {
    peers: [Peer<'d, D, F, X>; N],
    /// Who is asked first what it has to say.
    turn: Cell<usize>,
}

impl<'d, D: Dialect, const N: usize, F: Carry<D>, X: Wire> Hub<'d, D, N, F, X> {
    pub(crate) const fn new(peers: [Peer<'d, D, F, X>; N]) -> Self {
        let turn = Cell::new(0);
        Self { peers, turn }
    }

    /// All places, those of peers that are away and those where nobody has been yet too.
    pub const fn peers(&self) -> &[Peer<'d, D, F, X>; N] {
        &self.peers
    }

    /// The places whose links are open.
    pub fn open(&self) -> impl Iterator<Item = (usize, Peer<'d, D, F, X>)> {
        let peers = self.peers.iter().copied().enumerate();
        peers.filter(|(_, peer)| peer.is_open())
    }

    /// How many places have somebody's session.
    pub fn taken(&self) -> usize {
        let taken = self
            .peers
            .iter()
            .filter(|peer| peer.slot.lock().state != State::Blank);
        taken.count()
    }

    /// The next thing that any peer said, with its place; they take turns. See [`Peer::recv`].
    pub async fn recv<T>(&self) -> Result<(usize, Event<T, D::CallId>), Error>
    where
        T: for<'a> Registry<'a, D>,
    {
        loop {
            let told = self.recv_with(|_, heard| match heard {
                Heard::News(news) => Some(Event::News(news)),
                Heard::Said(said) => crate::peer::owned(said),
            });
            if let (place, Some(event)) = told.await? {
                return Ok((place, event));
            }
        }
    }

    /// Hands `look` the next thing that any peer said, where it lies, and returns the place too. See [`Peer::recv_with`].
    pub async fn recv_with<R>(
        &self,
        look: impl FnOnce(usize, Heard<'_, 'd, D, X>) -> R,
    ) -> Result<(usize, R), Error> {
        let place = poll_fn(|context| self.poll_heard(context)).await?;
        let peer = self.peers.get(place).ok_or(Error::Closed)?;
        Ok((place, peer.take(|heard| look(place, heard))))
    }

    /// Ready when a peer has something to say.
    fn poll_heard(&self, context: &Context<'_>) -> Poll<Result<usize, Error>> {
        let first = self.turn.get();
        let turns = (first..N).chain(0..first);
        for (place, peer) in turns.filter_map(|place| Some((place, self.peers.get(place)?))) {
            if let Poll::Ready(heard) = peer.poll_heard(context) {
                self.turn.set((place + 1) % N);
                return Poll::Ready(heard.map(|()| place));
            }
        }
        Poll::Pending
    }
}

impl<D: Dialect, const N: usize, F: Carry<D>, X: Wire> fmt::Debug for Hub<'_, D, N, F, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.peers).finish()
    }
}

#[cfg(feature = "defmt")]
impl<D: Dialect, const N: usize, F: Carry<D>, X: Wire> defmt::Format for Hub<'_, D, N, F, X> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Hub({})", self.peers);
    }
}
