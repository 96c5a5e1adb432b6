//! How deep the stack goes: paint what is below it, work, look how far the paint is gone.

use core::hint::black_box;

/// The most bytes of stack that `work` has in use at once, with its own frame.
#[inline(never)]
pub fn used_by(work: impl FnOnce()) -> usize {
    let top = cortex_m::register::msp::read() as usize;
    let painted = (top - DEPTH)..(top - RED_ZONE);
    for at in painted.clone().step_by(4) {
        // SAFETY: free memory below the stack; no interrupt is on that could use it.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
    }
    call(work);
    let deepest = painted
        .step_by(4)
        // SAFETY: as above.
        .find(|&at| unsafe { (at as *const u32).read_volatile() } != PAINT);
    deepest.map_or(0, |at| top - at)
}

#[inline(never)]
fn call(work: impl FnOnce()) {
    black_box(work)();
}

const PAINT: u32 = 0xCCCC_CCCC;
const DEPTH: usize = 8192;
/// What this function itself may yet push while it paints.
const RED_ZONE: usize = 0;
