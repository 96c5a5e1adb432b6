//! Three messages, one of each kind: fixed layout, postcard, and one that cable_car knows by itself.

use ropeway_core::dialect::cable_car::{CableCarByte, Join};
use ropeway_core::encoding::{DecodeError, EncodeError, Rule};
use ropeway_core::message::{Decode, Encode, Message};
use ropeway_core::{Messenger, messages};
use serde::{Deserialize, Serialize};

messages! {
    /// What goes over the line.
    pub enum Words {
        Fixed(Fixed),
        Packed(Packed) = 0x11,
        Join(Join),
    }
}

/// The messenger over lent memory.
pub type Line = Messenger<CableCarByte, &'static mut [u8]>;

/// The bytes that every program lends, each way.
pub const LENT: usize = 64;

/// A measurement as 26 bytes, each field little-endian at its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixed(pub Measurement);

/// The same in postcard, about 21 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packed(pub Measurement);

/// Where something was, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured.
    pub id: u32,
    /// Microseconds since the start.
    pub time: u64,
    /// Where it was.
    pub position: [f32; 3],
    /// What else there is to say.
    pub flags: u16,
}

impl Measurement {
    /// The `n`th of many that differ in every field.
    pub fn sample(n: u16) -> Self {
        let x = f32::from(n);
        Self {
            id: 70_000 + u32::from(n),
            time: 1_700_000_000_000_000 + u64::from(n) * 1000,
            position: [x, -x, x + 0.5],
            flags: n,
        }
    }
}

impl Message for Fixed {
    const NAME: &'static str = "Fixed";
    const CODE: Option<u16> = Some(0x10);
}

impl Encode for Fixed {
    const MAX_SIZE: usize = 26;

    #[inline]
    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let out = out.first_chunk_mut::<26>().ok_or(EncodeError::Full)?;
        let Measurement {
            id,
            time,
            position: [x, y, z],
            flags,
        } = self.0;
        out[0..4].copy_from_slice(&id.to_le_bytes());
        out[4..12].copy_from_slice(&time.to_le_bytes());
        out[12..16].copy_from_slice(&x.to_le_bytes());
        out[16..20].copy_from_slice(&y.to_le_bytes());
        out[20..24].copy_from_slice(&z.to_le_bytes());
        out[24..26].copy_from_slice(&flags.to_le_bytes());
        Ok(Self::MAX_SIZE)
    }
}

impl Decode<'_> for Fixed {
    #[inline]
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let (&[id, low, high, x, y, z], &[a, b]) = body.as_chunks() else {
            let short = body.len() < Self::MAX_SIZE;
            let rule = if short {
                Rule::UnexpectedEnd
            } else {
                Rule::TrailingBytes
            };
            return Err(DecodeError::at(body.len().min(Self::MAX_SIZE), rule));
        };
        let [low, high] = [low, high].map(|word| u64::from(u32::from_le_bytes(word)));
        Ok(Self(Measurement {
            id: u32::from_le_bytes(id),
            time: high << 32 | low,
            position: [x, y, z].map(f32::from_le_bytes),
            flags: u16::from_le_bytes([a, b]),
        }))
    }
}
