//! The system calls of a link, counted where it makes them.

use crate::message::{Ball, Balls, Sample};
use crate::pinned::{self, PATIENCE};
use crate::report::Report;
use crate::round_trip::{answer, trip};
use crate::slab::SLAB;
use crate::stream::native;
use crate::{Outcome, Scale};
use ropeway_std::dialect::cable_car::CableCarByte;
use ropeway_std::native::Native;
use ropeway_std::transport::{Patience, Transport};
use ropeway_std::{Error, Event, Handlers, Link, Node, Options};
use std::cell::Cell;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const WARM_UP: u32 = 10;
const TRIPS: u32 = 1000;
const STREAMED: u32 = 200_000;

pub(crate) fn measure(report: &mut Report, _: Scale) {
    report.section("system calls of a link");
    if let Some(sides) = report.succeeds("round trips", round_trips()) {
        let once = Calls {
            reads: TRIPS,
            writes: TRIPS,
            others: 0,
        };
        for (name, calls) in ["asking", "answering"].iter().zip(sides) {
            let name = format!("{TRIPS} round trips, {name}: read, write, other");
            report.check(&name, calls == once, calls);
        }
    }
    if let Some(sides) = report.succeeds("native calls", native_calls()) {
        let once = Calls {
            reads: TRIPS,
            writes: TRIPS,
            others: 0,
        };
        for (name, calls) in ["asking", "answering"].iter().zip(sides) {
            let name = format!("{TRIPS} native calls, {name}: the same");
            report.check(&name, calls == once, calls);
        }
    }
    if let Some((calls, bytes)) = report.succeeds("stream", stream()) {
        let most = bytes.div_ceil(SLAB - 256);
        let holds = calls.writes as usize <= most && calls.others == 0;
        report.check("stream: a write is a full buffer", holds, calls);
    }
}

fn round_trips() -> Outcome<[Calls; 2]> {
    let (here, there) = pinned::connection()?;
    let ask = || counted(here, |link, id| trip(link, &Ball::nth(id), id));
    let answer = || counted(there, answer);
    let (asking, answering) = pinned::side_by_side(ask, answer)?;
    Ok([asking, answering])
}

/// The same for calls of native sessions, whose acknowledgements go along.
fn native_calls() -> Outcome<[Calls; 2]> {
    let (here, there) = pinned::connection()?;
    let ask = || {
        let mut node = node(native::dialling(), here, Handlers::new())?;
        for id in 0..WARM_UP + TRIPS {
            if id == WARM_UP {
                node.link().transport().calls.take();
            }
            let answer: u32 = node.call(&Sample::nth(id), PATIENCE)?;
            if answer != id {
                return Err(format!("call {id} was answered with {answer}").into());
            }
        }
        Ok(node.link().transport().calls.take())
    };
    let answer = || {
        let answered = Arc::new(AtomicU32::new(0));
        let count = answered.clone();
        let mut handlers = Handlers::new();
        handlers.answer(move |_, sample: Sample| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(sample.id)
        });
        let mut node = node(native::listening(), there, handlers)?;
        let mut turn_until = |calls| {
            while answered.load(Ordering::Relaxed) < calls {
                node.turn(PATIENCE)?;
            }
            Ok::<_, Error>(node.link().transport().calls.take())
        };
        turn_until(WARM_UP)?;
        Ok(turn_until(WARM_UP + TRIPS)?)
    };
    let (asking, answering) = pinned::side_by_side(ask, answer)?;
    Ok([asking, answering])
}

fn node(
    dialect: Native,
    stream: TcpStream,
    handlers: Handlers<Native>,
) -> Outcome<Node<Native, Counting>> {
    let link = Link::over(dialect, Counting::new(stream), &Options::default())?;
    Ok(Node::new(link, handlers))
}

/// The calls of `TRIPS` steps after the warm-up.
fn counted(
    stream: TcpStream,
    mut step: impl FnMut(&mut Link<CableCarByte, Counting>, u32) -> Outcome<()>,
) -> Outcome<Calls> {
    let mut link = Link::over(CableCarByte, Counting::new(stream), &Options::default())?;
    for id in 0..WARM_UP {
        step(&mut link, id)?;
    }
    link.transport().calls.take();
    for id in 0..TRIPS {
        step(&mut link, id)?;
    }
    Ok(link.transport().calls.take())
}

/// The sender's calls, and the bytes that it sent with them.
fn stream() -> Outcome<(Calls, usize)> {
    let (here, there) = pinned::connection()?;
    let receive = || {
        let mut link = Link::new(CableCarByte, here, &Options::default())?;
        for id in 0..STREAMED {
            match link.recv(PATIENCE)? {
                Some(Event::Message(Balls::Ball(ball))) if ball == Ball::nth(id) => {}
                _ => return Err(format!("message {id} is lost").into()),
            }
        }
        Ok(())
    };
    let send = || {
        let transport = Counting::new(there);
        let mut link = Link::over(CableCarByte, transport, &Options::default())?;
        link.transport().calls.take();
        for id in 0..STREAMED {
            link.queue(&Ball::nth(id))?;
        }
        link.flush()?;
        let transport = link.transport();
        Ok((transport.calls.take(), transport.written.get()))
    };
    pinned::side_by_side(receive, send).map(|((), sent)| sent)
}

/// A socket that counts what is asked of it.
struct Counting {
    stream: TcpStream,
    calls: Cell<Calls>,
    written: Cell<usize>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Calls {
    reads: u32,
    writes: u32,
    others: u32,
}

impl Counting {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            calls: Cell::default(),
            written: Cell::default(),
        }
    }

    fn count(&self, note: impl FnOnce(&mut Calls)) {
        let mut calls = self.calls.get();
        note(&mut calls);
        self.calls.set(calls);
    }
}

impl Transport for Counting {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        self.count(|calls| calls.reads += 1);
        Transport::read(&self.stream, room)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.count(|calls| calls.writes += 1);
        let len = Transport::write(&self.stream, bytes)?;
        self.written.update(|written| written + len);
        Ok(len)
    }

    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()> {
        self.count(|calls| calls.others += 1);
        self.stream.set_patience(reads, writes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.count(|calls| calls.others += 1);
        Transport::shutdown(&self.stream, how)
    }
}

impl std::fmt::Display for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}, {}, {}", self.reads, self.writes, self.others))
    }
}
