//! What has come: the memory in which packets are put together and the stream waits to be taken.

use super::packet::{CONTENT_OVERHEAD, LARGEST};
use crate::buf::Storage;
use cobs::{DecodeResult, DecoderState};
use core::ops::Range;

/// The bytes of the stream that have not been taken, and behind them the packet that is coming in.
///
/// ```text
/// 0        start          end               filled                    len
/// | free   | stream       | packet, decoded | room, or bytes received |
/// ```
///
/// The stream never takes so much that no packet fits behind it, so what a packet acknowledges is heard even while
/// nobody takes anything. Decoding never writes behind where it reads.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Receiver<B> {
    memory: B,
    start: usize,
    end: usize,
    filled: usize,
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    decoder: DecoderState,
    is_overlong: bool,
}

impl<B: Storage> Receiver<B> {
    pub(super) const fn new(memory: B) -> Self {
        Self {
            memory,
            start: 0,
            end: 0,
            filled: 0,
            decoder: DecoderState::Idle,
            is_overlong: false,
        }
    }

    /// Whether there is as much memory, or can be.
    pub(super) fn has(&self, len: usize) -> bool {
        self.memory.limit() >= len
    }

    /// Forgets all that has come, and takes the memory that it may have.
    pub(super) fn reset(&mut self) {
        let most = usize::from(u16::MAX >> 1) + usize::from(LARGEST) + ASSEMBLY;
        self.memory.grow(self.memory.limit().min(most));
        (self.start, self.end) = (0, 0);
        self.drop_packet();
        self.decoder = DecoderState::Idle;
        self.is_overlong = false;
    }

    /// The most bytes of a piece that are taken in: a quarter of the memory, so that others can be on the way
    /// while one waits here.
    pub(super) fn largest(&self) -> u8 {
        let quarter = self.memory.as_ref().len().saturating_sub(ASSEMBLY) / 4;
        u8::try_from(quarter).unwrap_or(LARGEST).min(LARGEST)
    }

    /// The most bytes of the stream that can wait.
    pub(super) fn capacity(&self) -> u16 {
        let assembly = ASSEMBLY + usize::from(self.largest());
        let rest = self.memory.as_ref().len().saturating_sub(assembly);
        u16::try_from(rest).unwrap_or(u16::MAX).min(u16::MAX >> 1)
    }

    /// How many more bytes of the stream there is room for.
    pub(super) fn window(&self) -> u16 {
        let waiting = u16::try_from(self.stream().len()).unwrap_or(u16::MAX);
        self.capacity().saturating_sub(waiting)
    }

    /// Where the next bytes from the line go; never empty, unless the memory is too small for any packet.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let len = self.memory.as_ref().len();
        let held = self.filled.saturating_sub(self.start);
        if self.start > 0 && (held <= self.start || self.filled == len) {
            if let Some(held) = self.memory.as_mut().get_mut(..self.filled)
                && self.start <= held.len()
            {
                held.copy_within(self.start.., 0);
            }
            self.end = self.end.saturating_sub(self.start);
            self.filled = held;
            self.start = 0;
        }
        self.memory
            .as_mut()
            .get_mut(self.filled..)
            .unwrap_or_default()
    }

    /// Where the first `len` bytes of the room lie, to be given to [`next_packet`](Self::next_packet).
    pub(super) fn received(&self, len: usize) -> Range<usize> {
        let room = self.memory.as_ref().len().saturating_sub(self.filled);
        self.filled..self.filled.saturating_add(len.min(room))
    }

    /// Decodes up to the end of a packet, and says whether there is one: then it is [here](Self::packet) until
    /// it is dropped or its piece is taken.
    pub(super) fn next_packet(&mut self, received: &mut Range<usize>) -> bool {
        for at in received {
            let Some(&byte) = self.memory.as_ref().get(at) else {
                return false;
            };
            match self.decoder.feed(byte) {
                Ok(DecodeResult::NoData) => {}
                Ok(DecodeResult::DataContinue(byte)) => self.put(byte),
                Ok(DecodeResult::DataComplete) if !self.is_overlong => return true,
                Ok(DecodeResult::DataComplete) | Err(_) => self.drop_packet(),
            }
        }
        false
    }

    /// The content of the packet that has come.
    pub(super) fn packet(&self) -> &[u8] {
        self.memory
            .as_ref()
            .get(self.end..self.filled)
            .unwrap_or_default()
    }

    /// Drops it.
    pub(super) const fn drop_packet(&mut self) {
        self.filled = self.end;
        self.is_overlong = false;
    }

    /// Appends a part of its content to the stream, as much as there is room for; says how much, and drops the
    /// rest.
    pub(super) fn take_piece(&mut self, piece: Range<usize>) -> u16 {
        let room = usize::from(self.window());
        let len = piece.len().min(room);
        let content = self.memory.as_mut().get_mut(self.end..self.filled);
        let taken = content.and_then(|content| {
            let piece = piece.start..piece.start.checked_add(len)?;
            content.get(piece.clone())?;
            content.copy_within(piece, 0);
            Some(len)
        });
        let taken = taken.unwrap_or(0);
        self.end += taken;
        self.drop_packet();
        u16::try_from(taken).unwrap_or(0)
    }

    /// The bytes of the stream that wait.
    pub(super) fn stream(&self) -> &[u8] {
        self.memory
            .as_ref()
            .get(self.start..self.end)
            .unwrap_or_default()
    }

    /// The first `len` of them have been taken.
    pub(super) fn take(&mut self, len: usize) {
        self.start += len.min(self.stream().len());
    }

    /// Adds a byte to the packet that is coming in, which must not get longer than any that is taken.
    fn put(&mut self, byte: u8) {
        let most = usize::from(self.largest()) + CONTENT_OVERHEAD;
        let len = self.filled.saturating_sub(self.end);
        match self.memory.as_mut().get_mut(self.filled) {
            Some(place) if len < most => {
                *place = byte;
                self.filled += 1;
            }
            _ => {
                self.filled = self.end;
                self.is_overlong = true;
            }
        }
    }
}

/// What a packet needs beside its piece: header, crc, and its delimiter while that is looked at.
const ASSEMBLY: usize = CONTENT_OVERHEAD + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_room_for_a_packet_behind_a_full_stream() {
        for len in [64, 100, 512, 1024, 5000] {
            let mut receiver = Receiver::new(std::vec![0; len].leak());
            receiver.reset();
            let all = usize::from(receiver.capacity());
            let packet = usize::from(receiver.largest()) + ASSEMBLY;
            assert_eq!(all.min(len - packet), all);
            receiver.end = all;
            receiver.filled = all;
            assert_eq!(receiver.window(), 0);
            assert!(receiver.room().len() >= packet);
        }
    }

    #[test]
    fn what_is_overlong_goes_up_to_its_delimiter() {
        let mut receiver = Receiver::new([0; 64]);
        receiver.reset();
        let mut packets = 0;
        for byte in [[0xff; 254].as_slice(), &[1, 0], &[3, 7, 8, 0]].concat() {
            *receiver.room().first_mut().unwrap() = byte;
            let mut received = receiver.received(1);
            if receiver.next_packet(&mut received) {
                assert_eq!(receiver.packet(), [7, 8]);
                receiver.drop_packet();
                packets += 1;
            }
        }
        assert_eq!(packets, 1);
    }
}
