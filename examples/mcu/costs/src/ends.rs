//! Two ends of a link in one program, with nothing but memory between them.

use ropeway_core::Messenger;
use ropeway_core::dialect::Dialect;

/// A messenger over lent memory.
pub type End<D> = Messenger<D, &'static mut [u8]>;

/// What a step of a program ends with: what went wrong, if anything did.
pub type Checked = Result<(), &'static str>;

/// Moves what one end has to say to the other, as far as there is room.
pub fn carry<D: Dialect>(from: &mut End<D>, to: &mut End<D>) {
    while from.has_output() {
        let len = to.input_room().len().min(from.poll_output().len());
        if len == 0 {
            return;
        }
        put(to, from.poll_output().get(..len).unwrap_or_default());
        from.handle_written(len);
    }
}

/// Lets `to` receive `bytes`, for which there must be room.
pub fn put<D: Dialect>(to: &mut End<D>, bytes: &[u8]) {
    for (room, byte) in to.input_room().iter_mut().zip(bytes) {
        *room = *byte;
    }
    to.handle_input(bytes.len());
}

/// `otherwise` went wrong, unless it is `so`.
pub fn is(so: bool, otherwise: &'static str) -> Checked {
    if so { Ok(()) } else { Err(otherwise) }
}
