//! A way between two programs on which everything goes wrong as planned, over real sockets.
//!
//! A [`Proxy`] listens for the side that dials and connects each who comes to the side that listens. What it relays it
//! counts, over all connections, so that a fault happens at one byte of what one side says.
//!
//! ```
//! use ropeway_tests::proxy::{Ending, Fault, Planned, Proxy, When};
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let cut = Planned { when: When::Said(0, 3), fault: Fault::Kill(Ending::Fin) };
//! let proxy = Proxy::new([cut], |_| ())?;
//! proxy.lead_to(listener.local_addr()?);
//! TcpStream::connect(proxy.address())?.write_all(b"hello")?;
//! let mut heard = Vec::new();
//! listener.accept()?.0.read_to_end(&mut heard)?;
//! assert_eq!(heard, b"hel");
//! # Ok::<(), std::io::Error>(())
//! ```

mod fault;
mod link;
mod relay;

pub use fault::{Ending, Fault, Learns, Planned, When};

use mio::net::TcpListener;
use mio::{Interest, Poll, Token, Waker};
use relay::{Relay, lock};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Relays connections in a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    control: Arc<Mutex<Control>>,
    waker: Waker,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What a proxy has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Connections that it made.
    pub connections: usize,
    /// Bytes that passed, by the side that said them.
    pub said: [usize; 2],
    /// Faults that happened.
    pub faults: usize,
}

/// What a proxy is told from outside.
#[derive(Debug, Default)]
struct Control {
    target: Option<SocketAddr>,
    /// Which sides have been started anew since that was looked at.
    reborn: [bool; 2],
    is_quiet: bool,
    is_over: bool,
    counts: Counts,
}

impl Proxy {
    /// A proxy that leads nowhere yet. `reboot` is called in its thread when a side is to be started anew: which then says
    /// [`is_reborn`](Self::is_reborn).
    pub fn new(
        faults: impl IntoIterator<Item = Planned>,
        reboot: impl FnMut(usize) + Send + 'static,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let registry = poll.registry();
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(registry, WOKEN)?;
        let address = listener.local_addr()?;
        let control = Arc::<Mutex<Control>>::default();
        let relay = Relay {
            poll,
            listener,
            control: control.clone(),
            reboot: Box::new(reboot),
            faults: faults.into_iter().collect(),
            links: Vec::new(),
            learns: Learns::AtOnce,
            start: Instant::now(),
            next_token: FIRST_LINK,
        };
        let thread = Some(thread::spawn(|| relay.run()));
        Ok(Self {
            address,
            control,
            waker,
            thread,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where who comes from now on is led.
    pub fn lead_to(&self, target: SocketAddr) {
        lock(&self.control).target = Some(target);
    }

    /// Who comes from now on is turned away.
    pub fn lead_nowhere(&self) {
        lock(&self.control).target = None;
    }

    /// A side has been started anew, and its sockets are closed.
    pub fn is_reborn(&self, side: usize) {
        self.tell(|control| control.reborn[side] = true);
    }

    /// Ends all connections, those to come included.
    pub fn be_quiet(&self) {
        self.tell(|control| control.is_quiet = true);
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        lock(&self.control).counts
    }

    fn tell(&self, tell: impl FnOnce(&mut Control)) {
        tell(&mut lock(&self.control));
        // Who has ended need not be woken.
        let _ = self.waker.wake();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.tell(|control| control.is_over = true);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.expect("the proxy does not panic").expect("it polls");
            }
        }
    }
}

const WOKEN: Token = Token(0);
const LISTENER: Token = Token(1);
const FIRST_LINK: usize = 2;
