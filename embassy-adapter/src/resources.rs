use crate::calls::Place;
use crate::files::{Carry, NoFiles};
use crate::hub::Hub;
use crate::listener::Listener;
use crate::slot::{Owner, Slot};
use crate::{Peer, Runner};
use core::mem::MaybeUninit;
use ropeway_core::Messenger;
use ropeway_core::dialect::Dialect;
use ropeway_core::wire::{Plain, Wire};

/// The memory of `N` peers, for as long as the program runs: everything that a peer can fill.
///
/// Each has four buffers of `BYTES` bytes: what is received and sent, which bounds the largest message, and what TCP keeps
/// under way; and room for `CALLS` calls that wait for their answers at once. `D` is the dialect, `F` what carries
/// [files](crate::Files), `X` the wire. Keep it in a `ConstStaticCell`, as zeros that take no flash: elsewhere it would be built on
/// the stack first.
///
/// ```
/// use ropeway_core::dialect::native::{Config, Native};
/// use ropeway_embassy::Resources;
/// use static_cell::ConstStaticCell;
///
/// static HUB: ConstStaticCell<Resources<Native<Config>, 1>> = ConstStaticCell::new(Resources::new());
///
/// let boot = 0x1234_5678_9abc_def0; // from the board's random numbers
/// let dialect = Native::dialling(Config::new(boot).name("attic"));
/// let (hub, runner) = HUB.take().peer(dialect);
/// # let _ = (hub, runner);
/// ```
pub struct Resources<
    'd,
    D: Dialect,
    const N: usize,
    const BYTES: usize = 1024,
    F = NoFiles,
    X = Plain,
    const CALLS: usize = 4,
> {
    memory: [Memory<D, BYTES, CALLS>; N],
    slots: [MaybeUninit<Slot<'d, D, F, X>>; N],
}

struct Memory<D: Dialect, const BYTES: usize, const CALLS: usize> {
    input: [u8; BYTES],
    outbox: [u8; BYTES],
    rx: [u8; BYTES],
    tx: [u8; BYTES],
    calls: [Place<D::CallId>; CALLS],
}

/// What TCP keeps under way.
pub(crate) struct SocketMemory<'d> {
    pub(crate) rx: &'d mut [u8],
    pub(crate) tx: &'d mut [u8],
}

impl<D: Dialect, const N: usize, const BYTES: usize, F, X, const CALLS: usize> Default
    for Resources<'_, D, N, BYTES, F, X, CALLS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<'d, D: Dialect, const N: usize, const BYTES: usize, F, X, const CALLS: usize>
    Resources<'d, D, N, BYTES, F, X, CALLS>
{
    /// Memory without anything in it: zeros, which take no flash.
    pub const fn new() -> Self {
        Self {
            memory: [const {
                Memory {
                    input: [0; BYTES],
                    outbox: [0; BYTES],
                    rx: [0; BYTES],
                    tx: [0; BYTES],
                    calls: [const { Place::Free }; CALLS],
                }
            }; N],
            slots: [const { MaybeUninit::uninit() }; N],
        }
    }

    /// A program that many peers dial: the handle to talk to them, and what is to be run for that.
    ///
    /// `make` makes what each peer gets, `N` times: the dialect at its listening end, what carries its files, the wire.
    pub fn listener_with(
        &'d mut self,
        mut make: impl FnMut() -> (D, F, X),
    ) -> (Hub<'d, D, N, F, X>, Listener<'d, D, N, F, X>)
    where
        F: Carry<D>,
        X: Wire,
    {
        let mut memory = self.memory.iter_mut();
        let mut slots = self.slots.iter_mut();
        let mut next = || {
            let parts = memory.next().zip(slots.next());
            let (memory, slot) = parts.expect("as many of both as there are peers");
            fill(memory, slot, make(), Owner::Listener)
        };
        let both: [_; N] = core::array::from_fn(|_| next());
        let peers = both.each_ref().map(|(slot, _)| Peer::new(slot));
        let slots = peers;
        let sockets = both.map(|(_, sockets)| sockets);
        (Hub::new(slots), Listener::new(slots, sockets))
    }

    /// The same, in plain and without files.
    pub fn listener(
        &'d mut self,
        mut make: impl FnMut() -> D,
    ) -> (Hub<'d, D, N, F, X>, Listener<'d, D, N, F, X>)
    where
        F: Carry<D> + Default,
        X: Wire + Default,
    {
        self.listener_with(|| (make(), F::default(), X::default()))
    }
}

impl<'d, D: Dialect, const BYTES: usize, F: Carry<D>, X: Wire, const CALLS: usize>
    Resources<'d, D, 1, BYTES, F, X, CALLS>
{
    /// A program with one peer: the handle to talk to it, and what is to be run for that.
    ///
    /// `files` carries files, `wire` lies between the frames and the transport: a cipher, packets on a serial line.
    pub fn peer_with(
        &'d mut self,
        dialect: D,
        files: F,
        wire: X,
    ) -> (Peer<'d, D, F, X>, Runner<'d, D, F, X>) {
        let [memory] = &mut self.memory;
        let [slot] = &mut self.slots;
        let (slot, sockets) = fill(memory, slot, (dialect, files, wire), Owner::Peer);
        (Peer::new(slot), Runner::new(slot, sockets))
    }

    /// The same, in plain and without files.
    pub fn peer(&'d mut self, dialect: D) -> (Peer<'d, D, F, X>, Runner<'d, D, F, X>)
    where
        F: Default,
        X: Default,
    {
        self.peer_with(dialect, F::default(), X::default())
    }
}

fn fill<'d, D, F, X, const BYTES: usize, const CALLS: usize>(
    memory: &'d mut Memory<D, BYTES, CALLS>,
    slot: &'d mut MaybeUninit<Slot<'d, D, F, X>>,
    (mut dialect, files, wire): (D, F, X),
    owner: Owner,
) -> (&'d Slot<'d, D, F, X>, SocketMemory<'d>)
where
    D: Dialect,
    F: Carry<D>,
    X: Wire,
{
    files.prepare(&mut dialect);
    let Memory {
        input,
        outbox,
        rx,
        tx,
        calls,
    } = memory;
    let mail = Messenger::new(dialect, &mut input[..], &mut outbox[..]).with_wire(wire);
    (
        slot.write(Slot::new(mail, files, calls, owner)),
        SocketMemory { rx, tx },
    )
}
