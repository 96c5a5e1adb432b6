use super::Ending;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

/// One connection through the proxy: a socket to each side, and what is on the way between them.
pub(super) struct Link {
    streams: [Option<TcpStream>; 2],
    is_connected: bool,
    /// By the side that speaks.
    pipes: [Pipe; 2],
    /// What is said goes nowhere.
    is_void: bool,
    /// Nothing passes for now.
    pub(super) is_frozen: bool,
}

/// One direction.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// When how many of them arrive.
    arrivals: VecDeque<(Instant, usize)>,
    latency: Duration,
    stalled_until: Option<Instant>,
    has_ended: bool,
    is_told: bool,
}

impl Link {
    /// A connection that has come, and one that is begun.
    pub(super) fn new(
        mut dialler: TcpStream,
        target: SocketAddr,
        registry: &Registry,
        tokens: [Token; 2],
    ) -> io::Result<Self> {
        let mut listener = TcpStream::connect(target)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut dialler, tokens[0], interest)?;
        registry.register(&mut listener, tokens[1], interest)?;
        for stream in [&dialler, &listener] {
            stream.set_nodelay(true)?;
        }
        Ok(Self {
            streams: [Some(dialler), Some(listener)],
            is_connected: false,
            pipes: Default::default(),
            is_void: false,
            is_frozen: false,
        })
    }

    /// Whether both sides have ended it.
    pub(super) fn is_over(&self) -> bool {
        self.streams.iter().all(Option::is_none)
    }

    /// Whether faults can happen to it.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_void && !self.is_over()
    }

    /// Moves what `side` says, at most `limit` bytes of it to the other; returns how many, and whether anything happened.
    pub(super) fn pump(&mut self, side: usize, limit: usize, now: Instant) -> (usize, bool) {
        if self.is_frozen || !self.has_connected() {
            return (0, false);
        }
        if self.is_void {
            return (0, self.swallow(side));
        }
        let read = self.read(side, now);
        let passed = self.write(side, limit, now);
        (passed, read || passed > 0)
    }

    fn has_connected(&mut self) -> bool {
        let Some(listener) = self.streams[1].as_ref().filter(|_| !self.is_connected) else {
            return true;
        };
        match (listener.take_error(), listener.peer_addr()) {
            (Ok(None), Ok(_)) => self.is_connected = true,
            (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => {}
            _ => self.end(Ending::Reset),
        }
        self.is_connected
    }

    fn read(&mut self, side: usize, now: Instant) -> bool {
        let pipe = &mut self.pipes[side];
        let mut bytes = [0; 2048];
        let mut has_read = false;
        while let Some(stream) = self.streams[side].as_mut()
            && !pipe.has_ended
            && pipe.bytes.len() < CAPACITY
        {
            match stream.read(&mut bytes) {
                Ok(0) => pipe.has_ended = true,
                Ok(len) => pipe.take(&bytes[..len], now),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return has_read,
                // As the one side has reset it, so does the proxy to the other.
                Err(_) => {
                    self.end(Ending::Reset);
                    return true;
                }
            }
            has_read = true;
        }
        has_read
    }

    fn write(&mut self, side: usize, limit: usize, now: Instant) -> usize {
        let mut passed = 0;
        let pipe = &mut self.pipes[side];
        while let Some(stream) = self.streams[1 - side].as_mut() {
            let due = pipe.due(now).min(limit - passed);
            let (bytes, _) = pipe.bytes.as_slices();
            if due == 0 || bytes.is_empty() {
                break;
            }
            match stream.write(&bytes[..due.min(bytes.len())]) {
                Ok(len) => {
                    pipe.drop_first(len);
                    passed += len;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return passed,
                Err(_) => {
                    self.end(Ending::Reset);
                    return passed;
                }
            }
        }
        if pipe.has_ended && pipe.bytes.is_empty() && !std::mem::replace(&mut pipe.is_told, true) {
            if let Some(stream) = &self.streams[1 - side] {
                // Who has gone by now need not be told.
                let _ = stream.shutdown(Shutdown::Write);
            }
            if self.pipes[1 - side].is_told {
                self.streams = [None, None];
            }
        }
        passed
    }

    /// Drops what a side says to nobody, until it ends.
    fn swallow(&mut self, side: usize) -> bool {
        let mut bytes = [0; 2048];
        while let Some(stream) = self.streams[side].as_mut() {
            match stream.read(&mut bytes) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Ok(0) | Err(_) => {
                    self.streams[side] = None;
                    return true;
                }
            }
        }
        false
    }

    /// Ends it for both sides.
    pub(super) fn end(&mut self, ending: Ending) {
        self.is_frozen = false;
        for side in [0, 1] {
            self.end_for(side, ending);
        }
    }

    /// Ends it for one side, and says nothing to the other.
    pub(super) fn end_for(&mut self, side: usize, ending: Ending) {
        self.is_void = true;
        self.is_frozen = false;
        let Some(stream) = &self.streams[side] else {
            return;
        };
        let ended = match ending {
            // What is still read from it must not turn the end into a reset.
            Ending::Fin => stream.shutdown(Shutdown::Write),
            Ending::Reset => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
        };
        if ended.is_err() || ending == Ending::Reset {
            self.streams[side] = None;
        }
    }

    /// Nothing that a side says arrives until then.
    pub(super) fn stall(&mut self, side: usize, until: Instant) {
        let pipe = &mut self.pipes[side];
        pipe.stalled_until = Some(until);
        for (at, _) in &mut pipe.arrivals {
            *at = (*at).max(until);
        }
    }

    /// What a side says takes so long from now on.
    pub(super) const fn delay(&mut self, side: usize, latency: Duration) {
        self.pipes[side].latency = latency;
    }

    /// When something arrives that is on the way.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let next = |pipe: &Pipe| pipe.arrivals.front().map(|(at, _)| *at);
        self.pipes.iter().filter_map(next).min()
    }
}

impl Pipe {
    fn take(&mut self, bytes: &[u8], now: Instant) {
        let last = self.arrivals.back().map_or(now, |(at, _)| *at);
        let at = last.max(now + self.latency);
        let at = self.stalled_until.map_or(at, |until| at.max(until));
        self.bytes.extend(bytes);
        self.arrivals.push_back((at, bytes.len()));
    }

    /// How many bytes have arrived and are still here.
    fn due(&self, now: Instant) -> usize {
        let due = self.arrivals.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, len)| len).sum()
    }

    fn drop_first(&mut self, mut len: usize) {
        self.bytes.drain(..len);
        while let Some((_, first)) = self.arrivals.front_mut()
            && len > 0
        {
            let part = len.min(*first);
            *first -= part;
            len -= part;
            if *first == 0 {
                self.arrivals.pop_front();
            }
        }
    }
}

/// The most bytes on the way in one direction, beside those in the sockets.
const CAPACITY: usize = 8 << 10;
