//! What the fuzz targets share: cut input in arbitrary places, and the promises of a framing.

/// The two programs and the cable of the tests, from their source: the package has much else.
#[path = "../../src/rig/mod.rs"]
pub mod rig;

use arbitrary::{Arbitrary, Unstructured};
use ropeway_core::framing::{Framing, Full, Malformed, Parsed, Recovery};

/// The sizes of the pieces that something arrives or leaves in, used over and over.
#[derive(Arbitrary, Debug, Default)]
pub struct Pieces(Vec<u8>);

impl Pieces {
    /// The pieces one after the other, without end: mostly small ones, none empty.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        let sizes = if self.0.is_empty() {
            &[255][..]
        } else {
            &self.0
        };
        sizes.iter().cycle().map(|&size| usize::from(size).max(1))
    }

    /// The places where `len` bytes are cut, their end included.
    pub fn cuts(&self, len: usize) -> impl Iterator<Item = usize> + '_ {
        let ends = self.sizes().scan(0, |end: &mut usize, size| {
            *end = end.saturating_add(size);
            Some(*end)
        });
        ends.take_while(move |&end| end < len).chain([len])
    }
}

/// A limit on frames that is often near the interesting ones.
#[derive(Debug)]
pub struct Limit(pub usize);

impl<'a> Arbitrary<'a> for Limit {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self(match u8::arbitrary(input)? {
            small @ 0..=0x7f => usize::from(small),
            large => usize::from(large) * 4 - 258,
        }))
    }
}

/// What a framing makes of the front of `input`, checked against its promises at every cut.
///
/// The scan goes on from each cut where it left off, must come to what one look at all of the bytes comes to, and
/// may not rule out bytes that it has not seen, nor fewer than before.
pub fn parse_in_pieces<F: Framing>(
    input: &[u8],
    cuts: impl Iterator<Item = usize>,
    limit: usize,
) -> Result<Parsed, Malformed> {
    let mut scanned = 0;
    for cut in cuts {
        let arrived = &input[..cut];
        let parsed = F::parse(arrived, scanned, limit);
        agree(parsed, F::parse(arrived, 0, limit));
        if scanned > 0 {
            // It cannot look twice at what it has ruled out, so that its work stays linear.
            let mut hidden = arrived.to_vec();
            hidden[..scanned].fill(b'\n');
            assert_eq!(F::parse(&hidden, scanned, limit), parsed);
        }
        match parsed {
            Ok(Parsed::More { scanned: now }) => {
                assert!(
                    now <= cut && scanned <= now,
                    "scanned {scanned}, then {now} of {cut}"
                );
                scanned = now;
            }
            Ok(Parsed::Frame(frame)) => {
                assert!(
                    frame.start <= frame.end && frame.end <= frame.len,
                    "{frame:?}"
                );
                assert!(
                    frame.len <= cut && frame.len > 0,
                    "{frame:?} in {cut} bytes"
                );
                assert!(frame.len <= limit, "{frame:?} beyond {limit}");
                // What follows a frame does not change it.
                assert_eq!(F::parse(input, 0, limit), parsed);
                assert_eq!(F::parse(&input[..frame.len], 0, limit), parsed);
                assert!(matches!(
                    F::parse(&input[..frame.len - 1], 0, limit),
                    Ok(Parsed::More { .. })
                ));
                return parsed;
            }
            Err(malformed) => {
                agree(F::parse(input, 0, limit), parsed);
                return Err(malformed);
            }
        }
    }
    F::parse(input, 0, limit)
}

/// Two looks at one frame say the same; only how much of an endless frame has arrived may differ.
fn agree(one: Result<Parsed, Malformed>, other: Result<Parsed, Malformed>) {
    match (one, other) {
        (Err(one), Err(other)) if one.recovery == Recovery::Delimiter => {
            assert_eq!((one.offset, one.recovery), (other.offset, other.recovery));
        }
        _ => assert_eq!(one, other),
    }
}

/// Every frame of a stream: each is checked, put back together and found the same.
pub fn walk<F: Framing>(input: &[u8], pieces: &Pieces, limit: usize) {
    let mut rest = input;
    while !rest.is_empty() {
        let len = match parse_in_pieces::<F>(rest, pieces.cuts(rest.len()), limit) {
            Ok(Parsed::More { .. }) => return,
            Ok(Parsed::Frame(frame)) => {
                emits_again::<F>(&rest[frame.start..frame.end], &rest[..frame.len]);
                frame.len
            }
            Err(malformed) => match malformed.recovery {
                Recovery::Lost => return,
                Recovery::Bytes(len) => {
                    assert!(len > limit, "a frame of {len} bytes refused within {limit}");
                    len
                }
                Recovery::Delimiter => skip_in_pieces::<F>(rest, pieces.cuts(rest.len())),
            },
        };
        assert!(len > 0, "no progress");
        rest = rest.get(len..).unwrap_or_default();
    }
}

/// Skipping piece by piece ends where skipping at once ends.
fn skip_in_pieces<F: Framing>(input: &[u8], cuts: impl Iterator<Item = usize>) -> usize {
    let whole = F::skip(input);
    let mut start = 0;
    for cut in cuts {
        let skipped = F::skip(&input[start..cut]);
        assert!(skipped.len <= cut - start);
        start += skipped.len;
        if skipped.done {
            assert!(whole.done);
            break;
        }
        assert_eq!(start, cut, "an unfinished skip leaves bytes");
    }
    assert_eq!(start, whole.len);
    start
}

/// The content emitted is the frame it came from, in a slot of just that size and in no smaller one.
fn emits_again<F: Framing>(content: &[u8], frame: &[u8]) {
    let mut slot = vec![0xee; frame.len() + 3];
    assert_eq!(emit::<F>(content, &mut slot), Ok(frame.len()));
    assert_eq!(&slot[..frame.len()], frame);
    let mut exact = vec![0xee; frame.len()];
    assert_eq!(emit::<F>(content, &mut exact), Ok(frame.len()));
    assert_eq!(exact, frame);
    assert_eq!(emit::<F>(content, &mut exact[..frame.len() - 1]), Err(Full));
}

/// Writes one frame around `content`.
pub fn emit<F: Framing>(content: &[u8], slot: &mut [u8]) -> Result<usize, Full> {
    F::emit(slot, |room| {
        room.get_mut(..content.len())
            .ok_or(Full)?
            .copy_from_slice(content);
        Ok(content.len())
    })
}
