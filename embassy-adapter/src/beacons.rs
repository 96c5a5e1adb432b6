use crate::pump::now;
use crate::tcp::wait_for_address;
use core::cell::RefCell;
use core::fmt;
use core::future::{Future, pending, poll_fn};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embassy_futures::select::{Either3, select3};
use embassy_net::udp::{BindError, PacketMetadata, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_sync::waitqueue::MultiWakerRegistration;
use embassy_time::{Instant, Timer};
use ropeway_core::dialect::{cable_car, native};
use ropeway_core::discovery::{
    Action, BEACON, Beacon, Dials, Discovery, Peer, Policy, Program, Slot, Speaks,
};

/// Says by UDP that this program is there, and hears who else is: at most `N` programs at once.
///
/// [`run`](Self::run) does it in a task of its own; the other methods may be called from anywhere meanwhile.
///
/// ```no_run
/// use core::net::SocketAddr;
/// use embassy_net::Stack;
/// use ropeway_embassy::Beacons;
/// use ropeway_embassy::discovery::{Epoch, Name, Program};
///
/// async fn hub(beacons: &Beacons) -> SocketAddr {
///     beacons.find(|program| &*program.name == "hub").await
/// }
///
/// fn beacons(boot: u64) -> Beacons {
///     // A port of 0 says that nobody can dial this program.
///     let program = Program { name: Name::new("attic"), port: 0, epoch: Epoch(boot), fingerprint: 0 };
///     Beacons::native(program)
/// }
/// ```
pub struct Beacons<const N: usize = 8> {
    state: RefCell<State<N>>,
    ports: Ports,
}

struct State<const N: usize> {
    discovery: Discovery<[Slot; N]>,
    waiting: MultiWakerRegistration<4>,
}

/// Where beacons are sent and heard; none for a protocol that is not spoken.
#[derive(Clone, Copy)]
struct Ports {
    native: Option<u16>,
    cable_car: Option<u16>,
}

impl<const N: usize> Beacons<N> {
    /// Beacons of the native protocol, which describe `program`.
    pub fn native(program: Program) -> Self {
        let discovery = Discovery::native([Slot::EMPTY; N], POLICY, program, now());
        Self::new(discovery, Some(native::UDP_PORT), None)
    }

    /// Beacons of cable_car, which say nothing but who sends them.
    pub fn cable_car() -> Self {
        let discovery = Discovery::new([Slot::EMPTY; N], POLICY, now());
        Self::new(discovery, None, Some(cable_car::UDP_PORT))
    }

    const fn new(
        discovery: Discovery<[Slot; N]>,
        native: Option<u16>,
        cable_car: Option<u16>,
    ) -> Self {
        Self {
            state: RefCell::new(State {
                discovery,
                waiting: MultiWakerRegistration::new(),
            }),
            ports: Ports { native, cable_car },
        }
    }

    /// The same, and those of cable_car too.
    #[must_use]
    pub fn with_cable_car(self) -> Self {
        let State { discovery, .. } = self.state.into_inner();
        let discovery = discovery.with_cable_car(now());
        Self::new(discovery, self.ports.native, Some(cable_car::UDP_PORT))
    }

    /// Sends beacons, hears and answers those of others, for as long as it is run; fails if the stack has no socket left for
    /// that, or the port is taken.
    ///
    /// It needs one UDP socket for each protocol.
    pub async fn run(&self, stack: Stack<'_>) -> Result<(), BindError> {
        let (mut memory, mut other) = (SocketMemory::new(), SocketMemory::new());
        let mut native = memory.bind(stack, self.ports.native)?;
        let mut cable_car = other.bind(stack, self.ports.cable_car)?;
        loop {
            wait_for_address(stack).await;
            self.do_what_is_due(stack, native.as_mut(), cable_car.as_mut());
            let next = self.state.borrow().discovery.next_timeout();
            let timer = Timer::at(Instant::from_micros(next.as_micros()));
            let (mut datagram, mut word) = ([0; Beacon::MAX_LEN + 1], [0; BEACON.len()]);
            let heard = select3(
                receive(native.as_ref(), &mut datagram),
                receive(cable_car.as_ref(), &mut word),
                timer,
            );
            match heard.await {
                Either3::First((from, len)) => {
                    let datagram = datagram.get(..len).unwrap_or_default();
                    self.hear_program(from, datagram, native.as_ref());
                }
                Either3::Second((from, len)) if word.get(..len) == Some(BEACON) => {
                    self.hear_host(from.ip());
                }
                Either3::Second(_) | Either3::Third(()) => {}
            }
        }
    }

    /// Waits until a program that listens is heard of which `is_it` is true, or takes one that has been heard already, and
    /// says where it listens.
    pub async fn find(&self, mut is_it: impl FnMut(&Program) -> bool) -> SocketAddr {
        self.find_peer(|peer| match peer.speaks {
            Speaks::Native(program) if program.port != 0 && is_it(&program) => {
                Some(SocketAddr::new(peer.host, program.port))
            }
            _ => None,
        })
        .await
    }

    /// Waits until a host that speaks cable_car is heard, or takes one that has been heard already.
    pub async fn find_host(&self) -> IpAddr {
        self.find_peer(|peer| (peer.speaks == Speaks::CableCar).then_some(peer.host))
            .await
    }

    /// Looks at all who have been heard in the last 10 s.
    pub fn with_peers<R>(&self, look: impl FnOnce(&mut dyn Iterator<Item = &Peer>) -> R) -> R {
        look(&mut self.state.borrow().discovery.peers())
    }

    /// Waits until `wanted` is found among those who are heard.
    pub async fn find_peer<R>(&self, mut wanted: impl FnMut(&Peer) -> Option<R>) -> R {
        poll_fn(|context| {
            let found = self.state.borrow().discovery.peers().find_map(&mut wanted);
            match found {
                Some(found) => Poll::Ready(found),
                None => {
                    let mut state = self.state.borrow_mut();
                    state.waiting.register(context.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn do_what_is_due(
        &self,
        stack: Stack<'_>,
        mut native: Option<&mut UdpSocket<'_>>,
        mut cable_car: Option<&mut UdpSocket<'_>>,
    ) {
        while let Some(action) = self.poll() {
            match action {
                Action::Announce => {
                    let beacon = self.state.borrow().discovery.announcement();
                    let mut room = [0; Beacon::MAX_LEN];
                    let socket = native.as_deref_mut();
                    say_to_all(stack, socket, self.ports.native, beacon.emit(&mut room));
                }
                Action::Beacon => {
                    let socket = cable_car.as_deref_mut();
                    say_to_all(stack, socket, self.ports.cable_car, BEACON);
                }
                // Who wants a link finds its peer and dials.
                Action::Dial(host) => self.state.borrow_mut().discovery.handle_dial_failed(host),
                Action::Call(address) => {
                    self.state
                        .borrow_mut()
                        .discovery
                        .handle_call_failed(address);
                }
            }
        }
    }

    fn poll(&self) -> Option<Action> {
        let now = now();
        let mut state = self.state.borrow_mut();
        while state.discovery.poll_lost(now).is_some() {}
        state.discovery.poll(now)
    }

    fn hear_program(&self, from: SocketAddr, datagram: &[u8], socket: Option<&UdpSocket<'_>>) {
        let answer = {
            let mut state = self.state.borrow_mut();
            let heard = state.discovery.handle_datagram(now(), from.ip(), datagram);
            state.waiting.wake();
            heard.ok().and_then(|heard| heard.answer)
        };
        if let Some(answer) = answer
            && let Some(socket) = socket
            && let Some(to) = endpoint(from)
        {
            let mut room = [0; Beacon::MAX_LEN];
            // Who does not hear it says so by another beacon.
            say(socket, answer.emit(&mut room), to);
        }
    }

    fn hear_host(&self, host: IpAddr) {
        let mut state = self.state.borrow_mut();
        state.discovery.handle_beacon(now(), host);
        state.waiting.wake();
    }
}

/// What one socket has for datagrams under way.
struct SocketMemory {
    received: [PacketMetadata; BURST],
    rx: [u8; BURST * (Beacon::MAX_LEN + 1)],
    sent: [PacketMetadata; 2],
    tx: [u8; 2 * (Beacon::MAX_LEN + 1)],
}

impl SocketMemory {
    const fn new() -> Self {
        Self {
            received: [PacketMetadata::EMPTY; BURST],
            rx: [0; BURST * (Beacon::MAX_LEN + 1)],
            sent: [PacketMetadata::EMPTY; 2],
            tx: [0; 2 * (Beacon::MAX_LEN + 1)],
        }
    }

    fn bind<'s>(
        &'s mut self,
        stack: Stack<'s>,
        port: Option<u16>,
    ) -> Result<Option<UdpSocket<'s>>, BindError> {
        let Some(port) = port else { return Ok(None) };
        let Self {
            received,
            rx,
            sent,
            tx,
        } = self;
        let mut socket = UdpSocket::new(stack, received, rx, sent, tx);
        socket.bind(port)?;
        Ok(Some(socket))
    }
}

/// The next datagram; those that are longer than any beacon are passed over.
async fn receive(socket: Option<&UdpSocket<'_>>, room: &mut [u8]) -> (SocketAddr, usize) {
    let Some(socket) = socket else {
        return pending().await;
    };
    loop {
        if let Ok((len, from)) = socket.recv_from(room).await {
            return (from.endpoint.into(), len);
        }
    }
}

/// To everyone, and to everyone on this network: some routers pass on only one of them.
fn say_to_all(
    stack: Stack<'_>,
    socket: Option<&mut UdpSocket<'_>>,
    port: Option<u16>,
    datagram: &[u8],
) {
    let (Some(socket), Some(port)) = (socket, port) else {
        return;
    };
    forget_unsent(socket, port);
    let network = stack
        .config_v4()
        .and_then(|config| config.address.broadcast());
    for to in [Some(Ipv4Addr::BROADCAST), network].into_iter().flatten() {
        // What cannot be sent now is said again with the next beacon.
        let to = IpEndpoint::new(IpAddress::Ipv4(to), port);
        say(socket, datagram, to);
    }
}

/// Hands the stack a datagram, if it has room for it.
fn say(socket: &UdpSocket<'_>, datagram: &[u8], to: IpEndpoint) {
    let mut context = Context::from_waker(Waker::noop());
    let _ = socket.poll_send_to(datagram, to, &mut context);
}

/// Gives up what has not gone: the stack keeps an answer to who cannot be reached for ever, and all that is behind it.
fn forget_unsent(socket: &mut UdpSocket<'_>, port: u16) {
    let mut context = Context::from_waker(Waker::noop());
    let flushed = pin!(socket.flush()).poll(&mut context);
    if flushed.is_pending() {
        socket.close();
        // The port is this socket's own, and was one to bind.
        let _ = socket.bind(port);
    }
}

fn endpoint(address: SocketAddr) -> Option<IpEndpoint> {
    match address.ip() {
        IpAddr::V4(ip) => Some(IpEndpoint::new(IpAddress::Ipv4(ip), address.port())),
        IpAddr::V6(_) => None,
    }
}

impl<const N: usize> fmt::Debug for Beacons<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beacons")
            .field("discovery", &self.state.borrow().discovery)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for Beacons<N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Beacons({})", self.state.borrow().discovery);
    }
}

/// Nobody is dialled but by who asks for it.
const POLICY: Policy = Policy {
    interval: ropeway_core::time::Duration::from_secs(1),
    at_once: ropeway_core::time::Duration::from_secs(2),
    expiry: ropeway_core::time::Duration::from_secs(10),
    per_host: 16,
    dials: Dials::Nobody,
};

/// So many datagrams may wait.
const BURST: usize = 6;
