//! The messages that every contender carries.

use ropeway_std::dialect::cable_car::{Join, Quit};
use ropeway_std::encoding::{DecodeError, EncodeError, Rule};
use ropeway_std::message::{Decode, Encode, Message};
use ropeway_std::messages;
use serde::{Deserialize, Serialize};

/// A measurement, as sensors stream them: 26 bytes in a fixed layout, about 21 in postcard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) id: u32,
    pub(crate) t: u64,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
    pub(crate) flags: u16,
}

/// The same in the fixed layout, written by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fixed(pub(crate) Sample);

/// A round trip's load: 32 bytes as a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ball(pub(crate) [u8; Self::LEN]);

/// What a device reports of itself, for JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status<'a> {
    pub(crate) id: u32,
    pub(crate) host: &'a str,
    pub(crate) celsius: f32,
    pub(crate) load: f64,
    pub(crate) online: bool,
}

// Each contender has a table of its own, as each program has.

messages! {
    pub(crate) enum Samples {
        Join(Join),
        Quit(Quit),
        Sample(Sample) = 0x10 -> u32,
    }
}

messages! {
    pub(crate) enum Lines<'a> {
        Join(Join),
        Quit(Quit),
        Status(Status<'a>) as "Status",
    }
}

messages! {
    pub(crate) enum Copies {
        Join(Join),
        Quit(Quit),
        Fixed(Fixed),
    }
}

messages! {
    pub(crate) enum Balls {
        Join(Join),
        Quit(Quit),
        Ball(Ball),
    }
}

impl Sample {
    /// The size of the fixed layout.
    pub(crate) const LEN: usize = 26;

    /// The message number `id` of a stream.
    #[inline]
    pub(crate) fn nth(id: u32) -> Self {
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

    /// The fixed layout: the fields in order, little-endian.
    #[inline]
    pub(crate) fn to_bytes(self, out: &mut [u8; Self::LEN]) {
        out[0..4].copy_from_slice(&self.id.to_le_bytes());
        out[4..12].copy_from_slice(&self.t.to_le_bytes());
        out[12..16].copy_from_slice(&self.x.to_le_bytes());
        out[16..20].copy_from_slice(&self.y.to_le_bytes());
        out[20..24].copy_from_slice(&self.z.to_le_bytes());
        out[24..26].copy_from_slice(&self.flags.to_le_bytes());
    }

    #[inline]
    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self {
            id: u32::from_le_bytes(part(bytes, 0)),
            t: u64::from_le_bytes(part(bytes, 4)),
            x: f32::from_le_bytes(part(bytes, 12)),
            y: f32::from_le_bytes(part(bytes, 16)),
            z: f32::from_le_bytes(part(bytes, 20)),
            flags: u16::from_le_bytes(part(bytes, 24)),
        }
    }
}

#[inline]
fn part<const N: usize>(bytes: &[u8; Sample::LEN], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("a field of the layout")
}

impl Message for Fixed {
    const NAME: &'static str = "Fixed";
    const CODE: Option<u16> = Some(0x11);
}

impl Encode for Fixed {
    const MAX_SIZE: usize = Sample::LEN;

    #[inline]
    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        self.0
            .to_bytes(out.first_chunk_mut().ok_or(EncodeError::Full)?);
        Ok(Sample::LEN)
    }
}

impl Decode<'_> for Fixed {
    #[inline]
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let bytes = body
            .try_into()
            .map_err(|_| DecodeError::at(body.len(), Rule::UnexpectedEnd))?;
        Ok(Self(Sample::from_bytes(bytes)))
    }
}

impl Ball {
    pub(crate) const LEN: usize = 30;

    pub(crate) fn nth(id: u32) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&id.to_le_bytes());
        Self(bytes)
    }
}

impl Message for Ball {
    const NAME: &'static str = "Ball";
    const CODE: Option<u16> = Some(0x12);
}

impl Encode for Ball {
    const MAX_SIZE: usize = Self::LEN;

    #[inline]
    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        *out.first_chunk_mut().ok_or(EncodeError::Full)? = self.0;
        Ok(Self::LEN)
    }
}

impl Decode<'_> for Ball {
    #[inline]
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        body.try_into()
            .map(Self)
            .map_err(|_| DecodeError::at(body.len(), Rule::UnexpectedEnd))
    }
}

impl Status<'static> {
    /// The message number `id` of a stream.
    #[inline]
    pub(crate) fn nth(id: u32) -> Self {
        Self {
            id,
            host: "raspberrypi.local",
            celsius: 20.0 + (id % 64) as f32 * 0.25,
            load: f64::from(id % 1000) * 0.001,
            online: id.is_multiple_of(2),
        }
    }
}
