use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

/// One direction's key and how many records it has sealed or opened: Noise's `CipherState`.
///
/// Its key is replaced after every [`RECORDS_A_KEY`] records; the count of records, which is the nonce, goes on.
pub(super) struct Cipher {
    key: Zeroizing<[u8; 32]>,
    pub(super) count: u64,
}

/// Why a record was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It has no room for its tag.
    Short,
    /// It was not made with this key, as the next record and with these associated bytes.
    Forged,
    /// There is no next record.
    Exhausted,
}

impl Cipher {
    pub(super) const fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key, count: 0 }
    }

    /// Seals `plain` into `room`, whose length must be that of both `plain` and tag; nothing is done otherwise.
    pub(super) fn seal(&mut self, associated: &[u8], plain: &[u8], room: &mut [u8]) -> Option<()> {
        let (sealed, tag) = room.split_last_chunk_mut::<TAG>()?;
        let buffer = InOutBuf::new(plain, sealed).ok()?;
        let nonce = nonce(self.next()?);
        let made = self
            .aead()
            .encrypt_inout_detached(&nonce, associated, buffer);
        *tag = made.ok()?.0;
        self.advance();
        Some(())
    }

    /// Opens a record in place and says how many plain bytes lie at its front.
    ///
    /// One that does not open is left as it is, and the next is expected in its place.
    pub(super) fn open(&mut self, associated: &[u8], sealed: &mut [u8]) -> Result<usize, Unopened> {
        let (sealed, tag) = sealed
            .split_last_chunk_mut::<TAG>()
            .ok_or(Unopened::Short)?;
        let nonce = nonce(self.next().ok_or(Unopened::Exhausted)?);
        let len = sealed.len();
        self.aead()
            .decrypt_inout_detached(&nonce, associated, sealed.into(), &Tag::from(*tag))
            .map_err(|_| Unopened::Forged)?;
        self.advance();
        Ok(len)
    }

    /// The number of the next record; the last of all is kept for REKEY.
    fn next(&self) -> Option<u64> {
        (!self.is_exhausted()).then_some(self.count)
    }

    pub(super) const fn is_exhausted(&self) -> bool {
        self.count == u64::MAX
    }

    fn advance(&mut self) {
        self.count = self.count.saturating_add(1);
        if self.count.is_multiple_of(RECORDS_A_KEY) {
            self.rekey();
        }
    }

    /// Replaces the key by what the old one encrypts 32 zeros to (section 4.2 of the Noise specification).
    fn rekey(&mut self) {
        let mut key = Zeroizing::new([0; 32]);
        let buffer = key.as_mut_slice().into();
        let made = self
            .aead()
            .encrypt_inout_detached(&nonce(u64::MAX), &[], buffer);
        if made.is_ok() {
            self.key = key;
        }
    }

    fn aead(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new((&*self.key).into())
    }
}

/// A nonce of the ChaChaPoly functions: 4 zeros, then the count, little-endian (section 12.3 of the Noise specification).
fn nonce(count: u64) -> Nonce {
    let mut nonce = [0; 12];
    if let Some(last) = nonce.last_chunk_mut() {
        *last = count.to_le_bytes();
    }
    nonce.into()
}

/// The bytes that a record has beside the plain ones.
pub(super) const TAG: usize = 16;

/// After how many records of one direction its key is replaced.
pub(super) const RECORDS_A_KEY: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn cipher(count: u64) -> Cipher {
        let mut cipher = Cipher::new(Zeroizing::new([7; 32]));
        cipher.count = count;
        cipher
    }

    fn seal(cipher: &mut Cipher, plain: &[u8]) -> Vec<u8> {
        let mut sealed = std::vec![0; plain.len() + TAG];
        cipher.seal(&[], plain, &mut sealed).unwrap();
        sealed
    }

    #[test]
    fn opens_what_it_seals_in_order_alone() {
        let (mut ours, mut theirs) = (cipher(0), cipher(0));
        let mut first = seal(&mut ours, b"one");
        let mut second = seal(&mut ours, b"");
        assert_eq!(theirs.open(&[], &mut second), Err(Unopened::Forged));
        assert_eq!(theirs.open(&[1], &mut first), Err(Unopened::Forged));
        assert_eq!(theirs.open(&[], &mut first), Ok(3));
        assert_eq!(&first[..3], b"one");
        assert_eq!(theirs.open(&[], &mut second), Ok(0));
    }

    #[test]
    fn replaces_its_key_after_a_million_records_and_no_sooner() {
        let old = cipher(0).key;
        let mut ours = cipher(RECORDS_A_KEY - 2);
        let mut theirs = cipher(RECORDS_A_KEY - 2);
        for changed in [false, true, true] {
            let mut sealed = seal(&mut ours, b"record");
            assert_eq!(ours.key != old, changed);
            assert_eq!(theirs.open(&[], &mut sealed), Ok(6));
        }
        assert_eq!(RECORDS_A_KEY, 1_048_576);
    }

    #[test]
    fn seals_and_opens_nothing_under_the_last_nonce() {
        let mut sealed = seal(&mut cipher(u64::MAX - 1), b"last");
        let mut theirs = cipher(u64::MAX - 1);
        assert_eq!(theirs.open(&[], &mut sealed), Ok(4));
        assert_eq!(theirs.open(&[], &mut sealed), Err(Unopened::Exhausted));
        assert_eq!(cipher(u64::MAX).seal(&[], b"", &mut [0; TAG]), None);
    }

    #[test]
    fn wants_room_for_exactly_the_record() {
        for room in (0..24).filter(|room| *room != 4 + TAG) {
            assert_eq!(cipher(0).seal(&[], b"four", &mut std::vec![0; room]), None);
        }
        for len in 0..TAG {
            let opened = cipher(0).open(&[], &mut std::vec![0; len]);
            assert_eq!(opened, Err(Unopened::Short));
        }
    }
}
