//! ChaCha20-Poly1305 by hand: records with a length in front, as secure links have them.

use crate::Outcome;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};

/// One direction of a connection.
pub(crate) struct Cipher {
    aead: ChaCha20Poly1305,
    count: u64,
}

/// The most plain bytes of a record, as secure links have it.
pub(crate) const MAX_RECORD: usize = 16 << 10;
/// What a record has beside its plain bytes.
pub(crate) const EXTRA: usize = LENGTH + TAG;
const LENGTH: usize = 2;
const TAG: usize = 16;

impl Cipher {
    pub(crate) fn new() -> Self {
        Self {
            aead: ChaCha20Poly1305::new(&[7; 32].into()),
            count: 0,
        }
    }

    /// Seals `plain` to the front of `out`, and returns the length of the record.
    pub(crate) fn seal(&mut self, plain: &[u8], out: &mut [u8]) -> Outcome<usize> {
        let len = plain.len() + TAG;
        let (length, room) = out.split_first_chunk_mut().ok_or(SHORT)?;
        *length = u16::try_from(len)?.to_be_bytes();
        let (sealed, room) = room.split_at_mut_checked(plain.len()).ok_or(SHORT)?;
        let nonce = self.nonce();
        let buffer = InOutBuf::new(plain, sealed).map_err(|_| SHORT)?;
        let tag = self.aead.encrypt_inout_detached(&nonce, &[], buffer);
        *room.first_chunk_mut().ok_or(SHORT)? = tag.map_err(|_| SHORT)?.0;
        Ok(LENGTH + len)
    }

    /// Opens the record at the front of `input` where it lies; returns where its plain bytes are, and the length of the
    /// record, or `None` when it is not here whole.
    pub(crate) fn open<'a>(&mut self, input: &'a mut [u8]) -> Outcome<Option<(&'a [u8], usize)>> {
        let Some((length, rest)) = input.split_first_chunk_mut() else {
            return Ok(None);
        };
        let len = usize::from(u16::from_be_bytes(*length));
        let Some(sealed) = rest.get_mut(..len) else {
            return Ok(None);
        };
        let (sealed, tag) = sealed.split_last_chunk_mut::<TAG>().ok_or(SHORT)?;
        let (nonce, tag) = (self.nonce(), Tag::from(*tag));
        let opened = self
            .aead
            .decrypt_inout_detached(&nonce, &[], (&mut *sealed).into(), &tag);
        opened.map_err(|_| "a record is forged")?;
        Ok(Some((sealed, LENGTH + len)))
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.count.to_le_bytes());
        self.count += 1;
        nonce.into()
    }
}

const SHORT: &str = "there is no room for a record";
