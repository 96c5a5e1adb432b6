use super::{Frame, Framing, Full, Malformed, Parsed, Recovery, Rule, Skipped};
use memchr::memchr;

/// Lines of any length, ended by a newline (0x0A).
///
/// ```text
/// 0                      len - 1     len
/// +-----------------------+-----------+
/// | content               |   0x0A    |
/// +-----------------------+-----------+
/// ```
///
/// The content must hold no newline: the encodings that travel in lines write none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Line;

impl Framing for Line {
    #[inline]
    fn parse(input: &[u8], scanned: usize, limit: usize) -> Result<Parsed, Malformed> {
        let fresh = input.get(scanned..).unwrap_or_default();
        let end = memchr(NEWLINE, fresh).map(|at| scanned + at);
        match end {
            Some(end) if end < limit => Ok(Parsed::Frame(Frame {
                start: 0,
                end,
                len: end + 1,
            })),
            None if input.len() < limit => Ok(Parsed::More {
                scanned: input.len(),
            }),
            _ => {
                let rule = Rule::Limit {
                    len: end.map_or(input.len(), |end| end + 1),
                    limit,
                };
                Err(Malformed {
                    rule,
                    offset: limit,
                    recovery: Recovery::Delimiter,
                })
            }
        }
    }

    #[inline]
    fn emit<E: From<Full>>(
        slot: &mut [u8],
        content: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let Some((_, room)) = slot.split_last_mut() else {
            return Err(Full.into());
        };
        let len = content(room)?;
        let end = slot.get_mut(len).ok_or(Full)?;
        *end = NEWLINE;
        Ok(len + 1)
    }

    fn skip(input: &[u8]) -> Skipped {
        match memchr(NEWLINE, input) {
            Some(end) => Skipped {
                len: end + 1,
                done: true,
            },
            None => Skipped {
                len: input.len(),
                done: false,
            },
        }
    }
}

const NEWLINE: u8 = b'\n';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resumes_the_scan_where_it_left_off() {
        assert_eq!(Line::parse(b"ab", 0, 16), Ok(Parsed::More { scanned: 2 }));
        let frame = Frame {
            start: 0,
            end: 4,
            len: 5,
        };
        assert_eq!(Line::parse(b"abcd\nef\n", 2, 16), Ok(Parsed::Frame(frame)));
    }

    #[test]
    fn finds_empty_lines() {
        assert_eq!(
            Line::parse(b"\n", 0, 16),
            Ok(Parsed::Frame(Frame {
                start: 0,
                end: 0,
                len: 1
            }))
        );
    }

    #[test]
    fn refuses_a_line_beyond_the_limit_and_skips_to_its_end() {
        assert_eq!(
            Line::parse(b"abc\n", 0, 4),
            Ok(Parsed::Frame(Frame {
                start: 0,
                end: 3,
                len: 4
            }))
        );
        for input in [&b"abcd"[..], b"abcd\nef\n"] {
            let refused = Line::parse(input, 0, 4).unwrap_err();
            assert!(matches!(refused.rule, Rule::Limit { limit: 4, .. }));
            assert_eq!(refused.recovery, Recovery::Delimiter);
        }
        assert_eq!(
            Line::skip(b"abcd"),
            Skipped {
                len: 4,
                done: false
            }
        );
        assert_eq!(Line::skip(b"abcd\nef\n"), Skipped { len: 5, done: true });
    }

    #[test]
    fn emits_one_newline_behind_the_content() {
        let mut slot = [0; 8];
        let len = Line::emit(&mut slot, |room| {
            room[..2].copy_from_slice(b"[]");
            Ok::<_, Full>(2)
        });
        assert_eq!((len, &slot[..3]), (Ok(3), &b"[]\n"[..]));
        assert_eq!(Line::emit(&mut slot[..0], |_| Ok::<_, Full>(0)), Err(Full));
    }
}
