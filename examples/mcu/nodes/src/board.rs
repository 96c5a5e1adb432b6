use crate::MemoryUse;
use core::fmt::Arguments;

/// What an application sees of its board beside the network.
pub trait Board {
    /// Turns the light on or off.
    fn set_light(&mut self, on: bool);
    /// Degrees Celsius of the chip, or of the room where there is a sensor.
    fn celsius(&mut self) -> f32;
    /// Bytes that nobody can guess, new each time (where a board has no source of chance, its docs say so).
    fn fill_random(&mut self, bytes: &mut [u8]);
    /// The most stack that was in use at once, and the RAM that statics take, in bytes.
    fn memory(&mut self) -> MemoryUse;
    /// Says a line to who watches the board: through its debugger, or in the emulator's terminal.
    fn say(&mut self, line: Arguments<'_>);
    /// Ends the program where a host waits for that (the emulator); elsewhere restarts the board.
    fn restart(&mut self) -> !;
}
