use crate::wire::Fault;

/// What a dialler finds at the front of an answer that is no secure one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not enough to tell.
    More,
    /// BYE, and why.
    Bye(u8),
    /// Something else.
    Other,
}

/// Looks for BYE at the front of `input`: its text, which is for people, is not waited for.
///
/// ```text
/// short  [n: 3..=255][0xE2][reason][text]
/// long   [0x00][len: u32][0xE2][reason][text]
/// ```
pub(super) fn parse(input: &[u8]) -> Refusal {
    let content = match input {
        [] => return Refusal::More,
        [0, content @ ..] => match content.split_first_chunk() {
            None => return Refusal::More,
            Some((&[0, 0, 0, 0], _)) => return Refusal::Other,
            Some((_, content)) => content,
        },
        [1 | 2, ..] => return Refusal::Other,
        [_, content @ ..] => content,
    };
    match content {
        [] | [BYE] => Refusal::More,
        [BYE, reason, ..] => Refusal::Bye(*reason),
        _ => Refusal::Other,
    }
}

/// Writes BYE for `fault` to the front of `slot` and says how long it is.
pub(super) fn emit(fault: Fault, slot: &mut [u8]) -> Option<usize> {
    let (reason, text) = match fault {
        Fault::Version { .. } => (1, "this is version 1"),
        Fault::NotSecure => (8, "secure peers only"),
        Fault::KeyIdLength { .. } => (10, "a key id has 1 to 32 bytes"),
        Fault::UnknownKey => (10, "unknown key id"),
        Fault::WrongKey => (11, "wrong key"),
        _ => (6, "records of 64 bytes are the least"),
    };
    let len = HEADER + text.len();
    let (header, rest) = slot.split_first_chunk_mut()?;
    *header = [u8::try_from(len).ok()?, BYE, reason];
    rest.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(len)
}

/// The code of BYE.
const BYE: u8 = 0xe2;

/// Length, code and reason.
const HEADER: usize = 3;

/// The most bytes of a refusal.
pub(super) const MAX_LEN: usize = HEADER + 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_dialler_reads_why_a_listener_refuses() {
        for (fault, reason) in [
            (Fault::Version { version: 2 }, 1),
            (Fault::SmallRecords { limit: 3 }, 6),
            (Fault::NotSecure, 8),
            (Fault::KeyIdLength { len: 0 }, 10),
            (Fault::UnknownKey, 10),
            (Fault::WrongKey, 11),
        ] {
            let mut slot = [0; MAX_LEN];
            let len = emit(fault, &mut slot).unwrap();
            assert_eq!(usize::from(slot[0]), len);
            for cut in 0..3 {
                assert_eq!(parse(&slot[..cut]), Refusal::More);
            }
            for cut in 3..=len {
                assert_eq!(parse(&slot[..cut]), Refusal::Bye(reason));
            }
            assert!(emit(fault, &mut slot[..len - 1]).is_none());
            assert!(!Fault::Refused { reason }.to_string().contains("for reason"));
        }
    }

    #[test]
    fn a_long_frame_may_say_bye_too() {
        let frame = [0, 2, 0, 0, 0, 0xe2, 9];
        for cut in 0..7 {
            assert_eq!(parse(&frame[..cut]), Refusal::More);
        }
        assert_eq!(parse(&frame), Refusal::Bye(9));
    }

    #[test]
    fn anything_else_is_told_apart_early() {
        let others: [&[u8]; 6] = [
            &[1],
            &[2, 0xe2],
            &[7, 0xe1],
            &[0, 0, 0, 0, 0],
            &[0, 9, 0, 0, 0, 0xe1],
            b"HTTP/1.1 400",
        ];
        for other in others {
            assert_eq!(parse(other), Refusal::Other);
        }
    }
}
