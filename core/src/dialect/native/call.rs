use super::code::{CANCEL, FAILURE, REQUEST, RESPONSE};
use super::hello::bytes;
use super::{Codes, Config, Native, Notice, Rule};
use crate::Malformed;
use crate::dialect::cable_car::Code;
use crate::dialect::{Answers, Calling, Envelope, Kind, Opened};
use crate::encoding::postcard;
use crate::framing::{Extended, Full};
use crate::message::{FailureKind, Request};
use core::borrow::Borrow;
use core::fmt;
use serde::Deserialize;

/// What tells the answers to different calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CallId(pub u32);

/// What a peer says in the place of an answer: `SPEC.md`, "Calls".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Failure<'a> {
    /// Why there is none.
    pub kind: FailureKind,
    /// What sort of failure it is.
    pub class: &'a str,
    /// What went wrong, for people.
    pub text: &'a str,
    /// The handler's own error in postcard, if it gave one.
    pub detail: &'a [u8],
}

/// Opens a REQUEST, RESPONSE, FAILURE or CANCEL.
pub(super) fn open<'a, C: Borrow<Config>, M: Codes>(
    codes: &M,
    content: &'a mut [u8],
) -> Result<Opened<'a, Native<C, M>>, Rule> {
    let (first, rest) = content.split_first_mut().ok_or(SHORT)?;
    let short = Rule::ShortFrame { code: *first };
    let (id, body) = rest.split_first_chunk_mut().ok_or(short)?;
    let id = CallId(u32::from_le_bytes(*id));
    let (kind, key, body) = match *first {
        REQUEST => {
            let (code, body) = body.split_first_mut().ok_or(short)?;
            (Kind::Request(id), codes.translate(*code), body)
        }
        CANCEL => return Ok(Opened::Notice(Notice::Cancelled(id))),
        answer => (Kind::Answer(id), answer, body),
    };
    let key = Code(key);
    Ok(Opened::Envelope(Envelope { kind, key, body }))
}

impl<'a> Failure<'a> {
    /// ```text
    /// 0  kind u8     1  class length u8     2  text length u16     4  class, text, detail
    /// ```
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (&[kind, class, ..], rest) = body.split_first_chunk::<4>()?;
        let text = u16::from_le_bytes(bytes(body, 2));
        let (class, rest) = rest.split_at_checked(class.into())?;
        let (text, detail) = rest.split_at_checked(text.into())?;
        Some(Self {
            kind: FailureKind::of(kind),
            class: core::str::from_utf8(class).ok()?,
            text: core::str::from_utf8(text).ok()?,
            detail,
        })
    }

    /// Writes the body to the front of `out` and returns its length. What is too long for its length is cut.
    pub(super) fn emit(&self, out: &mut [u8]) -> Result<usize, Full> {
        let class = cut(self.class, u8::MAX.into());
        let text = cut(self.text, u16::MAX.into());
        let (fields, mut room) = out.split_first_chunk_mut::<4>().ok_or(Full)?;
        let [low, high] = u16::try_from(text.len()).unwrap_or_default().to_le_bytes();
        let class_len = u8::try_from(class.len()).unwrap_or_default();
        *fields = [self.kind.number(), class_len, low, high];
        let mut len = fields.len();
        for part in [class.as_bytes(), text.as_bytes(), self.detail] {
            let (place, rest) = room.split_at_mut_checked(part.len()).ok_or(Full)?;
            place.copy_from_slice(part);
            room = rest;
            len += part.len();
        }
        Ok(len)
    }
}

fn cut(text: &str, limit: usize) -> &str {
    let mut len = text.len().min(limit);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    text.get(..len).unwrap_or_default()
}

impl FailureKind {
    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Unhandled,
            2 => Self::Busy,
            3 => Self::Refused,
            4 => Self::Malformed,
            5 => Self::Cancelled,
            other => Self::Other(other),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Unhandled => 1,
            Self::Busy => 2,
            Self::Refused => 3,
            Self::Malformed => 4,
            Self::Cancelled => 5,
            Self::Other(other) => other,
        }
    }
}

impl<C: Borrow<Config>, M: Codes> Calling for Native<C, M> {
    fn call_id(&self, number: u32) -> CallId {
        CallId(number)
    }

    fn emit_cancel(
        &mut self,
        id: CallId,
        slot: &mut [u8],
    ) -> Result<usize, crate::encoding::EncodeError> {
        self.emit_frame(CANCEL, slot, usize::MAX, |room| {
            *room.first_chunk_mut().ok_or(Full)? = id.0.to_le_bytes();
            Ok(4)
        })
    }

    fn asks(frame: &[u8]) -> Option<CallId> {
        let content = frame.get(Extended::measure(frame)?.start..)?;
        let (&first, rest) = content.split_first()?;
        let id = rest.first_chunk()?;
        (first == REQUEST).then(|| CallId(u32::from_le_bytes(*id)))
    }

    /// It becomes a CANCEL, with bytes behind its id that nobody reads.
    fn withdraw(frame: &mut [u8]) {
        let start = Extended::measure(frame).map_or(0, |frame| frame.start);
        if let Some(code) = frame.get_mut(start) {
            *code = CANCEL;
        }
    }
}

impl<'a, C, N, M> Answers<'a, M> for Native<C, N>
where
    C: Borrow<Config>,
    N: Codes,
    M: Request<Answer<'a>: Deserialize<'a>>,
{
    type Failure = Failure<'a>;

    fn read_answer(
        envelope: Envelope<'a, Self>,
    ) -> Result<Result<M::Answer<'a>, Failure<'a>>, Malformed> {
        match Self::raw_answer(envelope)? {
            Ok(body) => {
                let answer = postcard::decode(body).map_err(Malformed::from);
                answer.map(Ok).map_err(|error| error.within(0, HEADER))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }
}

impl<C: Borrow<Config>, N: Codes> Native<C, N> {
    /// The answer in the envelope of an [`Event::Answer`](crate::Event::Answer), still encoded.
    pub fn raw_answer(
        envelope: Envelope<'_, Self>,
    ) -> Result<Result<&[u8], Failure<'_>>, Malformed> {
        let body: &[u8] = envelope.body;
        if envelope.key != Code(FAILURE) {
            return Ok(Ok(body));
        }
        match Failure::parse(body) {
            Some(failure) => Ok(Err(failure)),
            None => Err(Malformed::at(HEADER, crate::Rule::Native(Rule::Failure))),
        }
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            "" => f.write_str(self.text),
            class => write!(f, "{class}: {}", self.text),
        }
    }
}

const _: () = assert!(RESPONSE + 1 == FAILURE);

/// The code and the call id.
const HEADER: usize = 5;

const SHORT: Rule = Rule::ShortFrame { code: 0 };
