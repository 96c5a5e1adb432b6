//! One link through the proxy: a socket to each side, and what is seen between them.

use super::pipe::Pipe;
use crate::eye::{Eye, Told};
use crate::registry::Registry;
use crate::show::Line;
use crate::span::Amount;
use mio::net::TcpStream;
use mio::{Interest, Token};
use ropeway_std::value::Map;
use ropeway_std::watch::{Direction, Protocol, Seen};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What befalls each link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    pub(super) kill_after: Option<Amount>,
    pub(super) delay: Duration,
    pub(super) stall: Option<Duration>,
}

pub(super) struct Link {
    pub(super) number: usize,
    /// To who has come, and to who is behind the proxy.
    streams: [TcpStream; 2],
    is_connected: bool,
    /// Where else to try.
    others: Vec<SocketAddr>,
    token: Token,
    /// By the side that speaks.
    pipes: [Pipe; 2],
    eye: Eye,
    /// What is told once it has passed: where it ends in its direction.
    lines: VecDeque<(Direction, u64, Line)>,
    pub(super) start: Instant,
    fate: Fate,
    /// Where each direction is cut, once that is known.
    cuts: Option<[u64; 2]>,
    is_stalled: bool,
    /// Which sides have hung up, as far as that shows without reading.
    has_gone: [bool; 2],
    end: Option<End>,
}

/// How a link has ended.
#[derive(Debug)]
pub(super) enum End {
    /// Both sides have said all.
    Done,
    /// By the proxy.
    Cut,
    /// One side has broken it off.
    Lost(Direction, io::Error),
    /// Nobody is behind the proxy.
    Unreached(io::Error),
}

/// What has passed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) frames: u64,
    pub(super) malformed: u64,
    pub(super) bytes: [u64; 2],
}

impl Link {
    /// Who has come, and a connection to `target` that is begun.
    pub(super) fn new(
        number: usize,
        mut client: TcpStream,
        targets: &[SocketAddr],
        protocol: Option<Protocol>,
        fate: Fate,
        registry: &mio::Registry,
    ) -> io::Result<Self> {
        let token = Token(FIRST_LINK + 2 * number);
        let (first, others) = targets.split_first().ok_or(ErrorKind::NotFound)?;
        let mut server = TcpStream::connect(*first)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut client, token, interest)?;
        registry.register(&mut server, Token(token.0 + 1), interest)?;
        client.set_nodelay(true)?;
        Ok(Self {
            number,
            streams: [client, server],
            is_connected: false,
            others: others.to_vec(),
            token,
            pipes: Default::default(),
            eye: Eye::new(protocol, None),
            lines: VecDeque::new(),
            start: Instant::now(),
            fate,
            cuts: None,
            is_stalled: false,
            has_gone: [false; 2],
            end: None,
        })
    }

    /// Moves what can be moved, and says whether anything was.
    pub(super) fn pump(
        &mut self,
        now: Instant,
        registry: &mio::Registry,
        messages: &Registry,
    ) -> bool {
        if self.end.is_some() || self.is_stalled {
            return false;
        }
        if !self.is_connected {
            match self.connected(registry) {
                Ok(false) => return false,
                Ok(true) => {}
                Err(error) => {
                    self.end = Some(End::Unreached(error));
                    return true;
                }
            }
        }
        let mut has_moved = false;
        for direction in [Direction::Forth, Direction::Back] {
            match self.carry(direction, now, messages) {
                Ok(moved) => has_moved |= moved,
                Err((side, error)) => {
                    self.end = Some(End::Lost(side, error));
                    return true;
                }
            }
            self.cut();
            if self.end.is_some() {
                return true;
            }
        }
        if self.pipes.iter().all(Pipe::is_over) {
            self.end = Some(End::Done);
        }
        has_moved
    }

    /// A side has hung up: nobody is kept waiting on a stalled link that neither side waits on.
    pub(super) fn handle_gone(&mut self, token: Token) {
        self.has_gone[token.0 - self.token.0] = true;
        if self.is_stalled && self.has_gone == [true; 2] && self.end.is_none() {
            self.end = Some(End::Done);
        }
    }

    /// Whether events of this token are its own.
    pub(super) const fn has(&self, token: Token) -> bool {
        token.0 == self.token.0 || token.0 == self.token.0 + 1
    }

    /// Does what time brings: says whether it is stalled from now on.
    pub(super) fn handle_time(&mut self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.start);
        if self.end.is_none()
            && matches!(self.fate.kill_after, Some(Amount::Time(span)) if age >= span)
        {
            self.end = Some(End::Cut);
        }
        let stalls = self.fate.stall.is_some_and(|span| age >= span);
        let is_new = stalls && !self.is_stalled && self.end.is_none();
        self.is_stalled |= stalls;
        is_new
    }

    /// When to look again, though nothing comes.
    pub(super) fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let kill = match self.fate.kill_after {
            Some(Amount::Time(span)) => self.start.checked_add(span),
            _ => None,
        };
        let stall = self.fate.stall.filter(|_| !self.is_stalled);
        let stall = stall.and_then(|span| self.start.checked_add(span));
        let arrivals = self.pipes.iter().filter(|_| !self.is_stalled);
        let arrivals = arrivals.filter_map(|pipe| pipe.next_arrival(now));
        arrivals.chain(kill).chain(stall).min()
    }

    /// What has passed since it was asked last.
    pub(super) fn take_line(&mut self) -> Option<Line> {
        let (direction, end, _) = self.lines.front()?;
        // What a cut has kept back has not passed.
        let is_past = *end <= self.pipes[*direction as usize].passed;
        if !is_past {
            return None;
        }
        self.lines.pop_front().map(|(.., line)| line)
    }

    /// How it has ended, if it has: nothing passes any more.
    pub(super) const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub(super) fn sums(&self) -> Sums {
        // Frames that were read and kept back by a cut have not passed.
        let kept_back = self.lines.iter().filter(|(.., line)| line.is_frame).count() as u64;
        Sums {
            frames: self.eye.frames - kept_back.min(self.eye.frames),
            malformed: self.eye.malformed,
            bytes: [self.pipes[0].passed, self.pipes[1].passed],
        }
    }

    /// Whether the connection behind the proxy is made; tries the next address if it cannot be.
    fn connected(&mut self, registry: &mio::Registry) -> io::Result<bool> {
        let server = &self.streams[1];
        let error = match (server.take_error()?, server.peer_addr()) {
            (Some(error), _) => error,
            (None, Ok(_)) => {
                server.set_nodelay(true)?;
                self.is_connected = true;
                return Ok(true);
            }
            (None, Err(error)) if error.kind() == ErrorKind::NotConnected => return Ok(false),
            (None, Err(error)) => error,
        };
        if self.others.is_empty() {
            return Err(error);
        }
        let mut next = TcpStream::connect(self.others.remove(0))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut next, Token(self.token.0 + 1), interest)?;
        self.streams[1] = next;
        Ok(false)
    }

    /// Reads and writes one direction; an error is that of the side that it came from.
    fn carry(
        &mut self,
        direction: Direction,
        now: Instant,
        messages: &Registry,
    ) -> Result<bool, (Direction, io::Error)> {
        let [client, server] = &mut self.streams;
        let (from, to) = match direction {
            Direction::Forth => (client, server),
            Direction::Back => (server, client),
        };
        let (eye, lines) = (&mut self.eye, &mut self.lines);
        let pipe = &mut self.pipes[direction as usize];
        let most = match self.fate.kill_after {
            Some(Amount::Frames(most)) => most,
            _ => u64::MAX,
        };
        let before = pipe.read;
        let mut has_read = false;
        if self.cuts.is_none() {
            let (mut at, mut cut) = (before, None);
            has_read = pipe
                .read(from, self.fate.delay, now, &mut |bytes| {
                    at += bytes.len() as u64;
                    let mut frames = eye.frames;
                    eye.see(direction, bytes, &mut |told| {
                        let (end, line) = told_of(told, direction, at, messages);
                        let is_frame = line.is_frame;
                        lines.push_back((end.0, end.1, line));
                        frames += u64::from(is_frame);
                        if frames == most && is_frame {
                            cut.get_or_insert(end);
                        }
                    });
                })
                .map_err(|error| (direction, error))?;
            if let Some((direction, end)) = cut {
                // The other direction may say what it has said.
                let mut cuts = [self.pipes[0].read, self.pipes[1].read];
                cuts[direction as usize] = end;
                self.cuts = Some(cuts);
            }
        }
        let limit = self.fate.limit(self.cuts, &self.pipes, direction);
        let pipe = &mut self.pipes[direction as usize];
        let passed = pipe.write(to, limit, now);
        let passed = passed.map_err(|error| (direction.reverse(), error))?;
        Ok(has_read || passed > 0)
    }

    /// Ends the link once as much has passed as may.
    fn cut(&mut self) {
        let passed = [self.pipes[0].passed, self.pipes[1].passed];
        let is_due = match (self.fate.kill_after, self.cuts) {
            (Some(Amount::Bytes(most)), _) => passed[0] + passed[1] >= most,
            (_, Some(cuts)) => passed[0] >= cuts[0] && passed[1] >= cuts[1],
            _ => false,
        };
        if is_due {
            self.end = Some(End::Cut);
        }
    }
}

impl Fate {
    /// How many more bytes may pass in a direction before the link is cut.
    fn limit(self, cuts: Option<[u64; 2]>, pipes: &[Pipe; 2], direction: Direction) -> u64 {
        let passed = pipes[direction as usize].passed;
        match (self.kill_after, cuts) {
            (Some(Amount::Bytes(most)), _) => {
                most.saturating_sub(pipes[0].passed + pipes[1].passed)
            }
            (_, Some(cuts)) => cuts[direction as usize].saturating_sub(passed),
            _ => u64::MAX,
        }
    }
}

/// Where what is told ends, and its line.
fn told_of(
    told: Told,
    direction: Direction,
    read: u64,
    messages: &Registry,
) -> ((Direction, u64), Line) {
    match told {
        Told::Seen(seen) => {
            let end = match &seen {
                Seen::Frame(frame) => (frame.direction, frame.offset + frame.len as u64),
                Seen::Malformed(malformed) => (malformed.direction, malformed.frame),
            };
            (end, Line::of(&seen, messages))
        }
        Told::Guessed(guess) => {
            let text = format!("this looks like {guess}");
            let fields = [("looks_like", guess.to_string())].into();
            ((direction, 0), Line::note(fields, text))
        }
        Told::Unknown => {
            let text = "this looks like no protocol known here; name it with --protocol";
            let mut fields = Map::new();
            fields.insert("looks_like", ());
            ((direction, read), Line::note(fields, text.to_owned()))
        }
    }
}

/// Links have two tokens each, from here on.
pub(super) const FIRST_LINK: usize = 2;
