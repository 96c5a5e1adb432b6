//! A peer by hand: core's messenger on a socket, whose every step the test takes.

use ropeway_std::dialect::native::{CallId, Config, Native, Notice, Opening};
use ropeway_std::dialect::{Answers, Dialect};
use ropeway_std::message::Call;
use ropeway_std::{Event, Growable, Messenger, SendError, messages};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Counts up, so that what is missing or comes twice is seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Number(pub(super) u32);

/// Is answered with twice as much.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Double(pub(super) u32);

messages! {
    #[derive(Debug)]
    pub(super) enum Words {
        Number(Number) = 0x10,
        Double(Double) = 0x12 -> u32,
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Met,
    Number(u32),
    Request(CallId, u32),
    Answer(u32, Result<u32, String>),
    Opened(Opening),
    Bye(String),
    Other(String),
}

pub(super) struct Dialler {
    pub(super) mail: Messenger<Native<Config>, Growable>,
    pub(super) stream: Option<TcpStream>,
    address: SocketAddr,
    /// The address that it comes from, unless that is the system's choice.
    from: Option<SocketAddr>,
    is_first: bool,
    origin: Instant,
}

impl Dialler {
    pub(super) fn new(address: SocketAddr, config: Config) -> Self {
        let memory = || Growable::new(1024, 4096);
        Self {
            mail: Messenger::new(Native::dialling(config), memory(), memory()),
            stream: None,
            address,
            from: None,
            is_first: true,
            origin: Instant::now(),
        }
    }

    /// The same, at this address of this machine.
    pub(super) fn from(mut self, host: [u8; 4]) -> Self {
        self.from = Some((host, 0).into());
        self
    }

    /// One that is open.
    pub(super) fn open(address: SocketAddr, config: Config) -> Self {
        let mut dialler = Self::new(address, config);
        dialler.connect();
        dialler.until_open();
        dialler
    }

    /// Another connection; the older one, if there is one, is returned and stays half open as long as it is kept.
    pub(super) fn connect(&mut self) -> Option<TcpStream> {
        if !std::mem::take(&mut self.is_first) {
            self.mail.handle_connected();
        }
        let stream = match self.from {
            None => TcpStream::connect(self.address).unwrap(),
            Some(from) => connect_from(from, self.address),
        };
        stream
            .set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        self.stream.replace(stream)
    }

    /// Ends the connection, in one way or the other.
    pub(super) fn cut(&mut self, with_reset: bool) {
        if let Some(stream) = self.stream.take()
            && with_reset
        {
            let socket = socket2::SockRef::from(&stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    /// Moves bytes both ways; says whether there is still a connection.
    pub(super) fn step(&mut self) -> bool {
        self.write(usize::MAX) && self.read(usize::MAX)
    }

    /// Writes at most `len` bytes.
    pub(super) fn write(&mut self, mut len: usize) -> bool {
        let now = u64::try_from(self.origin.elapsed().as_micros()).unwrap();
        self.mail
            .handle_time(ropeway_core::Instant::from_micros(now));
        let Some(stream) = &mut self.stream else {
            return false;
        };
        loop {
            let bytes = self.mail.poll_output();
            let part = bytes.len().min(len);
            if part == 0 {
                return true;
            }
            match stream.write(&bytes[..part]) {
                Ok(written) => self.mail.handle_written(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => {
                    self.stream = None;
                    return false;
                }
            }
            len -= part;
        }
    }

    /// Reads once, at most `len` bytes.
    pub(super) fn read(&mut self, len: usize) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let room = self.mail.input_room();
        let len = room.len().min(len);
        if len == 0 {
            return true;
        }
        match stream.read(&mut room[..len]) {
            Ok(0) => self.stream = None,
            Ok(len) => self.mail.handle_input(len),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.stream = None,
        }
        self.stream.is_some()
    }

    pub(super) fn hear(&mut self) -> Option<Told> {
        Some(match self.mail.recv::<Words>()? {
            Event::Message(Words::Number(Number(number))) => Told::Number(number),
            Event::Request(id, Words::Double(Double(number))) => Told::Request(id, number),
            Event::Answer(id, envelope) => {
                let answer = <Native<Config> as Answers<'_, Double>>::read_answer(envelope);
                Told::Answer(id.0, answer.unwrap().map_err(|failure| failure.to_string()))
            }
            Event::Notice(Notice::Met(_)) => Told::Met,
            Event::Notice(Notice::Opened(opening)) => Told::Opened(opening),
            Event::Notice(Notice::Bye { reason, .. }) => Told::Bye(reason.to_string()),
            other => Told::Other(format!("{other:?}")),
        })
    }

    /// Steps until it is told something that `pick` picks; what comes before is dropped.
    pub(super) fn until<T>(&mut self, mut pick: impl FnMut(Told) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            while let Some(told) = self.hear() {
                if let Some(picked) = pick(told) {
                    return picked;
                }
            }
            let goes_on = self.step() || self.mail.has_event();
            assert!(goes_on, "the connection has ended");
            assert!(start.elapsed() < super::LONG, "nothing came");
        }
    }

    pub(super) fn until_open(&mut self) -> Opening {
        let opening = self.until(|told| match told {
            Told::Opened(opening) => Some(opening),
            Told::Met => None,
            other => panic!("{other:?}"),
        });
        // A fresh session begins at the other side when it is acknowledged.
        self.write(usize::MAX);
        opening
    }

    /// The next thing that is neither about the opening.
    pub(super) fn next(&mut self) -> Told {
        self.until(|told| Some(told).filter(|told| !matches!(told, Told::Met | Told::Opened(_))))
    }

    /// Steps until the connection is gone, and says what came before.
    pub(super) fn until_gone(&mut self) -> Vec<Told> {
        let start = Instant::now();
        let mut told = Vec::new();
        loop {
            told.extend(std::iter::from_fn(|| self.hear()));
            if !self.step() && !self.mail.has_event() {
                return told;
            }
            assert!(start.elapsed() < super::LONG, "it does not end: {told:?}");
        }
    }

    /// Steps until the peer has taken all that was said.
    pub(super) fn flush(&mut self) {
        let start = Instant::now();
        while self.mail.queued() > 0 {
            assert!(self.step(), "the connection has ended");
            assert!(start.elapsed() < super::LONG, "nobody takes it");
        }
    }

    pub(super) fn ask(&mut self, id: u32, number: u32) -> Result<(), SendError> {
        let (id, request) = (CallId(id), &Double(number));
        self.mail.send(&Call { id, request })
    }

    pub(super) fn session(&self) -> u64 {
        self.mail.dialect().session().unwrap()
    }

    pub(super) fn is_open(&self) -> bool {
        self.mail.dialect().is_open()
    }
}

pub(super) fn connect_from(from: SocketAddr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    socket.bind(&from.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}
