use crate::event::Lost;
use crate::files::Carry;
use crate::pump::{Passing, deadline, serve};
use crate::resources::SocketMemory;
use crate::slot::Slot;
use crate::tcp::{PARTING, close, dial, wait_for_address};
use crate::{NoFiles, Settings};
use core::fmt;
use core::net::SocketAddr;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{Read, Write};
use ropeway_core::dialect::Dialect;
use ropeway_core::wire::{Plain, Wire};

/// What is to be run for a [`Peer`](crate::Peer): it gets links, serves them, and gets others when they are lost.
///
/// Cancel-safe: a runner whose run was dropped has lost its link, and can be run again.
pub struct Runner<'d, D: Dialect, F = NoFiles, X = Plain> {
    slot: &'d Slot<'d, D, F, X>,
    memory: SocketMemory<'d>,
}

impl<'d, D: Dialect, F: Carry<D>, X: Wire> Runner<'d, D, F, X> {
    pub(crate) const fn new(slot: &'d Slot<'d, D, F, X>, memory: SocketMemory<'d>) -> Self {
        Self { slot, memory }
    }

    /// Dials the peer, and dials it again whenever the link is lost, until the session has ended for good: by a farewell, or
    /// because trying again would not help.
    ///
    /// `find` says where the peer is, each time anew: an address, or what [`Beacons::find`](crate::Beacons::find) hears.
    /// `random` gives bytes that nobody can guess, new ones each time: a secure wire makes its keys of them.
    ///
    /// For dialects whose sessions outlive their links; for the others there is [`run_afresh`](Self::run_afresh).
    pub async fn run(
        &mut self,
        stack: Stack<'_>,
        settings: Settings,
        find: impl AsyncFnMut() -> SocketAddr,
        mut random: impl FnMut() -> [u8; 32],
    ) {
        const {
            assert!(
                D::HAS_SESSIONS,
                "sessions of this dialect end with their links"
            );
        };
        let start = |slot: &Slot<'_, D, F, X>, random| {
            slot.connect(|inner| inner.mail.handle_connected_with(random))
        };
        self.dial_on(stack, settings, find, &mut random, start)
            .await;
    }

    /// The same for dialects whose sessions end with their links: each link begins with what `make` makes, and what was
    /// queued for the last one is dropped.
    pub async fn run_afresh(
        &mut self,
        stack: Stack<'_>,
        settings: Settings,
        find: impl AsyncFnMut() -> SocketAddr,
        mut random: impl FnMut() -> [u8; 32],
        mut make: impl FnMut() -> D,
    ) {
        let start = |slot: &Slot<'_, D, F, X>, random| {
            let dialect = make();
            slot.connect(|inner| inner.start_over(dialect, random))
        };
        self.dial_on(stack, settings, find, &mut random, start)
            .await;
    }

    async fn dial_on(
        &mut self,
        stack: Stack<'_>,
        settings: Settings,
        mut find: impl AsyncFnMut() -> SocketAddr,
        random: &mut impl FnMut() -> [u8; 32],
        mut start: impl FnMut(&Slot<'_, D, F, X>, [u8; 32]) -> u32,
    ) {
        let slot = self.slot;
        let mut socket = TcpSocket::new(stack, &mut *self.memory.rx, &mut *self.memory.tx);
        let mut backoff = settings.backoff;
        let timeouts = settings.timeouts;
        while !slot.is_final() {
            wait_for_address(stack).await;
            let remote = find().await;
            let dialled = dial(&mut socket, remote, timeouts).await;
            match dialled {
                Err(error) => slot.fail(error),
                Ok(()) => {
                    let since = Instant::now();
                    let transport = start(slot, random());
                    let (reader, writer) = socket.split();
                    let open_by = deadline(settings.opening);
                    let served = serve(slot, transport, reader, writer, Passing::OfItself, open_by);
                    if let (_, true) = served.await {
                        backoff.reset_after((Instant::now() - since).into());
                    }
                }
            }
            let _ = close(&mut socket, PARTING).await;
            if !slot.is_final()
                && let Ok(wait) = backoff.next(seed(random())).try_into()
            {
                Timer::after(wait).await;
            }
        }
    }

    /// Serves one stream until it ends, and says why: a serial line, a pair of pipes.
    ///
    /// The stream's futures must lose nothing when they are dropped, and go on to wake who waits, as those of `BufferedUart`
    /// in embassy's chips, of TCP sockets and of queues do. `opening` is how long the peer may take to open the link: on a
    /// line that nobody may ever listen to, long.
    pub async fn serve(
        &mut self,
        reader: impl Read,
        writer: impl Write,
        opening: Duration,
        random: [u8; 32],
    ) -> Lost {
        let transport = self
            .slot
            .connect(|inner| inner.mail.handle_connected_with(random));
        let open_by = deadline(opening);
        let served = serve(
            self.slot,
            transport,
            reader,
            writer,
            Passing::WhenFlushed,
            open_by,
        );
        let (lost, _) = served.await;
        lost
    }
}

impl<D: Dialect, F, X> fmt::Debug for Runner<'_, D, F, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<D: Dialect, F, X> defmt::Format for Runner<'_, D, F, X> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Runner");
    }
}

/// A number of random bytes.
pub(crate) const fn seed(random: [u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = random;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
