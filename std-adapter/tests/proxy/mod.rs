//! A proxy on the way between two programs, which cuts connections and garbles bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What befalls a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    /// It is cut once so many bytes have come by, both ways together.
    pub(crate) cut_after: Option<usize>,
    /// This byte of what the dialler says, the first being 0, is garbled.
    pub(crate) garbles: Option<usize>,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// How many connections there have been.
    pub(crate) connections: Arc<AtomicUsize>,
    target: Arc<Mutex<SocketAddr>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Everybody who comes is led to `target`; what befalls them says `fate`, by the number of the connection.
    pub(crate) fn new(target: SocketAddr, fate: impl Fn(usize) -> Fate + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(target));
        let connections = Arc::new(AtomicUsize::new(0));
        let open = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self {
            address,
            connections: connections.clone(),
            target: target.clone(),
            open: open.clone(),
        };
        thread::spawn(move || {
            for here in listener.incoming().map_while(Result::ok) {
                let fate = fate(connections.fetch_add(1, Ordering::Relaxed));
                let target = *target.lock().unwrap();
                let Ok(there) = TcpStream::connect(target) else {
                    continue;
                };
                for stream in [&here, &there] {
                    stream.set_nodelay(true).unwrap();
                    open.lock().unwrap().push(stream.try_clone().unwrap());
                }
                let count = Arc::new(AtomicUsize::new(0));
                let back = Fate {
                    garbles: None,
                    ..fate
                };
                carry(&here, &there, fate, count.clone());
                carry(&there, &here, back, count);
            }
        });
        proxy
    }

    /// Leads who comes from now on to another place.
    #[allow(dead_code, reason = "not every test does")]
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }

    /// Cuts all connections that there are.
    #[allow(dead_code, reason = "not every test does")]
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn carry(from: &TcpStream, to: &TcpStream, fate: Fate, count: Arc<AtomicUsize>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let mut bytes = [0; 16 << 10];
        let mut at = 0;
        loop {
            let Ok(len @ 1..) = from.read(&mut bytes) else {
                let _ = to.shutdown(Shutdown::Write);
                return;
            };
            if let Some(garbled) = fate.garbles
                && (at..at + len).contains(&garbled)
            {
                bytes[garbled - at] ^= 1;
            }
            at += len;
            let before = count.fetch_add(len, Ordering::Relaxed);
            let limit = fate.cut_after.unwrap_or(usize::MAX);
            let goes = len.min(limit.saturating_sub(before));
            let is_written = to.write_all(&bytes[..goes]).is_ok();
            if goes < len || !is_written {
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        }
    });
}
