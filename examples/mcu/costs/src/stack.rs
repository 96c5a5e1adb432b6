//! How deep the stack of a program goes: paint what is free, work, look how far the paint is gone.

use core::ops::Range;
use cortex_m::register::msp;

/// Paints the free memory below the stack. Call it first thing in a program.
#[inline(never)]
pub fn paint() {
    for at in free().step_by(4) {
        // SAFETY: free memory below the stack, and no interrupt is on that could use it.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
    }
}

/// The most bytes of stack that were in use at once since the program started.
#[inline(never)]
pub fn deepest() -> usize {
    let used = free()
        .step_by(4)
        // SAFETY: as above.
        .find(|&at| unsafe { (at as *const u32).read_volatile() } != PAINT);
    (&raw const _stack_start) as usize - used.unwrap_or(free().end)
}

fn free() -> Range<usize> {
    (&raw const __sheap) as usize..msp::read() as usize - OWN_CALLS
}

const PAINT: u32 = 0xCCCC_CCCC;
/// What the loops themselves may put on the stack.
const OWN_CALLS: usize = 64;

unsafe extern "C" {
    /// The end of the statics, from the linker script of cortex-m-rt.
    static __sheap: u32;
    /// The top of the stack, likewise.
    static _stack_start: u32;
}
