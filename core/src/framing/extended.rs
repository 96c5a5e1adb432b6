use super::{Byte, Frame, Framing, Full, Malformed, Parsed, Recovery, Rule, Skipped};
use crate::buf::move_within;

/// Frames as [`Byte`] has them, and longer ones behind a zero and a length of four bytes, the lowest first.
///
/// ```text
/// 0        1                          len
/// +--------+---------------------------+
/// |  len   | content                   |     len: 2..=255, content: 1..=254 bytes
/// +--------+---------------------------+
/// |   0    | len - 6, little-endian    | content     |     content: 1 byte and as many as the length says
/// +--------+---------------------------+-------------+
/// 0        1                           5            len
/// ```
///
/// The first byte of the content, its code, is not counted by the long length. A length byte of 1 is refused.
/// Source: the native protocol, `SPEC.md`, "Frames".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Extended;

impl Extended {
    /// The bytes in front of a long content.
    pub const HEADER: usize = 5;

    /// The length of the whole frame of which `front` is the start, at least a header, and the place of its code;
    /// nothing of what is no frame.
    #[inline]
    pub fn measure(front: &[u8]) -> Option<Frame> {
        match *front.first()? {
            ESCAPE => {
                let length = front.get(1..Self::HEADER)?.first_chunk()?;
                let body = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                let len = body.checked_add(Self::HEADER + CODE_LEN)?;
                Some(Frame {
                    start: Self::HEADER,
                    end: len,
                    len,
                })
            }
            SECURE => None,
            length => Some(Frame {
                start: 1,
                end: usize::from(length),
                len: usize::from(length),
            }),
        }
    }

    /// Writes the header of a frame whose content has `len` bytes to the front of `slot`, and returns its length; the
    /// content, at least its code, goes behind it.
    pub fn emit_header(slot: &mut [u8], len: usize) -> Result<usize, Full> {
        if len == 0 {
            return Err(Full);
        }
        if len <= Byte::MAX_CONTENT {
            *slot.first_mut().ok_or(Full)? = u8::try_from(len + 1).map_err(|_| Full)?;
            return Ok(1);
        }
        let body = u32::try_from(len - CODE_LEN).map_err(|_| Full)?;
        let (escape, length) = slot.split_first_mut().ok_or(Full)?;
        *length.first_chunk_mut().ok_or(Full)? = body.to_le_bytes();
        *escape = ESCAPE;
        Ok(Self::HEADER)
    }
}

impl Framing for Extended {
    #[inline]
    fn parse(input: &[u8], scanned: usize, limit: usize) -> Result<Parsed, Malformed> {
        match input.first() {
            Some(&ESCAPE) => parse_long(input, limit),
            _ => Byte::parse(input, scanned, limit),
        }
    }

    #[inline]
    fn emit<E: From<Full>>(
        slot: &mut [u8],
        content: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let Some((_, room)) = slot.split_first_mut() else {
            return Err(Full.into());
        };
        // Room for the longer header is left behind the content, which moves there if it needs it.
        let spare = room.len().saturating_sub(Byte::MAX_CONTENT);
        let room_len = room.len() - spare.min(Self::HEADER - 1);
        let room = room.get_mut(..room_len).unwrap_or_default();
        let len = content(room)?;
        if len > room_len {
            return Err(Full.into());
        }
        if len > Byte::MAX_CONTENT {
            make_room(slot, len);
        }
        let header = Self::emit_header(slot, len)?;
        Ok(header + len)
    }

    fn skip(input: &[u8]) -> Skipped {
        Byte::skip(input)
    }
}

#[inline(never)]
fn parse_long(input: &[u8], limit: usize) -> Result<Parsed, Malformed> {
    let Some(length) = input.get(1..Extended::HEADER).and_then(<[u8]>::first_chunk) else {
        return Ok(Parsed::More { scanned: 0 });
    };
    let body = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let len = body.saturating_add(Extended::HEADER + CODE_LEN);
    if len > limit {
        return Err(Malformed {
            rule: Rule::Limit { len, limit },
            offset: 1,
            recovery: Recovery::Bytes(len),
        });
    }
    if input.len() < len {
        return Ok(Parsed::More { scanned: 0 });
    }
    Ok(Parsed::Frame(Frame {
        start: Extended::HEADER,
        end: len,
        len,
    }))
}

/// Moves a content of `len` bytes from behind a short header to behind a long one.
#[cold]
fn make_room(slot: &mut [u8], len: usize) {
    move_within(slot, 1..1 + len, Extended::HEADER);
}

const ESCAPE: u8 = 0;
const SECURE: u8 = 1;
const CODE_LEN: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn emits_what_it_parses_and_measures() {
        // Miri is slow over the longest.
        let longest = if cfg!(miri) { 700 } else { 70_000 };
        for len in [1, 2, 253, 254, 255, 256, longest] {
            let mut slot = vec![0; len + 9];
            let emitted = Extended::emit(&mut slot, |room| {
                for (at, byte) in room[..len].iter_mut().enumerate() {
                    *byte = at.to_le_bytes()[0];
                }
                Ok::<_, Full>(len)
            });
            let header = if len > 254 { 5 } else { 1 };
            let frame = Frame {
                start: header,
                end: header + len,
                len: header + len,
            };
            assert_eq!(emitted, Ok(frame.len));
            assert_eq!(Extended::parse(&slot, 0, 80_000), Ok(Parsed::Frame(frame)));
            assert_eq!(Extended::measure(&slot), Some(frame));
            let mut content = slot[header..header + len].iter().enumerate();
            assert!(content.all(|(at, byte)| *byte == at.to_le_bytes()[0]));
            for end in (0..frame.len.min(300)).chain([frame.len - 1]) {
                let cut = Extended::parse(&slot[..end], 0, 80_000);
                assert_eq!(cut, Ok(Parsed::More { scanned: 0 }));
            }
        }
    }

    #[test]
    fn takes_short_contents_in_the_long_form() {
        let frame = Frame {
            start: 5,
            end: 6,
            len: 6,
        };
        let input = [0, 0, 0, 0, 0, 0x10, 7];
        assert_eq!(Extended::parse(&input, 0, 255), Ok(Parsed::Frame(frame)));
        assert_eq!(Extended::measure(&input), Some(frame));
    }

    #[test]
    fn refuses_a_long_frame_beyond_the_limit_as_soon_as_its_length_is_here() {
        let refused = Extended::parse(&[0, 0xff, 0xff, 0xff, 0xff], 0, 255).unwrap_err();
        assert_eq!(refused.recovery, Recovery::Bytes((1 << 32) + 5));
        let refused = Extended::parse(&[0, 250, 0, 0, 0], 0, 255).unwrap_err();
        assert_eq!(
            refused.rule,
            Rule::Limit {
                len: 256,
                limit: 255
            }
        );
    }

    #[test]
    fn never_writes_beyond_its_slot() {
        for slot in 0..300 {
            let mut memory = [0xee; 310];
            let emitted = Extended::emit(&mut memory[..slot], |room| Ok::<_, Full>(room.len()));
            match emitted {
                Ok(len) => {
                    assert!(len <= slot);
                    assert!(Extended::measure(&memory).is_some_and(|frame| frame.len == len));
                }
                Err(Full) => assert!(slot < 2),
            }
            assert!(memory[slot..].iter().all(|byte| *byte == 0xee));
        }
    }
}
