use super::handshake;
use super::packets::built_in;
use super::state::Reason;
use super::{LENGTH_LIMIT, Notice, Packets, Policy, Rows, Rule, Slots, State};
use crate::Malformed;
use crate::dialect::{Carries, Delivers, Dialect, Envelope, Keeps, Kind, Never, Opened, Resumes};
use crate::encoding::msgpack::{Reader, Writer, validate};
use crate::encoding::value::{deserialize_from, serialize_into};
use crate::encoding::{DecodeError, EncodeError};
use crate::framing::{self, Framing, Length, Parsed, Recovery, Skipped};
use crate::message::{Message, Refusal};
use core::fmt;
use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

/// One end of a link to a packetmq program, which sees to opening and farewell.
///
/// ```text
/// 0        4        6                    4 + length
/// +--------+--------+---------------------+
/// | length | id     | payload: one value  |     big-endian; id and payload: at most 99,999 bytes
/// +--------+--------+---------------------+       of MessagePack
/// ```
///
/// A message travels as the packet of its name, whatever its code: the link's registry says which id that has. Its
/// payload is what serde makes of it; bytes behind the payload's one value are not looked at. Before the link is
/// [`Active`](State::Active), and after a farewell, a send fails with
/// [`NotOpen`](crate::SendError::NotOpen); a message that is not registered is
/// [`Unregistered`](crate::SendError::Unregistered). The peer's packets of other ids are
/// [`Unknown`](crate::Event::Unknown). None of that ends the link; a length beyond the limit does, and an opening
/// that fails, with a farewell.
///
/// The outbox must have room for the whole table of names and ids, in one frame.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packetmq<R = Slots<16>> {
    pub(super) packets: Packets<R>,
    pub(super) policy: Policy,
    limit: u32,
    pub(super) state: State,
    /// Whether the peer consents.
    pub(super) is_made: bool,
    pub(super) owes: Owes,
    reason: Reason,
}

/// What names a packet on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Key<'a> {
    /// The id on this link.
    pub id: u16,
    /// The name, if a packet of this id is registered.
    pub name: Option<&'a str>,
}

/// A packet whose name is known only when it is sent: for gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Named<'a, T: ?Sized> {
    /// The name.
    pub name: &'a str,
    /// What becomes the payload.
    pub value: &'a T,
}

/// The packets that are to be sent of its own accord, in this order.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Owes {
    pub(super) init: bool,
    pub(super) ids: bool,
    pub(super) finish: bool,
    pub(super) softquit: bool,
}

impl<R: Rows> Packetmq<R> {
    /// An end at the start of its link.
    pub fn new(policy: Policy, mut packets: Packets<R>) -> Self {
        packets.reset();
        Self {
            packets,
            policy,
            limit: LENGTH_LIMIT,
            state: State::ConnMade,
            is_made: false,
            owes: Owes {
                init: true,
                ids: false,
                finish: false,
                softquit: false,
            },
            reason: Reason::NONE,
        }
    }

    /// Sends and accepts lengths up to `limit`, at least 64, instead of [`LENGTH_LIMIT`], which the original has.
    #[must_use]
    pub fn with_length_limit(mut self, limit: u32) -> Self {
        self.limit = limit.max(MIN_LIMIT);
        self
    }

    /// How far the connection is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the opening is done on both sides, and no side has taken its leave.
    pub const fn is_made(&self) -> bool {
        self.is_made && matches!(self.state, State::Active)
    }

    /// Whose ids count.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// The packets that are registered, with their ids on this link.
    pub const fn packets(&self) -> &Packets<R> {
        &self.packets
    }

    /// The same, to add some or remove some.
    pub const fn packets_mut(&mut self) -> &mut Packets<R> {
        &mut self.packets
    }

    /// Takes leave, with a reason of at most [`MAX_LEN`](super::reason::MAX_LEN) bytes: the farewell is sent, and nothing
    /// that still comes counts.
    ///
    /// Fails with [`NotOpen`](EncodeError::NotOpen) when a side has taken its leave before.
    pub fn quit(&mut self, reason: &str) -> Result<(), EncodeError> {
        if self.state.has_quit() {
            return Err(EncodeError::NotOpen);
        }
        self.reason = Reason::new(reason)?;
        self.state = State::SoftQuitted;
        self.owes = Owes {
            init: self.owes.init,
            ids: false,
            finish: false,
            softquit: true,
        };
        Ok(())
    }

    /// Writes the packet `id` to the front of `slot` and returns its length; `payload` writes one value.
    fn emit_packet(
        &self,
        id: u16,
        slot: &mut [u8],
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        Length::emit(slot, |content| {
            let len = content.len().min(limit);
            let (content, _) = content.split_at_mut(len);
            let (head, room) = content.split_first_chunk_mut().ok_or(EncodeError::Full)?;
            let mut writer = Writer::new(room);
            match payload(&mut writer) {
                Ok(()) => {
                    *head = id.to_be_bytes();
                    Ok(writer.written() + ID_LEN)
                }
                Err(EncodeError::Full) if len == limit => Err(EncodeError::TooLong {
                    limit: limit - ID_LEN,
                }),
                Err(error) => Err(error),
            }
        })
    }

    /// Writes the packet `name` to the front of `slot` and returns its length; `payload` writes one value.
    pub fn emit_frame(
        &self,
        name: &str,
        slot: &mut [u8],
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        if self.state != State::Active {
            return Err(EncodeError::NotOpen);
        }
        let id = self.packets.id_of(name);
        let id = id.filter(|_| built_in(name).is_none());
        let id = id.ok_or(EncodeError::Unregistered)?;
        self.emit_packet(id, slot, payload)
    }

    /// Reads a payload, which is checked as a whole before; `payload` reads one value, and what follows it is not
    /// looked at.
    pub fn read_frame<'a, T>(
        envelope: Envelope<'a, Self>,
        payload: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, Malformed> {
        let checked = validate(envelope.body);
        let read = checked.and_then(|_| payload(&mut Reader::new(envelope.body)));
        read.map_err(misread)
    }
}

impl<R: Rows> Dialect for Packetmq<R> {
    type Key<'a> = Key<'a>;

    type Body<'a> = &'a [u8];

    type CallId = Never;

    type Notice<'a> = Notice<'a>;

    const RESERVED: &'static [RangeInclusive<u16>] = &[0..=15];

    #[inline]
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
    ) -> Result<Parsed, framing::Malformed> {
        let length = input.first_chunk().copied().map(u32::from_be_bytes);
        match length {
            Some(len) if len > self.limit => Err(too_long(len, self.limit)),
            _ => Length::parse(input, scanned, limit),
        }
    }

    fn skip(&self, input: &[u8]) -> Skipped {
        Length::skip(input)
    }

    #[inline]
    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed> {
        let content = &*content;
        let Some((id, body)) = content.split_first_chunk() else {
            let len = content.len();
            return Err(Malformed::at(
                len,
                crate::Rule::Packetmq(Rule::ShortFrame { len }),
            ));
        };
        let id = u16::from_be_bytes(*id);
        if id <= FINISH {
            let own = self.take_own(id, body);
            return own.map_err(|malformed| malformed.within(0, ID_LEN));
        }
        let key = Key {
            id,
            name: self.packets.name_of(id),
        };
        if self.state != State::Active && key.name.is_some() {
            validate(body).map_err(misread)?;
            return Ok(Opened::Notice(Notice::Ignored {
                packet: key,
                state: self.state,
            }));
        }
        Ok(Opened::Envelope(Envelope {
            kind: Kind::Message,
            key,
            body,
        }))
    }

    fn settle(envelope: Envelope<'_, Self>) -> Result<Envelope<'_, Self>, Malformed> {
        let len = validate(envelope.body).map_err(misread)?;
        let (body, _) = envelope.body.split_at(len.min(envelope.body.len()));
        Ok(Envelope { body, ..envelope })
    }

    #[inline]
    fn has_own(&self) -> bool {
        let Owes {
            init,
            ids,
            finish,
            softquit,
        } = self.owes;
        init || ids || finish || softquit
    }

    fn emit_own(&mut self, slot: &mut [u8]) -> Result<usize, EncodeError> {
        let owes = self.owes;
        if owes.init {
            let len = self.emit_packet(INIT, slot, handshake::emit_init)?;
            self.owes.init = false;
            Ok(len)
        } else if owes.ids {
            let len = self.emit_packet(PUBIDS, slot, |writer| {
                handshake::emit_pubids(writer, self.policy, &self.packets)
            })?;
            self.owes.ids = false;
            Ok(len)
        } else if owes.finish {
            let len = self.emit_packet(FINISH, slot, handshake::emit_finish)?;
            self.owes.finish = false;
            Ok(len)
        } else {
            let len = self.emit_packet(SOFTQUIT, slot, |writer| {
                handshake::emit_softquit(writer, self.reason.as_str())
            })?;
            self.owes.softquit = false;
            Ok(len)
        }
    }

    #[inline]
    fn is_open(&self) -> bool {
        self.is_made()
    }

    #[inline]
    fn has_quit(&self) -> bool {
        self.state.has_quit()
    }
}

impl<R: Rows> Keeps for Packetmq<R> {}

impl<R: Rows> Resumes for Packetmq<R> {}

impl<R: Rows, M: Message + Serialize> Carries<M> for Packetmq<R> {
    #[inline]
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_frame(M::NAME, slot, |writer| serialize_into(writer, message))
    }
}

impl<R: Rows, T: Serialize + ?Sized> Carries<Named<'_, T>> for Packetmq<R> {
    fn emit(&mut self, named: &Named<'_, T>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_frame(named.name, slot, |writer| {
            serialize_into(writer, named.value)
        })
    }
}

/// There are no requests to refuse.
impl<R: Rows> Carries<Refusal<'_, Never>> for Packetmq<R> {
    fn emit(&mut self, refusal: &Refusal<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match refusal.id {}
    }
}

impl<'a, R: Rows, M: Message + Deserialize<'a>> Delivers<'a, M> for Packetmq<R> {
    #[inline]
    fn names(key: &Key<'_>) -> bool {
        key.name == Some(M::NAME)
    }

    #[inline]
    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed> {
        Self::read_frame(envelope, deserialize_from)
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "packet {}", self.id),
        }
    }
}

#[cold]
const fn too_long(len: u32, limit: u32) -> framing::Malformed {
    framing::Malformed {
        rule: framing::Rule::TooLong { len, limit },
        offset: 0,
        recovery: Recovery::Lost,
    }
}

/// A payload's error, placed in the content.
#[cold]
fn misread(error: DecodeError) -> Malformed {
    Malformed::from(error).within(0, ID_LEN)
}

pub(super) const INIT: u16 = 0;
pub(super) const SOFTQUIT: u16 = 1;
pub(super) const PUBIDS: u16 = 2;
pub(super) const FINISH: u16 = 3;

const ID_LEN: usize = 2;

/// Holds any farewell.
const MIN_LIMIT: u32 = 128;
