//! What a messenger does where a wire lies between its frames and the transport.

use super::{Messenger, Reading};
use crate::buf::Storage;
use crate::dialect::Dialect;
use crate::wire::{Fault, Plain, Wire};

impl<D, I, O> Messenger<D, I, O> {
    /// The same, with a wire between its frames and the transport, which has to be
    /// [started](Messenger::handle_connected_with) for the first transport too.
    pub fn with_wire<W: Wire>(self, wire: W) -> Messenger<D, I, O, W> {
        let Self {
            dialect,
            input,
            outbox,
            scanned,
            reading,
            wire: Plain,
        } = self;
        Messenger {
            dialect,
            input,
            outbox,
            scanned,
            reading,
            wire,
        }
    }
}

impl<D: Dialect, I: Storage, O: Storage, W: Wire> Messenger<D, I, O, W> {
    /// Another transport to the same peer, over the same wire, which may make keys of `random`: it must come from a
    /// source that nobody can guess, and be new each time.
    ///
    /// What was received and not taken is dropped, since the peer will say it again; what the peer has not taken is
    /// written again, after the opening.
    pub fn handle_connected_with(&mut self, random: [u8; 32]) {
        self.wire.handle_connected(random);
        self.restart();
    }

    /// The wire, to see how it stands.
    pub const fn wire(&self) -> &W {
        &self.wire
    }

    /// The wire, to change what it knows.
    pub const fn wire_mut(&mut self) -> &mut W {
        &mut self.wire
    }

    /// Takes in what the wire has of the peer's stream, as far as there is room, and says whether there was any.
    pub(super) fn pull(&mut self) -> bool {
        if self.wire.is_plain() {
            return false;
        }
        let mut has_pulled = false;
        loop {
            self.make_room();
            let may_read = self.reading != Reading::OutOfStep;
            let bytes = match self.wire.poll_stream() {
                Ok(bytes) if may_read => bytes,
                Ok(_) => return has_pulled,
                Err(Fault::Restarted) => {
                    self.wire.handle_restarted();
                    self.restart();
                    continue;
                }
                Err(_) => return has_pulled,
            };
            let room = self.input.room();
            let len = room.len().min(bytes.len());
            if len == 0 {
                return has_pulled;
            }
            let (room, _) = room.split_at_mut(len);
            let (bytes, _) = bytes.split_at(len);
            room.copy_from_slice(bytes);
            self.input.fill(len);
            self.wire.take_stream(len);
            has_pulled = true;
        }
    }

    /// What has ended the peer's stream, if the wire has.
    pub(super) fn wire_fault(&mut self) -> Option<Fault> {
        if self.wire.is_plain() {
            return None;
        }
        self.wire.poll_stream().err()
    }

    /// Hands the wire what is to be written, as much as it takes.
    pub(super) fn push(&mut self) {
        loop {
            self.take_up_output();
            let output = match self.dialect.keeping() {
                Some(keeping) if !keeping.aside.is_empty() => keeping.aside.waiting(),
                Some(keeping) => keeping.kept.peek(&self.outbox),
                None => self.outbox.peek(),
            };
            match self.wire.send_stream(output) {
                0 => return,
                len => self.handle_plain_written(len),
            }
        }
    }
}
