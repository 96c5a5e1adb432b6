use super::{Frame, Framing, Full, Malformed, Parsed, Recovery, Rule, Skipped};

/// Frames of at most 255 bytes behind a length byte that counts itself.
///
/// ```text
/// 0        1                 len
/// +--------+------------------+
/// |  len   | content          |     len: 2..=255, content: 1..=254 bytes
/// +--------+------------------+
/// ```
///
/// The first byte of the content is the code of the message: see the cable_car byte dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Byte;

impl Byte {
    /// The largest content in bytes.
    pub const MAX_CONTENT: usize = MAX_LEN as usize - CONTENT;
}

impl Framing for Byte {
    #[inline]
    fn parse(input: &[u8], _scanned: usize, limit: usize) -> Result<Parsed, Malformed> {
        let Some(&length) = input.first() else {
            return Ok(Parsed::More { scanned: 0 });
        };
        let len = usize::from(length);
        if length < MIN_LEN || len > limit {
            return Err(refused(length, limit));
        }
        if input.len() < len {
            return Ok(Parsed::More { scanned: 0 });
        }
        Ok(Parsed::Frame(Frame {
            start: CONTENT,
            end: len,
            len,
        }))
    }

    #[inline]
    fn emit<E: From<Full>>(
        slot: &mut [u8],
        content: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let [length, room @ ..] = slot else {
            return Err(Full.into());
        };
        let room_len = room.len().min(Self::MAX_CONTENT);
        let (room, _) = room.split_at_mut(room_len);
        let len = content(room)? + CONTENT;
        *length = u8::try_from(len).map_err(|_| Full)?;
        Ok(len)
    }

    fn skip(input: &[u8]) -> Skipped {
        Skipped {
            len: input.len(),
            done: true,
        }
    }
}

/// What is wrong with a length byte.
#[cold]
fn refused(length: u8, limit: usize) -> Malformed {
    let len = usize::from(length);
    let (rule, recovery) = if length < MIN_LEN {
        (Rule::Length { len: length }, Recovery::Lost)
    } else {
        (Rule::Limit { len, limit }, Recovery::Bytes(len))
    };
    Malformed {
        rule,
        offset: LENGTH,
        recovery,
    }
}

const LENGTH: usize = 0;
const CONTENT: usize = 1;
const MIN_LEN: u8 = 2;
const MAX_LEN: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn content_of(content: &[u8]) -> impl FnOnce(&mut [u8]) -> Result<usize, Full> + '_ {
        |room| {
            room.get_mut(..content.len())
                .ok_or(Full)?
                .copy_from_slice(content);
            Ok(content.len())
        }
    }

    #[test]
    fn needs_more_until_the_frame_is_whole() {
        let input = [4, 0x10, 7, 8, 2];
        for end in 0..4 {
            assert_eq!(
                Byte::parse(&input[..end], 0, 255),
                Ok(Parsed::More { scanned: 0 })
            );
        }
        let frame = Parsed::Frame(Frame {
            start: 1,
            end: 4,
            len: 4,
        });
        assert_eq!(Byte::parse(&input[..4], 0, 255), Ok(frame));
        assert_eq!(Byte::parse(&input, 0, 255), Ok(frame));
    }

    #[test]
    fn refuses_lengths_below_two_for_good() {
        for len in [0, 1] {
            let refused = Byte::parse(&[len, 2, 2], 0, 255).unwrap_err();
            assert_eq!(refused.rule, Rule::Length { len });
            assert_eq!(refused.recovery, Recovery::Lost);
        }
    }

    #[test]
    fn refuses_a_frame_beyond_the_limit_at_its_first_byte() {
        let refused = Byte::parse(&[65], 0, 64).unwrap_err();
        assert_eq!(refused.rule, Rule::Limit { len: 65, limit: 64 });
        assert_eq!(refused.recovery, Recovery::Bytes(65));
        assert_eq!(Byte::parse(&[64], 0, 64), Ok(Parsed::More { scanned: 0 }));
    }

    #[test]
    fn emits_what_it_parses() {
        let mut slot = [0; 300];
        for len in [1, 2, 253, 254] {
            let content = [0xa5; 254];
            let emitted = Byte::emit(&mut slot, content_of(&content[..len])).unwrap();
            assert_eq!(emitted, len + 1);
            let frame = Frame {
                start: 1,
                end: emitted,
                len: emitted,
            };
            assert_eq!(Byte::parse(&slot, 0, 255), Ok(Parsed::Frame(frame)));
        }
    }

    #[test]
    fn never_offers_more_than_a_frame_holds() {
        let mut slot = [0; 400];
        assert_eq!(Byte::emit(&mut slot, content_of(&[0; 255])), Err(Full));
        assert_eq!(Byte::emit(&mut slot[..0], content_of(&[0])), Err(Full));
        assert_eq!(Byte::emit(&mut slot[..2], content_of(&[0, 0])), Err(Full));
    }
}
