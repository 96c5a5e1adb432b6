use super::key::KeyId;
use crate::wire::{Fault, SECURE};

/// What a dialler sends before the first message of the handshake, whose prologue it is.
///
/// ```text
/// 0        1         2        3            3 + len
/// +--------+---------+--------+-------------+
/// | 0x01   | version | len    | key id      |
/// +--------+---------+--------+-------------+
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opening<'a> {
    /// All of these bytes.
    pub(super) prologue: &'a [u8],
    pub(super) id: KeyId,
    /// What has come behind them.
    pub(super) rest: &'a [u8],
}

/// Looks for an opening at the front of `input`: `None` until it is whole, a fault as soon as it is none.
pub(super) fn parse(input: &[u8]) -> Result<Option<Opening<'_>>, Fault> {
    if input.first().is_some_and(|first| *first != SECURE) {
        return Err(Fault::NotSecure);
    }
    if let Some(version) = input.get(1).copied().filter(|version| *version != VERSION) {
        return Err(Fault::Version { version });
    }
    let Some((&len, rest)) = input.get(2..).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    if !(1..=KeyId::MAX_LEN).contains(&usize::from(len)) {
        return Err(Fault::KeyIdLength { len });
    }
    let Some((prologue, _)) = input.split_at_checked(HEADER + usize::from(len)) else {
        return Ok(None);
    };
    let Some((id, rest)) = rest.split_at_checked(usize::from(len)) else {
        return Ok(None);
    };
    let id = KeyId::new(id).ok_or(Fault::KeyIdLength { len })?;
    Ok(Some(Opening { prologue, id, rest }))
}

/// Writes the opening with this key id to the front of `slot` and says how long it is.
pub(super) fn emit(id: &KeyId, slot: &mut [u8]) -> Option<usize> {
    let id = id.as_bytes();
    let (header, rest) = slot.split_first_chunk_mut::<HEADER>()?;
    *header = [SECURE, VERSION, u8::try_from(id.len()).ok()?];
    rest.get_mut(..id.len())?.copy_from_slice(id);
    Some(HEADER + id.len())
}

const VERSION: u8 = 1;
const HEADER: usize = 3;

/// The most bytes of an opening.
pub(super) const MAX_LEN: usize = HEADER + KeyId::MAX_LEN;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_emits_once_it_is_whole() {
        for len in 1..=KeyId::MAX_LEN {
            let id = KeyId::new(&[0xa5; 32][..len]).unwrap();
            let mut slot = [7; MAX_LEN + 4];
            let end = emit(&id, &mut slot).unwrap();
            assert_eq!(end, 3 + len);
            for cut in 0..end {
                assert_eq!(parse(&slot[..cut]), Ok(None));
                assert_eq!(emit(&id, &mut [0; MAX_LEN][..cut]), None);
            }
            let opening = parse(&slot).unwrap().unwrap();
            assert_eq!((opening.prologue, opening.rest), slot.split_at(end));
            assert_eq!(opening.id, id);
        }
    }

    #[test]
    fn refuses_at_the_first_byte_that_breaks_a_rule() {
        for first in (0..=255).filter(|first| *first != 1) {
            assert_eq!(parse(&[first]), Err(Fault::NotSecure));
            let version = first;
            assert_eq!(parse(&[1, version]), Err(Fault::Version { version }));
        }
        for len in [0, 33, 255] {
            assert_eq!(parse(&[1, 1, len]), Err(Fault::KeyIdLength { len }));
        }
    }
}
