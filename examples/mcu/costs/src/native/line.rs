//! A node on the serial line.

use super::Node;
use crate::board::uart;
use ropeway_core::wire::Wire;

/// Does what `react` finds to be done, one thing a call until it finds nothing, for every byte that comes, until the
/// session is over.
pub fn serve<W: Wire>(node: &mut Node<W>, mut react: impl FnMut(&mut Node<W>) -> bool) {
    uart::start();
    loop {
        while react(node) {
            write(node);
        }
        write(node);
        if node.is_over().is_some() {
            return;
        }
        read(node);
    }
}

/// Waits for a byte, if there is room for one.
pub fn read<W: Wire>(node: &mut Node<W>) {
    if let Some(room) = node.input_room().first_mut() {
        *room = uart::read();
        node.handle_input(1);
    }
}

/// Writes what there is to write.
pub fn write<W: Wire>(node: &mut Node<W>) {
    while let Some(&byte) = node.poll_output().first() {
        uart::write(byte);
        node.handle_written(1);
    }
}
