use ropeway_costs::board::uart;

/// Waits for a frame; `None` at the end of the line.
pub fn receive(memory: &mut [u8]) -> Option<&mut [u8]> {
    let frame = memory.get_mut(..uart::read().into())?;
    for byte in frame.iter_mut() {
        *byte = uart::read();
    }
    (!frame.is_empty()).then_some(frame)
}

/// Sends a frame.
pub fn send(frame: &[u8]) {
    uart::write(frame.len() as u8);
    for byte in frame {
        uart::write(*byte);
    }
}
