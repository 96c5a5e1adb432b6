use super::call::Failure;
use super::code::{FAILURE, REQUEST, RESPONSE};
use super::{CallId, Codes, Config, Native};
use crate::Malformed;
use crate::dialect::cable_car::{Code, Raw};
use crate::dialect::{Carries, Delivers, Envelope};
use crate::encoding::{EncodeError, postcard};
use crate::framing::{Extended, Framing, Full};
use crate::message::{Answer, Call, Decode, Encode, Message, Refusal, Request};
use core::borrow::Borrow;
use serde::Serialize;

/// The code of a message, which the native protocol needs.
pub trait Coded: Message {
    /// The code.
    const OWN: u8 = match Self::CODE {
        Some(code @ 0x01..=0xDF) => (code & 0xFF) as u8,
        Some(_) => panic!("this message has a code that is not between 0x01 and 0xDF"),
        None => panic!(
            "this message has no code: give it one by `const CODE` or by `= 0x10` in `messages!`"
        ),
    };
}

impl<M: Message + ?Sized> Coded for M {}

/// The answer to a request whose code is known only when it comes: its bytes.
///
/// Such a request itself is a [`Raw`] in a [`Call`]; [`Native::raw_answer`] reads what comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RawAnswer<'a> {
    /// The id that the request came with.
    pub id: CallId,
    /// The answer, encoded.
    pub body: &'a [u8],
}

impl<C: Borrow<Config>, M: Codes> Native<C, M> {
    /// Writes a frame of `code`, whose body of at most `limit` bytes `body` writes, to the front of `slot`.
    #[inline]
    pub(super) fn emit_frame(
        &mut self,
        code: u8,
        slot: &mut [u8],
        limit: usize,
        body: impl FnOnce(&mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<usize, EncodeError> {
        let largest = self.session.largest();
        let len = Extended::emit(slot, |content| {
            let [first, room @ ..] = content else {
                return Err(EncodeError::Full);
            };
            let room_len = room.len().min(limit);
            let (room, _) = room.split_at_mut(room_len);
            match body(room) {
                Ok(len) if len <= room_len => {
                    *first = code;
                    Ok(len + 1)
                }
                // A hand-written encoding that miscounts must not take the peer out of step.
                Ok(_) => Err(EncodeError::Unencodable),
                Err(EncodeError::Full) if room_len == limit => Err(EncodeError::TooLong { limit }),
                Err(error) => Err(error),
            }
        })?;
        match len > largest {
            true => Err(EncodeError::TooLong { limit: largest }),
            false => Ok(len),
        }
    }

    /// The same, with the id of a call in front of the body.
    #[inline]
    fn emit_call(
        &mut self,
        code: u8,
        id: CallId,
        slot: &mut [u8],
        body: impl FnOnce(&mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<usize, EncodeError> {
        self.emit_frame(code, slot, usize::MAX, |room| {
            let (place, room) = room.split_first_chunk_mut().ok_or(Full)?;
            *place = id.0.to_le_bytes();
            Ok(place.len() + body(room)?)
        })
    }
}

impl<M: Encode, C: Borrow<Config>, N: Codes> Carries<M> for Native<C, N> {
    #[inline]
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_frame(M::OWN, slot, M::MAX_SIZE, |room| message.encode(room))
    }
}

impl<'a, M: Decode<'a>, C: Borrow<Config>, N: Codes> Delivers<'a, M> for Native<C, N> {
    #[inline]
    fn names(key: &Code) -> bool {
        matches!(M::CODE, Some(code) if code == u16::from(key.0))
    }

    #[inline]
    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed> {
        let header = match envelope.kind {
            crate::dialect::Kind::Message => 1,
            _ => 6,
        };
        M::decode(envelope.body).map_err(|error| Malformed::from(error).within(0, header))
    }
}

impl<C: Borrow<Config>, N: Codes> Carries<Raw<'_>> for Native<C, N> {
    fn emit(&mut self, raw: &Raw<'_>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        if !(0x01..=0xDF).contains(&raw.code.0) {
            return Err(EncodeError::Unencodable);
        }
        self.emit_frame(raw.code.0, slot, usize::MAX, |room| copy(raw.body, room))
    }
}

impl<C: Borrow<Config>, N: Codes> Carries<Call<'_, CallId, Raw<'_>>> for Native<C, N> {
    fn emit(
        &mut self,
        call: &Call<'_, CallId, Raw<'_>>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let Raw { code, body } = *call.request;
        if !(0x01..=0xDF).contains(&code.0) {
            return Err(EncodeError::Unencodable);
        }
        self.emit_call(REQUEST, call.id, slot, |room| {
            let (place, room) = room.split_first_mut().ok_or(Full)?;
            *place = code.0;
            Ok(1 + copy(body, room)?)
        })
    }
}

impl<C: Borrow<Config>, N: Codes> Carries<RawAnswer<'_>> for Native<C, N> {
    const IS_ANSWER: bool = true;

    fn emit(&mut self, answer: &RawAnswer<'_>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_call(RESPONSE, answer.id, slot, |room| copy(answer.body, room))
    }
}

fn copy(body: &[u8], room: &mut [u8]) -> Result<usize, EncodeError> {
    let place = room.get_mut(..body.len()).ok_or(Full)?;
    place.copy_from_slice(body);
    Ok(body.len())
}

impl<M: Encode, C: Borrow<Config>, N: Codes> Carries<Call<'_, CallId, M>> for Native<C, N> {
    #[inline]
    fn emit(&mut self, call: &Call<'_, CallId, M>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_call(REQUEST, call.id, slot, |room| {
            let (code, room) = room.split_first_mut().ok_or(Full)?;
            *code = M::OWN;
            Ok(1 + call.request.encode(room)?)
        })
    }
}

impl<'v, M, C, N> Carries<Answer<'_, 'v, CallId, M>> for Native<C, N>
where
    M: Request<Answer<'v>: Serialize>,
    C: Borrow<Config>,
    N: Codes,
{
    const IS_ANSWER: bool = true;

    #[inline]
    fn emit(
        &mut self,
        answer: &Answer<'_, 'v, CallId, M>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        self.emit_call(RESPONSE, answer.id, slot, |room| {
            postcard::encode(answer.value, room)
        })
    }
}

impl<C: Borrow<Config>, N: Codes> Carries<Refusal<'_, CallId>> for Native<C, N> {
    const IS_ANSWER: bool = true;

    fn emit(
        &mut self,
        refusal: &Refusal<'_, CallId>,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let failure = Failure {
            kind: refusal.kind,
            class: refusal.class,
            text: refusal.text,
            detail: refusal.detail,
        };
        self.emit_call(FAILURE, refusal.id, slot, |room| Ok(failure.emit(room)?))
    }
}
