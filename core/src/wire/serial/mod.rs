//! A reliable stream over a line that loses and garbles bytes, in packets.
//!
//! Both ends may start at any time, and either may start again at any time. See the section "Serial" of the native
//! protocol's specification.
//!
//! ```
//! use ropeway_core::wire::{Wire, serial::Serial};
//!
//! let mut board = Serial::new([0; 256], [0; 256]);
//! let mut computer = Serial::new([0; 1024], [0; 1024]);
//! board.handle_connected([7; 32]);
//! computer.handle_connected([8; 32]);
//!
//! /// A cable from one end to the other.
//! fn carry(from: &mut impl Wire, to: &mut impl Wire) {
//!     while let Some(byte) = from.poll_output().first().copied() {
//!         from.handle_written(1);
//!         to.input_room()[0] = byte;
//!         to.handle_input(1);
//!     }
//! }
//!
//! while !(board.is_open() && computer.is_open()) {
//!     carry(&mut board, &mut computer);
//!     carry(&mut computer, &mut board);
//! }
//! assert_eq!(board.send_stream(b"21.5 degrees"), 12);
//! carry(&mut board, &mut computer);
//! assert_eq!(computer.poll_stream()?, b"21.5 degrees");
//! # Ok::<(), ropeway_core::wire::Fault>(())
//! ```

mod packet;
mod receiver;
mod sender;
mod timer;

use super::{Fault, Wire};
use crate::buf::Storage;
use crate::time::Instant;
use core::ops::Range;

use packet::{Header, Nonces, Packet, Piece, Reset};
use receiver::Receiver;
use sender::Sender;
use timer::Timer;

/// One end of a serial line: what is sent arrives whole and in order, or the line starts over.
///
/// It takes two pieces of memory of [`MIN_MEMORY`](Self::MIN_MEMORY) bytes or more. Input of 512 bytes takes pieces
/// of 124 bytes and lets 375 wait, which keeps a line of 115,200 baud busy; from 973 bytes on, pieces have the 240
/// bytes that they have at most. Output is sized alike: a quarter for the packet being written, the rest for what is
/// not acknowledged. More than 33 KiB are never used.
///
/// There is always [room](Wire::input_room) for input, so acknowledgements are heard even while nobody takes the stream;
/// the peer then stops, and goes on when there is room again. Call [`handle_time`](Wire::handle_time) before
/// [`handle_connected`](Wire::handle_connected), and before each round of input and output.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Serial<R, T> {
    state: State,
    nonces: Nonces,
    receiver: Receiver<R>,
    sender: Sender<T>,
    /// What the next packet says of what came, but for its round and seq; its window is the one that the peer knows of.
    heard: Header,
    is_reset_due: bool,
    is_ack_due: bool,
    /// Which bytes of the packet have yet to be written.
    output: Range<usize>,
    /// Whether an answer to the packet is waited for.
    wants_answer: bool,
    timer: Timer,
    now: Instant,
    counts: Counts,
}

/// What has happened since the line was made; each count starts over behind 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counts {
    /// Packets sent with a piece of the stream.
    pub sent: u32,
    /// Those of them that had been sent before.
    pub sent_again: u32,
    /// Packets that came sound.
    pub received: u32,
    /// Packets that came garbled, or from an earlier connection.
    pub refused: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum State {
    /// No transport yet.
    Closed,
    /// Until the peer has shown that it knows our nonce.
    Opening,
    Open,
    /// Until whoever holds the wire starts it over.
    Restarted,
}

impl<R: Storage, T: Storage> Serial<R, T> {
    /// The fewest bytes of memory that a line needs each way.
    pub const MIN_MEMORY: usize = 64;

    /// A line without a transport yet, in memory for `input` and for `output`.
    pub const fn new(input: R, output: T) -> Self {
        Self {
            state: State::Closed,
            nonces: Nonces {
                sender: 0,
                receiver: 0,
            },
            receiver: Receiver::new(input),
            sender: Sender::new(output),
            heard: Header {
                round: 0,
                echo: 0,
                is_gap: false,
                seq: 0,
                ack: 0,
                window: 0,
            },
            is_reset_due: false,
            is_ack_due: false,
            output: 0..0,
            wants_answer: false,
            timer: Timer::new(),
            now: Instant::from_micros(0),
            counts: Counts {
                sent: 0,
                sent_again: 0,
                received: 0,
                refused: 0,
            },
        }
    }

    /// How well the line does.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn has_memory(&self) -> bool {
        self.receiver.has(Self::MIN_MEMORY) && self.sender.has(Self::MIN_MEMORY)
    }

    fn handle_packet(&mut self) {
        // The peer's are sealed with the nonces as it sees them.
        let nonces = Nonces {
            sender: self.nonces.receiver,
            receiver: self.nonces.sender,
        };
        match packet::parse(self.receiver.packet(), nonces) {
            Some(Packet::Reset(reset)) => {
                self.receiver.drop_packet();
                count(&mut self.counts.received);
                self.handle_reset(reset);
            }
            Some(Packet::Data(header, piece)) if nonces.sender != 0 => {
                count(&mut self.counts.received);
                self.handle_data(header, piece);
            }
            _ => {
                self.receiver.drop_packet();
                count(&mut self.counts.refused);
            }
        }
    }

    fn handle_reset(&mut self, reset: Reset) {
        let knows_us = reset.peer == self.nonces.sender;
        if self.state == State::Closed || reset.own == self.nonces.sender {
            // Or our own has come back: over one wire for both directions, or from its open end.
            return;
        }
        if self.state == State::Open && knows_us && reset.own == self.nonces.receiver {
            // What told it that we know it too was lost.
            self.is_ack_due = true;
            return;
        }
        self.nonces.receiver = reset.own;
        self.sender.start(reset.largest, reset.window);
        match self.state {
            State::Opening if knows_us => self.open(),
            State::Opening => {
                self.is_reset_due = true;
                self.timer.handle_progress();
            }
            State::Closed | State::Open | State::Restarted => self.state = State::Restarted,
        }
    }

    fn handle_data(&mut self, header: Header, piece: Piece) {
        match self.state {
            // Nobody else can seal with our nonce.
            State::Opening => self.open(),
            State::Open => {}
            State::Closed | State::Restarted => return self.receiver.drop_packet(),
        }
        self.handle_ack(header);
        if piece.len == 0 {
            self.receiver.drop_packet();
        } else {
            self.handle_piece(header, piece);
        }
    }

    fn handle_ack(&mut self, header: Header) {
        self.timer.handle_ack(header.echo, header.ack, self.now);
        let acked = self.sender.handle_ack(header);
        if acked.is_progress || acked.is_answer {
            self.timer.handle_progress();
        }
        if self.sender.is_empty() {
            self.timer.stop();
        } else if acked.is_progress || acked.is_gap {
            self.timer.start(self.now);
        }
    }

    /// Takes in what comes next of the stream, and owes an acknowledgement whatever it was.
    fn handle_piece(&mut self, header: Header, piece: Piece) {
        self.is_ack_due = true;
        if self.heard.echo != header.round {
            self.heard.echo = header.round;
            self.heard.is_gap = false;
        }
        let known = usize::from(self.heard.ack.wrapping_sub(header.seq));
        let range = piece.range();
        if known <= piece.len {
            let new = range.start.saturating_add(known)..range.end;
            let is_next = !new.is_empty();
            let taken = self.receiver.take_piece(new);
            self.heard.ack = self.heard.ack.wrapping_add(taken);
            self.heard.window = self.heard.window.saturating_sub(taken);
            self.heard.is_gap &= !is_next;
        } else {
            self.receiver.drop_packet();
            self.heard.is_gap |= known > usize::from(u16::MAX >> 1);
        }
    }

    fn open(&mut self) {
        self.state = State::Open;
        self.is_reset_due = false;
        self.is_ack_due = true;
        self.timer = Timer::new();
    }

    /// Writes the next packet, if there is anything to say.
    fn emit(&mut self) {
        self.output = match self.state {
            State::Opening if self.is_reset_due => self.emit_reset(),
            State::Open => self.emit_data(),
            _ => return,
        };
    }

    fn emit_reset(&mut self) -> Range<usize> {
        self.is_reset_due = false;
        self.wants_answer = true;
        self.heard.window = self.receiver.window();
        let reset = Reset {
            own: self.nonces.sender,
            peer: self.nonces.receiver,
            largest: self.receiver.largest(),
            window: self.heard.window,
        };
        0..self.sender.emit_reset(reset)
    }

    fn emit_data(&mut self) -> Range<usize> {
        let len = self.sender.next_len();
        if len.is_none() && !self.is_ack_due {
            return 0..0;
        }
        self.is_ack_due = false;
        self.heard.window = self.receiver.window();
        let header = Header {
            round: self.sender.round(),
            seq: self.sender.next_seq(),
            ..self.heard
        };
        self.wants_answer = len.is_some();
        // What follows a packet needs no delimiter of its own; else it parts the packet from garbage.
        let is_apart = len.is_none() || self.sender.is_first();
        if len.is_some() {
            count(&mut self.counts.sent);
            if self.sender.is_again() {
                count(&mut self.counts.sent_again);
            }
        }
        let end = self.sender.emit(header, len.unwrap_or(0), self.nonces);
        usize::from(!is_apart).min(end)..end
    }
}

impl<R: Storage, T: Storage> Wire for Serial<R, T> {
    /// Opens the line anew; of `random`, 32 bits are used, to tell this connection from earlier ones.
    fn handle_connected(&mut self, random: [u8; 32]) {
        let [first, second, third, fourth, ..] = random;
        let own = u32::from_le_bytes([first, second, third, fourth]).max(1);
        // Who has started over is known already.
        let peer = if self.state == State::Restarted {
            self.nonces.receiver
        } else {
            0
        };
        self.nonces = Nonces {
            sender: own,
            receiver: peer,
        };
        self.receiver.reset();
        self.sender.reset();
        self.state = State::Opening;
        self.heard = Header::default();
        self.is_reset_due = self.has_memory();
        self.is_ack_due = false;
        self.output = 0..0;
        self.timer = Timer::new();
    }

    fn input_room(&mut self) -> &mut [u8] {
        self.receiver.room()
    }

    fn handle_input(&mut self, len: usize) {
        let mut received = self.receiver.received(len);
        while self.receiver.next_packet(&mut received) {
            self.handle_packet();
        }
    }

    fn poll_stream(&mut self) -> Result<&[u8], Fault> {
        match self.state {
            State::Restarted => Err(Fault::Restarted),
            State::Opening if !self.has_memory() => Err(Fault::Memory {
                least: Self::MIN_MEMORY,
            }),
            _ => Ok(self.receiver.stream()),
        }
    }

    fn take_stream(&mut self, len: usize) {
        self.receiver.take(len);
        let enough = u16::from(self.receiver.largest());
        let is_wide = self.receiver.window() >= enough;
        if self.state == State::Open && self.heard.window < enough && is_wide {
            self.is_ack_due = true;
        }
    }

    fn send_stream(&mut self, bytes: &[u8]) -> usize {
        if self.state != State::Open {
            return 0;
        }
        let taken = self.sender.put(bytes);
        if taken > 0 {
            self.timer.start_if_idle(self.now);
        }
        taken
    }

    fn poll_output(&mut self) -> &[u8] {
        if self.output.is_empty() {
            self.emit();
        }
        self.sender
            .packet()
            .get(self.output.clone())
            .unwrap_or_default()
    }

    fn both_ways(&mut self) -> (&mut [u8], &[u8]) {
        if self.output.is_empty() {
            self.emit();
        }
        let output = self.sender.packet().get(self.output.clone());
        (self.receiver.room(), output.unwrap_or_default())
    }

    fn has_output(&self) -> bool {
        !self.output.is_empty()
            || match self.state {
                State::Opening => self.is_reset_due,
                State::Open => self.is_ack_due || self.sender.next_len().is_some(),
                State::Closed | State::Restarted => false,
            }
    }

    fn handle_restarted(&mut self) {
        let [a, b, c, d] = self
            .nonces
            .sender
            .wrapping_mul(ODD)
            .wrapping_add(1)
            .to_le_bytes();
        let mut random = [0; 32];
        random[..4].copy_from_slice(&[a, b, c, d]);
        self.handle_connected(random);
    }

    fn handle_written(&mut self, len: usize) {
        if self.output.is_empty() {
            return;
        }
        self.output.start = self.output.start.saturating_add(len).min(self.output.end);
        if self.output.is_empty() && self.wants_answer {
            let (round, end) = (self.sender.round(), self.sender.next_seq());
            self.timer.handle_sent(round, end, self.now);
        }
    }

    fn is_open(&self) -> bool {
        self.state == State::Open
    }

    fn handle_time(&mut self, now: Instant) {
        self.now = now;
        // While the transport takes nothing, more of the same does not help.
        if self.output.is_empty() && self.timer.poll_timeout(now) {
            match self.state {
                State::Opening => self.is_reset_due = true,
                State::Open => self.sender.handle_timeout(),
                State::Closed | State::Restarted => self.timer.stop(),
            }
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.timer.deadline().filter(|_| self.output.is_empty())
    }
}

/// Makes another number of one, and comes around to none soon.
const ODD: u32 = 747_796_405;

const fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

#[cfg(test)]
mod tests;
