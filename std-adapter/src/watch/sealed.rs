//! Secure links: how their bytes are cut, without a key to read them. Source: `SPEC.md`, "Secure".

use super::frame::{Body, Direction};
use super::read::Said;
use crate::value::Map;
use ropeway_core::framing::{self, Frame, Parsed};

/// What comes next in one direction of a secure link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The dialler's opening: a header, the id of a key, a message of Noise.
    Opening,
    /// The listener's answer: a byte, a message of Noise.
    Answer,
    /// Records.
    Records,
}

impl Stage {
    /// What starts with the byte of a secure link: an opening, unless the other side has sent one.
    pub(super) fn start(direction: Direction, sealed_by: &mut Option<Direction>) -> Self {
        match sealed_by.get_or_insert(direction) {
            by if *by == direction => Self::Opening,
            _ => Self::Answer,
        }
    }

    /// Finds the handshake or the next record.
    pub(super) fn find(self, input: &[u8], limit: usize) -> Result<Parsed, framing::Malformed> {
        let end = match (self, input) {
            (Self::Answer, _) => Some(1 + MESSAGE),
            (Self::Opening, [_, _, len, ..]) => Some(HEADER + usize::from(*len) + MESSAGE),
            // Its content need not be here to be passed over.
            (Self::Records, [_, _, ..]) => Some(RECORD_HEADER),
            _ => None,
        };
        debug_assert!(end.is_none_or(|end| end <= limit));
        Ok(match end.filter(|end| *end <= input.len()) {
            None => Parsed::More { scanned: 0 },
            Some(len) => Parsed::Frame(Frame {
                start: 0,
                end: len,
                len,
            }),
        })
    }

    /// What is told of it, and how many bytes behind it belong to it.
    pub(super) fn open(&mut self, content: &[u8]) -> (Said, u64) {
        let said = match (*self, content) {
            (Self::Records, [high, low, ..]) => {
                let len = u16::from_be_bytes([*high, *low]).into();
                return (Said::control("sealed", Body::Passed(len)), len);
            }
            (Self::Opening, [_, version, len, rest @ ..]) => {
                let id = rest.get(..usize::from(*len)).unwrap_or_default();
                let mut fields = Map::new();
                fields.insert("version", *version);
                fields.insert("key", String::from_utf8_lossy(id).into_owned());
                Said::control("secure opening", Body::Value(fields.into()))
            }
            _ => Said::control("secure answer", Body::Empty),
        };
        *self = Self::Records;
        (said, 0)
    }
}

/// The first byte, the version, the length of the key's id.
const HEADER: usize = 3;

/// A message of the handshake: a public key, two bytes and their tag.
const MESSAGE: usize = 32 + 2 + 16;

/// The length of a record.
const RECORD_HEADER: usize = 2;
