use ropeway_core::Instant;
use ropeway_core::time::Duration;
use std::collections::VecDeque;

/// One transport: a direction from each side to the other.
#[derive(Debug)]
pub struct Cable {
    /// By the side that writes.
    pub pipes: [Pipe; 2],
    /// The lives of the programs at both ends, as far as they are there.
    pub lives: [Option<u32>; 2],
}

/// One direction: bytes arrive in order, after a while.
#[derive(Debug)]
pub struct Pipe {
    bytes: VecDeque<u8>,
    /// When how many of them arrive.
    arrivals: VecDeque<(Instant, usize)>,
    capacity: usize,
    latency: Duration,
    stalled_until: Instant,
    ending: Option<Ending>,
    /// What is written goes nowhere.
    is_void: bool,
}

/// How the reader learns that no more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was written arrives, then the stream ends.
    Eof,
    /// What was written is lost.
    Reset,
}

impl Cable {
    /// A cable that holds `capacity` bytes each way and takes `latency` to carry them.
    pub fn new(capacity: usize, latency: Duration) -> Self {
        let pipe = || Pipe {
            bytes: VecDeque::new(),
            arrivals: VecDeque::new(),
            capacity,
            latency,
            stalled_until: Instant::from_micros(0),
            ending: None,
            is_void: false,
        };
        Self {
            pipes: [pipe(), pipe()],
            lives: [None; 2],
        }
    }

    /// Pulls it: neither side can say more.
    pub fn kill(&mut self, ending: Ending) {
        for pipe in &mut self.pipes {
            pipe.end(ending);
        }
    }

    /// It is gone, but only the side `knows` is told.
    pub fn kill_for(&mut self, knows: usize) {
        self.pipes[1 - knows].end(Ending::Reset);
        for pipe in &mut self.pipes {
            pipe.vanish();
            pipe.is_void = true;
        }
    }
}

impl Pipe {
    /// How many bytes it takes now.
    pub fn room(&self) -> usize {
        match self.ending {
            _ if self.is_void => self.capacity,
            Some(_) => 0,
            None => self.capacity - self.bytes.len(),
        }
    }

    /// Takes bytes, at most as many as there is room for.
    pub fn write(&mut self, bytes: &[u8], now: Instant) {
        if self.is_void || bytes.is_empty() {
            return;
        }
        self.bytes.extend(bytes);
        let last = self.arrivals.back().map_or(now, |(at, _)| *at);
        let at = last.max(now + self.latency).max(self.stalled_until);
        match self.arrivals.back_mut() {
            Some((arrives, len)) if *arrives == at => *len += bytes.len(),
            _ => self.arrivals.push_back((at, bytes.len())),
        }
    }

    /// Hands out at most as many bytes as `to` has room for, of those that have arrived.
    pub fn read(&mut self, to: &mut [u8], now: Instant) -> usize {
        let mut read = 0;
        while let Some((at, len)) = self.arrivals.front_mut()
            && *at <= now
            && read < to.len()
        {
            let part = (*len).min(to.len() - read);
            for (to, from) in to[read..].iter_mut().zip(self.bytes.drain(..part)) {
                *to = from;
            }
            *len -= part;
            read += part;
            if *len == 0 {
                self.arrivals.pop_front();
            }
        }
        read
    }

    /// How it ends, once the reader can know.
    pub fn ending(&self) -> Option<Ending> {
        match self.ending {
            Some(Ending::Eof) if !self.bytes.is_empty() => None,
            ending => ending,
        }
    }

    /// When more arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.arrivals.front().map(|(at, _)| *at)
    }

    /// Nothing arrives until then.
    pub fn stall(&mut self, until: Instant) {
        self.stalled_until = until;
        for (at, _) in &mut self.arrivals {
            *at = (*at).max(until);
        }
    }

    /// What is written from now on takes so long.
    pub const fn delay(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// No more can be written.
    pub fn end(&mut self, ending: Ending) {
        if self.is_void {
            return;
        }
        if ending == Ending::Reset {
            self.vanish();
        }
        self.ending = match self.ending {
            Some(Ending::Reset) => Some(Ending::Reset),
            _ => Some(ending),
        };
    }

    fn vanish(&mut self) {
        self.bytes.clear();
        self.arrivals.clear();
    }
}
