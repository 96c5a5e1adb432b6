#![allow(dead_code, reason = "each test file uses another part of it")]
//! Two network stacks on one cable in one process, in virtual time: nothing sleeps, and a hang is a failure.

use core::future::{Future, poll_fn};
use core::net::{Ipv4Addr, SocketAddr};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use critical_section as _;
use embassy_futures::join::{join, join4};
use embassy_net::{Config, ConfigV4, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver_channel::{
    RxRunner, State, TxRunner, driver::HardwareAddress, driver::LinkState,
};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_time::{Duration, Instant, MockDriver, Timer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

pub(crate) fn at(address: Ipv4Addr, port: u16) -> SocketAddr {
    (address, port).into()
}

/// Time is the same for all tests of a program.
static CLOCK: Mutex<()> = Mutex::new(());

/// What becomes of frames on the cable.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    /// So many of a hundred are lost.
    pub(crate) loss: u64,
    /// The others take so long.
    pub(crate) delay: Duration,
}

pub(crate) const FAIR: Weather = Weather {
    loss: 0,
    delay: Duration::from_ticks(0),
};

/// Runs `program` with two stacks that reach each other, until it returns.
pub(crate) fn with_stacks(program: impl AsyncFnOnce(Stack<'_>, Stack<'_>)) {
    with_stacks_in(FAIR, program);
}

/// The same, on a cable in this weather.
pub(crate) fn with_stacks_in(weather: Weather, program: impl AsyncFnOnce(Stack<'_>, Stack<'_>)) {
    let _clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut our_frames, mut their_frames) = (Frames::new(), Frames::new());
    let (mut our_sockets, mut their_sockets) =
        (StackResources::<8>::new(), StackResources::<8>::new());
    let (our_cable, our_device) = plug(&mut our_frames, OURS);
    let (their_cable, their_device) = plug(&mut their_frames, THEIRS);
    let (ours, mut our_runner) = embassy_net::new(our_device, config(OURS), &mut our_sockets, 1);
    let (theirs, mut their_runner) =
        embassy_net::new(their_device, config(THEIRS), &mut their_sockets, 2);
    let (our_state, our_rx, our_tx) = our_cable.split();
    let (their_state, their_rx, their_tx) = their_cable.split();
    our_state.set_link_state(LinkState::Up);
    their_state.set_link_state(LinkState::Up);
    let network = join4(
        our_runner.run(),
        their_runner.run(),
        carry(weather, our_tx, their_rx),
        carry(weather, their_tx, our_rx),
    );
    let program = async {
        ours.wait_config_up().await;
        theirs.wait_config_up().await;
        program(ours, theirs).await;
    };
    run(network, program);
}

/// Runs `program` without a network, until it returns.
pub(crate) fn run_alone(program: impl Future) {
    let _clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    run(core::future::pending::<()>(), program);
}

/// Polls the two tasks whenever they were woken, and lets time pass whenever neither was.
///
/// Two tasks, because every use of a socket wakes the network: in one task with it, it would wake itself forever.
fn run(network: impl Future, program: impl Future) {
    let (mut network, mut program) = (pin!(network), pin!(program));
    let (network_woken, program_woken) = (Flag::new(), Flag::new());
    let deadline = Instant::now() + Duration::from_secs(600);
    while Instant::now() < deadline {
        let mut is_idle = true;
        if network_woken.take() {
            is_idle = false;
            let ended = poll(network.as_mut(), &network_woken);
            assert!(!ended, "the network has stopped");
        }
        if program_woken.take() {
            is_idle = false;
            if poll(program.as_mut(), &program_woken) {
                return;
            }
        }
        if is_idle {
            MockDriver::get().advance(Duration::from_millis(1));
        }
    }
    panic!("still waiting after ten minutes of virtual time");
}

/// `future` as if it were a task of its own: polled only when it was woken itself.
pub(crate) async fn task<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let task = Arc::new(Task {
        is_woken: AtomicBool::new(true),
        executor: Mutex::new(Waker::noop().clone()),
    });
    let waker = Waker::from(Arc::clone(&task));
    poll_fn(|context| {
        task.executor.lock().unwrap().clone_from(context.waker());
        match task.is_woken.swap(false, Ordering::Relaxed) {
            true => future.as_mut().poll(&mut Context::from_waker(&waker)),
            false => Poll::Pending,
        }
    })
    .await
}

struct Task {
    is_woken: AtomicBool,
    executor: Mutex<Waker>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Relaxed);
        self.executor.lock().unwrap().wake_by_ref();
    }
}

/// Polls once and says whether the future is done.
fn poll(future: Pin<&mut impl Future>, woken: &Arc<Flag>) -> bool {
    let waker = Waker::from(Arc::clone(woken));
    future.poll(&mut Context::from_waker(&waker)).is_ready()
}

struct Flag(AtomicBool);

impl Flag {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

const MTU: usize = 1514;

type Frames = State<MTU, 4, 4>;
type Cable<'d> = embassy_net_driver_channel::Runner<'d, MTU>;
type Device<'d> = embassy_net_driver_channel::Device<'d, MTU>;

fn plug(frames: &mut Frames, address: Ipv4Addr) -> (Cable<'_>, Device<'_>) {
    let [a, b, c, d] = address.octets();
    embassy_net_driver_channel::new(frames, HardwareAddress::Ethernet([2, 0, a, b, c, d]))
}

fn config(address: Ipv4Addr) -> Config {
    Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: Default::default(),
    })
}

/// Has a stack use another address.
pub(crate) async fn move_to(stack: Stack<'_>, address: Ipv4Addr) {
    stack.set_config_v4(ConfigV4::Static(StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: Default::default(),
    }));
    Timer::after_millis(5).await;
}

async fn carry(weather: Weather, mut from: TxRunner<'_, MTU>, mut to: RxRunner<'_, MTU>) {
    let under_way = Channel::<NoopRawMutex, (Instant, Vec<u8>), 64>::new();
    let sending = async {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        loop {
            let frame = from.tx_buf().await.to_vec();
            from.tx_done();
            if random.next() % 100 >= weather.loss {
                under_way
                    .send((Instant::now() + weather.delay, frame))
                    .await;
            }
        }
    };
    let receiving = async {
        loop {
            let (at, frame) = under_way.receive().await;
            Timer::at(at).await;
            to.rx_buf().await[..frame.len()].copy_from_slice(&frame);
            to.rx_done(frame.len());
        }
    };
    join(sending, receiving).await;
}

/// A sequence of numbers from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        core::array::from_fn(|_| self.next().to_le_bytes()[0])
    }
}
