//! Two ends and the bytes between them.

use super::{Config, Native};
use crate::dialect::native::{Notice, Opening};
use crate::{Event, Instant, Messenger};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::string::String;
use std::vec::Vec;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Number(pub(super) u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Long<'a>(pub(super) &'a [u8]);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Double(pub(super) u32);

crate::messages! {
    #[derive(Debug, PartialEq)]
    pub(super) enum Words<'a> {
        Number(Number) = 0x10,
        Long(Long<'a>) = 0x11,
        Double(Double) = 0x12 -> u32,
    }
}

/// What an end was told, with what it borrowed written out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Number(u32),
    Long(Vec<u8>),
    Request(u32, u32),
    Answer(u32, Result<u32, String>),
    Opened(Opening),
    Met(String),
    Bye(String),
    Broken(String),
    TooLong(usize),
    Malformed(String),
    Other(String),
}

/// One end: its messenger, what it has been told, and what is on its way to it.
pub(super) struct End {
    pub(super) messenger: Messenger<Native<Config>, Vec64>,
    pub(super) wire: VecDeque<u8>,
}

/// Memory whose size the test chooses.
#[derive(Debug)]
pub(super) struct Vec64(Vec<u8>);

impl AsRef<[u8]> for Vec64 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Vec64 {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl crate::buf::Storage for Vec64 {}

impl End {
    pub(super) fn new(native: Native<Config>, input: usize, outbox: usize) -> Self {
        let memory = |len| Vec64(std::vec![0; len]);
        Self {
            messenger: Messenger::new(native, memory(input), memory(outbox)),
            wire: VecDeque::new(),
        }
    }

    pub(super) fn dialling(config: Config) -> Self {
        Self::new(Native::dialling(config), 1024, 1024)
    }

    pub(super) fn listening(config: Config) -> Self {
        Self::new(Native::listening(config), 1024, 1024)
    }

    /// Writes at most `len` bytes to the wire of `other`.
    pub(super) fn write(&mut self, other: &mut Self, len: usize) -> usize {
        let output = self.messenger.poll_output();
        let len = output.len().min(len);
        other.wire.extend(&output[..len]);
        self.messenger.handle_written(len);
        len
    }

    /// Takes in at most `len` bytes from its wire.
    pub(super) fn read(&mut self, len: usize) -> usize {
        let room = self.messenger.input_room();
        let len = len.min(room.len()).min(self.wire.len());
        for (to, from) in room.iter_mut().zip(self.wire.drain(..len)) {
            *to = from;
        }
        self.messenger.handle_input(len);
        len
    }

    /// What it is told next.
    pub(super) fn hear(&mut self) -> Option<Told> {
        use crate::dialect::Answers;
        Some(match self.messenger.recv::<Words<'_>>()? {
            Event::Message(Words::Number(Number(number))) => Told::Number(number),
            Event::Message(Words::Long(Long(bytes))) => Told::Long(bytes.into()),
            Event::Request(id, Words::Double(Double(number))) => Told::Request(id.0, number),
            Event::Answer(id, envelope) => {
                let answer = <Native<Config> as Answers<'_, Double>>::read_answer(envelope);
                let answer = match answer {
                    Ok(answer) => answer.map_err(|failure| std::format!("{failure}")),
                    Err(malformed) => return Some(Told::Malformed(std::format!("{malformed}"))),
                };
                Told::Answer(id.0, answer)
            }
            Event::Notice(Notice::Opened(opening)) => Told::Opened(opening),
            Event::Notice(Notice::Met(name)) => Told::Met((&*name).into()),
            Event::Notice(Notice::Bye { reason, text }) => {
                Told::Bye(std::format!("{reason}: {text}"))
            }
            Event::Notice(Notice::TooLong(count)) => Told::TooLong(count),
            Event::Notice(Notice::Broken(rule)) => Told::Broken(std::format!("{rule}")),
            Event::Malformed(malformed) => Told::Malformed(std::format!("{}", malformed.rule)),
            other => Told::Other(std::format!("{other:?}")),
        })
    }

    pub(super) fn hear_all(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.hear()).collect()
    }

    pub(super) fn at(&mut self, millis: u64) {
        self.messenger
            .handle_time(Instant::from_micros(millis * 1_000));
    }
}

/// Moves all bytes both ways until nothing moves, and says what both ends were told.
pub(super) fn settle(a: &mut End, b: &mut End) -> [Vec<Told>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    loop {
        let mut moved = a.write(b, usize::MAX) + b.write(a, usize::MAX);
        moved += a.read(usize::MAX) + b.read(usize::MAX);
        for (told, end) in told.iter_mut().zip([&mut *a, &mut *b]) {
            let heard = end.hear_all();
            moved += heard.len();
            told.extend(heard);
        }
        if moved == 0 {
            return told;
        }
    }
}

/// Pulls the cable: what is on it is gone, and both ends get another one.
pub(super) fn reconnect(a: &mut End, b: &mut End) {
    for end in [a, b] {
        end.wire.clear();
        end.messenger.handle_connected();
    }
}

/// A sequence of numbers from a seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 11) as usize % limit.max(1)
    }
}
