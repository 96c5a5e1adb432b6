//! Packets: their bytes and what these say. No state, no time.

use cobs::{EncoderState, PushResult};
use core::ops::Range;
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

/// What a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Reset(Reset),
    /// A header, and where the piece of the stream lies behind it.
    Data(Header, Piece),
}

/// What opens a line, and says that it starts over.
///
/// ```text
/// 0       1            5            9          10         12       16
/// +-------+------------+------------+----------+----------+--------+
/// | marks | own nonce  | the peer's | largest  | window   | crc    |
/// +-------+------------+------------+----------+----------+--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset {
    /// The sender's nonce, never 0.
    pub(super) own: u32,
    /// The receiver's, as the sender has heard it; 0 if it has not.
    pub(super) peer: u32,
    /// The most bytes of a piece that the sender takes in.
    pub(super) largest: u8,
    /// How many bytes of the stream it has room for.
    pub(super) window: u16,
}

/// What goes before a piece of the stream, or alone as an acknowledgement.
///
/// ```text
/// 0       1       3       5        7       7 + len   11 + len
/// +-------+-------+-------+--------+-------+---------+
/// | marks | seq   | ack   | window | piece | crc     |
/// +-------+-------+-------+--------+-------+---------+
/// marks   bit 7: 0, bit 6: gap, bits 5..3: echo, bits 2..0: round
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Header {
    /// Which time of sending this is, modulo 8: each return to what was lost counts.
    pub(super) round: u8,
    /// The round of the last piece that came.
    pub(super) echo: u8,
    /// Whether bytes before a piece of that round are missing.
    pub(super) is_gap: bool,
    /// The place of the piece in the stream.
    pub(super) seq: u16,
    /// The place of the byte that is wanted next.
    pub(super) ack: u16,
    /// How many bytes there is room for from there.
    pub(super) window: u16,
}

/// Where a piece lies in the content of its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) len: usize,
}

/// Both ends' nonces, which the crc of a packet covers too, so that none of another connection is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Nonces {
    pub(super) sender: u32,
    pub(super) receiver: u32,
}

impl Piece {
    /// The piece within the content.
    pub(super) const fn range(self) -> Range<usize> {
        HEADER..HEADER + self.len
    }
}

impl Nonces {
    /// Those of a RESET: it is from before there are any.
    const NONE: Self = Self {
        sender: 0,
        receiver: 0,
    };

    const fn crc(self, bytes: &[u8]) -> u32 {
        let mut digest = CRC.digest();
        digest.update(&self.sender.to_le_bytes());
        digest.update(&self.receiver.to_le_bytes());
        digest.update(bytes);
        digest.finalize()
    }
}

impl Header {
    /// The header in front of a piece.
    pub(super) const fn emit(self) -> [u8; HEADER] {
        let marks = (self.is_gap as u8) << GAP_BIT
            | (self.echo & ROUNDS) << ECHO_SHIFT
            | (self.round & ROUNDS);
        let [seq0, seq1] = self.seq.to_le_bytes();
        let [ack0, ack1] = self.ack.to_le_bytes();
        let [window0, window1] = self.window.to_le_bytes();
        [marks, seq0, seq1, ack0, ack1, window0, window1]
    }

    const fn parse(bytes: [u8; HEADER]) -> Self {
        let [marks, seq0, seq1, ack0, ack1, window0, window1] = bytes;
        Self {
            round: marks & ROUNDS,
            echo: marks >> ECHO_SHIFT & ROUNDS,
            is_gap: marks >> GAP_BIT & 1 != 0,
            seq: u16::from_le_bytes([seq0, seq1]),
            ack: u16::from_le_bytes([ack0, ack1]),
            window: u16::from_le_bytes([window0, window1]),
        }
    }
}

impl Reset {
    const fn emit(self) -> [u8; RESET] {
        let [own0, own1, own2, own3] = self.own.to_le_bytes();
        let [peer0, peer1, peer2, peer3] = self.peer.to_le_bytes();
        let [window0, window1] = self.window.to_le_bytes();
        [
            RESET_MARKS,
            own0,
            own1,
            own2,
            own3,
            peer0,
            peer1,
            peer2,
            peer3,
            self.largest,
            window0,
            window1,
        ]
    }

    fn parse(bytes: [u8; RESET]) -> Option<Self> {
        let [
            marks,
            own0,
            own1,
            own2,
            own3,
            peer0,
            peer1,
            peer2,
            peer3,
            largest,
            window0,
            window1,
        ] = bytes;
        let own = u32::from_le_bytes([own0, own1, own2, own3]);
        let is_sound = marks == RESET_MARKS && own != 0 && largest != 0;
        is_sound.then_some(Self {
            own,
            peer: u32::from_le_bytes([peer0, peer1, peer2, peer3]),
            largest,
            window: u16::from_le_bytes([window0, window1]),
        })
    }
}

/// What the content of a packet says, to the end that has these nonces; `None` if it is garbled, or from another
/// connection.
pub(super) fn parse(content: &[u8], nonces: Nonces) -> Option<Packet> {
    let (bytes, crc) = content.split_last_chunk::<CRC_LEN>()?;
    let is_reset = bytes.first()? & RESET_BIT != 0;
    let nonces = if is_reset { Nonces::NONE } else { nonces };
    if nonces.crc(bytes) != u32::from_le_bytes(*crc) {
        return None;
    }
    if is_reset {
        let bytes = <[u8; RESET]>::try_from(bytes).ok()?;
        return Reset::parse(bytes).map(Packet::Reset);
    }
    let (header, piece) = bytes.split_first_chunk::<HEADER>()?;
    let piece = Piece { len: piece.len() };
    Some(Packet::Data(Header::parse(*header), piece))
}

/// Writes a RESET to the front of `memory`; says how many bytes it has on the line.
pub(super) fn emit_reset(reset: Reset, memory: &mut [u8]) -> Option<usize> {
    let room = memory.get_mut(CONTENT..)?.first_chunk_mut()?;
    *room = reset.emit();
    seal(memory, RESET, Nonces::NONE)
}

/// Writes a packet whose `len` bytes of piece `copy` puts in place; says how many bytes it has on the line.
pub(super) fn emit(
    header: Header,
    len: usize,
    nonces: Nonces,
    memory: &mut [u8],
    copy: impl FnOnce(&mut [u8]),
) -> Option<usize> {
    let (room, rest) = memory.get_mut(CONTENT..)?.split_first_chunk_mut()?;
    *room = header.emit();
    copy(rest.get_mut(..len)?);
    seal(memory, HEADER + len, nonces)
}

/// Puts the crc behind the `len` bytes of content, stuffs them in place and puts a zero at both ends.
fn seal(memory: &mut [u8], len: usize, nonces: Nonces) -> Option<usize> {
    let (content, rest) = memory.get_mut(CONTENT..)?.split_at_mut_checked(len)?;
    let (crc, rest) = rest.split_first_chunk_mut()?;
    *crc = nonces.crc(content).to_le_bytes();
    *rest.first_mut()? = 0;
    let end = CONTENT + len + CRC_LEN;
    *memory.first_mut()? = 0;
    stuff(memory.get_mut(1..end)?)?;
    Some(end + 1)
}

/// Stuffs what lies behind the first byte, which is free. Up to 253 bytes nothing moves: each zero becomes a code.
fn stuff(bytes: &mut [u8]) -> Option<()> {
    let mut state = EncoderState::default();
    for at in 1..bytes.len() {
        let pushed = state.push(*bytes.get(at)?);
        if let PushResult::ModifyFromStartAndSkip((at, code)) = pushed {
            *bytes.get_mut(at)? = code;
        }
    }
    let (at, code) = state.finalize();
    *bytes.get_mut(at)? = code;
    Some(())
}

/// Of a packet as it is on the line, without its piece: two delimiters, the code of the stuffing, header and crc.
pub(super) const OVERHEAD: usize = CONTENT + HEADER + CRC_LEN + 1;
/// Of the content of a packet, without its piece.
pub(super) const CONTENT_OVERHEAD: usize = HEADER + CRC_LEN;
/// The most bytes of a piece: with them a packet can be stuffed in place, and is lost whole by one lost byte.
pub(super) const LARGEST: u8 = 240;
/// How many rounds can be told apart, less one.
pub(super) const ROUNDS: u8 = 7;

/// Where the content starts, behind a delimiter and the code of the stuffing.
const CONTENT: usize = 2;
const HEADER: usize = 7;
const RESET: usize = 12;
const CRC_LEN: usize = 4;

const ECHO_SHIFT: u8 = 3;
const GAP_BIT: u8 = 6;
const RESET_BIT: u8 = 0x80;
/// The highest bit, and version 1 of this layout.
const RESET_MARKS: u8 = RESET_BIT | 1;

const _: () = assert!(LARGEST as usize + CONTENT_OVERHEAD <= 253);

/// Without its table of 1 KiB: a serial line is slower than this is even on the smallest boards.
static CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);
