//! Looking at what passes on a link, without taking part.
//!
//! A [`Watcher`] is told the bytes of both directions, as a proxy or a capture has them, and says what they are: [`Frame`]s by
//! their titles, with their fields, bodies and calls, and [`Malformed`] ones by the rule that they break. It finds frames and
//! reads them by the same code that speaks the protocols, in bounded memory, and goes on behind whatever breaks a rule, if the
//! protocol lets anyone find the next frame. [`guess`] tells what a stream looks like whose protocol nobody has named.
//!
//! ```
//! use ropeway_std::watch::{Direction, Protocol, Seen, Watcher};
//!
//! let mut said = Vec::new();
//! let mut watcher = Watcher::new(Protocol::Native);
//! // A message, a PING, and the start of an ACK.
//! watcher.see(Direction::Forth, &[4, 0x10, 0xac, 2, 2, 0xe3, 0x0a, 0xe5], &mut |seen| match seen {
//!     Seen::Frame(frame) => said.push(format!("{} {}", frame.offset, frame.title)),
//!     Seen::Malformed(malformed) => said.push(malformed.to_string()),
//! });
//! assert_eq!(said, ["0 message", "4 PING"]);
//! assert_eq!(watcher.unfinished(Direction::Forth), 2);
//! ```

mod cable_car;
mod calls;
mod clever_show;
mod frame;
mod guess;
mod native;
mod packetmq;
mod read;
mod sealed;
mod stream;
mod tcptalks;
#[cfg(test)]
mod tests;

pub use frame::{Body, Direction, Frame, Key, Kind, Malformed, Seen};
pub use guess::{Guess, guess};

use calls::Calls;
use read::Read;
use stream::Stream;

/// What is spoken on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The native protocol, plain or secure.
    Native,
    /// cable_car's byte transport.
    CableCarByte,
    /// cable_car's JSON transport.
    CableCarJson,
    /// packetmq.
    Packetmq,
    /// clever-show's messaging.
    CleverShow,
    /// TCPTalks, in either variant.
    TcpTalks,
}

/// Watches one link.
///
/// It keeps at most [`limit`](Self::limit) bytes of a frame that is not complete in each direction, what it reads out of one
/// frame at a time, and a bounded number of calls and names. A frame that is longer is told as [`Malformed`] and passed over by its
/// length; where there is no length, as in lines, up to the end of the line.
#[derive(Debug)]
pub struct Watcher {
    sides: [Side; 2],
    link: Link,
}

/// One direction.
#[derive(Debug)]
struct Side {
    stream: Stream,
    reader: Box<dyn Read>,
}

/// What both directions have said that matters to what comes.
#[derive(Debug, Default)]
struct Link {
    /// Calls that wait for their answers, by the side that has made them.
    calls: [Calls; 2],
    /// The side that has begun a secure opening, if one has.
    sealed_by: Option<Direction>,
    /// The side that has shown a password, if one has.
    password_by: Option<Direction>,
    /// The names of packets by id, as one side's table has them that does not adapt.
    packets: packetmq::Names,
}

impl Watcher {
    /// A watcher of a link that begins.
    pub fn new(protocol: Protocol) -> Self {
        let side = |direction| Side {
            stream: Stream::new(LIMIT),
            reader: reader(protocol, direction),
        };
        Self {
            sides: [Direction::Forth, Direction::Back].map(side),
            link: Link::default(),
        }
    }

    /// Keeps at most so many bytes of a frame in each direction, no less than 1 KiB; 1 MiB if nothing is said.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        for side in &mut self.sides {
            side.stream.limit = bytes.max(LEAST_LIMIT);
        }
        self
    }

    /// Takes the next bytes of a direction, and tells what is complete.
    pub fn see(&mut self, direction: Direction, bytes: &[u8], told: &mut dyn FnMut(Seen)) {
        let Self { sides, link } = self;
        let Side { stream, reader } = &mut sides[direction.index()];
        stream.see(direction, bytes, reader.as_mut(), link, told);
    }

    /// The direction has ended: tells what is left of a frame that will never be complete.
    pub fn end(&mut self, direction: Direction, told: &mut dyn FnMut(Seen)) {
        if let Some(malformed) = self.sides[direction.index()].stream.end(direction) {
            told(Seen::Malformed(malformed));
        }
    }

    /// How many bytes have come of the frame that is not complete.
    pub fn unfinished(&self, direction: Direction) -> usize {
        self.sides[direction.index()].stream.kept()
    }

    /// How many bytes of the direction nobody can read, because what came before them does not tell where a frame starts.
    pub fn unread(&self, direction: Direction) -> u64 {
        self.sides[direction.index()].stream.unread
    }
}

fn reader(protocol: Protocol, direction: Direction) -> Box<dyn Read> {
    match protocol {
        Protocol::Native => Box::new(native::Reader::new(direction)),
        Protocol::CableCarByte => Box::new(cable_car::Byte),
        Protocol::CableCarJson => Box::new(cable_car::Json),
        Protocol::Packetmq => Box::new(packetmq::Reader::new()),
        Protocol::CleverShow => Box::new(clever_show::Reader::new()),
        Protocol::TcpTalks => Box::new(tcptalks::Reader::new()),
    }
}

const LIMIT: usize = 1 << 20;

/// Holds every frame of the protocols' own.
const LEAST_LIMIT: usize = 1 << 10;
