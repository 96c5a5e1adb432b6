//! The messages of the vectors in byte frames.

use super::{Decoded, Out, Wire};
use ropeway_core::dialect::cable_car::{CableCarByte, Identify, Join, Quit, Retry};
use ropeway_core::encoding::{DecodeError, EncodeError, Rule};
use ropeway_core::message::{Decode, Encode, Message};
use ropeway_core::messages;
use ropeway_std::value::Map;

/// Big-endian, as `struct.pack(">hhd", …)` and `struct.pack(">I3fH", …)` write it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BytePosition {
    /// Where something is: 12 bytes.
    Place {
        /// To the east.
        x: i16,
        /// To the north.
        y: i16,
        /// Up.
        z: f64,
    },
    /// A numbered sample: 18 bytes.
    Sample {
        /// The number.
        id: u32,
        /// Where, in three dimensions.
        place: [f32; 3],
        /// The low half of the number.
        flags: u16,
    },
}

/// Bytes without a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteBlob<'a>(pub &'a [u8]);

/// The same, under the lowest code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteZero<'a>(pub &'a [u8]);

/// The same, under the highest code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteTop<'a>(pub &'a [u8]);

messages! {
    /// What the programs in `peers/cable_car` know in byte frames.
    #[derive(Debug, PartialEq)]
    pub enum Bytes<'a> for CableCarByte {
        Identify(Identify<'a>),
        Join(Join),
        Retry(Retry),
        Quit(Quit),
        Position(BytePosition),
        Blob(ByteBlob<'a>),
        Zero(ByteZero<'a>),
        Top(ByteTop<'a>),
    }
}

impl Message for BytePosition {
    const NAME: &'static str = "BytePosition";
    const CODE: Option<u16> = Some(0x10);
}

impl Encode for BytePosition {
    const MAX_SIZE: usize = 18;

    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        match *self {
            Self::Place { x, y, z } => {
                put(out, &[&x.to_be_bytes(), &y.to_be_bytes(), &z.to_be_bytes()])
            }
            Self::Sample { id, place, flags } => {
                let [x, y, z] = place.map(f32::to_be_bytes);
                put(out, &[&id.to_be_bytes(), &x, &y, &z, &flags.to_be_bytes()])
            }
        }
    }
}

impl Decode<'_> for BytePosition {
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = body;
        let parsed = match body.len() {
            12 => Self::Place {
                x: i16::from_be_bytes(take(&mut rest)?),
                y: i16::from_be_bytes(take(&mut rest)?),
                z: f64::from_be_bytes(take(&mut rest)?),
            },
            18 => Self::Sample {
                id: u32::from_be_bytes(take(&mut rest)?),
                place: [
                    f32::from_be_bytes(take(&mut rest)?),
                    f32::from_be_bytes(take(&mut rest)?),
                    f32::from_be_bytes(take(&mut rest)?),
                ],
                flags: u16::from_be_bytes(take(&mut rest)?),
            },
            len => return Err(DecodeError::at(len, Rule::UnexpectedEnd)),
        };
        Ok(parsed)
    }
}

fn put(out: &mut [u8], parts: &[&[u8]]) -> Result<usize, EncodeError> {
    let bytes = parts.concat();
    out.get_mut(..bytes.len())
        .ok_or(EncodeError::Full)?
        .copy_from_slice(&bytes);
    Ok(bytes.len())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (taken, left) = rest
        .split_first_chunk()
        .ok_or(DecodeError::at(0, Rule::UnexpectedEnd))?;
    *rest = left;
    Ok(*taken)
}

/// Bodies that are the bytes themselves.
macro_rules! raw {
    ($($message:ident = $code:literal),*) => {$(
        impl Message for $message<'_> {
            const NAME: &'static str = stringify!($message);
            const CODE: Option<u16> = Some($code);
        }

        impl Encode for $message<'_> {
            const MAX_SIZE: usize = CableCarByte::MAX_BODY;

            fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
                put(out, &[self.0])
            }
        }

        impl<'a> Decode<'a> for $message<'a> {
            fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
                Ok(Self(body))
            }
        }
    )*};
}

raw!(ByteBlob = 0x20, ByteZero = 0x00, ByteTop = 0xFF);

impl Wire for CableCarByte {
    const TRANSPORT: &'static str = "byte";

    type Any<'a> = Bytes<'a>;
    type Typed<'a> = Bytes<'a>;

    fn decoded(message: Bytes<'_>) -> Decoded {
        let (attributes, payload) = match message {
            Bytes::Identify(Identify {
                username: Some(user),
                hostname: Some(host),
            }) => (
                Some(Map::from([("username", user), ("hostname", host)])),
                format!("{user}@{host}").into_bytes(),
            ),
            Bytes::Identify(_) => (Some(Map::new()), Vec::new()),
            Bytes::Join(_) | Bytes::Retry(_) | Bytes::Quit(_) => (None, Vec::new()),
            Bytes::Position(position) => {
                let mut payload = vec![0; BytePosition::MAX_SIZE];
                let len = position.encode(&mut payload).expect("room");
                payload.truncate(len);
                (position.attributes(), payload)
            }
            Bytes::Blob(ByteBlob(bytes))
            | Bytes::Zero(ByteZero(bytes))
            | Bytes::Top(ByteTop(bytes)) => (None, bytes.to_vec()),
        };
        let (class, code) = message.row();
        Decoded {
            class: class.into(),
            code,
            attributes,
            payload: Some(payload),
        }
    }

    fn put(out: &mut impl Out<Self>, message: &Decoded) {
        let payload = message.payload.as_deref().expect("a payload");
        let attribute = |name| message.attributes.as_ref()?.get(name)?.as_str();
        match message.code.expect("a code") {
            0x01 => out.put(&Identify {
                username: attribute("username"),
                hostname: attribute("hostname"),
            }),
            0x02 => out.put(&Join),
            0x03 => out.put(&Retry),
            0x04 => out.put(&Quit),
            0x10 => out.put(&BytePosition::decode(payload).expect("a position")),
            0x20 => out.put(&ByteBlob(payload)),
            0x00 => out.put(&ByteZero(payload)),
            0xFF => out.put(&ByteTop(payload)),
            code => panic!("no message has code {code}"),
        }
    }

    fn put_numbered(out: &mut impl Out<Self>, number: u32) {
        out.put(&BytePosition::numbered(number));
    }

    fn number(message: &Bytes<'_>) -> Option<u32> {
        match message {
            Bytes::Position(BytePosition::Sample { id, .. }) => {
                assert_eq!(*message, Bytes::Position(BytePosition::numbered(*id)));
                Some(*id)
            }
            _ => None,
        }
    }
}

impl BytePosition {
    /// What the Python programs say as their message of this number.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    pub fn numbered(number: u32) -> Self {
        Self::Sample {
            id: number,
            place: [number as f32 / 16.0, -i64::from(number) as f32 / 4.0, 0.5],
            flags: number as u16,
        }
    }

    fn attributes(self) -> Option<Map> {
        match self {
            Self::Place { x, y, z } => {
                let mut attributes = Map::from([("x", x), ("y", y)]);
                attributes.insert("z", z);
                Some(attributes)
            }
            Self::Sample { .. } => None,
        }
    }
}

impl Bytes<'_> {
    fn row(&self) -> (&'static str, Option<u16>) {
        const fn row<M: Message>(_: &M) -> (&'static str, Option<u16>) {
            (M::NAME, M::CODE)
        }
        match self {
            Self::Identify(message) => row(message),
            Self::Join(message) => row(message),
            Self::Retry(message) => row(message),
            Self::Quit(message) => row(message),
            Self::Position(message) => row(message),
            Self::Blob(message) => row(message),
            Self::Zero(message) => row(message),
            Self::Top(message) => row(message),
        }
    }
}
