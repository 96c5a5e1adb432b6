//! The connections of a capture, each watched from its first segment on.

use super::capture::Segment;
use super::reassembly::{Reassembly, Stage};
use crate::eye::{Eye, Told};
use crate::fault::Fault;
use ropeway_std::watch::{Direction, Protocol};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// All that a capture has had so far.
pub(super) struct Connections {
    open: HashMap<(SocketAddr, SocketAddr), Connection>,
    protocol: Option<Protocol>,
    /// Only those to or from this port.
    port: Option<u16>,
    /// How many there have been.
    pub(super) count: usize,
    pub(super) frames: u64,
    pub(super) malformed: u64,
    /// How many segments had bytes.
    pub(super) segments: u64,
    /// How many bytes are not in the capture, in front of some that are.
    pub(super) missing: u64,
}

/// One connection.
pub(super) struct Connection {
    /// Its number, from 1 on.
    pub(super) number: usize,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    eye: Eye,
    ways: [Reassembly; 2],
    /// The first of its segments.
    pub(super) start: Duration,
}

/// What there is to say of a connection.
pub(super) enum News {
    Begun,
    Told(Told),
    /// So many bytes of a direction are not in the capture; nothing behind them is read.
    Missing(Direction, u64),
}

/// Hears of connections.
pub(super) type Hear<'h> = &'h mut dyn FnMut(&Connection, Duration, News) -> Result<(), Fault>;

/// What is known of a connection while it is told of.
struct Telling<'h> {
    news: Vec<News>,
    hear: Hear<'h>,
}

impl Connections {
    pub(super) fn new(protocol: Option<Protocol>, port: Option<u16>) -> Self {
        Self {
            open: HashMap::new(),
            protocol,
            port,
            count: 0,
            frames: 0,
            malformed: 0,
            segments: 0,
            missing: 0,
        }
    }

    pub(super) fn see(&mut self, segment: &Segment<'_>, hear: Hear<'_>) -> Result<(), Fault> {
        let ports = [segment.from.port(), segment.to.port()];
        if self.port.is_some_and(|port| !ports.contains(&port)) {
            return Ok(());
        }
        let key = (segment.from.min(segment.to), segment.from.max(segment.to));
        // The same addresses again are another connection.
        let is_new = segment.marks.syn && !segment.marks.ack;
        if is_new
            && let Some(old) = self.open.get(&key)
            && !old.is_repeated(segment)
            && let Some(old) = self.open.remove(&key)
        {
            self.close(old, segment.time, &mut *hear)?;
        }
        let mut telling = Telling {
            news: Vec::new(),
            hear,
        };
        if !self.open.contains_key(&key) {
            // What has ended may be followed by acknowledgements.
            if segment.bytes.is_empty() && !segment.marks.syn {
                return Ok(());
            }
            self.count += 1;
            let connection = Connection::new(self.count, segment, self.protocol, self.port);
            self.open.insert(key, connection);
            telling.news.push(News::Begun);
        }
        let Some(connection) = self.open.get_mut(&key) else {
            return Ok(());
        };
        self.segments += u64::from(!segment.bytes.is_empty());
        connection.see(segment, &mut telling.news);
        telling.tell(connection, segment.time)?;
        Ok(())
    }

    /// The capture ends here: what is not complete never will be.
    pub(super) fn end(&mut self, hear: Hear<'_>) -> Result<(), Fault> {
        let mut open: Vec<_> = self
            .open
            .drain()
            .map(|(_, connection)| connection)
            .collect();
        open.sort_by_key(|connection| connection.number);
        for connection in open {
            let time = connection.last();
            self.close(connection, time, &mut *hear)?;
        }
        Ok(())
    }

    fn close(
        &mut self,
        mut connection: Connection,
        time: Duration,
        hear: Hear<'_>,
    ) -> Result<(), Fault> {
        let mut telling = Telling {
            news: Vec::new(),
            hear,
        };
        // What has ended has been told; it stayed for what is sent again behind its end.
        for direction in [Direction::Forth, Direction::Back] {
            if connection.ways[direction as usize].stage == Stage::Open {
                connection.end(direction, &mut telling.news);
            }
        }
        telling.tell(&connection, time)?;
        self.count(&connection);
        Ok(())
    }

    fn count(&mut self, connection: &Connection) {
        let missing = connection.ways.iter().filter_map(|way| match way.stage {
            Stage::Lost { missing } => Some(missing),
            _ => None,
        });
        self.missing += missing.sum::<u64>();
        self.frames += connection.eye.frames;
        self.malformed += connection.eye.malformed;
    }
}

impl Telling<'_> {
    fn tell(&mut self, connection: &Connection, time: Duration) -> Result<(), Fault> {
        for news in std::mem::take(&mut self.news) {
            (self.hear)(connection, time, news)?;
        }
        Ok(())
    }
}

impl Connection {
    fn new(
        number: usize,
        segment: &Segment<'_>,
        protocol: Option<Protocol>,
        port: Option<u16>,
    ) -> Self {
        let (from, to) = (segment.from, segment.to);
        let is_known =
            |address: SocketAddr| port == Some(address.port()) || usual(address.port()).is_some();
        let is_forth = match (segment.marks.syn, segment.marks.ack) {
            (true, is_answer) => !is_answer,
            // It was open before the capture: who has a port that is known, or else the lower one, listens.
            _ => match (is_known(from), is_known(to)) {
                (false, true) => true,
                (true, false) => false,
                _ => from.port() >= to.port(),
            },
        };
        let (client, server) = if is_forth { (from, to) } else { (to, from) };
        Self {
            number,
            client,
            server,
            eye: Eye::new(protocol, usual(server.port())),
            ways: Default::default(),
            start: segment.time,
        }
    }

    /// Whether the segment is a copy of the one that began the connection.
    fn is_repeated(&self, segment: &Segment<'_>) -> bool {
        let way = &self.ways[self.direction(segment) as usize];
        way.stage == Stage::Open && way.began_with(segment.seq)
    }

    fn direction(&self, segment: &Segment<'_>) -> Direction {
        match segment.from == self.client {
            true => Direction::Forth,
            false => Direction::Back,
        }
    }

    fn see(&mut self, segment: &Segment<'_>, news: &mut Vec<News>) {
        let direction = self.direction(segment);
        let Self { eye, ways, .. } = self;
        let way = &mut ways[direction as usize];
        way.last = segment.time;
        let was = way.stage;
        way.take(segment.seq, segment.marks, segment.bytes, &mut |bytes| {
            eye.see(direction, bytes, &mut |told| news.push(News::Told(told)));
        });
        match (was, way.stage) {
            (Stage::Open, Stage::Ended) => self.end(direction, news),
            (Stage::Open, Stage::Lost { missing }) => news.push(News::Missing(direction, missing)),
            _ => {}
        }
        if segment.marks.rst {
            for direction in [Direction::Forth, Direction::Back] {
                if self.ways[direction as usize].stage == Stage::Open {
                    self.end(direction, news);
                    self.ways[direction as usize].finish();
                }
            }
        }
    }

    fn end(&mut self, direction: Direction, news: &mut Vec<News>) {
        if let Some(missing) = self.ways[direction as usize].missing() {
            news.push(News::Missing(direction, missing));
            return;
        }
        let mut told = |told| news.push(News::Told(told));
        self.eye.end(direction, &mut told);
    }

    fn last(&self) -> Duration {
        self.ways[0].last.max(self.ways[1].last)
    }
}

/// What is usually spoken at a port.
const fn usual(port: u16) -> Option<Protocol> {
    use crate::protocol::Protocol as Named;
    Some(match port {
        port if port == Named::Native.port() => Protocol::Native,
        port if port == Named::CableCarByte.port() => Protocol::CableCarByte,
        port if port == Named::CleverShow.port() => Protocol::CleverShow,
        port if port == Named::TcpTalks.port() => Protocol::TcpTalks,
        _ => return None,
    })
}
