//! A small dialect with everything that a node or hub can meet: calls, refusals, an opening, a farewell.
//!
//! ```text
//! [length][kind][id u16, of requests and answers][code][postcard]       HELLO and BYE end behind the kind
//! ```

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

use ropeway_std::call::{Failure, Refused};
use ropeway_std::dialect::{
    Answers, Calling, Carries, Delivers, Dialect, Envelope, Keeps, Kind, Opened, Resumes,
};
use ropeway_std::encoding::{DecodeError, EncodeError, Rule, postcard};
use ropeway_std::framing::{Byte, Framing, Malformed as Misframed, Parsed, Skipped};
use ropeway_std::message::{Answer, Call, Decode, Encode, Refusal, Request};
use ropeway_std::{Malformed, messages};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

#[derive(Clone, Debug, Default)]
pub struct Toy {
    opening: Opening,
    greets: bool,
    says_bye: bool,
    has_quit: bool,
    takes_silence: bool,
    /// Ids given up.
    pub forgotten: Vec<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Opening {
    #[default]
    Done,
    Waiting,
}

impl Toy {
    /// One that waits for the peer's HELLO, and says its own.
    pub fn opening() -> Self {
        Self {
            opening: Opening::Waiting,
            greets: true,
            ..Self::default()
        }
    }

    /// One that says nothing of its own accord and waits for HELLO all the same.
    pub fn mute() -> Self {
        Self {
            opening: Opening::Waiting,
            ..Self::default()
        }
    }

    /// One that waits for HELLO only so long.
    pub fn patient() -> Self {
        Self {
            takes_silence: true,
            ..Self::mute()
        }
    }

    pub fn say_bye(&mut self) {
        self.says_bye = true;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u8);

#[derive(Debug)]
pub enum Notice {
    Hello,
    Bye,
}

/// What a peer says in the place of an answer.
#[derive(Debug)]
pub struct Failed<'a>(pub &'a str, pub &'a str);

impl Failure for Failed<'_> {
    fn keep(self) -> Refused {
        Refused::new(self.0, self.1)
    }
}

pub const MESSAGE: u8 = 0;
pub const REQUEST: u8 = 1;
pub const ANSWER: u8 = 2;
pub const REFUSAL: u8 = 3;
pub const HELLO: u8 = 4;
pub const BYE: u8 = 5;

impl Dialect for Toy {
    type Key<'a> = Code;

    type Body<'a> = (u8, &'a mut [u8]);

    type CallId = u16;

    type Notice<'a> = Notice;

    const RESERVED: &'static [RangeInclusive<u16>] = &[];

    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
    ) -> Result<Parsed, Misframed> {
        Byte::parse(input, scanned, limit)
    }

    fn skip(&self, input: &[u8]) -> Skipped {
        Byte::skip(input)
    }

    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed> {
        let (kind, key, rest) = match content {
            [HELLO] => {
                self.opening = Opening::Done;
                return Ok(Opened::Notice(Notice::Hello));
            }
            [BYE] => {
                self.has_quit = true;
                return Ok(Opened::Notice(Notice::Bye));
            }
            [MESSAGE, code, body @ ..] => (Kind::Message, *code, (MESSAGE, body)),
            [REQUEST, a, b, code, body @ ..] => (
                Kind::Request(u16::from_le_bytes([*a, *b])),
                *code,
                (REQUEST, body),
            ),
            [kind @ (ANSWER | REFUSAL), a, b, code, body @ ..] => (
                Kind::Answer(u16::from_le_bytes([*a, *b])),
                *code,
                (*kind, body),
            ),
            _ => return Err(DecodeError::at(0, Rule::UnexpectedEnd).into()),
        };
        Ok(Opened::Envelope(Envelope {
            kind,
            key: Code(key),
            body: rest,
        }))
    }

    fn has_own(&self) -> bool {
        self.greets || self.says_bye
    }

    fn emit_own(&mut self, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let kind = if self.greets { HELLO } else { BYE };
        let len = frame(slot, kind, None, None, |_| Ok(0))?;
        match kind {
            HELLO => self.greets = false,
            _ => (self.says_bye, self.has_quit) = (false, true),
        }
        Ok(len)
    }

    fn is_open(&self) -> bool {
        self.opening == Opening::Done
    }

    fn handle_silence(&mut self) {
        if self.takes_silence {
            self.opening = Opening::Done;
        }
    }

    fn emit_done(&mut self, id: u16, slot: &mut [u8]) -> Result<usize, EncodeError> {
        frame(slot, ANSWER, Some(id), Some(0), |_| Ok(0))
    }

    fn has_quit(&self) -> bool {
        self.has_quit
    }
}

impl Keeps for Toy {}

impl Resumes for Toy {}

impl Calling for Toy {
    fn call_id(&self, number: u32) -> u16 {
        (number % 1000) as u16
    }

    fn forget(&mut self, id: u16) {
        self.forgotten.push(id);
    }
}

fn frame(
    slot: &mut [u8],
    kind: u8,
    id: Option<u16>,
    code: Option<u8>,
    body: impl FnOnce(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<usize, EncodeError> {
    Byte::emit(slot, |content| {
        let id = id.map(u16::to_le_bytes);
        let head: Vec<u8> = [kind]
            .into_iter()
            .chain(id.into_iter().flatten())
            .chain(code)
            .collect();
        let (front, rest) = content
            .split_at_mut_checked(head.len())
            .ok_or(EncodeError::Full)?;
        front.copy_from_slice(&head);
        let rest_len = rest.len();
        let limit = Byte::MAX_CONTENT - head.len();
        match body(rest) {
            Ok(len) => Ok(head.len() + len),
            Err(EncodeError::Full) if rest_len == limit => Err(EncodeError::TooLong { limit }),
            Err(error) => Err(error),
        }
    })
}

fn code<M: ropeway_std::Message>() -> Option<u8> {
    M::CODE.and_then(|code| u8::try_from(code).ok())
}

impl Toy {
    fn ready(&self) -> Result<(), EncodeError> {
        match self.is_open() && !self.has_quit {
            true => Ok(()),
            false => Err(EncodeError::NotOpen),
        }
    }
}

/// What is a message of its own, and no call or answer: another crate may not rely on these having no body.
pub trait Word: Encode {}

impl Word for Note {}
impl Word for Sum {}
impl Word for Name {}
impl Word for Unheard {}
impl Word for Large {}

impl<M: Word> Carries<M> for Toy {
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.ready()?;
        frame(slot, MESSAGE, None, code::<M>(), |room| {
            message.encode(room)
        })
    }
}

impl<M: Word> Carries<Call<'_, u16, M>> for Toy {
    fn emit(&mut self, call: &Call<'_, u16, M>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.ready()?;
        frame(slot, REQUEST, Some(call.id), code::<M>(), |room| {
            call.request.encode(room)
        })
    }
}

impl<'v, M: Request<Answer<'v>: Serialize>> Carries<Answer<'_, 'v, u16, M>> for Toy {
    fn emit(
        &mut self,
        answer: &Answer<'_, 'v, u16, M>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        frame(slot, ANSWER, Some(answer.id), code::<M>(), |room| {
            postcard::encode(answer.value, room)
        })
    }
}

impl Carries<Refusal<'_, u16>> for Toy {
    fn emit(&mut self, refusal: &Refusal<'_, u16>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        frame(slot, REFUSAL, Some(refusal.id), Some(0), |room| {
            postcard::encode(&(refusal.class, refusal.text), room)
        })
    }
}

impl<'a, M: Decode<'a>> Delivers<'a, M> for Toy {
    fn names(key: &Code) -> bool {
        code::<M>() == Some(key.0)
    }

    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed> {
        Ok(M::decode(envelope.body.1)?)
    }
}

impl<'a, M: Request<Answer<'a>: Deserialize<'a>>> Answers<'a, M> for Toy {
    type Failure = Failed<'a>;

    fn names_answer(key: &Code) -> bool {
        key.0 == 0 || code::<M>() == Some(key.0)
    }

    fn read_answer(
        envelope: Envelope<'a, Self>,
    ) -> Result<Result<M::Answer<'a>, Failed<'a>>, Malformed> {
        let (kind, body) = envelope.body;
        Ok(match kind {
            REFUSAL => {
                let (class, text) = postcard::decode(body)?;
                Err(Failed(class, text))
            }
            _ => Ok(postcard::decode(body)?),
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub text: String,
}

impl Note {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Sum(pub i32, pub i32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Name;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Unheard;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Large(pub usize);

messages! {
    #[derive(Debug, PartialEq)]
    pub enum Words {
        Note(Note) = 0x10,
        Sum(Sum) = 0x11 -> i64,
        Name(Name) = 0x12 -> &'answer str,
        Unheard(Unheard) = 0x13 -> (),
        Large(Large) = 0x14 -> String,
    }
}
