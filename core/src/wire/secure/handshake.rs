use super::cipher::{Cipher, TAG};
use super::key::{Key, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

/// One side of `Noise_NNpsk0_25519_ChaChaPoly_SHA256` (revision 34 of the Noise specification).
///
/// ```text
/// -> psk, e
/// <- e, ee
/// ```
///
/// Both messages have the same shape. Whoever has had both, [splits](Self::split) into the ciphers of the records.
///
/// ```text
/// 0                32        34             50
/// +----------------+---------+--------------+
/// | public key     | payload | tag          |
/// +----------------+---------+--------------+
/// ```
///
/// A listener knows that the dialler has the key before it does any work on public keys.
pub(super) struct Handshake {
    chaining_key: Secret,
    hash: [u8; 32],
    ephemeral: Secret,
}

impl Handshake {
    /// Starts over `prologue`, which everybody sees, and `key`, which both sides have. `ephemeral` is random and new.
    pub(super) fn new(prologue: &[u8], key: &Key, ephemeral: Secret) -> Self {
        let name = hash(PROTOCOL, &[]);
        let mut handshake = Self {
            chaining_key: Zeroizing::new(name),
            hash: name,
            ephemeral,
        };
        handshake.mix_hash(prologue);
        handshake.mix_key_and_hash(key.as_bytes());
        handshake
    }

    /// The dialler's message.
    pub(super) fn send_first(&mut self, payload: [u8; PAYLOAD]) -> Option<[u8; MESSAGE]> {
        let public = agree(&self.ephemeral, X25519_BASEPOINT_BYTES);
        let key = self.mix_public(&public);
        self.seal(key, public, payload)
    }

    /// What the dialler's message carries, if it was made with the key.
    pub(super) fn receive_first(&mut self, message: &[u8; MESSAGE]) -> Option<[u8; PAYLOAD]> {
        let (public, sealed) = message.split_first_chunk()?;
        let key = self.mix_public(public);
        self.open(key, sealed)
    }

    /// The listener's message, in answer to `first`.
    pub(super) fn send_second(
        &mut self,
        first: &[u8; MESSAGE],
        payload: [u8; PAYLOAD],
    ) -> Option<[u8; MESSAGE]> {
        let public = agree(&self.ephemeral, X25519_BASEPOINT_BYTES);
        self.mix_public(&public);
        let key = self.mix_agreed(first.first_chunk()?);
        self.seal(key, public, payload)
    }

    /// What the listener's message carries, if it was made with the key, in answer to ours.
    pub(super) fn receive_second(&mut self, message: &[u8; MESSAGE]) -> Option<[u8; PAYLOAD]> {
        let (public, sealed) = message.split_first_chunk()?;
        self.mix_public(public);
        let key = self.mix_agreed(public);
        self.open(key, sealed)
    }

    /// The ciphers of the two directions: the dialler's, then the listener's.
    pub(super) fn split(&self) -> (Cipher, Cipher) {
        let [dialler, listener, _] = derive(&self.chaining_key, &[]);
        (Cipher::new(dialler), Cipher::new(listener))
    }

    fn seal(
        &mut self,
        key: Secret,
        public: [u8; PUBLIC_KEY],
        payload: [u8; PAYLOAD],
    ) -> Option<[u8; MESSAGE]> {
        let mut message = [0; MESSAGE];
        let (front, sealed) = message.split_first_chunk_mut()?;
        *front = public;
        Cipher::new(key).seal(&self.hash, &payload, sealed)?;
        self.mix_hash(sealed);
        Some(message)
    }

    fn open(&mut self, key: Secret, sealed: &[u8]) -> Option<[u8; PAYLOAD]> {
        let mut opened: [u8; PAYLOAD + TAG] = *sealed.first_chunk()?;
        Cipher::new(key).open(&self.hash, &mut opened).ok()?;
        self.mix_hash(sealed);
        opened.first_chunk().copied()
    }

    /// The token `e`: beside a pre-shared key, public keys count as key material too.
    fn mix_public(&mut self, public: &[u8; PUBLIC_KEY]) -> Secret {
        self.mix_hash(public);
        self.mix_key(public)
    }

    /// The token `ee`.
    fn mix_agreed(&mut self, remote: &[u8; PUBLIC_KEY]) -> Secret {
        self.mix_key(&Zeroizing::new(agree(&self.ephemeral, *remote)))
    }

    fn mix_hash(&mut self, data: &[u8]) {
        self.hash = hash(&self.hash, data);
    }

    fn mix_key(&mut self, input: &[u8; 32]) -> Secret {
        let [chaining_key, key, _] = derive(&self.chaining_key, input);
        self.chaining_key = chaining_key;
        key
    }

    fn mix_key_and_hash(&mut self, input: &[u8; 32]) {
        let [chaining_key, mixed, _] = derive(&self.chaining_key, input);
        self.chaining_key = chaining_key;
        self.mix_hash(&*mixed);
    }
}

/// Noise's `DH`.
///
/// What is no public key of the curve may give zeros: nothing needs to look, for its sender has the pre-shared key.
#[inline(never)]
fn agree(secret: &Secret, public: [u8; PUBLIC_KEY]) -> [u8; 32] {
    x25519(**secret, public)
}

/// Noise's `HKDF` with three outputs, whose first two are those of two.
#[inline(never)]
fn derive(chaining_key: &Secret, input: &[u8]) -> [Secret; 3] {
    let inner = authenticate(chaining_key, input, &[]);
    let first = authenticate(&inner, &[1], &[]);
    let second = authenticate(&inner, &*first, &[2]);
    let third = authenticate(&inner, &*second, &[3]);
    [first, second, third]
}

/// HMAC-SHA256 (RFC 2104) over `data`, then `more`.
#[inline(never)]
fn authenticate(key: &Secret, data: &[u8], more: &[u8]) -> Secret {
    let mut block = Zeroizing::new([0; 64]);
    if let Some(front) = block.first_chunk_mut() {
        *front = **key;
    }
    let mac = Hmac::<Sha256>::new((&*block).into());
    let mac = mac.chain_update(data).chain_update(more);
    Zeroizing::new(mac.finalize().into_bytes().0)
}

/// SHA-256 over `data`, then `more`.
#[inline(never)]
fn hash(data: &[u8], more: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(data)
        .chain_update(more)
        .finalize()
        .0
}

const PROTOCOL: &[u8] = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const PUBLIC_KEY: usize = 32;
const PAYLOAD: usize = 2;

/// The bytes of a message.
pub(super) const MESSAGE: usize = PUBLIC_KEY + PAYLOAD + TAG;
