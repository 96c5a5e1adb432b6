mod lobby;

use crate::files::{Carry, NoFiles};
use crate::owner::Owned;
use crate::pump::{Passing, deadline, serve};
use crate::resources::SocketMemory;
use crate::slot::{Slot, State};
use crate::tcp::{PARTING, close, wait_for_peer};
use crate::{AcceptError, Peer, Settings};
use core::cell::RefCell;
use core::fmt;
use embassy_futures::join::join_array;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use ropeway_core::dialect::Dialect;
use ropeway_core::wire::Plain;

/// What is to be run for a [`Hub`](crate::Hub): it takes links from whoever dials, each to the place of its session.
pub struct Listener<'d, D: Dialect, const N: usize, F = NoFiles, X = Plain> {
    slots: [&'d Slot<'d, D, F, X>; N],
    sockets: [SocketMemory<'d>; N],
}

/// What one socket has in common with the others.
struct Door<'s, 'd, D: Dialect, F, X, const N: usize, M, R> {
    slots: &'s [&'d Slot<'d, D, F, X>; N],
    port: u16,
    settings: Settings,
    make: &'s RefCell<M>,
    random: &'s RefCell<R>,
}

impl<'d, D: Dialect, const N: usize, F, X> Listener<'d, D, N, F, X> {
    pub(crate) fn new(peers: [Peer<'d, D, F, X>; N], sockets: [SocketMemory<'d>; N]) -> Self {
        let slots = peers.map(|peer| peer.slot);
        Self { slots, sockets }
    }
}

impl<D: Dialect, const N: usize, F: Carry<D>, X: Owned> Listener<'_, D, N, F, X> {
    /// Takes links on `port`, at all addresses of the stack, for as long as it is run; fails if that is no port.
    ///
    /// Every peer has a socket, so `N` can be there at once. Who comes while all sockets are taken is refused by TCP; who
    /// comes when all places are is told that there is no room. Where sessions outlive their links, a peer says who it is
    /// first, at a place that `make` makes for it, and takes over the link of its session if that seems to be there still.
    ///
    /// `make` makes a dialect at its listening end, and a wire; `random` gives bytes that nobody can guess.
    pub async fn run(
        &mut self,
        stack: Stack<'_>,
        port: u16,
        settings: Settings,
        make: impl FnMut() -> (D, X),
        random: impl FnMut() -> [u8; 32],
    ) -> Result<(), AcceptError> {
        if port == 0 {
            return Err(AcceptError::Port);
        }
        let (make, random) = (RefCell::new(make), RefCell::new(random));
        let door = Door {
            slots: &self.slots,
            port,
            settings,
            make: &make,
            random: &random,
        };
        let sockets = self.sockets.each_mut();
        join_array(sockets.map(|memory| door.take_in(stack, memory))).await;
        Ok(())
    }
}

impl<'d, D, F, X, const N: usize, M, R> Door<'_, 'd, D, F, X, N, M, R>
where
    D: Dialect,
    F: Carry<D>,
    X: Owned,
    M: FnMut() -> (D, X),
    R: FnMut() -> [u8; 32],
{
    /// Serves one peer after the other on one socket.
    async fn take_in(&self, stack: Stack<'_>, memory: &mut SocketMemory<'_>) {
        let mut socket = TcpSocket::new(stack, &mut *memory.rx, &mut *memory.tx);
        loop {
            let accepted = wait_for_peer(&mut socket, self.port, self.settings.timeouts).await;
            let Ok(from) = accepted else { return };
            let open_by = deadline(self.settings.opening);
            let placed = match D::HAS_SESSIONS {
                true => self.ask(&mut socket, from.ip(), open_by).await,
                false => self.place_afresh(),
            };
            if let Some((slot, transport)) = placed {
                let (reader, writer) = socket.split();
                serve(slot, transport, reader, writer, Passing::OfItself, open_by).await;
            }
            let _ = close(&mut socket, PARTING).await;
        }
    }

    /// A place for a peer of a dialect without sessions.
    fn place_afresh(&self) -> Option<(&'d Slot<'d, D, F, X>, u32)> {
        let free = |slot: &&&Slot<'d, D, F, X>| slot.lock().state != State::Up;
        let slot = self.slots.iter().find(free)?;
        let (dialect, wire) = (self.make.borrow_mut())();
        let random = (self.random.borrow_mut())();
        let mut inner = slot.lock();
        *inner.mail.wire_mut() = wire;
        inner.start_over(dialect, random);
        let transport = inner.handle_connected();
        drop(inner);
        Some((slot, transport))
    }
}

impl<D: Dialect, const N: usize, F, X> fmt::Debug for Listener<'_, D, N, F, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<D: Dialect, const N: usize, F, X> defmt::Format for Listener<'_, D, N, F, X> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Listener");
    }
}
