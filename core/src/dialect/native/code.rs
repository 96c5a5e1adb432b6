//! The codes of the protocol's own frames: `SPEC.md`, "Frames".

use crate::buf::Measure;
use crate::framing::Extended;

pub(super) const HELLO: u8 = 0xE0;
pub(super) const WELCOME: u8 = 0xE1;
pub(super) const BYE: u8 = 0xE2;
pub(super) const PING: u8 = 0xE3;
pub(super) const PONG: u8 = 0xE4;
pub(super) const ACK: u8 = 0xE5;
pub(super) const NAMES: u8 = 0xE6;
pub(super) const REQUEST: u8 = 0xE8;
pub(super) const RESPONSE: u8 = 0xE9;
pub(super) const FAILURE: u8 = 0xEA;
pub(super) const CANCEL: u8 = 0xEB;
pub(super) const FIRST_OWN: u8 = 0xE0;
pub(super) const OFFER: u8 = 0xF0;
pub(super) const CREDIT: u8 = 0xF3;
pub(super) const CHUNK: u8 = 0xF4;
pub(super) const STOP: u8 = 0xF7;

/// Whether frames of this code are delivered once and in order, and kept until the peer has taken them.
#[inline]
pub(super) const fn is_sequenced(code: u8) -> bool {
    // The first question answers for messages, which most frames are; it is asked in many places, so in few instructions.
    code < FIRST_OWN || SEQUENCED & (1 << (code - FIRST_OWN)) != 0
}

/// The codes from [`FIRST_OWN`] on that are sequenced, a bit each.
const SEQUENCED: u32 = {
    let mut codes = 0;
    let mut code = FIRST_OWN;
    while code < u8::MAX {
        if matches!(code, REQUEST..=CANCEL | OFFER..=STOP) && !matches!(code, CREDIT | CHUNK) {
            codes |= 1 << (code - FIRST_OWN);
        }
        code += 1;
    }
    codes
};

/// Whether frames of this code are small, and are looked for behind others that wait.
#[inline]
pub(super) const fn is_small(code: u8) -> bool {
    matches!(code, HELLO | WELCOME | PING..=NAMES)
}

/// The code of the frame that `front` starts with, once it is there.
pub(super) const fn of(front: &[u8]) -> Option<u8> {
    match *front {
        [0, _, _, _, _, code, ..] | [2..=255, code, ..] => Some(code),
        _ => None,
    }
}

/// The frame that `front` starts with, as an outbox of this dialect has it.
#[inline]
pub(super) fn measure(front: &[u8]) -> Measure {
    let nothing = Measure {
        len: 0,
        is_kept: true,
    };
    let Some(frame) = Extended::measure(front) else {
        return nothing;
    };
    match front.get(frame.start) {
        Some(code) => Measure {
            len: frame.len,
            is_kept: is_sequenced(*code),
        },
        None => nothing,
    }
}
