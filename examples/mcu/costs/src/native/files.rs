//! Files both ways: what is asked for comes from flash, what is offered goes to RAM.

use super::{Node, calls};
use core::cell::Cell;
use ropeway_core::dialect::native::{Config, Notice, Opening};
use ropeway_core::file::{
    self, Event, Next, Reason, Sink, Slot, SmallCrc, Store, Transfers, WriteError,
};
use ropeway_core::wire::Wire;

/// The transfers of the node: two at once.
pub type Files = Transfers<Board, [Slot<Board>; 2]>;

/// How much of a file is under way at once: two pieces.
pub const PACE: file::Config = file::Config {
    window: 128,
    chunk: 64,
};

/// The longest file that can be received.
pub const MEMORY: usize = 512;

/// Of a node that carries files too.
pub const fn config(epoch: u64) -> Config {
    calls::config(epoch).file_room(FILE_ROOM)
}

/// What the board's files are made of.
pub struct Board;

impl Store for Board {
    type Source = &'static [u8];
    type Sink = Memory;
    type Name = &'static str;
    type Checksum = SmallCrc;
}

/// The place of whatever file is received.
#[derive(Clone, Copy)]
pub struct Memory(pub &'static [Cell<u8>]);

impl Sink for Memory {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let offset = usize::try_from(offset).map_err(|_| WriteError::NoRoom)?;
        let place = self.0.get(offset..).ok_or(WriteError::NoRoom)?;
        let place = place.get(..bytes.len()).ok_or(WriteError::NoRoom)?;
        for (cell, byte) in place.iter().zip(bytes) {
            cell.set(*byte);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        Ok(())
    }

    fn abandon(&mut self, _: Reason) {}
}

/// What the peer may ask for.
pub const LOG: &str = "log";

/// What is in it.
pub static LOGGED: [u8; 300] = *include_bytes!("files/log.txt");

/// Takes a notice to the transfers.
pub fn hear(files: &mut Files, memory: Memory, notice: Notice<'_>) {
    match notice {
        Notice::File(frame) => {
            // A frame that breaks a rule changes nothing.
            let decided = match files.handle(frame) {
                Ok(Some(Event::Offered { file, .. })) => files.accept(file, memory).is_ok(),
                Ok(Some(Event::Asked { file, name: LOG })) => {
                    files.answer(file, &LOGGED[..], LOG).is_ok()
                }
                Ok(Some(Event::Asked { file, .. })) => {
                    files.refuse(file, Reason::UnknownName).is_ok()
                }
                _ => true,
            };
            debug_assert!(decided);
        }
        Notice::Opened(Opening::Resumed) => files.handle_resumed(),
        Notice::Opened(Opening::Fresh { .. }) => files.handle_fresh(),
        _ => {}
    }
}

/// Says the next thing that there is to say of files, as far as there is room, and says whether there was one.
pub fn say<W: Wire>(node: &mut Node<W>, files: &mut Files) -> bool {
    while files.poll_event().is_some() {}
    if let Some(frame) = files.poll_frame() {
        let is_sent = node.send_file(&frame).is_ok();
        if is_sent {
            files.frame_sent();
        }
        return is_sent;
    }
    let sent = node.send_chunk(|slot| match files.poll_chunk(slot) {
        Next::Chunk(len) => (len, true),
        Next::Again => (0, true),
        Next::Idle => (0, false),
    });
    sent == Some(true)
}

/// The bytes of the input that are kept for files, those of their frames included.
const FILE_ROOM: u32 = 192;
