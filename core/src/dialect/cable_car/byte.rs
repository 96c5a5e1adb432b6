use crate::Malformed;
use crate::dialect::{Carries, Delivers, Dialect, Envelope, Keeps, Kind, Never, Opened, Resumes};
use crate::encoding::{DecodeError, EncodeError, Rule};
use crate::framing::{self, Byte, Framing, Full, Parsed, Skipped};
use crate::message::{Decode, Encode, Refusal};
use core::fmt;
use core::ops::RangeInclusive;

/// cable_car's byte transport: a code and up to 253 bytes of the message's own making.
///
/// ```text
/// 0        1        2                 len
/// +--------+--------+------------------+
/// |  len   |  code  | body             |     code + body: at most 254 bytes
/// +--------+--------+------------------+
/// ```
///
/// A body has at most 253 bytes. Programs own every code, 0, 255 and those of the standard messages included, in
/// tables declared `for CableCarByte`; other tables keep clear of what Ropeway reserves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CableCarByte;

/// The code that names a message in byte frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Code(pub u8);

/// Any message of the byte transport, as it is on the wire: for gateways and logs.
///
/// As the table of [`recv`](crate::Messenger::recv) it takes every message there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Raw<'a> {
    /// The code.
    pub code: Code,
    /// The body, at most [`CableCarByte::MAX_BODY`] bytes.
    pub body: &'a [u8],
}

impl CableCarByte {
    /// The largest body in bytes.
    pub const MAX_BODY: usize = Byte::MAX_CONTENT - 1;

    #[inline]
    fn emit_body(
        code: Code,
        max_size: usize,
        slot: &mut [u8],
        body: impl FnOnce(&mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<usize, EncodeError> {
        let limit = max_size.min(Self::MAX_BODY);
        Byte::emit(slot, |content| {
            let [first, room @ ..] = content else {
                return Err(EncodeError::Full);
            };
            let room_len = room.len().min(limit);
            let (room, _) = room.split_at_mut(room_len);
            match body(room) {
                Ok(len) if len <= room_len => {
                    *first = code.0;
                    Ok(len + CODE_LEN)
                }
                // A hand-written encoding that miscounts must not take the peer out of step.
                Ok(_) => Err(EncodeError::Unencodable),
                Err(EncodeError::Full) if room_len == limit => Err(EncodeError::TooLong { limit }),
                Err(error) => Err(error),
            }
        })
    }
}

impl Dialect for CableCarByte {
    type Key<'a> = Code;

    type Body<'a> = &'a mut [u8];

    type CallId = Never;

    type Notice<'a> = Never;

    const RESERVED: &'static [RangeInclusive<u16>] = &[];

    #[inline]
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
    ) -> Result<Parsed, framing::Malformed> {
        Byte::parse(input, scanned, limit)
    }

    fn skip(&self, input: &[u8]) -> Skipped {
        Byte::skip(input)
    }

    #[inline]
    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed> {
        match content {
            [code, body @ ..] => Ok(Opened::Envelope(Envelope {
                kind: Kind::Message,
                key: Code(*code),
                body,
            })),
            [] => Err(Malformed::at(0, crate::Rule::Body(Rule::UnexpectedEnd))),
        }
    }
}

impl Keeps for CableCarByte {}

impl Resumes for CableCarByte {}

impl<M: Encode> Carries<M> for CableCarByte {
    #[inline]
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let code = const { code_of::<M>() };
        Self::emit_body(code, M::MAX_SIZE, slot, |room| message.encode(room))
    }
}

impl<'a, M: Decode<'a>> Delivers<'a, M> for CableCarByte {
    #[inline]
    fn names(key: &Code) -> bool {
        matches!(M::CODE, Some(code) if code == u16::from(key.0))
    }

    #[inline]
    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed> {
        M::decode(envelope.body).map_err(misread)
    }
}

impl Carries<Raw<'_>> for CableCarByte {
    fn emit(&mut self, raw: &Raw<'_>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        Self::emit_body(raw.code, Self::MAX_BODY, slot, |room| {
            room.get_mut(..raw.body.len())
                .ok_or(Full)?
                .copy_from_slice(raw.body);
            Ok(raw.body.len())
        })
    }
}

/// There are no requests to refuse.
impl Carries<Refusal<'_, Never>> for CableCarByte {
    fn emit(&mut self, refusal: &Refusal<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match refusal.id {}
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X}", self.0)
    }
}

/// A body's error, placed in the content.
#[cold]
fn misread(error: DecodeError) -> Malformed {
    Malformed::from(error).within(0, CODE_LEN)
}

const CODE_LEN: usize = 1;

const fn code_of<M: Encode>() -> Code {
    match M::CODE {
        Some(code @ 0..=0xFF) => Code((code & 0xFF) as u8),
        Some(_) => panic!("this message has a code above 0xFF, which a byte cannot say"),
        None => panic!(
            "this message has no code: give it one by `const CODE` or by `= 0x10` in `messages!`"
        ),
    }
}
