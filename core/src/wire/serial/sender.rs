//! What goes: the bytes that the peer has not acknowledged, and which of them to send next.

use super::packet::{self, Header, LARGEST, Nonces, OVERHEAD, ROUNDS, Reset};
use crate::buf::Storage;

/// The unacknowledged bytes of the stream, in a ring, and the packet that is being written to the line.
///
/// ```text
///            base        base + sent      base + ever         base + len
/// stream     | on the way | lost, or so it seems | never sent | free
/// ```
///
/// Going back to what was lost starts a new *round*, whose number the peer echoes: so a gap that it tells of is
/// known to be one of this round, and none is answered twice. Pieces are cut anew each time, small ones while the
/// line is bad.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Sender<B> {
    memory: B,
    /// Where in the ring the oldest byte is.
    head: usize,
    len: u16,
    /// The place of the oldest byte in the stream.
    base: u16,
    /// How many bytes have been sent in this round.
    sent: u16,
    /// How many have ever been.
    ever: u16,
    /// How many the peer has room for.
    window: u16,
    /// The largest piece that both ends can hold.
    largest: u8,
    /// The largest that the line carries well, as far as is known.
    size: u8,
    round: u8,
    /// After a timeout no more than the largest piece is sent, in however many, until an answer comes.
    is_cautious: bool,
}

/// What became of an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Acked {
    /// Whether bytes were acknowledged.
    pub(super) is_progress: bool,
    /// Whether the peer has seen something of this round, and has room.
    pub(super) is_answer: bool,
    /// Whether the peer missed some, so that they go again.
    pub(super) is_gap: bool,
}

impl<B: Storage> Sender<B> {
    pub(super) const fn new(memory: B) -> Self {
        Self {
            memory,
            head: 0,
            len: 0,
            base: 0,
            sent: 0,
            ever: 0,
            window: 0,
            largest: 0,
            size: 0,
            round: 0,
            is_cautious: false,
        }
    }

    /// Whether there is as much memory, or can be.
    pub(super) fn has(&self, len: usize) -> bool {
        self.memory.limit() >= len
    }

    /// Forgets the stream, and takes the memory that it may have.
    pub(super) fn reset(&mut self) {
        let most = usize::from(u16::MAX >> 1) + usize::from(LARGEST) + OVERHEAD;
        self.memory.grow(self.memory.limit().min(most));
        (self.head, self.len) = (0, 0);
        (self.base, self.sent, self.ever) = (0, 0, 0);
        self.round = 0;
        self.is_cautious = false;
    }

    /// Starts a stream to a peer that takes pieces of `largest` bytes and has room for `window`.
    pub(super) fn start(&mut self, largest: u8, window: u16) {
        self.largest = self.own_largest().min(largest);
        self.size = self.largest;
        self.window = window;
    }

    /// The most bytes of a piece that can be sent: a quarter of the memory, so that several are on the way at once.
    pub(super) fn own_largest(&self) -> u8 {
        let quarter = self.memory.as_ref().len().saturating_sub(OVERHEAD) / 4;
        u8::try_from(quarter).unwrap_or(LARGEST).min(LARGEST)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn round(&self) -> u8 {
        self.round
    }

    /// The place in the stream of what is sent next.
    pub(super) const fn next_seq(&self) -> u16 {
        self.base.wrapping_add(self.sent)
    }

    /// Whether what is sent next has been sent before.
    pub(super) const fn is_again(&self) -> bool {
        self.sent < self.ever
    }

    /// Whether nothing is on the way in this round, so that garbage may lie on the line.
    pub(super) const fn is_first(&self) -> bool {
        self.sent == 0
    }

    /// Takes as many bytes as there is room for, and says how many.
    pub(super) fn put(&mut self, bytes: &[u8]) -> usize {
        let mut put = 0;
        // Twice at most: to the end of the ring and from its start.
        while let Some(rest) = bytes.get(put..).filter(|rest| !rest.is_empty()) {
            let at = self.at(self.len);
            let free = usize::from(self.capacity().saturating_sub(self.len));
            let to_end = usize::from(self.capacity()).saturating_sub(at);
            let len = rest.len().min(free).min(to_end);
            let ring = self.ring_mut();
            let place = ring.get_mut(at..at.saturating_add(len));
            let (Some(place), Some(part), true) = (place, rest.get(..len), len > 0) else {
                break;
            };
            place.copy_from_slice(part);
            put += len;
            self.len = self
                .len
                .saturating_add(u16::try_from(len).unwrap_or(u16::MAX));
        }
        put
    }

    /// How long a piece can go now, if any.
    pub(super) fn next_len(&self) -> Option<u8> {
        let waiting = self.len.saturating_sub(self.sent);
        let window = self.window.saturating_sub(self.sent);
        let size = u16::from(self.size);
        let most = if self.is_cautious {
            u16::from(self.largest)
        } else {
            size.saturating_mul(PIECES)
        };
        let unhurried = most.saturating_sub(self.sent);
        let len = waiting.min(size);
        let len = match (self.is_first(), window) {
            // One byte finds out whether there is room by now.
            (true, 0) => len.min(u16::from(self.is_cautious)),
            (true, _) => len.min(window),
            // What the window would cut waits until it is wider.
            (false, _) if len > window.min(unhurried) => 0,
            (false, _) => len,
        };
        u8::try_from(len).ok().filter(|len| *len > 0)
    }

    /// Writes the next `len` bytes as a packet into the memory for it; says how long that is.
    pub(super) fn emit(&mut self, header: Header, len: u8, nonces: Nonces) -> usize {
        let len = u16::from(len);
        let at = self.at(self.sent);
        let place = self.packet_len();
        let Some((memory, ring)) = self.memory.as_mut().split_at_mut_checked(place) else {
            return 0;
        };
        let size = ring.len().min(usize::from(u16::MAX >> 1));
        let ring = ring.get(..size).unwrap_or_default();
        let copy = |piece: &mut [u8]| copy_from_ring(ring, at, piece);
        let written = packet::emit(header, usize::from(len), nonces, memory, copy);
        let end = self.sent.saturating_add(len);
        self.ever = self.ever.max(end);
        if self.window == 0 {
            // It only asks; whatever becomes of it, the stream goes on from here.
            self.is_cautious = false;
        } else {
            self.sent = end;
        }
        written.unwrap_or(0)
    }

    /// The same of a RESET.
    pub(super) fn emit_reset(&mut self, reset: Reset) -> usize {
        packet::emit_reset(reset, self.memory.as_mut()).unwrap_or(0)
    }

    /// The bytes of the packet.
    pub(super) fn packet(&self) -> &[u8] {
        self.memory
            .as_ref()
            .get(..self.packet_len())
            .unwrap_or_default()
    }

    /// Drops what the peer has, and goes back to what it has missed.
    pub(super) fn handle_ack(&mut self, header: Header) -> Acked {
        let new = header.ack.wrapping_sub(self.base);
        if new > self.ever {
            return Acked::default();
        }
        self.head = self.at(new);
        self.base = header.ack;
        self.len = self.len.saturating_sub(new);
        self.sent = self.sent.saturating_sub(new);
        self.ever = self.ever.saturating_sub(new);
        self.window = header.window;
        let is_this_round = header.echo == self.round;
        let is_gap = header.is_gap && is_this_round && self.sent > 0;
        if new > 0 {
            self.grow(new);
        }
        if new > 0 || is_this_round {
            self.is_cautious = false;
        }
        if is_gap {
            self.go_back();
        }
        Acked {
            is_progress: new > 0,
            is_answer: is_this_round && self.window > 0,
            is_gap,
        }
    }

    /// Nothing has come back for too long: sends a little again, then waits.
    pub(super) const fn handle_timeout(&mut self) {
        match (self.window, self.sent) {
            (0, _) => self.turn(),
            (_, 0) => return,
            _ => self.go_back(),
        }
        self.is_cautious = true;
    }

    /// Sends again from the oldest byte on, in smaller pieces.
    const fn go_back(&mut self) {
        self.turn();
        let half = self.size / 2;
        let least = if SMALLEST < self.largest {
            SMALLEST
        } else {
            self.largest
        };
        self.size = if half > least { half } else { least };
    }

    const fn turn(&mut self) {
        self.sent = 0;
        self.round = self.round.wrapping_add(1) & ROUNDS;
    }

    /// Pieces grow with what is acknowledged. Growing by half of what a packet costs and halving at each loss comes
    /// near the size that carries most, for whatever share of bytes the line garbles.
    fn grow(&mut self, acked: u16) {
        let size = usize::from(self.size.max(1));
        let more = (usize::from(acked) * GROWTH / size).max(1);
        let size = size.saturating_add(more).min(self.largest.into());
        self.size = u8::try_from(size).unwrap_or(self.largest);
    }

    /// How much of the memory is for the packet; the ring has the rest.
    fn packet_len(&self) -> usize {
        usize::from(self.own_largest()) + OVERHEAD
    }

    fn capacity(&self) -> u16 {
        let len = self.memory.as_ref().len().saturating_sub(self.packet_len());
        u16::try_from(len).unwrap_or(u16::MAX).min(u16::MAX >> 1)
    }

    fn ring_mut(&mut self) -> &mut [u8] {
        let start = self.packet_len();
        self.memory.as_mut().get_mut(start..).unwrap_or_default()
    }

    /// Where in the ring the byte `offset` behind the oldest is.
    fn at(&self, offset: u16) -> usize {
        let at = self.head.saturating_add(usize::from(offset));
        let capacity = usize::from(self.capacity());
        at.checked_sub(capacity).unwrap_or(at)
    }
}

/// Copies from the place `at` on, and on from the start behind the end.
fn copy_from_ring(ring: &[u8], at: usize, piece: &mut [u8]) {
    let to_end = ring.len().saturating_sub(at).min(piece.len());
    let (front, back) = piece.split_at_mut(to_end);
    if let Some(source) = ring.get(at..at.saturating_add(front.len())) {
        front.copy_from_slice(source);
    }
    if let Some(source) = ring.get(..back.len()) {
        back.copy_from_slice(source);
    }
}

/// Pieces that the line garbles are not cut any smaller.
const SMALLEST: u8 = 16;
/// How many pieces are on the way at most: what lies behind a lost one is sent in vain.
const PIECES: u16 = 32;
/// By how many bytes pieces grow for each that comes over.
const GROWTH: usize = OVERHEAD / 2;
