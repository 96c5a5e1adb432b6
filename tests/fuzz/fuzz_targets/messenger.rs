#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ropeway_core::buf::Storage;
use ropeway_core::dialect::cable_car::{CableCarByte, CableCarJson, Code, Raw};
use ropeway_core::dialect::{Carries, Dialect};
use ropeway_core::encoding::postcard;
use ropeway_core::framing::Rule::Limit;
use ropeway_core::{Event, Malformed, Messenger, Over, Rule, SendError, framing, messages};
use ropeway_fuzz::Pieces;
use serde::{Deserialize, Serialize};

#[derive(Debug, Arbitrary, Serialize, Deserialize)]
struct Reading {
    sensor: u8,
    celsius: f32,
}

#[derive(Debug, Arbitrary, Serialize, Deserialize)]
struct Note<'a> {
    text: &'a str,
}

messages! {
    #[derive(Debug)]
    enum Words<'a> {
        Reading(Reading) = 0x10,
        Note(Note<'a>) = 0x11,
    }
}

/// What is sent, or stands in a received stream.
#[derive(Arbitrary, Debug)]
enum Say<'a> {
    Reading(Reading),
    Note(Note<'a>),
    Raw { code: u8, body: &'a [u8] },
}

#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Said(Say<'a>),
    Line(Say<'a>),
    Bytes(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Send(Say<'a>),
    Write(u8),
    /// Receive the next piece of the stream, then take this many events.
    Receive(u8),
}

#[derive(Arbitrary, Debug)]
struct Plan<'a> {
    stream: Vec<Part<'a>>,
    pieces: Pieces,
    input_size: u8,
    outbox_size: u16,
    steps: Vec<Step<'a>>,
}

fuzz_target!(|plan: Plan<'_>| {
    let stream: Vec<u8> = plan.stream.iter().flat_map(Part::bytes).collect();
    let input_size = usize::from(plan.input_size) + 1;
    let outbox_size = usize::from(plan.outbox_size) % 600 + 1;

    let raw = Run::<Raws>::new(&stream, &plan.pieces, input_size, outbox_size).finish(&plan.steps);
    assert_eq!(raw, expect(&stream, input_size), "differs from the model");

    same_in_pieces::<Bytes>(&stream, &plan, input_size, outbox_size);
    same_in_pieces::<Lines>(&stream, &plan, input_size, outbox_size);
});

/// A stream in pieces, with sends in between, says what the whole of it says.
fn same_in_pieces<T: Table>(stream: &[u8], plan: &Plan<'_>, input: usize, outbox: usize) {
    let whole = Run::<T>::new(stream, &Pieces::default(), input, 1).finish(&[]);
    let split = Run::<T>::new(stream, &plan.pieces, input, outbox).finish(&plan.steps);
    assert_eq!(split, whole, "differs from the unsplit run");
}

/// An event, as far as it can be compared.
#[derive(Debug, PartialEq)]
enum Said {
    Message { code: u8, body: Vec<u8> },
    Framing { rule: framing::Rule, frame: u64 },
    Other(String),
}

/// A dialect, and a table to read events with.
trait Table {
    type Dialect: Dialect + Default;

    fn recv(messenger: &mut Messenger<Self::Dialect, Memory>) -> Option<Said>;

    /// The answer to a send, or nothing where sending is not looked at.
    fn send(
        _messenger: &mut Messenger<Self::Dialect, Memory>,
        _say: &Say<'_>,
    ) -> Option<Result<(), SendError>> {
        None
    }
}

/// Frames of bytes, as they are.
struct Raws;

/// Frames of bytes, as messages.
struct Bytes;

/// Lines of JSON, as messages.
struct Lines;

impl Table for Raws {
    type Dialect = CableCarByte;

    fn recv(messenger: &mut Messenger<CableCarByte, Memory>) -> Option<Said> {
        messenger.recv::<Raw<'_>>().map(|event| match event {
            Event::Message(raw) => Said::Message {
                code: raw.code.0,
                body: raw.body.to_vec(),
            },
            Event::Malformed(Malformed {
                rule: Rule::Framing(rule),
                frame,
                ..
            }) => Said::Framing { rule, frame },
            other => panic!("{other:?}"),
        })
    }

    fn send(
        messenger: &mut Messenger<CableCarByte, Memory>,
        say: &Say<'_>,
    ) -> Option<Result<(), SendError>> {
        Some(say.send(messenger))
    }
}

impl Table for Bytes {
    type Dialect = CableCarByte;

    fn recv(messenger: &mut Messenger<CableCarByte, Memory>) -> Option<Said> {
        messenger
            .recv::<Words<'_>>()
            .map(|event| Said::Other(format!("{event:?}")))
    }

    fn send(
        messenger: &mut Messenger<CableCarByte, Memory>,
        say: &Say<'_>,
    ) -> Option<Result<(), SendError>> {
        Some(say.send(messenger))
    }
}

impl Table for Lines {
    type Dialect = CableCarJson;

    fn recv(messenger: &mut Messenger<CableCarJson, Memory>) -> Option<Said> {
        messenger.recv::<Words<'_>>().map(|event| match event {
            // How much of a long line has arrived when it is refused depends on the pieces.
            Event::Malformed(Malformed {
                rule: Rule::Framing(Limit { limit, .. }),
                frame,
                ..
            }) => Said::Framing {
                rule: Limit { len: 0, limit },
                frame,
            },
            event => Said::Other(format!("{event:?}")),
        })
    }
}

/// One messenger from its start to the end of its stream.
struct Run<'a, T: Table> {
    messenger: Messenger<T::Dialect, Memory>,
    said: Vec<Said>,
    stream: &'a [u8],
    sizes: Box<dyn Iterator<Item = usize> + 'a>,
    /// Every byte that was accepted for sending, and how many of them have been written.
    sent: Vec<u8>,
    written: usize,
    limits: (usize, usize),
}

impl<'a, T: Table> Run<'a, T> {
    fn new(stream: &'a [u8], pieces: &'a Pieces, input: usize, outbox: usize) -> Self {
        let (inbox, outgoing) = (Memory(vec![0; input]), Memory(vec![0; outbox]));
        Self {
            messenger: Messenger::new(T::Dialect::default(), inbox, outgoing),
            said: Vec::new(),
            stream,
            sizes: Box::new(pieces.sizes()),
            sent: Vec::new(),
            written: 0,
            limits: (input, outbox),
        }
    }

    /// Takes the steps, then receives and writes all that is left.
    fn finish(mut self, steps: &[Step<'_>]) -> (Vec<Said>, Over) {
        for step in steps {
            match step {
                Step::Send(say) => self.send(say),
                Step::Write(len) => self.write(usize::from(*len)),
                Step::Receive(events) => {
                    self.receive();
                    let _ = (0..*events).try_for_each(|_| self.take().then_some(()));
                }
            }
        }
        while !self.stream.is_empty() {
            self.receive();
            while self.take() {}
        }
        self.messenger.handle_end();
        while self.take() {}
        while self.written < self.sent.len() {
            self.write(usize::MAX);
        }
        assert!(self.messenger.poll_output().is_empty());
        let over = self.messenger.is_over().expect("everything has been taken");
        (self.said, over)
    }

    /// Gives the next piece of the stream, as much of it as there is room for.
    fn receive(&mut self) {
        let size = self.sizes.next().unwrap_or(1);
        while self.messenger.input_room().is_empty() {
            assert!(self.take(), "neither room nor events");
        }
        let room = self.messenger.input_room();
        assert!(room.len() <= self.limits.0);
        let len = size.min(room.len()).min(self.stream.len());
        let (now, later) = self.stream.split_at(len);
        room[..len].copy_from_slice(now);
        self.messenger.handle_input(len);
        self.stream = later;
    }

    /// Takes one event and says whether there was one, as [`Messenger::has_event`] had promised.
    fn take(&mut self) -> bool {
        let promised = self.messenger.has_event();
        let said = T::recv(&mut self.messenger);
        let taken = said.is_some();
        assert_eq!(taken, promised);
        self.said.extend(said);
        taken
    }

    fn send(&mut self, say: &Say<'_>) {
        let (body_len, frame) = (say.body().len(), say.frame());
        let was_empty = self.messenger.queued() == 0;
        let fits = frame
            .as_ref()
            .is_some_and(|frame| frame.len() <= self.limits.1);
        let Some(sent) = T::send(&mut self.messenger, say) else {
            return;
        };
        match (sent, frame) {
            (Ok(()), Some(frame)) => self.sent.extend_from_slice(&frame),
            (Err(SendError::Full), _) => assert!(!was_empty, "full while empty"),
            (Err(SendError::TooLong { limit }), _) => {
                assert!(!fits, "a body of {body_len} bytes is refused for good");
                assert!(limit == CableCarByte::MAX_BODY || limit == self.limits.1);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(self.messenger.queued(), self.sent.len() - self.written);
        assert!(
            self.messenger.queued() <= self.limits.1,
            "more waits than there is memory"
        );
    }

    /// Writes a part of what waits and checks that it is what was sent.
    fn write(&mut self, len: usize) {
        let (_, waiting) = self.messenger.both_ways();
        assert_eq!(waiting.is_empty(), self.written == self.sent.len());
        let len = len.min(waiting.len());
        assert_eq!(
            waiting[..len],
            self.sent[self.written..][..len],
            "not what was sent"
        );
        self.messenger.handle_written(len);
        self.written += len;
        assert_eq!(self.messenger.queued(), self.sent.len() - self.written);
    }
}

/// What a messenger should say of a stream, by a reading of the protocol that shares nothing with it.
fn expect(stream: &[u8], limit: usize) -> (Vec<Said>, Over) {
    let (mut said, mut at) = (Vec::new(), 0);
    while let Some(&length) = stream.get(at) {
        let len = usize::from(length);
        let frame = at as u64;
        if len < 2 {
            said.push(Said::Framing {
                rule: framing::Rule::Length { len: length },
                frame,
            });
            return (said, Over::OutOfStep);
        }
        if len > limit {
            said.push(Said::Framing {
                rule: framing::Rule::Limit { len, limit },
                frame,
            });
        } else if let Some(content) = stream.get(at + 1..at + len) {
            said.push(Said::Message {
                code: content[0],
                body: content[1..].to_vec(),
            });
        } else {
            let len = stream.len() - at;
            said.push(Said::Framing {
                rule: framing::Rule::Truncated { len },
                frame,
            });
        }
        at += len;
    }
    (said, Over::Ended)
}

impl Say<'_> {
    fn send(&self, messenger: &mut Messenger<CableCarByte, Memory>) -> Result<(), SendError> {
        match self {
            Self::Reading(reading) => messenger.send(reading),
            Self::Note(note) => messenger.send(note),
            Self::Raw { code, body } => messenger.send(&Raw {
                code: Code(*code),
                body,
            }),
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Reading(_) => 0x10,
            Self::Note(_) => 0x11,
            Self::Raw { code, .. } => *code,
        }
    }

    fn body(&self) -> Vec<u8> {
        let mut out = vec![0; 16];
        let len = match self {
            Self::Reading(reading) => postcard::encode(reading, &mut out),
            Self::Note(note) => {
                out.resize(16 + note.text.len(), 0);
                postcard::encode(note, &mut out)
            }
            Self::Raw { body, .. } => return body.to_vec(),
        };
        out.truncate(len.expect("room enough"));
        out
    }

    /// The same in the protocol of lines.
    fn line(&self) -> Vec<u8> {
        let mut out = vec![0; 128];
        let len = match self {
            Self::Reading(reading) => CableCarJson.emit(reading, &mut out),
            Self::Note(note) => {
                out.resize(128 + 6 * note.text.len(), 0);
                CableCarJson.emit(note, &mut out)
            }
            Self::Raw { body, .. } => return [body, &b"\n"[..]].concat(),
        };
        out.truncate(len.expect("room enough"));
        out
    }

    /// The bytes on the wire, if the protocol can carry them.
    fn frame(&self) -> Option<Vec<u8>> {
        let body = self.body();
        let length = u8::try_from(body.len() + 2).ok()?;
        Some([&[length, self.code()], &body[..]].concat())
    }
}

impl Part<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Said(say) => say.frame().unwrap_or_default(),
            Self::Line(say) => say.line(),
            Self::Bytes(bytes) => bytes.to_vec(),
        }
    }
}

/// Fixed memory of a size that is known when it runs.
struct Memory(Vec<u8>);

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Storage for Memory {}
