//! `memcpy` and `memmove` in a few bytes each, in place of the compiler's 2.3 KB of fast ones.
//!
//! Worth it where flash is short and messages are small. Source: Run-time ABI for the Arm Architecture, 4.3.4.

/// Copies `len` bytes between memories that do not overlap.
///
/// # Safety
///
/// Both must be valid for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __aeabi_memcpy(to: *mut u8, from: *const u8, len: usize) {
    for at in 0..len {
        // SAFETY: the caller's promise.
        unsafe { copy_byte(to, from, at) };
    }
}

/// Copies `len` bytes between memories that may overlap.
///
/// # Safety
///
/// Both must be valid for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __aeabi_memmove(to: *mut u8, from: *const u8, len: usize) {
    if to.cast_const() <= from {
        // SAFETY: the caller's promise; from the front, no byte is overwritten before it is read.
        return unsafe { __aeabi_memcpy(to, from, len) };
    }
    for at in (0..len).rev() {
        // SAFETY: likewise, from the back.
        unsafe { copy_byte(to, from, at) };
    }
}

/// Volatile, because a plain loop of copies would become a call of what it implements.
#[inline(always)]
unsafe fn copy_byte(to: *mut u8, from: *const u8, at: usize) {
    // SAFETY: the caller's promise.
    unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
}
