use super::{MAX_NAME, Reason, Rule};
use crate::framing::Full;

/// A file frame: its content, the code first, without the length in front.
///
/// The table of fields and byte vectors stand in `SPEC.md`. Names are text of at most [`MAX_NAME`] bytes;
/// whether they are allowed says [`check_name`](super::check_name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Frame<'a> {
    /// "I have this file": from the sender.
    Offer {
        /// The file's id, the sender's next.
        file: u32,
        /// The ASK that it answers, 0 for none.
        ask: u32,
        /// How many bytes the content has.
        size: u64,
        /// What tells versions of the content apart, 0 for nothing.
        tag: u64,
        /// Its name.
        name: &'a str,
    },
    /// "Offer me this file": from the receiver.
    Ask {
        /// The request's id, the asker's next, not 0.
        ask: u32,
        /// The name of the file.
        name: &'a str,
    },
    /// "Send it": from the receiver.
    Accept {
        /// The file.
        file: u32,
        /// Where to start.
        offset: u64,
        /// The offset up to which chunks may be sent.
        limit: u64,
    },
    /// "So much has been taken; go on": from the receiver.
    Credit {
        /// The file.
        file: u32,
        /// How much has been taken.
        offset: u64,
        /// The offset up to which chunks may be sent.
        limit: u64,
    },
    /// A piece of the content: from the sender.
    Chunk {
        /// The file.
        file: u32,
        /// Where the piece starts.
        offset: u64,
        /// The piece.
        bytes: &'a [u8],
    },
    /// "That was all": from the sender.
    Done {
        /// The file.
        file: u32,
        /// The CRC-32 of the whole content.
        crc: u32,
    },
    /// "It is all here": from the receiver.
    Verified {
        /// The file.
        file: u32,
    },
    /// "No", or "no longer": from either.
    Stop {
        /// The file, or the ask.
        id: u32,
        /// Who says so, and of what.
        side: Side,
        /// Why.
        reason: Reason,
    },
}

/// Who says STOP, and so what its id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Side {
    /// The sender, of a file that it offered.
    Sender,
    /// The receiver, of a file that the other side offered.
    Receiver,
    /// Who was asked, of an ASK.
    Asked,
}

impl<'a> Frame<'a> {
    /// The bytes of a CHUNK's content before its piece of the file.
    pub const CHUNK_HEADER: usize = 13;

    /// The longest content of all but [`Chunk`](Self::Chunk): of an OFFER with the longest name.
    pub const MAX_CONTROL: usize = 1 + 4 + 4 + 8 + 8 + MAX_NAME;

    /// Reads a frame from its content.
    pub fn parse(content: &'a [u8]) -> Result<Self, Rule> {
        let Some((&code, body)) = content.split_first() else {
            return Err(Rule::Length { code: 0, len: 0 });
        };
        let rule = Rule::Length {
            code,
            len: content.len(),
        };
        let mut fields = Fields { rest: body, rule };
        let frame = match code {
            OFFER => Self::Offer {
                file: fields.u32()?,
                ask: fields.u32()?,
                size: fields.u64()?,
                tag: fields.u64()?,
                name: fields.name()?,
            },
            ASK => Self::Ask {
                ask: fields.u32()?,
                name: fields.name()?,
            },
            ACCEPT => Self::Accept {
                file: fields.u32()?,
                offset: fields.u64()?,
                limit: fields.u64()?,
            },
            CREDIT => Self::Credit {
                file: fields.u32()?,
                offset: fields.u64()?,
                limit: fields.u64()?,
            },
            CHUNK => Self::Chunk {
                file: fields.u32()?,
                offset: fields.u64()?,
                bytes: fields.piece()?,
            },
            DONE => Self::Done {
                file: fields.u32()?,
                crc: fields.u32()?,
            },
            VERIFIED => Self::Verified {
                file: fields.u32()?,
            },
            STOP => Self::Stop {
                id: fields.u32()?,
                side: Side::from_wire(fields.u8()?)?,
                reason: Reason::from_wire(fields.u8()?),
            },
            code => return Err(Rule::Code { code }),
        };
        fields.end()?;
        Ok(frame)
    }

    /// Writes the content to the front of `slot` and returns its length.
    pub fn emit(&self, slot: &mut [u8]) -> Result<usize, Full> {
        let room = slot.len();
        let mut out = Out { rest: slot };
        out.put(&[self.code()])?;
        match *self {
            Self::Offer {
                file,
                ask,
                size,
                tag,
                name,
            } => {
                out.put(&file.to_le_bytes())?;
                out.put(&ask.to_le_bytes())?;
                out.put(&size.to_le_bytes())?;
                out.put(&tag.to_le_bytes())?;
                out.put(name.as_bytes())?;
            }
            Self::Ask { ask, name } => {
                out.put(&ask.to_le_bytes())?;
                out.put(name.as_bytes())?;
            }
            Self::Accept {
                file,
                offset,
                limit,
            }
            | Self::Credit {
                file,
                offset,
                limit,
            } => {
                out.put(&file.to_le_bytes())?;
                out.put(&offset.to_le_bytes())?;
                out.put(&limit.to_le_bytes())?;
            }
            Self::Chunk {
                file,
                offset,
                bytes,
            } => {
                out.put(&file.to_le_bytes())?;
                out.put(&offset.to_le_bytes())?;
                out.put(bytes)?;
            }
            Self::Done { file, crc } => {
                out.put(&file.to_le_bytes())?;
                out.put(&crc.to_le_bytes())?;
            }
            Self::Verified { file } => out.put(&file.to_le_bytes())?,
            Self::Stop { id, side, reason } => {
                out.put(&id.to_le_bytes())?;
                out.put(&[side.to_wire(), reason.to_wire()])?;
            }
        }
        Ok(room - out.rest.len())
    }

    /// The first byte of the content.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Offer { .. } => OFFER,
            Self::Ask { .. } => ASK,
            Self::Accept { .. } => ACCEPT,
            Self::Credit { .. } => CREDIT,
            Self::Chunk { .. } => CHUNK,
            Self::Done { .. } => DONE,
            Self::Verified { .. } => VERIFIED,
            Self::Stop { .. } => STOP,
        }
    }

    /// Whether the session delivers it exactly once and in order, whatever becomes of the transport.
    pub const fn is_sequenced(&self) -> bool {
        !matches!(self, Self::Credit { .. } | Self::Chunk { .. })
    }

    /// The first bytes of a CHUNK's content, before its piece of the file.
    pub(super) fn chunk_header(file: u32, offset: u64) -> [u8; Frame::CHUNK_HEADER] {
        let ([f0, f1, f2, f3], [o0, o1, o2, o3, o4, o5, o6, o7]) =
            (file.to_le_bytes(), offset.to_le_bytes());
        [CHUNK, f0, f1, f2, f3, o0, o1, o2, o3, o4, o5, o6, o7]
    }
}

impl Side {
    const fn from_wire(side: u8) -> Result<Self, Rule> {
        match side {
            0 => Ok(Self::Sender),
            1 => Ok(Self::Receiver),
            2 => Ok(Self::Asked),
            side => Err(Rule::Side { side }),
        }
    }

    const fn to_wire(self) -> u8 {
        match self {
            Self::Sender => 0,
            Self::Receiver => 1,
            Self::Asked => 2,
        }
    }
}

/// The fields that are still to be read, and the rule that is broken when they end early or late.
struct Fields<'a> {
    rest: &'a [u8],
    rule: Rule,
}

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Rule> {
        let (field, rest) = self.rest.split_first_chunk().ok_or(self.rule)?;
        self.rest = rest;
        Ok(*field)
    }

    fn u8(&mut self) -> Result<u8, Rule> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Rule> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Rule> {
        self.array().map(u64::from_le_bytes)
    }

    fn name(&mut self) -> Result<&'a str, Rule> {
        let name = core::mem::take(&mut self.rest);
        if name.len() > MAX_NAME {
            return Err(Rule::NameTooLong { len: name.len() });
        }
        core::str::from_utf8(name).map_err(|_| Rule::NameNotUtf8)
    }

    fn piece(&mut self) -> Result<&'a [u8], Rule> {
        let piece = core::mem::take(&mut self.rest);
        if piece.is_empty() {
            return Err(Rule::EmptyChunk);
        }
        Ok(piece)
    }

    fn end(&self) -> Result<(), Rule> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.rule)
        }
    }
}

/// The room that is left.
struct Out<'a> {
    rest: &'a mut [u8],
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let (place, rest) = core::mem::take(&mut self.rest)
            .split_at_mut_checked(bytes.len())
            .ok_or(Full)?;
        place.copy_from_slice(bytes);
        self.rest = rest;
        Ok(())
    }
}

const OFFER: u8 = 0xf0;
const ASK: u8 = 0xf1;
const ACCEPT: u8 = 0xf2;
const CREDIT: u8 = 0xf3;
const CHUNK: u8 = 0xf4;
const DONE: u8 = 0xf5;
const VERIFIED: u8 = 0xf6;
const STOP: u8 = 0xf7;
