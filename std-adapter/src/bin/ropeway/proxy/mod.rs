//! `ropeway proxy`: sits between two peers, says what passes, and lets go wrong what it is told to.

mod link;
mod pipe;

use crate::fault::{Fault, Kind};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::protocol::Protocol;
use crate::registry::Registry;
use crate::show::Line;
use crate::span::{Amount, span};
use clap::Args;
use link::{End, FIRST_LINK, Fate, Link, Sums};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use ropeway_std::value::Map;
use ropeway_std::watch::Direction;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between whom, and what befalls their links.
#[derive(Args)]
pub(crate) struct Proxy {
    /// Where to listen: an address, a port, or both; port 0 takes one that is free
    listen: String,
    /// Where to lead who comes: a host, with a port unless it is the protocol's
    host: String,
    /// What is spoken; what each link looks like if absent
    #[arg(long, short, value_enum)]
    protocol: Option<Protocol>,
    /// The messages, in TOML
    #[arg(long, short, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// Cut each link after so many bytes or frames, both ways together, or so long: 4096B, 10f, 2.5s
    #[arg(long, value_name = "AMOUNT")]
    kill_after: Option<Amount>,
    /// How long all that is said takes on its way, each way: 50ms
    #[arg(long, value_name = "TIME", value_parser = span)]
    delay: Option<Duration>,
    /// After so long nothing passes on a link, and nobody is told: half-open
    #[arg(long, value_name = "TIME", value_parser = span)]
    stall: Option<Duration>,
    /// End by itself after so long
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    duration: Option<Duration>,
}

/// A proxy at work.
struct Relay {
    poll: Poll,
    listener: TcpListener,
    targets: Vec<SocketAddr>,
    protocol: Option<Protocol>,
    registry: Registry,
    fate: Fate,
    output: Output,
    start: Instant,
    links: Vec<Link>,
    count: usize,
    /// Of the links that have ended.
    sums: Sums,
}

impl Proxy {
    pub(crate) fn run(self, output: Output) -> Result<(), Fault> {
        let registry = match &self.registry {
            Some(path) => Registry::read(path)?,
            None => Registry::default(),
        };
        if let Some(protocol) = self.protocol {
            registry.check(protocol)?;
        }
        let target = self.protocol.unwrap_or_default().address(&self.host);
        let unknown = |error| Fault::new(Kind::Unreachable, format!("{target}: {error}"));
        let targets: Vec<_> = target.to_socket_addrs().map_err(unknown)?.collect();
        let listener = listen(&self.listen, self.protocol.unwrap_or_default())?;
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WOKEN)?;
        let interrupt = Interrupt::listen()?;
        interrupt.wakes(move || {
            // Who has ended need not be woken.
            let _ = waker.wake();
        });
        let mut relay = Relay {
            poll,
            listener,
            targets,
            protocol: self.protocol,
            registry,
            fate: Fate {
                kill_after: self.kill_after,
                delay: self.delay.unwrap_or_default(),
                stall: self.stall,
            },
            output,
            start: Instant::now(),
            links: Vec::new(),
            count: 0,
            sums: Sums::default(),
        };
        relay.begin(&target)?;
        let end = self.duration.and_then(|span| relay.start.checked_add(span));
        relay.run(end, &interrupt)?;
        relay.summary()
    }
}

impl Relay {
    /// Says where it listens.
    fn begin(&mut self, target: &str) -> Result<(), Fault> {
        let registry = self.poll.registry();
        registry.register(&mut self.listener, LISTENER, Interest::READABLE)?;
        let address = self.listener.local_addr()?.to_string();
        let text = format!("listening at {address}, leading to {target}");
        let fields = [("listening", address), ("target", target.to_owned())].into();
        self.output.fields(fields, &text)
    }

    /// Relays until the time is over, or somebody says so.
    fn run(&mut self, end: Option<Instant>, interrupt: &Interrupt) -> Result<(), Fault> {
        let mut events = Events::with_capacity(256);
        while !interrupt.has_come() && end.is_none_or(|end| Instant::now() < end) {
            self.accept()?;
            // Who never stops talking must not keep others from being heard.
            let mut rounds = 0..ROUNDS;
            let is_busy = loop {
                match rounds.next() {
                    Some(_) if self.pump()? => {}
                    Some(_) => break false,
                    None => break true,
                }
            };
            self.retire()?;
            let now = Instant::now();
            let timeouts = self.links.iter().filter_map(|link| link.next_timeout(now));
            let next = timeouts.chain(end).min();
            let timeout = match is_busy {
                true => Some(Duration::ZERO),
                false => next.map(|at| at.saturating_duration_since(now)),
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for event in events.iter().filter(|event| event.is_read_closed()) {
                let token = event.token();
                if let Some(link) = self.links.iter_mut().find(|link| link.has(token)) {
                    link.handle_gone(token);
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<(), Fault> {
        loop {
            let (client, address) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(()),
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => continue,
                    _ => return Err(error.into()),
                },
            };
            self.count += 1;
            let protocol = self.protocol.map(Protocol::watched);
            let link = Link::new(
                self.count,
                client,
                &self.targets,
                protocol,
                self.fate,
                self.poll.registry(),
            );
            let begun = [("client", address.to_string())].into();
            let line = Line::note(begun, format!("{address} has come"));
            self.tell(self.count, Instant::now(), line)?;
            match link {
                Ok(link) => self.links.push(link),
                Err(error) => {
                    self.say(self.count, Instant::now(), &format!("not reached: {error}"))?;
                }
            }
        }
    }

    /// Moves what can be moved on all links, and tells what has passed.
    fn pump(&mut self) -> Result<bool, Fault> {
        let now = Instant::now();
        let mut has_moved = false;
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            has_moved |= link.pump(now, self.poll.registry(), &self.registry);
            let (number, start) = (link.number, link.start);
            while let Some(line) = self.links[at].take_line() {
                self.tell(number, start, line)?;
            }
            if self.links[at].handle_time(now) {
                self.say(number, start, "stalled: nothing passes from here on")?;
            }
        }
        Ok(has_moved)
    }

    /// Parts with the links that have ended.
    fn retire(&mut self) -> Result<(), Fault> {
        let links = std::mem::take(&mut self.links);
        let (over, open) = links.into_iter().partition(|link| link.end().is_some());
        self.links = open;
        let over: Vec<Link> = over;
        for link in over {
            let sums = link.sums();
            let [forth, back] = sums.bytes;
            let how = match link.end() {
                Some(End::Cut) => "cut".to_owned(),
                Some(End::Lost(side, error)) => {
                    let who = if *side == Direction::Forth {
                        "client"
                    } else {
                        "server"
                    };
                    format!("broken off by the {who}: {error}")
                }
                Some(End::Unreached(error)) => format!("not reached: {error}"),
                Some(End::Done) | None => "ended".to_owned(),
            };
            let mut fields = Map::new();
            fields.insert("end", how.as_str());
            fields.insert("frames", sums.frames);
            fields.insert("bytes", [forth, back]);
            let text = format!(
                "{how} after {} frames, {forth} bytes -> and {back} <-",
                sums.frames
            );
            self.tell(link.number, link.start, Line::note(fields, text))?;
            self.sums.add(sums);
        }
        Ok(())
    }

    fn say(&self, number: usize, start: Instant, text: &str) -> Result<(), Fault> {
        let fields = [("end", text)].into();
        self.tell(number, start, Line::note(fields, text.to_owned()))
    }

    /// Prints a line of a link that began then.
    fn tell(&self, number: usize, start: Instant, line: Line) -> Result<(), Fault> {
        let now = Instant::now();
        let since = |start| now.saturating_duration_since(start).as_secs_f64();
        let (all, own) = (since(self.start), since(start));
        let fields = [
            ("time", all.into()),
            ("link_time", own.into()),
            ("link", (number as u64).into()),
        ];
        let line = line.behind(fields, &format!("{all:>9.3} {own:>9.3} #{number}"));
        self.output.fields(line.fields, &line.text)
    }

    fn summary(&mut self) -> Result<(), Fault> {
        for link in std::mem::take(&mut self.links) {
            self.sums.add(link.sums());
        }
        let Sums {
            frames,
            malformed,
            bytes: [forth, back],
        } = self.sums;
        let links = self.count as u64;
        let mut fields = Map::new();
        fields.insert("links", links);
        fields.insert("frames", frames);
        fields.insert("malformed", malformed);
        fields.insert("bytes", [forth, back]);
        let mut text = format!("{links} links, {frames} frames, {forth} bytes -> and {back} <-");
        if malformed > 0 {
            text += &format!(", {malformed} frames that break rules");
        }
        self.output.fields(fields, &text)
    }
}

impl Sums {
    const fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.malformed += other.malformed;
        self.bytes[0] += other.bytes[0];
        self.bytes[1] += other.bytes[1];
    }
}

/// A listener at `text`, as `ropeway listen` takes it: a port alone is at this machine's own address.
fn listen(text: &str, protocol: Protocol) -> Result<TcpListener, Fault> {
    let address = match text.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => protocol.address(text),
    };
    let wrong = |error: io::Error| {
        Fault::input(format!("{text:?} is no place to listen at: {error}"))
            .hint("take a port, or an address with one, such as 0.0.0.0:9000")
    };
    let addresses: Vec<_> = address.to_socket_addrs().map_err(wrong)?.collect();
    let listener = std::net::TcpListener::bind(&addresses[..]).map_err(|error| {
        let fault = Fault::failed(format!("{address}: {error}"));
        match error.kind() {
            ErrorKind::AddrInUse => {
                fault.hint("another program listens there; take another port, or 0")
            }
            ErrorKind::AddrNotAvailable => fault.hint("this machine has no such address"),
            _ => fault,
        }
    })?;
    listener.set_nonblocking(true)?;
    Ok(TcpListener::from_std(listener))
}

/// How often links are served before anything else is looked at.
const ROUNDS: usize = 16;

const WOKEN: Token = Token(0);
const LISTENER: Token = Token(1);

const _: () = assert!(FIRST_LINK > LISTENER.0);
