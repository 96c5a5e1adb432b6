//! What all of them carry.

use serde::{Deserialize, Serialize};

/// M, a measurement as sensors stream them: 26 bytes in the layout written by hand, about 21 in postcard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its number in the stream.
    pub id: u32,
    /// When it was taken, in microseconds.
    pub t: u64,
    /// Where.
    pub x: f32,
    /// Where.
    pub y: f32,
    /// Where.
    pub z: f32,
    /// What else there is to say.
    pub flags: u16,
}

/// The size of what goes there and back.
pub const BALL: usize = 32;

/// What goes there and back, the number `id`.
pub fn ball(id: u32) -> [u8; BALL] {
    let mut bytes = [0; BALL];
    bytes[..4].copy_from_slice(&id.to_le_bytes());
    bytes
}

impl Sample {
    /// The size of the layout written by hand.
    pub const LEN: usize = 26;

    /// The message number `id`.
    #[inline]
    pub fn nth(id: u32) -> Self {
        let angle = id as f32;
        Self {
            id,
            t: u64::from(id) * 1000,
            x: angle,
            y: angle * 0.5,
            z: -angle,
            flags: (id & 0x3ff) as u16,
        }
    }

    /// The layout written by hand: the fields in order, little-endian.
    #[inline]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0..4].copy_from_slice(&self.id.to_le_bytes());
        out[4..12].copy_from_slice(&self.t.to_le_bytes());
        out[12..16].copy_from_slice(&self.x.to_le_bytes());
        out[16..20].copy_from_slice(&self.y.to_le_bytes());
        out[20..24].copy_from_slice(&self.z.to_le_bytes());
        out[24..26].copy_from_slice(&self.flags.to_le_bytes());
        out
    }

    /// Reads that layout; `None` if it is not so long.
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        Some(Self {
            id: u32::from_le_bytes(part(bytes, 0)),
            t: u64::from_le_bytes(part(bytes, 4)),
            x: f32::from_le_bytes(part(bytes, 12)),
            y: f32::from_le_bytes(part(bytes, 16)),
            z: f32::from_le_bytes(part(bytes, 20)),
            flags: u16::from_le_bytes(part(bytes, 24)),
        })
    }
}

#[inline]
fn part<const N: usize>(bytes: &[u8; Sample::LEN], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("a field of the layout")
}
