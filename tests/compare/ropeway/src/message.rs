//! What is told over the links.

use compare::{BALL, Sample};
use ropeway_std::encoding::{DecodeError, EncodeError, Rule};
use ropeway_std::message::{Decode, Encode, Message};
use ropeway_std::messages;
use serde::{Deserialize, Serialize};

/// M as serde sees it, in postcard.
#[derive(Serialize, Deserialize)]
pub struct Derived(pub Sample);

/// M in the layout written by hand.
pub struct ByHand(pub Sample);

/// What goes there and back.
pub struct Ball(pub [u8; BALL]);

messages! {
    /// All of them.
    pub enum Words {
        Derived(Derived) = 0x10,
        ByHand(ByHand),
        Ball(Ball),
    }
}

impl Message for ByHand {
    const NAME: &'static str = "ByHand";
    const CODE: Option<u16> = Some(0x11);
}

impl Encode for ByHand {
    const MAX_SIZE: usize = Sample::LEN;

    #[inline]
    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        *out.first_chunk_mut().ok_or(EncodeError::Full)? = self.0.to_bytes();
        Ok(Sample::LEN)
    }
}

impl Decode<'_> for ByHand {
    #[inline]
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let sample = Sample::from_bytes(body).map(Self);
        sample.ok_or_else(|| DecodeError::at(body.len(), Rule::UnexpectedEnd))
    }
}

impl Message for Ball {
    const NAME: &'static str = "Ball";
    const CODE: Option<u16> = Some(0x12);
}

impl Encode for Ball {
    const MAX_SIZE: usize = BALL;

    #[inline]
    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        *out.first_chunk_mut().ok_or(EncodeError::Full)? = self.0;
        Ok(BALL)
    }
}

impl Decode<'_> for Ball {
    #[inline]
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let bytes = body.try_into().map(Self);
        bytes.map_err(|_| DecodeError::at(body.len(), Rule::UnexpectedEnd))
    }
}
