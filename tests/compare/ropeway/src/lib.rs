//! M and a ball as messages of Ropeway, and blocking links that carry them, in the caller's thread: the sender queues its
//! messages, which go out whenever the buffer is full, and flushes at the end; a round trip is a `send` and a `recv`.

mod message;

pub use message::{ByHand, Derived, Words};

use compare::{Outcome, PATIENCE, ball, caught, connection, lost, side_by_side, timed};
use message::Ball;
use ropeway_std::dialect::{Carries, Dialect};
use ropeway_std::registry::Registry;
use ropeway_std::{Event, Link, Options};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Streams `count` messages, which `send` is to send and `receive` to receive over open links.
pub fn stream<D: Dialect + Send>(
    ends: [D; 2],
    send: impl FnOnce(Link<D>) -> Outcome<()> + Send,
    receive: impl FnOnce(Link<D>) -> Outcome<Instant> + Send,
) -> Outcome<Duration>
where
    Words: for<'a> Registry<'a, D>,
{
    let (here, there) = connection()?;
    let [sending, receiving] = ends;
    let (start, end) = side_by_side(
        || {
            let link = open(sending, here)?;
            let start = Instant::now();
            send(link)?;
            Ok(start)
        },
        || receive(open(receiving, there)?),
    )?;
    Ok(end - start)
}

/// Throws a ball there and back, `count` times.
pub fn round_trips<D>(ends: [D; 2], count: u32) -> Outcome<Vec<Duration>>
where
    D: Dialect + Carries<Ball> + Send,
    Words: for<'a> Registry<'a, D>,
{
    let (here, there) = connection()?;
    let [throwing, returning] = ends;
    let throw = || {
        let mut link = open(throwing, here)?;
        timed(count, |id| {
            link.send(&Ball(ball(id)))?;
            match link.recv(PATIENCE)? {
                Some(Event::Message(Words::Ball(Ball(bytes)))) => caught(id, &bytes),
                _ => Err(lost(id)),
            }
        })
    };
    let give_back = || {
        let mut link = open(returning, there)?;
        for id in 0..count {
            let Some(Event::Message(Words::Ball(ball))) = link.recv(PATIENCE)? else {
                return Err(lost(id));
            };
            link.send(&ball)?;
        }
        Ok(())
    };
    let (times, ()) = side_by_side(throw, give_back)?;
    Ok(times)
}

/// A link whose opening is done.
fn open<D: Dialect>(dialect: D, stream: TcpStream) -> Outcome<Link<D>>
where
    Words: for<'a> Registry<'a, D>,
{
    let mut link = Link::new(dialect, stream, &Options::default())?;
    while !link.dialect().is_open() || link.dialect().has_notice() {
        match link.recv::<Words>(PATIENCE)? {
            Some(Event::Notice(_)) => {}
            _ => return Err("the link does not open".into()),
        }
    }
    link.flush()?;
    Ok(link)
}
