use super::cipher::{Cipher, TAG, Unopened};
use crate::buf::{Input, Outbox, Storage};
use crate::wire::Fault;

/// The sealed records of both directions.
///
/// ```text
/// 0              2                   len - 14      2 + len
/// +--------------+--------------------+--------------+
/// | len, BE      | ciphertext         | tag          |
/// +--------------+--------------------+--------------+
/// ```
pub(super) struct Records {
    pub(super) ours: Cipher,
    pub(super) theirs: Cipher,
    /// The most plain bytes of ours.
    limit: usize,
}

/// The most plain bytes of a record: longer ones save little and are kept waiting for their end.
pub const MAX_RECORD: usize = 16 * 1024;

/// How many plain bytes every peer must take in one record.
const LEAST_LIMIT: u16 = 64;

const LENGTH: usize = 2;

/// The most plain bytes of a record that there is room for in `memory` bytes.
fn limit(memory: usize) -> usize {
    memory.saturating_sub(LENGTH + TAG).min(MAX_RECORD)
}

/// How long the peer's records may be, in the words of the opening.
pub(super) fn stated_limit(input: &Input<impl Storage>) -> [u8; 2] {
    let limit = limit(input.limit());
    u16::try_from(limit).unwrap_or(u16::MAX).to_le_bytes()
}

/// Whether what the peer has stated is as much as it must take.
pub(super) fn check_limit(stated: [u8; 2]) -> Result<(), Fault> {
    let limit = u16::from_le_bytes(stated);
    if limit < LEAST_LIMIT {
        return Err(Fault::SmallRecords { limit });
    }
    Ok(())
}

/// Whether a whole record lies at the front of `input`.
pub(super) fn is_whole(input: &[u8]) -> bool {
    match input.split_first_chunk() {
        Some((len, rest)) => rest.len() >= usize::from(u16::from_be_bytes(*len)),
        None => false,
    }
}

impl Records {
    /// Records of ours as long as the peer has stated, and as there is room for.
    pub(super) fn new(
        ours: Cipher,
        theirs: Cipher,
        stated: [u8; 2],
        outbox: &Outbox<impl Storage>,
    ) -> Self {
        let stated = usize::from(u16::from_le_bytes(stated));
        Self {
            ours,
            theirs,
            limit: limit(outbox.limit()).min(stated),
        }
    }

    /// Opens the next record in place and says how many plain bytes lie at the front of `input`, with the tag behind
    /// them; none while no record with some is whole.
    pub(super) fn receive(&mut self, input: &mut Input<impl Storage>) -> Result<usize, Fault> {
        let limit = limit(input.limit()) + TAG;
        loop {
            let Some((len, _)) = input.as_slice().split_first_chunk() else {
                return Ok(0);
            };
            let len = usize::from(u16::from_be_bytes(*len));
            if len > limit {
                return Err(Fault::RecordLength { len, limit });
            }
            if len < TAG {
                return Err(Fault::RecordTag { len });
            }
            let Some(record) = input.as_mut_slice().get_mut(LENGTH..LENGTH + len) else {
                return Ok(0);
            };
            let plain = self.theirs.open(&[], record).map_err(|error| match error {
                Unopened::Short => Fault::RecordTag { len },
                Unopened::Forged => Fault::Record,
                Unopened::Exhausted => Fault::Exhausted,
            })?;
            input.consume(LENGTH);
            if plain > 0 {
                return Ok(plain);
            }
            input.consume(TAG);
        }
    }

    /// Seals as many of `bytes` as there is room for, and says how many.
    ///
    /// A long piece waits until there is room for half of the longest record, so that bytes which trickle out do not
    /// end up in ever smaller ones.
    pub(super) fn send(&mut self, outbox: &mut Outbox<impl Storage>, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = rest.len().min(self.limit);
            let least = most.min(self.limit / 2) + LENGTH + TAG;
            let mut sent = 0;
            let appended = outbox.append(least, |slot| {
                let (plain, len) = self.seal(rest, slot).ok_or(())?;
                sent = plain;
                Ok::<_, ()>(len)
            });
            let (Some(Ok(())), Some(behind)) = (appended, rest.get(sent..)) else {
                break;
            };
            rest = behind;
        }
        bytes.len() - rest.len()
    }

    /// Seals the front of `bytes` at the front of `slot`: how many of them, and how long the record is.
    fn seal(&mut self, bytes: &[u8], slot: &mut [u8]) -> Option<(usize, usize)> {
        let plain = bytes.len().min(self.limit).min(limit(slot.len()));
        let len = LENGTH + plain + TAG;
        let (header, sealed) = slot.get_mut(..len)?.split_first_chunk_mut()?;
        self.ours.seal(&[], bytes.get(..plain)?, sealed)?;
        *header = u16::try_from(sealed.len()).ok()?.to_be_bytes();
        Some((plain, len))
    }

    /// Whether no further record of ours can be sealed.
    pub(super) fn is_exhausted(&self) -> bool {
        self.ours.is_exhausted()
    }
}
