use super::{Frame, Framing, Full, Malformed, Parsed, Recovery, Rule, Skipped};

/// Frames of any length: a length of four bytes, the highest first, then as many bytes of content.
///
/// ```text
/// 0        1        2        3        4            len
/// +--------+--------+--------+--------+-------------+
/// | len - 4, big-endian               | content     |
/// +--------+--------+--------+--------+-------------+
/// ```
///
/// The content may be empty. A length is believed only up to the limit: a dialect that has one of its own passes
/// the lower of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Length;

impl Length {
    /// The bytes in front of the content.
    pub const HEADER: usize = 4;
}

impl Framing for Length {
    #[inline]
    fn parse(input: &[u8], _scanned: usize, limit: usize) -> Result<Parsed, Malformed> {
        let Some(length) = input.first_chunk() else {
            return Ok(Parsed::More { scanned: 0 });
        };
        let content = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let len = content.saturating_add(Self::HEADER);
        if len > limit {
            return Err(Malformed {
                rule: Rule::Limit { len, limit },
                offset: 0,
                recovery: Recovery::Bytes(len),
            });
        }
        if input.len() < len {
            return Ok(Parsed::More { scanned: 0 });
        }
        Ok(Parsed::Frame(Frame {
            start: Self::HEADER,
            end: len,
            len,
        }))
    }

    #[inline]
    fn emit<E: From<Full>>(
        slot: &mut [u8],
        content: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let Some((length, room)) = slot.split_first_chunk_mut() else {
            return Err(Full.into());
        };
        let room_len = room.len();
        let len = content(room)?;
        if len > room_len {
            return Err(Full.into());
        }
        *length = u32::try_from(len).map_err(|_| Full)?.to_be_bytes();
        Ok(len + Self::HEADER)
    }

    fn skip(input: &[u8]) -> Skipped {
        Skipped {
            len: input.len(),
            done: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_more_until_the_frame_is_whole() {
        let input = [0, 0, 0, 3, 0x10, 7, 8, 2];
        for end in 0..7 {
            assert_eq!(
                Length::parse(&input[..end], 0, 64),
                Ok(Parsed::More { scanned: 0 })
            );
        }
        let frame = Parsed::Frame(Frame {
            start: 4,
            end: 7,
            len: 7,
        });
        assert_eq!(Length::parse(&input[..7], 0, 64), Ok(frame));
        assert_eq!(Length::parse(&input, 0, 64), Ok(frame));
    }

    #[test]
    fn finds_empty_content() {
        let frame = Parsed::Frame(Frame {
            start: 4,
            end: 4,
            len: 4,
        });
        assert_eq!(Length::parse(&[0; 4], 0, 4), Ok(frame));
    }

    #[test]
    fn refuses_a_frame_beyond_the_limit_as_soon_as_its_length_is_here() {
        assert_eq!(
            Length::parse(&[0, 1, 0x86], 0, 100),
            Ok(Parsed::More { scanned: 0 })
        );
        for (length, len) in [([0, 0, 0, 97], 101), ([0, 1, 0x86, 0xa0], 100_004)] {
            let refused = Length::parse(&length, 0, 100).unwrap_err();
            assert_eq!(refused.rule, Rule::Limit { len, limit: 100 });
            assert_eq!(refused.recovery, Recovery::Bytes(len));
        }
        assert_eq!(
            Length::parse(&[0, 0, 0, 96], 0, 100),
            Ok(Parsed::More { scanned: 0 })
        );
    }

    #[test]
    fn the_largest_length_overflows_nothing() {
        let refused = Length::parse(&[0xff; 4], 0, 100).unwrap_err();
        assert!(matches!(refused.rule, Rule::Limit { len, limit: 100 } if len > 1 << 31));
    }

    #[test]
    fn emits_what_it_parses() {
        let mut slot = [0; 300];
        for len in [0, 1, 2, 255, 256, 296] {
            let emitted = Length::emit(&mut slot, |room| {
                room[..len].fill(0xa5);
                Ok::<_, Full>(len)
            });
            assert_eq!(emitted, Ok(len + 4));
            let frame = Frame {
                start: 4,
                end: len + 4,
                len: len + 4,
            };
            assert_eq!(Length::parse(&slot, 0, 300), Ok(Parsed::Frame(frame)));
        }
    }

    #[test]
    fn refuses_a_slot_without_room_for_the_length() {
        assert_eq!(Length::emit(&mut [0; 3], |_| Ok::<_, Full>(0)), Err(Full));
        assert_eq!(
            Length::emit(&mut [0; 4], |room| Ok::<_, Full>(room.len())),
            Ok(4)
        );
    }
}
