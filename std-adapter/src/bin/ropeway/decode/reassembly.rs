//! The bytes of one direction of TCP in their order: RFC 9293, section 3.4.

use super::capture::Marks;
use std::collections::BTreeMap;
use std::time::Duration;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// The number of the first byte, once a segment has come.
    first: Option<u32>,
    /// How many bytes have been handed on.
    taken: u64,
    /// Those that came too early, by their places.
    early: BTreeMap<u64, Vec<u8>>,
    early_len: usize,
    /// Where the direction ends, if that is known.
    end: Option<u64>,
    pub(super) stage: Stage,
    /// When the last segment came.
    pub(super) last: Duration,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    #[default]
    Open,
    /// All has been handed on.
    Ended,
    /// Bytes are missing, behind which nothing is handed on.
    Lost { missing: u64 },
}

impl Reassembly {
    /// Takes a segment, and hands on what is next.
    pub(super) fn take(
        &mut self,
        seq: u32,
        marks: Marks,
        bytes: &[u8],
        next: &mut dyn FnMut(&[u8]),
    ) {
        if self.stage != Stage::Open {
            return;
        }
        // SYN and FIN have numbers of their own.
        let seq = if marks.syn { seq.wrapping_add(1) } else { seq };
        let first = *self.first.get_or_insert(seq);
        let Some(place) = self.place(seq.wrapping_sub(first)) else {
            return;
        };
        let (place, bytes) = self.new_part(place, bytes);
        if marks.fin {
            self.end = Some(place + bytes.len() as u64);
        }
        if !bytes.is_empty() {
            self.keep(place, bytes);
        }
        self.hand_on(next);
        if self.end.is_some_and(|end| end <= self.taken) {
            self.stage = Stage::Ended;
        } else if self.early_len > MOST {
            self.lose();
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Ended;
        }
    }

    /// Whether this number began it.
    pub(super) fn began_with(&self, seq: u32) -> bool {
        self.first == Some(seq.wrapping_add(1))
    }

    /// How many bytes are missing at the end of a capture in front of some that are there.
    pub(super) fn missing(&mut self) -> Option<u64> {
        if self.stage != Stage::Open || self.early.is_empty() {
            return None;
        }
        self.lose();
        match self.stage {
            Stage::Lost { missing } => Some(missing),
            _ => None,
        }
    }

    /// Where the byte of this number, counted from the first, stands in the stream; nothing for one before the stream.
    fn place(&self, number: u32) -> Option<u64> {
        // Numbers start over after 4 GiB: the nearest to what is next is meant.
        let next = (self.taken & 0xFFFF_FFFF) as u32;
        let ahead = number.wrapping_sub(next).cast_signed();
        self.taken.checked_add_signed(ahead.into())
    }

    /// The part of a segment that has not been handed on, and its place.
    fn new_part<'b>(&self, place: u64, bytes: &'b [u8]) -> (u64, &'b [u8]) {
        let old = self.taken.saturating_sub(place);
        let old = usize::try_from(old).unwrap_or(usize::MAX).min(bytes.len());
        (place + old as u64, &bytes[old..])
    }

    /// Keeps what came; of two segments at the same place the longer one.
    fn keep(&mut self, place: u64, bytes: &[u8]) {
        let kept = self.early.entry(place).or_default();
        if kept.len() < bytes.len() {
            self.early_len += bytes.len() - kept.len();
            *kept = bytes.to_vec();
        }
    }

    fn hand_on(&mut self, next: &mut dyn FnMut(&[u8])) {
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.taken
        {
            let (place, bytes) = entry.remove_entry();
            self.early_len -= bytes.len();
            let (_, new) = self.new_part(place, &bytes);
            if !new.is_empty() {
                next(new);
                self.taken += new.len() as u64;
            }
        }
    }

    fn lose(&mut self) {
        let first = self.early.keys().next().copied().unwrap_or(self.taken);
        let missing = first.saturating_sub(self.taken);
        self.stage = Stage::Lost { missing };
        self.early.clear();
        self.early_len = 0;
    }
}

/// How many bytes are kept that came too early.
const MOST: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Marks = Marks {
        syn: false,
        ack: true,
        fin: false,
        rst: false,
    };

    fn joined(segments: &[(u32, &str)]) -> (String, Reassembly) {
        let mut way = Reassembly::default();
        let mut said = String::new();
        for (seq, text) in segments {
            let (marks, text) = match *text {
                "SYN" => (Marks { syn: true, ..PLAIN }, ""),
                "FIN" => (Marks { fin: true, ..PLAIN }, ""),
                text => (PLAIN, text),
            };
            way.take(*seq, marks, text.as_bytes(), &mut |bytes| {
                said += std::str::from_utf8(bytes).unwrap();
            });
        }
        (said, way)
    }

    #[test]
    fn puts_segments_in_order_and_drops_what_comes_again() {
        let (said, way) = joined(&[
            (9, "SYN"),
            (10, "ab"),
            (14, "ef"),
            (10, "ab"),
            (12, "cd"),
            (11, "bcdef"),
            (16, "FIN"),
        ]);
        assert_eq!(said, "abcdef");
        assert_eq!(way.stage, Stage::Ended);
        let (said, _) = joined(&[(9, "SYN"), (13, "d"), (12, "cde"), (10, "a"), (11, "bc")]);
        assert_eq!(said, "abcde");
    }

    #[test]
    fn starts_wherever_the_capture_does() {
        let (said, way) = joined(&[(700, "ab"), (702, "cd"), (699, "x"), (690, "early")]);
        assert_eq!(said, "abcd");
        assert_eq!(way.stage, Stage::Open);
    }

    #[test]
    fn numbers_start_over() {
        let near = u32::MAX - 2;
        let (said, way) = joined(&[
            (near.wrapping_sub(1), "SYN"),
            (near, "abc"),
            (2, "f"),
            (0, "de"),
            (3, "FIN"),
        ]);
        assert_eq!(said, "abcdef");
        assert_eq!(way.stage, Stage::Ended);
    }

    #[test]
    fn an_end_that_comes_early_waits_for_the_rest() {
        let (said, way) = joined(&[(0, "SYN"), (5, "FIN"), (3, "cd")]);
        assert_eq!((said.as_str(), way.stage), ("", Stage::Open));
        let (said, way) = joined(&[(0, "SYN"), (5, "FIN"), (3, "cd"), (1, "ab")]);
        assert_eq!((said.as_str(), way.stage), ("abcd", Stage::Ended));
    }

    #[test]
    fn what_is_missing_is_counted() {
        let (said, mut way) = joined(&[(0, "SYN"), (1, "ab"), (8, "hi")]);
        assert_eq!(said, "ab");
        assert_eq!(way.missing(), Some(5));
        assert_eq!(way.missing(), None);
        let mut way = Reassembly::default();
        way.take(0, PLAIN, b"a", &mut |_| ());
        for index in 0..=MOST / 1000 {
            let seq = u32::try_from(1000 * index + 10).unwrap();
            way.take(seq, PLAIN, &[0; 1000], &mut |_| panic!("a byte is missing"));
        }
        assert_eq!(way.stage, Stage::Lost { missing: 9 });
    }
}
